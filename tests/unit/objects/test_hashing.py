"""A hash is of one state of a file, whoever writes it meanwhile."""

from __future__ import annotations

import hashlib
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from gitexp import errors
from gitexp.objects import disk, hashing
from gitexp.objects.hashing import hash_file, in_parallel, is_settled, large_first, read_file

SIZES = [0, 1, (1 << 20) - 1, 1 << 20, (1 << 20) + 1, (9 << 20) + 7]


@pytest.mark.parametrize("size", SIZES)
def test_hash_and_copy(tmp_path: Path, size: int) -> None:
    data = os.urandom(size)
    source, target = tmp_path / "source", tmp_path / "target"
    source.write_bytes(data)
    assert hash_file(source) == (hashlib.sha256(data).hexdigest(), size)
    fd = os.open(target, os.O_WRONLY | os.O_CREAT)
    read = read_file(source, fd)
    os.close(fd)
    assert (read.hash, read.stat.st_size) == hash_file(source)
    assert target.read_bytes() == data


@pytest.mark.parametrize("stays", ["both", "source", "copy"])
def test_what_the_system_lets_go_of_is_on_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stays: hashing.Stays
) -> None:
    monkeypatch.setattr(disk, "_WINDOW", 1 << 20)
    data = os.urandom((9 << 20) + 7)
    source, target = tmp_path / "source", tmp_path / "target"
    source.write_bytes(data)
    with target.open("wb") as writing:
        assert read_file(source, writing.fileno(), stays=stays).hash == hashlib.sha256(data).hexdigest()
    assert (source.read_bytes(), target.read_bytes()) == (data, data)


def test_large_ones_come_first_and_all_else_stays_in_order() -> None:
    sizes = [3, 40 << 20, 1, 50 << 20, 2]
    assert large_first(sizes, int) == [40 << 20, 50 << 20, 3, 1, 2]


@pytest.mark.parametrize("size", [10, 3 << 20])
def test_a_file_that_is_changed_while_it_is_read_is_read_again(
    tmp_path: Path, size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    source.write_bytes(b"a" * size)
    real, calls = hashing._digest, []

    def digest(*args: Any) -> str:
        found = real(*args)
        if not calls:
            source.write_bytes(b"b" * (size - 1))  # shorter than what has been copied
        calls.append(found)
        return found

    monkeypatch.setattr(hashing, "_digest", digest)
    fd = os.open(target, os.O_WRONLY | os.O_CREAT)
    read = read_file(source, fd)
    os.close(fd)
    assert len(calls) == 2
    assert read.hash == hashlib.sha256(b"b" * (size - 1)).hexdigest()
    assert target.read_bytes() == b"b" * (size - 1)


def test_a_file_that_never_stops_changing_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "log"
    file.write_bytes(b"x")
    real = hashing._digest

    def digest(*args: Any) -> str:
        with file.open("ab") as stream:
            stream.write(b"y")
        return real(*args)

    monkeypatch.setattr(hashing, "_digest", digest)
    with pytest.raises(errors.UnstorableData, match="log is being written"):
        read_file(file)


def test_what_is_no_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path, tmp_path / "pipe"):
        with pytest.raises(errors.UnstorableData):
            read_file(path)
    with pytest.raises(FileNotFoundError):
        read_file(tmp_path / "none")


def test_settled_is_what_was_not_changed_just_now(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"x")
    changed = file.stat().st_ctime_ns | 1
    os.utime(file, ns=(changed, changed))
    of = file.stat()
    changed = max(of.st_mtime_ns, of.st_ctime_ns)
    for later, settled in ((0, False), (hashing.TICK // 2, False), (10**9, True)):
        monkeypatch.setattr(hashing.time, "time_ns", lambda later=later: changed + later)
        assert is_settled(of) is settled
    # The clock of today says that it is from a time to come: it went back.
    monkeypatch.setattr(hashing.time, "time_ns", lambda: changed - 10**15)
    assert not is_settled(of)


@pytest.mark.skipif(sys.platform == "win32", reason="it tells nobody when a file was changed last")
def test_a_file_whose_time_was_set_back_just_now_is_not_settled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As `cp -p` and `rsync -t` do; they might do it once more in this moment, with other bytes."""
    file = tmp_path / "file"
    file.write_bytes(b"x")
    os.utime(file, ns=(10**18 + 1, 10**18 + 1))
    of = file.stat()
    monkeypatch.setattr(hashing.time, "time_ns", lambda: of.st_ctime_ns + 1)
    assert not is_settled(of)
    monkeypatch.setattr(hashing.time, "time_ns", lambda: of.st_ctime_ns + 10**10)
    assert is_settled(of)


def test_in_parallel_keeps_the_order_and_raises_the_first_error() -> None:
    assert list(in_parallel(str, list(range(1000)))) == [str(n) for n in range(1000)]
    assert list(in_parallel(str, [])) == []

    def fail(n: int) -> int:
        if n >= 700:
            raise ValueError(n)
        return n

    found = in_parallel(fail, list(range(1000)))
    assert [next(found) for _ in range(100)] == list(range(100))
    with pytest.raises(ValueError, match="700"):
        list(found)
