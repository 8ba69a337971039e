"""A kill around a lock that is a file: the lock is free for the next command, at once."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.support.kills import assert_sound, experiments, kill
from tests.support.workspace import Workspace

MADE = ("lock:made@1", "lock:made@2", "lock:made@3")
TAKING = ("lock:taking", "lock:taken")
POINTS = {*MADE, *TAKING}

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has locks of its own")


@pytest.fixture
def shared(repo: Workspace) -> Workspace:
    """A repository on a disk of many machines."""
    (repo.path / ".git" / "gitexp").mkdir()
    (repo.path / ".git" / "gitexp" / "locks-are-files").touch()
    return repo


def held(repo: Workspace) -> list[Path]:
    return list((repo.path / ".git" / "gitexp").rglob("*.held"))


@pytest.mark.parametrize("point", MADE)
def test_making(shared: Workspace, point: str) -> None:
    kill(shared, point, "save", "-q", "-n", "one")
    assert held(shared)
    shared.gitexp("save", "-q", "-n", "two", process=True)
    assert [one.name for one in experiments(shared)][:1] == ["two"]
    assert_sound(shared)


@pytest.mark.parametrize("point", TAKING)
def test_taking_over(shared: Workspace, point: str) -> None:
    """The right to take a lock over is taken over as well."""
    kill(shared, "lock:made@2", "save", "-q", "-n", "one")  # the first is on a folder of its own
    kill(shared, point, "save", "-q", "-n", "two")
    shared.gitexp("save", "-q", "-n", "three", process=True)
    assert [one.name for one in experiments(shared)] == ["three"]
    assert_sound(shared)
