"""What is remembered is right, and costs nothing but time when it is gone."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

import pytest

from gitexp.objects import hashing
from gitexp.objects.hashing import Read, read_file
from gitexp.objects.stat_cache import StatCache

HASH = "a" * 64


@pytest.fixture
def file(tmp_path: Path) -> Path:
    file = tmp_path / "file"
    file.write_text("x")
    os.utime(file, (1, 1))
    return file


def remember(cache_file: Path, file: Path) -> None:
    with StatCache(cache_file) as cache:
        cache.put(str(file), Read(HASH, file.stat(), True))


def known(cache_file: Path, file: Path) -> str | None:
    with StatCache(cache_file) as cache:
        found = cache.get(str(file), file.stat())
        assert cache.below(str(file.parent)).take(str(file), file.stat()) == found
        return found


def test_remembered_from_process_to_process(cache_file: Path, file: Path) -> None:
    assert known(cache_file, file) is None
    remember(cache_file, file)
    assert known(cache_file, file) == HASH


def test_remembered_at_once(cache_file: Path, file: Path) -> None:
    with StatCache(cache_file) as cache:
        cache.put(str(file), Read(HASH, file.stat(), True))
        assert cache.get(str(file), file.stat()) == HASH
        assert cache.below(str(file.parent)).take(str(file), file.stat()) == HASH


@pytest.mark.parametrize("change", ["size", "mtime", "inode"])
def test_any_change_is_noticed(cache_file: Path, file: Path, change: str) -> None:
    remember(cache_file, file)
    if change == "size":
        file.write_text("xy")
        os.utime(file, (1, 1))
    elif change == "mtime":
        os.utime(file, (2, 2))
    else:
        other = file.with_name("other")
        other.write_text("y")
        os.utime(other, (1, 1))
        other.replace(file)
    assert known(cache_file, file) is None


def test_what_was_changed_in_the_same_moment_is_not_believed(
    cache_file: Path, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    moment = file.stat().st_ctime_ns
    monkeypatch.setattr(hashing.time, "time_ns", lambda: moment)
    read = read_file(file)
    assert not read.settled
    with StatCache(cache_file) as cache:
        cache.put(str(file), read)
    assert known(cache_file, file) is None


def test_what_is_gone_is_forgotten(cache_file: Path, file: Path) -> None:
    remember(cache_file, file)
    with StatCache(cache_file) as cache:
        cache.forget(cache.below(str(file.parent)).untaken)
        assert cache.get(str(file), file.stat()) is None
    assert known(cache_file, file) is None


def test_below_is_that_folder_and_no_other(cache_file: Path, tmp_path: Path) -> None:
    for name in ("d/x", "d/e/y", "d2/z", "d.z", "d"):
        with StatCache(cache_file) as cache:
            cache.put(str(tmp_path / name), Read(HASH, tmp_path.stat(), True))
    with StatCache(cache_file) as cache:
        below = cache.below(str(tmp_path / "d"))
        assert [os.path.relpath(os.fsdecode(key), tmp_path) for key in sorted(below.untaken)] == [
            "d/e/y",
            "d/x",
        ]


@pytest.mark.parametrize(
    "damage",
    [b"", b"no database at all, but long enough to look at it" * 100, None],
    ids=["empty", "another file", "torn"],
)
def test_a_damaged_one_is_made_anew(cache_file: Path, file: Path, damage: bytes | None) -> None:
    with StatCache(cache_file) as cache:
        for n in range(2000):
            cache.put(str(file.with_name(str(n))), Read(HASH, file.stat(), True))
    if damage is None:
        whole = cache_file.read_bytes()
        damage = whole[:4096] + os.urandom(len(whole) - 4096)
    cache_file.write_bytes(damage)
    with StatCache(cache_file) as cache:
        for n in range(0, 2000, 100):
            cache.get(str(file.with_name(str(n))), file.stat())
        cache.below(str(file.parent))
    remember(cache_file, file)
    assert known(cache_file, file) == HASH


def test_nonsense_in_it_is_not_believed(cache_file: Path, file: Path) -> None:
    remember(cache_file, file)
    for nonsense in ("../../etc", b"\xff", None, 7):
        database = sqlite3.connect(cache_file)
        database.execute("UPDATE files SET hash = ?", (nonsense,))
        database.commit()
        database.close()
        assert known(cache_file, file) is None


def test_one_of_another_version_is_made_anew(cache_file: Path, file: Path) -> None:
    database = sqlite3.connect(cache_file)
    database.execute("CREATE TABLE files (something TEXT)")
    database.execute("PRAGMA user_version = 99")
    database.close()
    remember(cache_file, file)
    assert known(cache_file, file) == HASH


def test_a_locked_one_is_done_without(cache_file: Path, file: Path) -> None:
    remember(cache_file, file)
    other = sqlite3.connect(cache_file, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    with StatCache(cache_file) as cache:
        assert cache.get(str(file), file.stat()) is None
        other.execute("COMMIT")
        other.close()
    assert known(cache_file, file) == HASH


def test_where_nothing_can_be_written(tmp_path: Path, file: Path) -> None:
    (tmp_path / "no folder").touch()
    for place in (tmp_path / "no folder" / "stat.sqlite", tmp_path):
        with StatCache(place) as cache:
            cache.put(str(file), Read(HASH, file.stat(), True))
            assert cache.get(str(file), file.stat()) == HASH
