"""JSON lines (.jsonl): metrics spread over lines, each with the keys that it has."""

from __future__ import annotations

import json

from gitexp.errors import ParseError
from gitexp.files.limits import BOM, MAX_TABLE_BYTES
from gitexp.files.merging import merged
from gitexp.files.tables.delimited import last_of_each
from gitexp.model import Value

_NEWEST = 1000  # lines that are read in any case
_MOST = 20_000  # lines that are read at most
_DIGITS = b"0123456789"


def last_values(name: str, data: bytes) -> tuple[dict[str, Value], list[str]]:
    """The last value of each key, and a complaint about lines left out.

    Raises ParseError if the last whole line is no JSON: older values would pass for the last.
    """
    if len(data) > MAX_TABLE_BYTES:
        raise ParseError(f"this file is larger than {MAX_TABLE_BYTES >> 20} MiB", file=name)
    data = data.removeprefix(BOM)
    lines = data.split(b"\n")
    while lines and not lines[-1].strip():
        lines.pop()
    numbers, complaints = _to_read(name, lines, data)
    found, bad = [], []
    for number in numbers:
        try:
            found.append(_line(lines[number]))
        except (ValueError, RecursionError):
            bad.append(number)
    if bad and bad[-1] == len(lines) - 1:
        if data.endswith(b"\n"):
            raise ParseError("this line is no JSON object", file=name, line=len(lines))
        bad.pop()  # a kill has cut it short
    if bad:
        complaints.append(f"{name}:{bad[-1] + 1}: {_not_json(len(bad))}")
    return merged(found), complaints


def _not_json(lines: int) -> str:
    if lines == 1:
        return "this line is no JSON object and is left out"
    return f"this line and {lines - 1:,} more are no JSON objects and are left out"


def _to_read(name: str, lines: list[bytes], data: bytes) -> tuple[list[int], list[str]]:
    """The numbers of the lines with a possible last value.

    Lines with different digits only have the same keys; only the last of them counts.
    """
    newest = range(max(len(lines) - _NEWEST, 0), len(lines))
    if len(newest) == len(lines):
        return [*newest], []
    shapes = last_of_each(data.translate(None, _DIGITS).split(b"\n"))
    numbers = sorted({*shapes, *newest}.intersection(range(len(lines))))
    if len(numbers) <= _MOST:
        return numbers, []
    numbers = numbers[-_MOST:]
    why = "there are too many kinds of lines"
    return numbers, [f"{name}: only its end was read, from line {numbers[0] + 1:,} on: {why}"]


def _line(line: bytes) -> dict[str, Value]:
    """The object in a line; {} for a blank line. Raises ValueError."""
    if not line.strip():
        return {}
    value = json.loads(line)
    if not isinstance(value, dict):
        raise ValueError(value)  # noqa: TRY004 - caught with JSON's own
    return value
