"""A kill in the middle of push, pull, import and remove --remote: the same command again completes.

On either side all that is there is whole: an experiment has gone, or come, or it has not.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from gitexp.extras.integrations.mlflow import shelf
from gitexp.extras.integrations.mlflow.shelf import Shelf
from gitexp.project.project import Project
from gitexp.repo import git_remote
from tests.support.clones import Team, assert_whole, make_team, outcomes, refs_of
from tests.support.experiments import put
from tests.support.kills import NEXT, kill
from tests.support.workspace import Workspace

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL")

PUSH = ("push:data", "push:staged", "push:sent", "push:remembered")
PULL = (
    "pull:fetched",
    "pull:remembered",
    "pull:planned",
    "operation:written",
    "operation:pending",
    "operation:moved",
    "pull:further",
)
IMPORT = ("import:fetched", "pull:planned", "operation:moved")
REMOVE = ("elsewhere:fetched", "elsewhere:removed")
POINTS = {*PUSH, *PULL, *IMPORT, *REMOVE}

SENT = ("push:sent", "push:remembered")


@pytest.fixture
def team(repo: Workspace, tmp_path: Path) -> Iterator[Team]:
    team = make_team(repo, tmp_path)
    for name in ("one", "two"):
        put(team.ann, name)
    for each in (team.ann, team.bob):
        each.allow("refs", shelf.REF)
    yield team
    team.bob.close()


def next_command(workspace: Workspace, point: str) -> None:
    workspace.gitexp(*NEXT[sum(map(ord, point)) % len(NEXT)])
    assert_whole(workspace.path)


@pytest.mark.parametrize("many", [False, True])
@pytest.mark.parametrize("point", PUSH)
def test_push(team: Team, point: str, many: bool) -> None:
    if many:  # so that they are put together first
        one = refs_of(team.ann.path)["one"]
        copies = [f"create refs/gitexp/exps/copy-{n} {one}\n" for n in range(git_remote._MOST_REFSPECS)]
        team.ann.git("update-ref", "--stdin", input="".join(copies))
    before = refs_of(team.ann.path)
    kill(team.ann, point, "push")
    assert team.there() == (before if point in SENT else {})
    assert_whole(team.bare)
    next_command(team.ann, point)
    assert refs_of(team.ann.path).items() >= before.items()
    again = outcomes(team.ann.json("push"))
    assert set(again.values()) == {"up-to-date" if point in SENT else "new"}
    assert team.there().items() >= before.items()
    assert refs_of(team.ann.path, git_remote.OUTGOING) == {}
    assert {row["name"]: row["pushed"] for row in team.ann.json("show")}["one"] == ["origin"]


@pytest.mark.parametrize("point", PULL)
def test_pull(team: Team, point: str) -> None:
    team.ann.gitexp("push", "-q")
    put(team.bob, "mine")
    team.bob.gitexp("pull", "-q", "one")
    team.bob.gitexp("tag", "-q", "one", "bobs")
    team.ann.gitexp("tag", "-q", "one", "anns")
    team.ann.gitexp("push", "-q")
    Shelf(Project.open(team.ann.path)).change(lambda things: {"experiments/1.json": {"name": "a"}}, "one")
    team.ann.gitexp("push", "-q")
    mine = refs_of(team.bob.path)
    kill(team.bob, point, "pull")
    next_command(team.bob, point)
    assert refs_of(team.bob.path).keys() >= mine.keys()
    team.bob.gitexp("pull", "-q")
    assert refs_of(team.bob.path)["two"] == team.there()["two"]
    assert {row["name"]: set(row["tags"]) for row in team.bob.json("show")}["one"] == {"anns", "bobs"}
    assert outcomes(team.bob.json("pull")) == {"one": "up-to-date", "two": "up-to-date"}
    assert Shelf(Project.open(team.bob.path)).things() == Shelf(Project.open(team.ann.path)).things() != {}
    assert_whole(team.bob.path)


@pytest.mark.parametrize("point", IMPORT)
def test_import(team: Team, point: str) -> None:
    kill(team.bob, point, "import", str(team.ann.path), "one")
    next_command(team.bob, point)
    team.bob.gitexp("import", str(team.ann.path), "one")
    assert refs_of(team.bob.path) == {"one": refs_of(team.ann.path)["one"]}


@pytest.mark.parametrize("point", REMOVE)
def test_remove(team: Team, point: str) -> None:
    team.ann.gitexp("push", "-q")
    kill(team.bob, point, "remove", "-y", "--remote", "origin", "one")
    assert team.there().keys() == ({"two"} if point == "elsewhere:removed" else {"one", "two"})
    assert_whole(team.bare, team.bob.path)
    # What was there alone is still to be had.
    assert refs_of(team.bob.path, "refs/gitexp/remotes/origin/")["one"] == refs_of(team.ann.path)["one"]
    done = team.bob.gitexp("remove", "-y", "--remote", "origin", "one", check=False)
    assert (done.exit_code == 0) is (point == "elsewhere:fetched")
    assert team.there().keys() == {"two"}
