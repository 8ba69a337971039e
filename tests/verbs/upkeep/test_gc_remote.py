"""`gitexp gc --data-remote`: what colleagues have pushed stays, whether it is here or not."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from gitexp.model import Artifact
from tests.support.clones import Team, make_team
from tests.support.stored import age, put_object, store_of, write_lock_of
from tests.support.workspace import Workspace


@pytest.fixture
def team(repo: Workspace, tmp_path: Path) -> Iterator[Team]:
    """Ann and Bob have the same data remote."""
    team = make_team(repo, tmp_path)
    (tmp_path / "store").mkdir()
    for who in (team.ann, team.bob):
        who.write("gitexp.yaml", f"remotes:\n  store: {{url: '{(tmp_path / 'store').as_posix()}'}}\n")
    yield team
    team.bob.close()


@pytest.fixture
def bobs(team: Team, tmp_path: Path) -> Artifact:
    """What Bob has pushed, long ago, as the data of an experiment that Ann has not pulled."""
    artifact = put_object(team.bob, "data", {"a.txt": "Bob's", "b.txt": "Bob's too"})
    write_lock_of(team.bob, artifact)
    team.bob.gitexp("save", "-q", "-n", "bobs")
    team.bob.gitexp("push", "-q", "bobs")
    grow_old(tmp_path)
    return artifact


def grow_old(tmp_path: Path) -> None:
    for file in (tmp_path / "store").glob("??/*"):
        age(file)


def on_store(tmp_path: Path) -> int:
    return len([*(tmp_path / "store").glob("??/*")])


@pytest.mark.usefixtures("bobs")
def test_what_is_at_a_git_remote_and_not_here_keeps_everything(team: Team, tmp_path: Path) -> None:
    for option in ("--dry-run", "--yes"):
        told = team.ann.gitexp("gc", "--data-remote", "store", option, check=False)
        assert told.exit_code == 1
        assert "origin has what is not here: bobs." in told.stderr
        assert "gitexp pull --all --all-projects --removed --remote origin" in told.stderr
    assert on_store(tmp_path) == 3
    team.ann.gitexp("pull", "-q", "--all", "--all-projects", "--removed", "--remote", "origin")
    assert team.ann.json("gc", "--data-remote", "store", "--yes")["used"]["objects"] == 3
    assert on_store(tmp_path) == 3


def test_branches_and_tags_of_a_git_remote_count_as_experiments_do(
    team: Team, bobs: Artifact, tmp_path: Path
) -> None:
    team.bob.commit()
    team.bob.git("tag", "v1")
    team.bob.git("push", "-q", "origin", "HEAD:refs/heads/wide", "v1", ":refs/gitexp/exps/bobs")
    told = team.ann.gitexp("gc", "--data-remote", "store", "--yes", check=False).stderr
    assert "origin has what is not here: branch wide, tag v1." in told
    team.ann.git("config", "remote.origin.fetch", "+refs/heads/main:refs/remotes/origin/main")
    told = team.ann.gitexp("gc", "--data-remote", "store", "--yes", check=False).stderr
    fetch = "git fetch --tags origin '+refs/heads/*:refs/remotes/origin/*'"
    assert fetch in told, "in a clone of one branch, git fetch alone would not help"
    team.ann.allow("refs", "refs/tags/v1", "refs/remotes/origin/wide")
    team.ann.git("fetch", "-q", "--tags", "origin", "+refs/heads/*:refs/remotes/origin/*")
    team.ann.json("gc", "--data-remote", "store", "--yes")
    assert on_store(tmp_path) == 3
    assert team.ann.json("gc", "--dry-run", "--data-remote", "store")["used"]["objects"] == 3


def test_what_others_still_have_is_in_use_though_it_was_removed_here(
    team: Team, bobs: Artifact, tmp_path: Path
) -> None:
    """Its objects are in Git's store, but no ref leads to them."""
    team.ann.gitexp("pull", "-q", "--remote", "origin")
    refs = team.ann.git("for-each-ref", "--format=delete %(refname)", "refs/gitexp/")
    team.ann.git("update-ref", "--stdin", input=f"{refs}\n")
    assert team.ann.json("gc", "--data-remote", "store", "--yes")["deleted"]["objects"] == 0
    assert on_store(tmp_path) == 3


@pytest.mark.usefixtures("bobs")
def test_a_git_remote_that_does_not_answer_keeps_everything(team: Team, tmp_path: Path) -> None:
    team.ann.git("remote", "add", "gone", str(tmp_path / "gone.git"))
    team.ann.gitexp("pull", "-q", "--remote", "origin")
    told = team.ann.gitexp("gc", "--data-remote", "store", "--yes", check=False)
    assert (told.exit_code, "The Git remote gone cannot be asked" in told.stderr) == (1, True)
    assert "git remote remove gone" in told.stderr
    assert on_store(tmp_path) == 3


@pytest.mark.usefixtures("bobs")
def test_with_force_what_is_here_decides(team: Team, tmp_path: Path) -> None:
    told = team.ann.gitexp("gc", "--data-remote", "store", "--force", "--yes").stderr
    assert "Deleted 3 objects" in told
    assert "what colleagues have and this repository does not know of counts as unused" in told
    assert on_store(tmp_path) == 0
    refused = team.ann.gitexp("gc", "--dry-run", "--force", check=False)
    assert (refused.exit_code, "--force goes with --data-remote" in refused.stderr) == (2, True)


def test_what_was_not_pushed_is_warned_of_whether_it_is_deleted_or_not(team: Team, tmp_path: Path) -> None:
    artifact = put_object(team.ann, "spare", "nobody wants it")
    write_lock_of(team.ann, artifact)
    team.ann.gitexp("data", "push", "-q")
    (team.ann.path / "gitexp.lock").unlink()
    team.ann.guard.retake()
    grow_old(tmp_path)
    for option in ("--dry-run", "--yes"):
        told = team.ann.gitexp("gc", "--data-remote", "store", option).stderr
        assert "what colleagues have not pushed to a Git remote yet counts as unused" in told
    assert on_store(tmp_path) == 0
    assert store_of(team.ann).has(artifact.hash)
