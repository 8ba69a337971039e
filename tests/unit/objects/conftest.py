"""A workspace, a store and a cache of stats, as plain folders."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from gitexp.objects.stat_cache import StatCache
from gitexp.objects.store import ObjectStore

Write = Callable[..., Path]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "workspace"
    root.mkdir()
    return root


@pytest.fixture
def write(root: Path) -> Write:
    """Writes a file below the workspace, with the folders above it."""

    def write(name: str, content: str | bytes = "", mode: int = 0o644) -> Path:
        file = root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
        file.chmod(mode)
        return file

    return write


@pytest.fixture
def store(tmp_path: Path) -> ObjectStore:
    return ObjectStore(tmp_path / "objects")


@pytest.fixture
def cache_file(tmp_path: Path) -> Path:
    return tmp_path / "stat.sqlite"


@pytest.fixture
def cache(cache_file: Path) -> Iterator[StatCache]:
    with StatCache(cache_file) as cache:
        yield cache


def content(folder: Path) -> dict[str, str]:
    """What the files below a folder say, by their paths."""
    return {
        file.relative_to(folder).as_posix(): file.read_text()
        for file in sorted(folder.rglob("*"))
        if file.is_file()
    }
