"""A process killed at a failpoint, and what must hold afterwards."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gitexp.model import Experiment, Status
from gitexp.project.project import Project
from tests.support.workspace import Workspace

KILLED = -9

# Any command is to put things right: each failpoint is followed by another one.
NEXT = (("list",), ("show",), ("diff",), ("save", "-q"), ("list", "-A", "--json"), ("show", "--json"))


@contextmanager
def copied(made: Path, folder: Path) -> Iterator[Workspace]:
    """A copy of a repository that was made once for many kills. Its files may differ from its index."""
    place = folder / "repo"
    subprocess.run(["cp", "-a", "--", str(made), str(place)], check=True)
    subprocess.run(["git", "update-index", "-q", "--refresh"], cwd=place, check=False)
    repo = Workspace(place)
    yield repo
    repo.close()


def git(repo: Workspace, *args: str) -> str:
    """What a Git command prints that changes nothing, without the guard's looking before and after."""
    done = subprocess.run(["git", *args], cwd=repo.path, capture_output=True, check=True)
    return (done.stdout + done.stderr).decode().removesuffix("\n")


def kill(repo: Workspace, point: str, *args: str) -> None:
    result = repo.gitexp(*args, env={"GITEXP_FAILPOINT": point}, check=False)
    assert result.exit_code == KILLED, f"never came to {point}:\n{result.stdout}{result.stderr}"


def assert_put_right(repo: Workspace, point: str, status: Status | None) -> None:
    """Any command works unaided, and leaves no experiment but a whole one, or none."""
    repo.guard.check()
    command = NEXT[sum(map(ord, point)) % len(NEXT)]
    repo.gitexp(*command)
    assert_sound(repo)
    found = [e for e in experiments(repo) if e.name == "one"]
    assert [e.record.status for e in found] == ([] if status is None else [status])
    for one in found:
        assert isinstance(one, Experiment)
        assert one.record.process is None
        assert git(repo, "show", "-s", "--format=%P", one.record.commit) == one.record.baseline
        assert ".gitexp" not in git(repo, "ls-tree", "--name-only", one.record.commit).splitlines()
    project = Project.open(repo.path)
    assert not [*project.local.runs.glob("*/state.json")]
    held = project.local.try_lock("workspace-.git")
    assert held is not None, "the workspace is still locked"
    held.release()


def assert_sound(repo: Workspace) -> None:
    assert git(repo, "fsck", "--strict", "--no-dangling", "--no-progress") == ""


def experiments(repo: Workspace) -> list[Experiment]:
    return Project.open(repo.path).store.all()
