"""Kill tests of `gitexp model`: a tag is made or not, here and there, and the same command goes on."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.support.clones import Team, assert_whole, make_team
from tests.support.kills import git, kill
from tests.support.workspace import Workspace

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL")

PUSHED = ("model:fetched", "model:written", "model:pushed", "operation:pending@2", "operation:moved")
POINTS = {*PUSHED, "model:copied"}


@pytest.fixture
def team(repo: Workspace, tmp_path: Path) -> Team:
    """Ann and Bob; Bob has registered a version at the remote that Ann does not have."""
    team = make_team(repo, tmp_path)
    for person in (team.ann, team.bob):
        person.allow("refs", "refs/tags/*")
    team.bob.gitexp("model", "register", "-q", "HEAD~1:train.py", "clf", "--push")
    return team


@pytest.mark.parametrize("point", PUSHED)
def test_register_and_push(team: Team, point: str) -> None:
    ann = team.ann
    ann.gitexp("save", "-q", "-n", "one")
    command = ("model", "register", "one:train.py", "clf", "--push", "--json")
    kill(ann, point, *command)
    assert_whole(ann.path, team.bare)
    ann.gitexp("list")
    there = git(ann, "ls-remote", "origin", "refs/tags/clf@v0.0.2").split("\t")[0]
    done = ann.gitexp(*command, check=False)
    if point == "model:written":
        assert not there
    if done.exit_code:
        assert "clf@v0.0.2 already" in done.stdout
        assert there
    assert git(ann, "tag").split() == ["clf@v0.0.1", "clf@v0.0.2"]
    for name in ("clf@v0.0.1", "clf@v0.0.2"):
        assert git(ann, "ls-remote", "origin", f"refs/tags/{name}").split("\t")[0] == git(
            ann, "rev-parse", name
        )
    assert_whole(ann.path, team.bare)
    team.bob.close()


def test_get(repo: Workspace, tmp_path: Path) -> None:
    """The copied files are whole; the same command brings the others."""
    repo.allow("refs", "refs/tags/*")
    repo.write("net/a", "a")
    repo.write("net/b", "b")
    repo.commit()
    repo.gitexp("model", "register", "-q", "HEAD:net", "net")
    command = ("model", "get", "net@latest", "--to", str(tmp_path / "to"))
    kill(repo, "model:copied", *command)
    assert [path.name for path in (tmp_path / "to/net").iterdir()] == ["a"]
    repo.gitexp(*command)
    assert [path.read_text() for path in sorted((tmp_path / "to/net").iterdir())] == ["a", "b"]
