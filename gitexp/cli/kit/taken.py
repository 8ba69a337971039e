"""The changes that `apply` and `undo` made to the workspace, in words and as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import Any

from gitexp.history.takeover import Taken
from gitexp.pipeline.paths import LOCK_FILE
from gitexp.words import shorten


def line(taken: Taken) -> str:
    """The first names of the files written and removed, and the number of the others."""
    parts = []
    if taken.written:
        parts.append(f"wrote {shorten(taken.written)}")
    if taken.removed:
        parts.append(f"removed {shorten(taken.removed)}")
    return "; ".join(parts) or "no file needed to change"


def kept_line(name: str, kept: Sequence[str]) -> str:
    """The files that differ from the experiment's, because the user's versions were kept."""
    return f"As you have them, not as in {name}: {shorten(kept)}"


def data_line(taken: Taken) -> str | None:
    """The command that brings the data, if a gitexp.lock has changed."""
    for path in taken.written:
        if PurePosixPath(path).name == LOCK_FILE:
            return f"Data and large results as {path} says now: gitexp checkout"
    return None


def as_json(taken: Taken) -> dict[str, Any]:
    """The files, and the number of the operation for `gitexp undo` (null: there is nothing to undo)."""
    number = None
    if taken.operation is not None:
        number = taken.operation.number
    return {
        "written": list(taken.written),
        "removed": list(taken.removed),
        "operation": number,
        "warnings": list(taken.warnings),
    }
