"""Texts for Git's standard input, and fields in its output."""

from __future__ import annotations

import os
from collections.abc import Generator, Iterable
from pathlib import Path

from gitexp.repo.git.values import LARGEST

_ESCAPES = ((b"\\", b"\\\\"), (b'"', b'\\"'), (b"\n", b"\\n"), (b"\r", b"\\r"))


def rows(chunks: Generator[bytes, None, str], width: int) -> Generator[tuple[bytes, ...], None, str]:
    """Yield the rows of `width` fields in Git's output; the generator returns what `chunks` returns.

    A NUL ends each field, and no field holds a NUL. A line end stands between two rows, and no first field
    begins with one. A field of more than `LARGEST` bytes is cut there: somebody else's record may be of any
    length.
    """
    waiting: list[bytes] = []
    begun: list[bytes] = []  # the parts of a field whose end has not come; joined once, however many
    size = 0
    while True:
        try:
            chunk = next(chunks)
        except StopIteration as end:
            return str(end.value)
        end_of_field, *fields = chunk.split(b"\0")
        if size <= LARGEST:
            begun.append(end_of_field)
            size += len(end_of_field)
        if not fields:
            continue
        waiting.append(b"".join(begun))
        begun = [fields.pop()]
        size = len(begun[0])
        waiting += fields
        whole = len(waiting) - len(waiting) % width
        columns = [waiting[at:whole:width] for at in range(width)]
        columns[0] = [first.removeprefix(b"\n") for first in columns[0]]
        yield from zip(*columns, strict=True)
        del waiting[:whole]


def in_lines(texts: Iterable[str | Path], end: bytes = b"\n") -> bytes:
    """Texts for Git's standard input, one a line."""
    return b"".join(os.fsencode(text) + end for text in texts)


def in_quoted_lines(paths: Iterable[str | Path]) -> bytes:
    """Paths for Git's standard input, one a line, where Git takes a line in double quotes for a text in C."""
    lines = []
    for path in map(os.fsencode, paths):
        if path.startswith(b'"') or not fits_a_line(os.fsdecode(path)):
            for special, escaped in _ESCAPES:
                path = path.replace(special, escaped)
            path = b'"%s"' % path
        lines.append(path + b"\n")
    return b"".join(lines)


def fits_a_line(text: str) -> bool:
    """Whether Git reads a text whole from a line: it takes a CR at the end for a part of the line end."""
    return "\n" not in text and not text.endswith("\r")
