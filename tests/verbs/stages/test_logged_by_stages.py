"""What a stage's script has logged stays where the stage ran: a run without the stage says what it lacks."""

from __future__ import annotations

import sys

import pytest

from tests.support.pipeline import make, start, states
from tests.support.workspace import Workspace

STAGES = f"""stages:
  train:
    cmd: '"{sys.executable}" train.py'
    deps: [train.py]
    params: [train.lr]
    outs: [model.txt]
    metrics: [scores.json]
  score:
    cmd: sh score.sh
    deps: [score.sh, model.txt]
    outs: [score.txt]
"""
TRAIN = """
import gitexp
for epoch in range(3):
    gitexp.log({"loss": 1 / (1 + epoch), "acc": 0.5})
gitexp.log_params({"kind": "tree"})
gitexp.log_text("hello", "world")
open("scores.json", "w").write('{"acc": 0.5}')
open("model.txt", "w").write(open("params.yaml").read())
"""
LACKS = "this run lacks what was logged in one: metric loss; param kind; file texts/hello.txt"


@pytest.fixture
def repo(repo: Workspace) -> Workspace:
    files = {"gitexp.yaml": STAGES, "train.py": TRAIN, "score.sh": "wc -c <model.txt >score.txt\n"}
    make(repo, {**files, ".gitignore": "/model.txt\n/score.txt\n"})
    repo.writes("model.txt", "score.txt", "scores.json", "gitexp.lock", "params.yaml")
    return repo


def test_a_run_without_the_stage_says_what_it_lacks(repo: Workspace) -> None:
    first = repo.gitexp("run", "-n", "one")
    assert "lacks" not in first.stderr
    again = repo.gitexp("run", "-n", "up-to-date")
    assert f"warning: train, score did not run, so {LACKS}" in again.stderr
    other = start(repo, ["train.lr=9"]).experiment
    assert (states(other)["train"], other.record.warnings) == ("ran", ())
    restored = repo.gitexp("run", "-n", "restored", "-S", "train.lr=0.1")
    assert f"warning: train, score did not run, so {LACKS}" in restored.stderr  # not: in up-to-date
    assert repo.json("show", "restored")[0]["metrics"]["acc"] == 0.5


def test_of_what_the_run_has_itself_nothing_is_said(repo: Workspace) -> None:
    repo.gitexp("run", "-q", "-n", "one")
    script = 'import gitexp; gitexp.log({"loss": 2}); open("score.txt", "w").write("x")'
    repo.write("score.sh", f"\"{sys.executable}\" -c '{script}'\n")
    found = start(repo).experiment
    assert states(found) == {"train": "up to date", "score": "ran"}
    (warning,) = found.record.warnings
    assert warning.endswith("logged in one: param kind; file texts/hello.txt")


def test_nobody_knows_what_a_removed_experiment_has_logged(repo: Workspace) -> None:
    repo.gitexp("run", "-q", "-n", "one")
    repo.gitexp("remove", "--yes", "-q", "one")
    found = start(repo).experiment
    assert (states(found)["train"], found.record.warnings) == ("up to date", ())
