"""A file of the folder of a live run that one process writes line by line, never raising for the disk."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable
from pathlib import Path

_FLAGS = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND
for _name in ("O_CLOEXEC", "O_NOFOLLOW", "O_BINARY"):
    _FLAGS |= getattr(os, _name, 0)


_this_process = object()  # another one in each forked process; to ask the system takes longer


def _begin_in_child() -> None:
    global _this_process
    _this_process = object()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_begin_in_child)


class LineFile:
    """Lines at the end of a file that only this process writes.

    Each line is one write of the system: it survives the death of the process, at most the last line is cut.
    A line that cannot be written is counted, and `on_loss` is called for the first one.

    Attributes:
        lost: the number of lines that could not be written.
        reason: why the last of them could not.
    """

    def __init__(self, folder: Path, stem: str, on_loss: Callable[[str], None]) -> None:
        self._folder = folder
        self._stem = stem
        self._on_loss = on_loss
        self._is_cut = False
        self._fd: int | None = None
        self._owner: object = None
        self.lost = 0
        self.reason = ""

    def write(self, line: bytes) -> None:
        """Add a line, with its line feed."""
        if self._owner is not _this_process:  # at first, and in a forked process: it takes a file of its own
            self._open()
        fd = self._fd
        if fd is None:
            self.lose(self.reason)
            return
        if self._is_cut:
            line = b"\n" + line
        try:
            written = os.write(fd, line)
        except OSError as error:
            self.lose(error.strerror or str(error))
            return
        self._is_cut = written != len(line)
        if self._is_cut:
            self.lose("No space left on device")

    def _open(self) -> None:
        """Take the file `<stem>.jsonl`, or one with a number of this process, if another process has it."""
        self._owner, self._fd, self._is_cut = _this_process, None, False
        name = f"{self._stem}.jsonl"
        while True:
            try:
                self._folder.mkdir(exist_ok=True)
                self._fd = _above_the_standard_ones(os.open(self._folder / name, _FLAGS, 0o666))
                return
            except FileExistsError:
                name = f"{self._stem}-{os.getpid()}-{os.urandom(3).hex()}.jsonl"
            except OSError as error:
                self.reason = error.strerror or str(error)
                return

    def lose(self, reason: str) -> None:
        """Count a line that is not written."""
        self.lost += 1
        self.reason = reason
        if self.lost == 1:
            self._on_loss(reason)

    def close(self) -> None:
        """Close the file; later lines open another."""
        if self._fd is not None and self._owner is _this_process:
            os.close(self._fd)
        self._fd, self._owner = None, None


def _above_the_standard_ones(fd: int) -> int:
    """A descriptor of the same file, not that of stdout or stderr: the script may have closed these."""
    low = []
    while fd <= 2:
        low.append(fd)
        fd = os.dup(fd)
    for each in low:
        os.close(each)
    return fd


def say(text: str) -> None:
    """Tell the user something beside the output of the script."""
    with contextlib.suppress(OSError, ValueError, AttributeError):  # stderr is closed
        sys.stderr.write(f"gitexp: {text}\n")
