"""gitexp.lock is changed by others while stages run: an experiment has what its own run read and wrote."""

from __future__ import annotations

import sys

import pytest

from gitexp.model import Experiment, Status
from gitexp.pipeline.lock import LOCK_FILE, Lock, read_lock
from tests.support.kills import assert_put_right, experiments, kill
from tests.support.pipeline import lock, make, start, states
from tests.support.snapshots import experiment_commit, stored
from tests.support.workspace import Workspace

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the commands are a shell's")

STAGES = """\
data: [raw.csv]
stages:
  first: {cmd: sh first.sh, deps: [raw.csv], outs: [one]}
  second: {cmd: cp one two, deps: [one], outs: [two]}
"""
ADD = "cp raw.csv one\necho 2 > raw.csv\ngitexp add -q raw.csv\n"
CONFLICT = "cp raw.csv one\nprintf '<<<<<<< ours\\n=======\\n>>>>>>> theirs\\n' > gitexp.lock\n"


def prepared(repo: Workspace, first: str) -> None:
    repo.write("raw.csv", "1\n")
    with repo.by_user():
        repo.gitexp("add", "raw.csv")
    make(repo, {"gitexp.yaml": STAGES, "first.sh": first, ".gitignore": "/raw.csv\n/one\n/two\n"})
    repo.writes("raw.csv", "one", "two", LOCK_FILE, "gitexp.yaml", ".gitignore")


def test_an_out_moves_to_another_stage(repo: Workspace) -> None:
    one = "stages:\n  a: {cmd: echo 1 > x; echo 2 > y, outs: [x, y]}\n"
    two = "stages:\n  b: {cmd: echo 1 > x, outs: [x]}\n  a: {cmd: echo 2 > y, outs: [y]}\n"
    make(repo, {"gitexp.yaml": one, ".gitignore": "/x\n/y\n"})
    repo.writes("x", "y", LOCK_FILE)
    start(repo)
    repo.write("gitexp.yaml", two)
    assert states(start(repo).experiment) == {"b": "ran", "a": "ran"}
    assert states(start(repo).experiment) == {"b": "up to date", "a": "up to date"}


def test_a_param_of_another_type_is_another_value(repo: Workspace) -> None:
    """To Python 1, 1.0 and true are equal."""
    make(
        repo,
        {"gitexp.yaml": "stages: {a: {cmd: echo 1 > x, params: [lr], outs: [x]}}\n", ".gitignore": "/x\n"},
    )
    repo.writes("x", LOCK_FILE)
    for text in ("1", "1.0", "true", "1"):
        repo.write("params.yaml", f"lr: {text}\n")
        start(repo)
        assert f"        lr: {text}\n" in repo.read(LOCK_FILE)
        assert states(start(repo).experiment) == {"a": "up to date"}


def test_data_becomes_an_out(repo: Workspace) -> None:
    repo.write("x", "data\n")
    with repo.by_user():
        repo.gitexp("add", "x")
    make(repo, {"gitexp.yaml": "stages: {a: {cmd: echo 1 > x, outs: [x]}}\n", ".gitignore": "/x\n"})
    repo.writes("x", LOCK_FILE)
    start(repo)
    assert (lock(repo).data, [*lock(repo).stages]) == ({}, ["a"])
    assert states(start(repo).experiment) == {"a": "up to date"}


def test_save_stores_what_was_done_to_outs_by_hand(repo: Workspace) -> None:
    stages = "stages: {a: {cmd: echo 1 > x; echo 2 > y; echo 3 > m.csv, outs: [x, y], plots: [m.csv]}}\n"
    make(repo, {"gitexp.yaml": stages, ".gitignore": "/x\n/y\n"})
    repo.writes("x", "y", "m.csv", LOCK_FILE)
    start(repo)
    repo.gitexp("save", "-n", "as-run")
    repo.write("x", "by hand\n")
    before = repo.read(LOCK_FILE)
    repo.gitexp("save", "-n", "mine")
    assert repo.read(LOCK_FILE) == before
    repo.gitexp("checkout", "as-run")
    assert repo.read("x") == "1\n"
    repo.gitexp("checkout", "mine")
    assert (repo.read("x"), repo.read("y")) == ("by hand\n", "2\n")
    again = start(repo, temp=True, from_="mine").experiment
    assert states(again) == {"a": "restored"}  # as the stage has written it, not as it was by hand


def lock_of(repo: Workspace, experiment: Experiment) -> Lock:
    return read_lock(LOCK_FILE, stored(repo, experiment_commit(repo, experiment.name))[LOCK_FILE][1])


def test_data_that_is_added_meanwhile_is_not_what_was_read(repo: Workspace) -> None:
    prepared(repo, ADD)
    before = lock(repo).data["raw.csv"]
    experiment = start(repo).experiment
    assert lock_of(repo, experiment).data["raw.csv"] == before
    assert lock(repo).data["raw.csv"] != before
    assert repo.read("two") == "1\n"


def test_a_conflict_that_a_merge_has_left_meanwhile(repo: Workspace) -> None:
    prepared(repo, CONFLICT)
    result = start(repo)
    assert states(result.experiment) == {"first": "ran", "second": "ran"}
    assert result.exit_code == 0
    assert [*lock_of(repo, result.experiment).stages] == ["first", "second"]
    assert repo.read(LOCK_FILE).startswith("<<<<<<<")
    (said,) = {text for text in result.experiment.record.warnings if "lock" in text}
    assert said.startswith("the workspace's lock was left as it is: ")


@pytest.mark.parametrize("point", ["stages:ran@2", "finish:begun"])
def test_a_kill_after_that(repo: Workspace, point: str) -> None:
    prepared(repo, CONFLICT)
    kill(repo, point, "run", "-n", "one")
    assert_put_right(repo, point, Status.INTERRUPTED if "@2" in point else Status.DONE)
    (one,) = experiments(repo)
    assert "first" in lock_of(repo, one).stages
