"""The output of a run on disk: written through at once, bounded in size, never a reason to stop.

After `write`, the data are in the file: another process can follow the log, and a kill leaves the log. A log
over its limit keeps its head and its tail, with a marker line between. On disk the log may grow to twice the
limit and is then shortened, by a new file renamed over the old: a follower must look for a new file at the
path.
"""

from __future__ import annotations

from contextlib import suppress
from io import SEEK_END, BytesIO, FileIO
from pathlib import Path

from gitexp.errors import StorageError
from gitexp.nofollow import opener
from gitexp.regex import regex

LIMIT = 10 * 1024 * 1024  # bytes

_MARKER = regex(rb"\n\[gitexp: ([0-9,]{1,30}) bytes left out here\]\n")
_MARKER_ROOM = 64  # bytes, more than a marker ever takes
_LONGEST_LINE = 64 * 1024  # bytes; the line at a cut is cut too if it is longer
_CHUNK = 256 * 1024


class LogFile:
    """A log being written.

    Attributes:
        error: the first failure of a write.
        dropped: the number of bytes left out.
        also: a second log for the same output.
    """

    def __init__(self, path: Path, file: FileIO, limit: int) -> None:
        self.path = path
        self.limit = limit
        self.error: OSError | None = None
        self.dropped = 0
        self.also: LogFile | None = None
        self._file: FileIO | None = file
        self._size = 0
        self._shorten_at = 2 * limit
        self._missing = 0  # bytes that could not be written and that no marker tells of yet

    @classmethod
    def create(cls, path: Path, limit: int = LIMIT) -> LogFile:
        """A new, empty log at `path`, in place of an earlier one; `limit` in bytes. Raises StorageError."""
        try:
            return cls(path, FileIO(path, "w+", opener=opener), limit)
        except OSError as error:
            raise StorageError(f"Cannot write the log {path}: {error.strerror}.") from error

    @property
    def cut(self) -> bool:
        """Whether something was left out."""
        return self.dropped > 0

    def write(self, data: bytes) -> None:
        """Append. Never raises: a run must not die of a full disk, and later output may fit again."""
        if self._missing and not self._append(_marker(self._missing)):
            self._missing = 0
        unwritten = len(data) if self._missing else self._append(data)
        self._missing += unwritten
        self.dropped += unwritten
        if self._size > self._shorten_at:
            self._shorten()
        if self.also is not None:
            self.also.write(data)

    def close(self) -> None:
        """Bring the file to its final form, within the limit. Never raises; closing twice is fine."""
        if self._size > self.limit:
            self._shorten()
        if self._file is not None:
            self._file.close()
            self._file = None
        self._size = 0

    def __enter__(self) -> LogFile:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def _append(self, data: bytes) -> int:
        """The number of bytes that could not be written."""
        left = memoryview(data)
        try:
            while left and self._file is not None:
                written = self._file.write(left)
                self._size += written
                left = left[written:]
        except OSError as error:
            self.error = self.error or error
        return len(left)

    def _shorten(self) -> None:
        if self._file is None:
            return
        shorter = self.path.with_name(self.path.name + ".new")
        try:
            with FileIO(shorter, "w", opener=opener) as target:
                dropped = _copy_shortened(self._file, target, self.limit)
            self._file.close()  # Windows replaces no open file
            shorter.replace(self.path)
            self.dropped += dropped
        except OSError as error:
            self.error = self.error or error
            with suppress(OSError):
                shorter.unlink(missing_ok=True)
        self._reopen()
        self._shorten_at = self._size + self.limit

    def _reopen(self) -> None:
        try:
            if self._file is None or self._file.closed:
                self._file = FileIO(self.path, "r+", opener=opener)
            self._size = self._file.seek(0, SEEK_END)
        except OSError as error:
            self.error = self.error or error
            self._file = None


def read_log(path: Path, limit: int = LIMIT) -> bytes:
    """The final text of a log, at most `limit` bytes, even if its writer died.

    Raises OSError for an unreadable log.
    """
    text = BytesIO()
    with FileIO(path, opener=opener) as file:
        _copy_shortened(file, text, limit)
    return text.getvalue()


def shorten(path: Path, limit: int = LIMIT) -> None:
    """Bring a finished log within the limit; raises OSError."""
    if path.stat().st_size <= limit:
        return
    shorter = path.with_name(path.name + ".new")
    try:
        with FileIO(path, opener=opener) as source, FileIO(shorter, "w", opener=opener) as target:
            _copy_shortened(source, target, limit)
        shorter.replace(path)
    finally:
        shorter.unlink(missing_ok=True)


def _copy_shortened(source: FileIO, target: FileIO | BytesIO, limit: int) -> int:
    """Copy the head and tail of a log, or all of it within the limit; the number of bytes left out.

    Both are cut at line ends unless lines are very long. A log shortened before keeps its head, and its new
    marker counts both times.
    """
    size = source.seek(0, SEEK_END)
    if size <= limit:
        _copy(source, target, 0, size)
        return 0
    half = limit // 2
    edge = max(half - _LONGEST_LINE, half // 2)
    window = _read(source, edge, half + _MARKER_ROOM)
    before = 0
    if earlier := _MARKER.search(window):
        head, rest = edge + earlier.start(), edge + earlier.end()
        before = int(earlier[1].replace(b",", b""))
    elif (line_end := window.rfind(b"\n", 0, half - edge)) >= 0:
        head = rest = edge + line_end
    else:
        head = rest = half
    room = max(0, limit - head - _MARKER_ROOM)
    tail = size - room
    tail += _read(source, tail, tail + min(_LONGEST_LINE, room // 2)).find(b"\n") + 1
    _copy(source, target, 0, head)
    target.write(_marker(before + tail - rest))
    _copy(source, target, tail, size)
    return tail - rest


def _copy(source: FileIO, target: FileIO | BytesIO, start: int, end: int) -> None:
    for position in range(start, end, _CHUNK):
        left = memoryview(_read(source, position, min(end, position + _CHUNK)))
        while left:
            left = left[target.write(left) :]


def _read(source: FileIO, start: int, end: int) -> bytes:
    source.seek(start)
    return source.read(end - start)


def _marker(count: int) -> bytes:
    return b"\n[gitexp: %s bytes left out here]\n" % f"{count:,}".encode()
