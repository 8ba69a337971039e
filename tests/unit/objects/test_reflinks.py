"""On a file system that can share content between files, nothing is written twice."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from gitexp import errors
from gitexp.objects.place import place
from gitexp.objects.stat_cache import StatCache
from gitexp.objects.store import ObjectStore

SIZE = 24 << 20


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """An XFS of its own, where there is the program that makes one."""
    mkfs = shutil.which("mkfs.xfs", path=f"{os.environ['PATH']}:/usr/sbin:/sbin")
    if sys.platform != "linux" or os.geteuid() != 0 or mkfs is None:
        pytest.skip("no XFS can be made here")
    image, folder = tmp_path / "image", tmp_path / "disk"
    folder.mkdir()
    with image.open("wb") as file:
        file.truncate(400 << 20)
    made = subprocess.run([mkfs, "-q", "-m", "reflink=1", str(image)], capture_output=True, check=False)
    if made.returncode or subprocess.run(["mount", "-o", "loop", image, folder], check=False).returncode:
        pytest.skip("no XFS can be mounted here")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def test_content_is_shared_and_stays_apart(disk: Path, cache: StatCache) -> None:
    root, other = disk / "workspace", disk / "other"
    store = ObjectStore(disk / "objects")
    for folder in (root / "d", other):
        folder.mkdir(parents=True)
    data = os.urandom(SIZE)
    (root / "d" / "large").write_bytes(data)
    (root / "d" / "run").write_bytes(b"#!/bin/sh")
    (root / "d" / "run").chmod(0o755)
    os.sync()
    free = shutil.disk_usage(disk).free
    artifact = store.add(root, "d", cache)
    place(store, other, artifact, ("reflink", "copy"), cache)
    os.sync()
    assert free - shutil.disk_usage(disk).free < SIZE // 4, "it was written again"
    large = other / "d" / "large"
    assert large.read_bytes() == data
    assert large.stat().st_nlink == 1
    assert (other / "d" / "run").stat().st_mode & 0o111
    with large.open("r+b") as file:
        file.write(b"edited")
    assert all(store.verify(hash_) for hash_ in store.contents(artifact.hash))
    assert (root / "d" / "large").read_bytes() == data


def test_damage_is_not_shared(disk: Path, cache: StatCache) -> None:
    root = disk / "workspace"
    root.mkdir()
    store = ObjectStore(disk / "objects")
    (root / "large").write_bytes(os.urandom(SIZE))
    artifact = store.add(root, "large", cache)
    (root / "large").unlink()
    path = store.path(artifact.hash)
    path.chmod(0o644)
    with path.open("r+b") as file:
        file.seek(SIZE // 2)
        file.write(b"#")
    with pytest.raises(errors.DamagedObject):
        place(store, root, artifact, ("reflink", "copy"), cache)
    assert list(root.iterdir()) == []
