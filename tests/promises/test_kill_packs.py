"""A kill while objects are packed, or packs are tidied, loses no object; the next command just works."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from gitexp.repo.git.objects import kept_packs
from gitexp.repo.git.repository import Repository
from tests.support.kills import assert_put_right, kill
from tests.support.repositories import age_packs
from tests.support.workspace import Workspace

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL")

STORING = ("packs:kept", "packs:packed", "packs:stored")
TIDYING = ("packs:folded", "packs:released")

POINTS = {*STORING, *TIDYING}

SAVE = ("save", "-n", "one")


@pytest.mark.parametrize("point", [f"{name}@{nth}" for name in STORING for nth in (1, 2)])
def test_a_kill_while_objects_are_stored(repo: Workspace, point: str) -> None:
    repo.write("new.py", "new\n")
    kill(repo, point, *SAVE)
    assert_put_right(repo, point, None)
    repo.gitexp(*SAVE)
    assert repo.git("show", "refs/gitexp/exps/one^:new.py") == "new"


def test_a_kill_while_packs_are_folded(repo: Workspace) -> None:
    found = Repository.find(repo.path)
    blobs = [found.write_blob(f"{turn}".encode()) for turn in range(20)]
    kill(repo, "packs:folded", *SAVE)
    assert_put_right(repo, "packs:folded", None)
    repo.gitexp(*SAVE)
    assert len(packs(repo)) <= 21
    repo.git("gc", "--quiet", "--prune=now")
    assert None not in found.ids_of(blobs)
    repo.allow("git", "info/refs")


def test_a_kill_after_a_pack_became_ordinary(repo: Workspace) -> None:
    large = os.urandom(kept_packs._SMALL)
    blob = Repository.find(repo.path).write_blob(large)
    (keep,) = (repo.path / ".git" / "objects" / "pack").glob("*.keep")
    age_packs(repo.path, 1e6)
    kill(repo, "packs:released", *SAVE)
    assert not keep.exists()
    assert_put_right(repo, "packs:released", None)
    assert repo.git("cat-file", "-s", blob) == str(len(large))


def packs(repo: Workspace) -> list[Path]:
    return [*(repo.path / ".git" / "objects" / "pack").glob("*.pack")]
