"""The same scope for push and pull, and what a push leaves out."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from gitexp.model import Status
from tests.support.clones import Team, make_team, outcomes, refs_of
from tests.support.experiments import put
from tests.support.workspace import Workspace


@pytest.fixture
def team(repo: Workspace, tmp_path: Path) -> Iterator[Team]:
    team = make_team(repo, tmp_path)
    yield team
    team.bob.close()


def test_a_push_says_what_it_leaves_out(team: Team) -> None:
    put(team.ann, "one")
    put(team.ann, "bad", status=Status.FAILED, exit_code=1)
    put(team.ann, "old", baseline="HEAD~1")
    put(team.ann, "beside", project="sub")
    team.ann.write("sub/params.yaml", "a: 1\n")
    told = team.ann.gitexp("push").stderr
    assert "Left out: 1 that failed or were interrupted" in told
    assert "1 on other baselines (gitexp push -A)" in told
    assert "1 of other projects (gitexp push -A --all-projects)" in told
    assert team.there().keys() == {"one"}
    assert team.ann.json("push")["left_out"] == {"failed": 1, "going_on": 0, "elsewhere": 1, "beside": 1}
    assert "Left out" not in team.ann.gitexp("push", "one").stderr


def test_a_pull_has_the_same_scope(team: Team) -> None:
    for name, fields in {"one": {}, "old": {"baseline": "HEAD~1"}, "beside": {"project": "sub"}}.items():
        put(team.ann, name, **fields)
    team.bob.write("sub/params.yaml", "a: 1\n")
    team.ann.gitexp("push", "one", "old", "beside")
    told = team.bob.gitexp("pull").stderr
    assert "Left there, on other baselines: old. With them: -A" in told
    assert "Left there, of other projects: beside. With them: --all-projects" in told
    assert refs_of(team.bob.path).keys() == {"one"}
    assert outcomes(team.bob.json("pull", "-A")) == {"one": "up-to-date", "old": "new", "beside": "left"}
    team.ann.gitexp("tag", "old", "x")
    team.ann.gitexp("push", "old")
    assert outcomes(team.bob.json("pull"))["old"] == "updated"  # what is here already is kept up to date
    assert outcomes(team.bob.json("pull", "beside")) == {"beside": "new"}


def test_a_pull_takes_what_a_filter_finds(team: Team) -> None:
    for name, acc in (("good", 0.9), ("bad", 0.5)):
        put(team.ann, name, metrics={"metrics.json": {"acc": acc}})
    put(team.ann, "old", baseline="HEAD~1", metrics={"metrics.json": {"acc": 0.9}})
    put(team.ann, "broken", status=Status.FAILED, exit_code=1)
    team.ann.gitexp("push", "good", "bad", "old", "broken")
    wrong = team.bob.gitexp("pull", "--filter", "nope > 1", check=False)
    assert wrong.exit_code == 2
    told = team.bob.gitexp("pull", "--filter", "acc > 0.6").stderr
    assert "Left there, by the filter: 2 experiments: bad, broken." in told
    assert "Left there, on other baselines: old. With them: -A" in told
    assert refs_of(team.bob.path).keys() == {"good"}
    told = team.bob.json("pull", "-A", "--failed")
    assert outcomes(told) == {"good": "up-to-date", "bad": "left", "old": "left", "broken": "new"}
    assert team.bob.gitexp("pull", "good", "--failed", check=False).exit_code == 2


def test_the_hints_of_a_push_keep_the_users_options(team: Team) -> None:
    put(team.ann, "one")
    put(team.ann, "old", baseline="HEAD~1")
    told = team.ann.gitexp("push", "--remote", "origin", "--no-data").stderr
    assert "1 on other baselines (gitexp push -A --remote origin --no-data)" in told


def test_data_that_stays_here_is_said(team: Team) -> None:
    team.ann.allow("files", "gitexp.yaml", "gitexp.lock", ".gitignore")
    team.ann.write("data/x", "1")
    team.ann.gitexp("add", "data")
    team.ann.gitexp("save", "-n", "one")
    assert "stay on this machine: there is no data remote" in team.ann.gitexp("push").stderr
    assert "stay on this machine" not in team.ann.gitexp("push", "--no-data").stderr


def test_untracked_files_are_told_of_once(team: Team) -> None:
    team.ann.write("notes.txt", "x")
    run = ("run", "--", "python", "-c", "")
    line = "Files that are not committed are part of the experiment: notes.txt."
    assert line in team.ann.gitexp(*run).stderr
    team.ann.write("more.txt", "x")
    assert "does not track" not in team.ann.gitexp(*run).stderr
    told = team.ann.gitexp("push").stderr
    assert "Files that are not committed are pushed with the experiments:" in told
    assert "To leave some out: .gitexpignore" in told
    assert "does not track" not in team.ann.gitexp("push").stderr
