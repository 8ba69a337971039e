"""What `apply` and `undo` have done to the workspace, in words and as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import Any

from gitexp.history.takeover import Taken
from gitexp.pipeline.paths import LOCK_FILE
from gitexp.words import shorten


def line(taken: Taken) -> str:
    """Return how many files were written and removed, and the first of their names."""
    parts = [
        f"{verb} {shorten(paths)}"
        for verb, paths in (("wrote", taken.written), ("removed", taken.removed))
        if paths
    ]
    return "; ".join(parts) or "no file needed to change"


def kept_line(name: str, kept: Sequence[str]) -> str:
    """Return which files are otherwise here than in the experiment."""
    return f"As you have them, not as in {name}: {shorten(kept)}"


def data_line(taken: Taken) -> str | None:
    """Return how data follows, if what says which belongs here has changed."""
    locks = [path for path in taken.written if PurePosixPath(path).name == LOCK_FILE]
    return f"Data and large results as {locks[0]} says now: gitexp checkout" if locks else None


def as_json(taken: Taken) -> dict[str, Any]:
    """Return the files, and the number of the operation that `gitexp undo` takes (null: none)."""
    number = taken.operation.number if taken.operation is not None else None
    return {
        "written": list(taken.written),
        "removed": list(taken.removed),
        "operation": number,
        "warnings": list(taken.warnings),
    }
