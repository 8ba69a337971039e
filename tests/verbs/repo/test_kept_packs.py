"""Packs with a `.keep`: few in number, kept for hours by any clock, and no object in them is ever lost."""

from __future__ import annotations

import os
import stat
import sys
import time
from pathlib import Path

import pytest

from gitexp import errors
from gitexp.repo.git.objects import kept_packs
from gitexp.repo.git.repository import Repository
from tests.support.repositories import age_packs, git
from tests.support.workspace import Workspace

HOURS = 3600.0
LONG_AGO = 1_600_000_000.0


@pytest.fixture(params=["sha1", "sha256"])
def found(repo: Workspace, tmp_path: Path, request: pytest.FixtureRequest) -> Repository:
    """An empty repository with objects of one format."""
    folder = tmp_path / request.param
    repo.git("init", "-q", f"--object-format={request.param}", str(folder))
    return Repository.find(folder)


def files(found: Repository, ending: str) -> list[Path]:
    return sorted((found.objects / "pack").glob(f"*{ending}"))


def test_many_packs_are_folded_into_one(found: Repository) -> None:
    contents = [f"{turn}".encode() * 1000 for turn in range(50)]
    blobs = [found.write_blob(content) for content in (*contents, *contents)]
    assert len(files(found, ".pack")) <= 21
    assert len(files(found, ".keep")) == len(files(found, ".idx")) == len(files(found, ".pack"))
    assert found.read_blobs(blobs) == [*contents, *contents]
    assert git(found.root, "fsck", "--full", "--strict", "--no-dangling") == ""
    for pack in files(found, ".pack"):
        git(found.root, "verify-pack", str(pack))


def test_git_deletes_none_of_it(found: Repository) -> None:
    blob = found.write_blob(b"new")
    for housekeeping in (("prune",), ("gc", "-q", "--prune=now"), ("repack", "-a", "-d", "-q")):
        git(found.root, *housekeeping)
        assert git(found.root, "cat-file", "blob", blob) == "new"


def test_a_damaged_pack_is_not_folded(found: Repository) -> None:
    found.write_blob(b"first")
    (damaged,) = files(found, ".pack")
    damaged.chmod(0o644)
    content = bytearray(damaged.read_bytes())
    content[14] ^= 255
    damaged.write_bytes(content)
    for turn in range(25):
        found.write_blob(f"{turn}".encode())
    assert damaged.read_bytes() == content
    assert len(files(found, ".pack")) <= 21


def test_a_large_pack_becomes_an_ordinary_one(found: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept_packs, "_SMALL", 1000)
    found.write_blob(os.urandom(2000))
    age_packs(found.root, 11 * HOURS)
    found.write_blob(b"small")
    assert len(files(found, ".keep")) == 2
    age_packs(found.root, 13 * HOURS)
    found.write_blob(b"another")
    (large,) = (pack for pack in files(found, ".pack") if pack.stat().st_size > 2000)
    assert not large.with_suffix(".keep").exists()
    assert len(files(found, ".keep")) == 2
    age_packs(found.root, 13 * HOURS)
    found.kept_packs.release(small=True)
    assert files(found, ".keep") == []
    assert len(files(found, ".pack")) == 3


def test_a_clock_that_has_jumped_makes_nothing_old(found: Repository) -> None:
    found.write_blob(b"new")
    (keep,) = files(found, ".keep")
    os.utime(keep, (LONG_AGO, LONG_AGO))
    found.kept_packs.release(small=True)
    assert keep.exists()
    keep.chmod(0o644)
    keep.write_text(f"gitexp: new objects\n{time.monotonic() + 1000:.0f}\n")  # of an earlier start
    os.utime(keep, (LONG_AGO, LONG_AGO))
    found.kept_packs.release(small=True)
    assert not keep.exists()


def test_what_a_killed_gitexp_has_left_is_removed(found: Repository) -> None:
    found.write_blob(b"new")
    (keep,) = files(found, ".keep")
    folder = keep.parent
    half = keep.stem[:-1] + ("0" if keep.stem[-1] != "0" else "1")
    left = [folder / f"{half}.keep", folder / f"{half}.pack", folder / ".gitexp-0123456789abcdef.tmp"]
    others = [folder / ".gitexp-mine.tmp", folder / "pack-1234.keep"]
    for file in (*left, *others):
        file.touch()
        os.utime(file, (LONG_AGO, LONG_AGO))
    left[0].write_text(f"gitexp: new objects\n{time.monotonic() + 1000:.0f}\n")  # of an earlier start
    os.utime(left[0], (LONG_AGO, LONG_AGO))
    for turn in range(21):
        found.write_blob(f"{turn}".encode())
    assert not any(file.exists() for file in left)
    assert all(file.exists() for file in others)


@pytest.mark.skipif(sys.platform == "win32", reason="no such permissions")
@pytest.mark.parametrize(
    ("shared", "mode"),
    [("", 0o400), ("umask", 0o400), ("group", 0o440), ("true", 0o440), ("all", 0o444), ("0640", 0o440)],
)
def test_permissions_are_those_that_the_repository_wants(repo: Workspace, shared: str, mode: int) -> None:
    if shared:
        repo.git("config", "core.sharedRepository", shared)
    before = os.umask(0o077)
    try:
        found = Repository.find(repo.path)
        found.write_blob(b"new")
    finally:
        os.umask(before)
    assert {stat.S_IMODE(file.stat().st_mode) for file in files(found, "") if file.suffix} == {mode}


def test_a_folder_that_cannot_be_written_is_said(found: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: object) -> int:
        raise PermissionError(13, "Permission denied", "pack")

    packs = found.kept_packs
    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(errors.ReadOnlyRepository, match=r"cannot be written: .*Permission denied"):
        packs.store([])
