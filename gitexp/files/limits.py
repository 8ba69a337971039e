"""The limits of a file: its bytes, its depth, its number of values.

A params file is read on every command and its values go into a commit message. So an absurd or hostile
file must end in one clear sentence, and not in a hang or a full memory.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from gitexp.errors import ParseError
from gitexp.files.unreadable import Unreadable
from gitexp.model import Value

MAX_BYTES = 1 << 20
MAX_DEPTH = 64
MAX_LEAVES = 10_000
MAX_INT_BITS = 14_000  # CPython refuses to print integers of more than 4,300 digits, which is 14,284 bits

MAX_JSON_BYTES = 8 << 20  # of metrics in JSON, with a large matrix beside the others
MAX_TABLE_BYTES = 64 << 20  # of the files of which only the end counts
_MOST = dict.fromkeys((".csv", ".tsv", ".jsonl", ".ndjson"), MAX_TABLE_BYTES) | {".json": MAX_JSON_BYTES}

BOM = b"\xef\xbb\xbf"


def read_limited(path: Path, most: int | None = None) -> bytes:
    """The content of a file, up to one byte over `most`, or the limit of its kind.

    Raises OSError, also for a pipe or a device: to read it may never end.
    """
    # `open` closes the descriptor of a folder before it raises; `os.fdopen` would leave it open.
    with open(path, "rb", opener=_without_waiting) as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise OSError(errno.EINVAL, "it is no file", str(path))
        return file.read((most or most_bytes(path.name)) + 1)


def _without_waiting(path: str, flags: int) -> int:
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def most_bytes(name: str) -> int:
    """The limit of a file's kind, by its name."""
    ending = PurePosixPath(name).suffix.lower()
    return _MOST.get(ending, MAX_BYTES)


def read_if_there(path: Path) -> bytes | None:
    """The same; None without a file. Raises OSError."""
    if not path.is_file():
        return None
    return read_limited(path)


def decode(name: str, data: bytes, max_bytes: int = MAX_BYTES) -> str:
    """The text of a file, without its byte order mark.

    Raises ParseError for a file larger than `max_bytes`, or not UTF-8.
    """
    if len(data) > max_bytes:
        raise ParseError(f"this file is larger than {max_bytes >> 20} MiB", file=name)
    try:
        return data.removeprefix(BOM).decode("utf-8")
    except UnicodeDecodeError as error:
        before = error.object[: error.start]
        raise ParseError(
            "this file is not UTF-8 text",
            file=name,
            line=before.count(b"\n") + 1,
            column=error.start - before.rfind(b"\n"),
        ) from None


def parse_error(name: str, message: str, text: str, position: int) -> ParseError:
    """The error with the line and column of `position` in `text`."""
    before = text[:position]
    line, column = before.count("\n") + 1, position - before.rfind("\n")
    return ParseError(message, file=name, line=line, column=column)


def check_tree(name: str, tree: Value, max_leaves: int = MAX_LEAVES) -> None:
    """Raises ParseError for a tree too deep, too large, or with a value that JSON or Python cannot write."""
    leaves = 0
    waiting: list[tuple[Value, int]] = [(tree, 0)]
    while waiting:
        value, depth = waiting.pop()
        if isinstance(value, dict | list) and value:
            if depth >= MAX_DEPTH:
                raise ParseError(f"this file is nested more than {MAX_DEPTH} levels deep", file=name)
            children: Iterable[Value] = value
            if isinstance(value, dict):
                children = value.values()
                for key in value:
                    _check_scalar(name, key)
            waiting.extend((child, depth + 1) for child in children)
        else:
            leaves += 1
            _check_scalar(name, value)
        if leaves + len(waiting) > max_leaves:
            raise ParseError(f"this file holds more than {max_leaves:,} values", file=name)


def _check_scalar(name: str, value: Value) -> None:
    if isinstance(value, Unreadable):
        raise ParseError(value.why, file=name, line=value.line, column=value.column)
    if isinstance(value, int) and value.bit_length() > MAX_INT_BITS:
        raise ParseError("this file holds a number of more than 4,000 digits", file=name)
    if isinstance(value, str) and not value.isascii() and not is_encodable(value):
        raise ParseError("this file holds half of a surrogate pair, which is not a character", file=name)


def is_encodable(text: str) -> bool:
    """Whether `text` can be written as UTF-8, without half of a surrogate pair."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True
