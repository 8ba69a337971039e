"""Messages of Git that come at the very end of its process."""

from __future__ import annotations

import os
import subprocess

from gitexp.repo.git import launch


class _LateWords(subprocess.Popen[bytes]):
    """A process that writes its last words, and ends, just before it is asked whether it has ended."""

    def __init__(self, read_end: int, write_end: int) -> None:
        self.stderr = os.fdopen(read_end, "rb", closefd=False)
        self._write_end: int | None = write_end

    def poll(self) -> int | None:
        if self._write_end is not None:
            os.write(self._write_end, b"Host key verification failed.\n")
            self._write_end = None
        return 128  # the pipe stays open: an ssh in the background has it

    def __del__(self) -> None:
        """No process is behind it."""


def test_last_words_are_read() -> None:
    read_end, write_end = os.pipe()
    try:
        said = list(launch._chunks_of(_LateWords(read_end, write_end)))
    finally:
        os.close(write_end)
    assert b"".join(said) == b"Host key verification failed.\n"
