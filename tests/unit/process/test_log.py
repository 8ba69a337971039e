"""The log: on disk at once, bounded, and readable after any end."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitexp.errors import StorageError
from gitexp.process.log import LogFile, read_log

MARKER = re.compile(rb"\[gitexp: ([0-9,]+) bytes left out here\]\n")


def left_out(text: bytes) -> int:
    """What the one marker says."""
    (count,) = MARKER.findall(text)
    return int(count.replace(b",", b""))


def test_what_was_written_is_there_at_once(tmp_path: Path) -> None:
    with LogFile.create(tmp_path / "log") as log:
        log.write(b"one\n")
        assert (tmp_path / "log").read_bytes() == b"one\n"
        log.write(b"two")
        assert read_log(tmp_path / "log") == b"one\ntwo"
    assert (tmp_path / "log").read_bytes() == b"one\ntwo"
    assert not log.cut
    assert log.error is None


def test_an_earlier_log_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "log").write_bytes(b"old and longer")
    with LogFile.create(tmp_path / "log") as log:
        log.write(b"new")
    assert (tmp_path / "log").read_bytes() == b"new"


def test_a_log_that_cannot_be_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StorageError):
        LogFile.create(tmp_path / "no" / "log")


def test_fifty_megabytes_keep_head_and_tail(tmp_path: Path) -> None:
    path = tmp_path / "log"
    limit = 1_000_000
    lines = [b"epoch %07d loss=0.123456789\n" % i for i in range(1000)]
    total = 0
    with LogFile.create(path, limit) as log:
        for block in range(1500):
            data = b"".join(lines).replace(b"epoch 0", b"block %04d epoch 0" % block)
            log.write(data)
            total += len(data)
            assert path.stat().st_size <= 2 * limit
        recovered = read_log(path, limit)
    text = path.read_bytes()
    assert text == recovered
    assert 0.9 * limit < len(text) <= limit
    head, tail = MARKER.sub(b"|", text).split(b"|")
    assert head.startswith(b"block 0000 epoch 0000000 loss=0.123456789\nblock 0000 epoch 0000001")
    assert head.endswith(b"loss=0.123456789\n")
    assert tail.startswith(b"block 14")
    assert tail.endswith(b"block 1499 epoch 0000999 loss=0.123456789\n")
    assert left_out(text) == log.dropped == total - len(head) - len(tail) + 1  # the marker's own line end
    assert log.cut
    assert list(tmp_path.iterdir()) == [path]


@given(st.lists(st.binary(max_size=700) | st.sampled_from([b"line\n" * 50, b"\r50%" * 90]), max_size=30))
def test_any_output_stays_bounded_and_counted(
    tmp_path_factory: pytest.TempPathFactory, chunks: list[bytes]
) -> None:
    path = tmp_path_factory.getbasetemp() / "any-log"
    limit = 1000
    with LogFile.create(path, limit) as log:
        for chunk in chunks:
            log.write(chunk)
    written, text = b"".join(chunks), path.read_bytes()
    assert len(text) <= limit
    assert read_log(path, limit) == text
    assert log.cut == (text != written)
    if log.cut:
        before, after = MARKER.split(text)[::2]
        assert written.startswith(before[:-1])
        assert written.endswith(after)
        assert log.dropped == left_out(text) == len(written) - len(before) + 1 - len(after)


def test_a_full_disk_is_remembered_and_told(tmp_path: Path) -> None:
    if sys.platform != "linux":
        pytest.skip("no /dev/full")
    path = tmp_path / "log"
    with LogFile.create(path) as log:
        log.write(b"before")
        disk, full = os.dup(log._file.fileno()), os.open("/dev/full", os.O_WRONLY)
        os.dup2(full, log._file.fileno())
        log.write(b"lost")
        log.write(b"gone")
        os.dup2(disk, log._file.fileno())
        log.write(b"after")
        for fd in (disk, full):
            os.close(fd)
    assert log.error is not None
    assert log.dropped == 8
    assert path.read_bytes() == b"before\n[gitexp: 8 bytes left out here]\nafter"


def test_shortening_that_fails_loses_nothing(tmp_path: Path) -> None:
    path = tmp_path / "log"
    (tmp_path / "log.new").mkdir()
    with LogFile.create(path, 1000) as log:
        for _ in range(50):
            log.write(b"x" * 99 + b"\n")
    assert log.error is not None
    assert len(path.read_bytes()) == 5000
    assert len(read_log(path, 1000)) <= 1000


def test_a_log_that_was_taken_away_harms_nobody(tmp_path: Path) -> None:
    path = tmp_path / "log"
    with LogFile.create(path, 1000) as log:
        log.write(b"x" * 500)
        path.unlink()
        log.write(b"x" * 5000)
    assert len(path.read_bytes()) <= 1000


def test_after_closing_nothing_is_written(tmp_path: Path) -> None:
    log = LogFile.create(tmp_path / "log")
    log.close()
    log.close()
    log.write(b"late")
    assert (tmp_path / "log").read_bytes() == b""
    assert log.dropped == 4
