"""Runs of a queue as lines of text."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from gitexp.cli.kit import render
from gitexp.cli.kit.cells import elide
from gitexp.model import Experiment, Record
from gitexp.words import clean


def lines(rows: Iterable[tuple[str, ...]]) -> list[str]:
    """A line for each row, its cells in columns; empty columns are left out, and long lines are cut."""
    found = list(rows)
    widths = [max(map(len, column)) for column in zip(*found, strict=True)]
    most = render.width()
    text = []
    for row in found:
        cells = [cell.ljust(width) for cell, width in zip(row[:-1], widths, strict=False) if width]
        line = "  ".join([*cells, row[-1]])
        text.append(line if most is None else elide(line, most))
    return text


def document(one: Experiment) -> dict[str, Any]:
    """A queued or running experiment as an object of flat values, for a table."""
    record = one.record
    return {
        "name": one.name,
        "status": str(record.status),
        "worker": record.worker or None,
        "host": record.host if record.worker else None,
        "created": record.created,
        "overrides": list(record.overrides),
        "command": record.command,
    }


def difference(record: Record) -> str:
    """What tells a run apart: its overrides, its note or its command."""
    return clean(", ".join(record.overrides) or record.note or record.command or "")
