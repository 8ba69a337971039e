"""Outs with links, and with what no store can hold: the training is never lost for them."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import pytest

from gitexp.project.project import Project
from tests.support.pipeline import make, start, states
from tests.support.workspace import Workspace

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="written in sh")

STAGES = """stages:
  make: {cmd: sh make.sh, deps: [make.sh, in.txt], outs: [out]}
  use: {cmd: cp out/v1/model used, deps: [out], outs: [used]}
"""
MODEL = "mkdir -p out/v1; cp in.txt out/v1/model\n"


def two_stages(repo: Workspace, more: str, before: str = MODEL) -> None:
    files = {"gitexp.yaml": STAGES, "in.txt": "1\n", "make.sh": before + more}
    make(repo, {**files, ".gitignore": "out\nused\n"})
    repo.writes("out", "out/*", "used")


def warnings(repo: Workspace) -> str:
    experiment = start(repo).experiment
    assert set(states(experiment).values()) <= {"ran", "up to date", "restored"}
    return "\n".join(experiment.record.warnings)


@pytest.mark.parametrize(
    ("name", "target", "kept"),
    [
        ("latest", "v1", "v1"),
        ("latest.bin", "v1/model", "v1/model"),
        ("v1/up", "..", None),
        ("v1/back", "../v1/model", "../v1/model"),
        ("broken", "v2", "v2"),
        ("absolute", "$PWD/out/v1", "v1"),
        ("first/second/third", "../../v1", "../../v1"),
    ],
)
def test_links_in_an_out_are_kept_as_links(repo: Workspace, name: str, target: str, kept: str | None) -> None:
    two_stages(repo, f'mkdir -p $(dirname out/{name}); ln -s "{target}" out/{name}')
    said = warnings(repo)
    if kept is None:  # a link to the whole out, or out of it
        assert f"not stored: out/{name}: out/{name} is a link to a folder" in said
        return
    assert said == ""
    assert warnings(repo) == ""
    repo.write("in.txt", "2\n")
    assert warnings(repo) == ""
    repo.write("in.txt", "1\n")
    with repo.by_user():
        shutil.rmtree(repo.path / "out")
    assert set(states(start(repo).experiment).values()) == {"restored"}
    assert str((repo.path / "out" / name).readlink()) == kept
    assert repo.read("out/v1/model") == "1\n"
    assert set(states(start(repo).experiment).values()) == {"up to date"}


def test_what_cannot_be_stored_is_named_before_the_training(repo: Workspace) -> None:
    make(repo, {"gitexp.yaml": "outs: [out]\nplots: [curve]\n", ".gitignore": "out\ncurve\n"})
    repo.writes("out", "out/*")
    with repo.by_user():
        os.mkfifo(repo.path / "curve")
    repo.write("out/unread", "x", mode=0)
    repo.write("out/read", "x")
    done = repo.gitexp(
        "run", "-n", "a", "--", "sh", "-c", "echo TRAINS >&2; echo y >out/read", unreadable=True
    )
    before, _, after = done.stderr.partition("TRAINS")
    for what in ("a pipe, socket or device: curve", "permission denied: out/unread"):
        assert f"cannot be stored as it stands, {what}" in before
    assert "not stored, a pipe, socket or device: curve" in after
    assert "out/read" in repo.git("ls-tree", "-r", "--name-only", "refs/gitexp/exps/a~1")


@pytest.mark.parametrize(
    ("more", "what"),
    [
        ("mkfifo out/pipe", "out/pipe"),
        ("git init --quiet out/repo", "out/repo/.git"),
        ("ln -s /etc/hostname out/host", "out/host"),
        ("ln -s ../make.sh/.. out/elsewhere", "out/elsewhere"),
        ("echo >out/COM1; echo >out/v1/a; echo >out/v1/A", "out/COM1"),
    ],
)
def test_what_cannot_be_kept_is_named_and_costs_nothing_else(repo: Workspace, more: str, what: str) -> None:
    two_stages(repo, more)
    assert f"not stored: {what}: " in warnings(repo)
    assert repo.read("used") == "1\n"
    assert set(states(start(repo).experiment).values()) == {"up to date"}
    repo.write("in.txt", "2\n")
    assert f"not stored: {what}: " in warnings(repo)
    assert repo.read("used") == "2\n"
    assert (repo.path / "out").exists()


def test_a_repository_that_is_replaced_is_not_lost(repo: Workspace) -> None:
    two_stages(repo, "git init --quiet out/repo; echo precious >out/repo/.git/words")
    warnings(repo)
    repo.write("in.txt", "2\n")
    assert "out was there and cannot be stored (" in warnings(repo)
    left = Project.open(repo.path).local.root / "left"
    (found,) = left.glob("replaced-*/out/repo/.git/words")
    assert found.read_text() == "precious\n"


@pytest.mark.parametrize("make_out", ["ln -s v1 out", "mkfifo out"])
def test_an_out_that_is_no_artifact_costs_that_out(repo: Workspace, make_out: str) -> None:
    one = "stages:\n  make: {cmd: sh make.sh, deps: [in.txt], outs: [out, used]}\n"
    make(repo, {"gitexp.yaml": one, "in.txt": "1\n", "make.sh": f"cp in.txt used; mkdir -p v1; {make_out}"})
    repo.writes("out", "used", "v1/")
    for content in ("1\n", "2\n"):
        repo.write("in.txt", content)
        experiment = start(repo).experiment
        assert states(experiment) == {"make": "ran"}
        assert "not stored: out: " in "\n".join(experiment.record.warnings)
        assert repo.read("used") == content


def test_what_a_plain_command_cannot_keep_is_named(repo: Workspace) -> None:
    repo.write("gitexp.yaml", "outs: [models]\n")
    repo.writes("models", "models/*")
    line = "mkdir models; echo 1 >models/a; ln -s a models/b; mkfifo models/p; git init -q models/r"
    done = repo.gitexp("run", "-n", "one", "--", "sh", "-c", line)
    assert "not stored, a pipe, socket or device: models/p" in done.stderr
    assert "not stored, a repository of its own: models/r" in done.stderr
    assert repo.git("ls-tree", "--name-only", "refs/gitexp/exps/one^:models").split() == ["a", "b"]
    assert Path(repo.path / "models" / "p").exists()
