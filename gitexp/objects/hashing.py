"""Hashes of files, each read once and copied on the way if wanted. A file changed meanwhile is read again."""

from __future__ import annotations

import hashlib
import os
import stat
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal, TypeVar

from gitexp import errors
from gitexp.named_tuple import NamedTuple
from gitexp.objects import disk
from gitexp.objects.disk import let_go

TICK = 20_000_000  # ns; clocks of file systems go in steps, and two changes in one step look like one
_COARSE_TICK = 2_000_000_000  # of file systems that know no parts of seconds
_SECOND = 1_000_000_000
_CHUNK = 1 << 20
_AHEAD = 4  # chunks that may wait to be written
_TRIES = 5

WORKERS = min(8, (os.cpu_count() or 1) + 2)
_BINARY = getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)
_BATCH = 64
_WAITING = 256  # batches that may wait for a longer one before them
_LITTLE, _LARGE = 1 << 20, 32 << 20  # bytes
OnBytes = Callable[[int], None]  # told of so many more bytes; may raise, to end it
# Which of a large file and its copy the system's page cache should keep.
Stays = Literal["both", "source", "copy"]
_Item = TypeVar("_Item")
_Done = TypeVar("_Done")


class Read(NamedTuple):
    """A file at the moment of reading.

    Attributes:
        hash: SHA-256 of the content, in hexadecimal.
        stat: the stat before and after reading, which are equal.
        settled: whether the stat will show every later change.
    """

    hash: str
    stat: os.stat_result
    settled: bool


def _nobody(more: int) -> None:
    pass


def hash_file(path: str | Path, on_bytes: OnBytes = _nobody) -> tuple[str, int]:
    """The SHA-256 of a file in hexadecimal, and its size in bytes. Nobody may write it now: see `read_file`.

    Raises OSError; UnstorableData for anything but a regular file.
    """
    with opened(path) as fd:
        size = os.fstat(fd).st_size
        return _digest(fd, size, None, on_bytes), size


def hash_open(fd: int, copy_to: int | None = None, on_bytes: OnBytes = _nobody, stays: Stays = "both") -> str:
    """The SHA-256 of an open file, in hexadecimal. The content is copied to the descriptor `copy_to`."""
    return _digest(fd, os.fstat(fd).st_size, copy_to, on_bytes, stays)


def read_file(
    path: str | Path, copy_to: int | None = None, on_bytes: OnBytes = _nobody, stays: Stays = "both"
) -> Read:
    """A file at one moment. The content is copied to the descriptor `copy_to`.

    Raises OSError; UnstorableData for anything but a regular file, and if the file changes during every try.
    """
    for _ in range(_TRIES):
        with opened(path) as fd:
            before = os.fstat(fd)
            if before.st_size > _CHUNK:  # to read a small one again next time costs less
                wait_to_settle(before)
                before = os.fstat(fd)
            settled = is_settled(before)
            hash_ = _digest(fd, before.st_size, copy_to, on_bytes, stays)
            if same_file(before, os.fstat(fd)):
                return Read(hash_, before, settled)
        if copy_to is not None:
            os.lseek(copy_to, 0, os.SEEK_SET)
            os.ftruncate(copy_to, 0)
    raise errors.UnstorableData(
        f"{os.fsdecode(path)} is being written: it was changed each time that it was read.",
        "Wait until it is done, then try again.",
    )


@contextmanager
def opened(path: str | Path) -> Iterator[int]:
    """Open a regular file and give its descriptor. Raises OSError; UnstorableData for anything else."""
    # A pipe without a writer would wait for one.
    fd = os.open(path, os.O_RDONLY | _BINARY | getattr(os, "O_NONBLOCK", 0))
    try:
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            raise errors.UnstorableData(
                f"{os.fsdecode(path)} is no file.", "Only files and folders are data."
            )
        yield fd
    finally:
        os.close(fd)


def _digest(fd: int, size: int, copy_to: int | None, on_bytes: OnBytes, stays: Stays = "both") -> str:
    if size <= _CHUNK:
        data = os.read(fd, size + 1)
        while len(data) != size and (more := os.read(fd, _CHUNK)):
            data += more
        if copy_to is not None:
            write_all(copy_to, data)
        on_bytes(len(data))
        return hashlib.sha256(data).hexdigest()
    if copy_to is None:
        return _digest_alone(fd, on_bytes)
    return _digest_and_copy(fd, copy_to, on_bytes, stays)


def _digest_alone(fd: int, on_bytes: OnBytes) -> str:
    digest = hashlib.sha256()
    buffer = memoryview(bytearray(_CHUNK))
    with open(fd, "rb", buffering=0, closefd=False) as stream:
        while count := stream.readinto(buffer):
            digest.update(buffer[:count])
            on_bytes(count)
    return digest.hexdigest()


def _digest_and_copy(fd: int, copy_to: int, on_bytes: OnBytes, stays: Stays) -> str:
    """Hash in this thread while another one writes: neither holds the interpreter's lock for long."""
    digest = hashlib.sha256()
    writing = _Writer(copy_to, lets_go=stays == "source")
    done = 0
    # The buffers are used again: new memory for each chunk takes a third of the time of hashing.
    free = deque(memoryview(bytearray(_CHUNK)) for _ in range(_AHEAD))
    waiting: deque[tuple[memoryview, Future[None]]] = deque()
    with open(fd, "rb", buffering=0, closefd=False) as stream, _threads(1) as writer:
        while True:
            if not free:
                buffer, written = waiting.popleft()
                written.result()
                free.append(buffer)
            buffer = free.popleft()
            if not (count := stream.readinto(buffer)):
                break
            waiting.append((buffer, writer.submit(writing.write, buffer[:count])))
            digest.update(buffer[:count])
            on_bytes(count)
            if stays == "copy":
                let_go(fd, done, done + count)
            done += count
        for _, written in waiting:
            written.result()
    return digest.hexdigest()


class _Writer:
    """Writes chunk after chunk to a file. With `lets_go`, the page cache drops them."""

    def __init__(self, fd: int, *, lets_go: bool) -> None:
        self._fd = fd
        self._lets_go = lets_go
        self._done = 0

    def write(self, chunk: memoryview) -> None:
        write_all(self._fd, chunk)
        if self._lets_go:
            let_go(self._fd, self._done, self._done + len(chunk))
        self._done += len(chunk)


def write_all(fd: int, data: bytes | memoryview) -> None:
    """Write all of the data: one system call may write only a part."""
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(fd, rest) :]


def same_file(one: os.stat_result, other: os.stat_result) -> bool:
    """Whether a file has not changed between two stats."""
    return (one.st_size, one.st_mtime_ns, one.st_ctime_ns, one.st_ino) == (
        other.st_size,
        other.st_mtime_ns,
        other.st_ctime_ns,
        other.st_ino,
    )


def is_settled(of: os.stat_result) -> bool:
    """Whether every change to a file from now on shows in its time stamps.

    A change in the same step of the clock as the last change does not show. Nor may a change of a file
    with a future time stamp, set by a wrong clock.
    """
    return _last_change(of) + _tick(of) < time.time_ns()


def wait_to_settle(of: os.stat_result) -> None:
    """Wait until a file changed just now `is_settled`, at most 20 ms."""
    missing = _last_change(of) + TICK - time.time_ns()
    if 0 <= missing <= TICK and _tick(of) == TICK:
        time.sleep((missing + 1_000_000) / _SECOND)


def _last_change(of: os.stat_result) -> int:
    # cp -p and rsync -t set the time of modification back: then only the second time shows the change.
    # On Windows the second time is when the file was made.
    return of.st_mtime_ns if sys.platform == "win32" else max(of.st_mtime_ns, of.st_ctime_ns)


def _tick(of: os.stat_result) -> int:
    return _COARSE_TICK if of.st_mtime_ns % _SECOND == 0 and of.st_ctime_ns % _SECOND == 0 else TICK


def large_first(items: Iterable[_Item], size: Callable[[_Item], int]) -> list[_Item]:
    """Items in their order, but large ones first: threads get much else done beside a large one."""
    return sorted(items, key=lambda item: size(item) < _LARGE)


def in_parallel(
    work: Callable[[_Item], _Done], items: Sequence[_Item], of_bytes: int | None = None
) -> Iterator[_Done]:
    """The result of `work` for each item, in order, computed by several threads.

    `of_bytes` is the amount to read: a small one starts no thread. The first error is raised; items not
    begun by then are left.
    """
    is_little = of_bytes is not None and of_bytes < _LITTLE and len(items) < _BATCH
    if len(items) < 2 or is_little:
        yield from map(work, items)
        return
    # Handing over 10,000 small files one by one takes longer than reading them. Handing them over all at
    # once takes more memory than the files.
    size = max(1, min(_BATCH, len(items) // (8 * WORKERS)))
    waiting: deque[Future[list[_Done]]] = deque()
    with _threads(WORKERS) as pool:
        try:
            for start in range(0, len(items), size):
                waiting.append(pool.submit(_all, work, items[start : start + size]))
                if len(waiting) > _WAITING:
                    yield from waiting.popleft().result()
            while waiting:
                yield from waiting.popleft().result()
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


class _OwnThread(Executor):
    """Does everything at once, in the thread of the caller."""

    def submit(self, work: Callable[..., _Done], /, *args: Any, **options: Any) -> Future[_Done]:
        """The result of some work, which is done when this returns."""
        future = Future[_Done]()
        try:
            future.set_result(work(*args, **options))
        except BaseException as error:  # it is raised by `result`, as that of a thread would be
            future.set_exception(error)
        return future


def _threads(count: int) -> Executor:
    """A pool of threads; at the end of Python, where none can be started, the thread of the caller."""
    return ThreadPoolExecutor(count) if threading.main_thread().is_alive() else _OwnThread()


def _all(work: Callable[[_Item], _Done], items: Sequence[_Item]) -> list[_Done]:
    return [work(item) for item in items]


_WORTH_A_CLONE = 1 << 20  # bytes


def copied(
    source: str | Path, target: int, temporary: str | Path, on_bytes: OnBytes, stays: Stays = "both"
) -> Read:
    """Copy a file to the descriptor `target` of `temporary`; return it as read. Raises like `read_file`."""
    read = None
    if os.stat(source).st_size >= _WORTH_A_CLONE:
        read = _cloned(source, target, temporary, on_bytes)
    return read or read_file(source, target, on_bytes, stays)


def _cloned(source: str | Path, target: int, temporary: str | Path, on_bytes: OnBytes) -> Read | None:
    """Clone a file, and read the clone, which nobody changes. None if cloning fails."""
    with opened(source) as fd:
        wait_to_settle(os.fstat(fd))
        before = os.fstat(fd)
        settled = is_settled(before)
        if not disk.reflink(fd, target):
            return None
        if not same_file(before, os.fstat(fd)):
            os.ftruncate(target, 0)
            return None
    return Read(hash_file(temporary, on_bytes)[0], before, settled)
