"""Runs of a queue as lines of text."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from gitexp.cli.kit.terminal import render
from gitexp.cli.kit.terminal.cells import in_columns
from gitexp.model import Experiment, Record
from gitexp.words import clean


def lines(rows: Iterable[tuple[str, ...]]) -> list[str]:
    """A line for each row, its cells in columns, as wide as the screen at most."""
    return in_columns(rows, render.width())


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
