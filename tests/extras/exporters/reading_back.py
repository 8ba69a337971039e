"""Experiments that were exported, imported again: what a round trip keeps."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from gitexp.extras.integrations.importers.foreign import ForeignRun, Importer
from gitexp.files.keys import flatten
from gitexp.testing import runs_of


def by_name(importer: Importer, place: Path) -> dict[str, ForeignRun]:
    """The runs at a place by their names, as an importer of gitexp's finds them."""
    return {run.name: run for run in runs_of(importer, place)}


def curve(run: ForeignRun, name: str) -> list[tuple[int, float, float]]:
    """The steps, times and values of a curve."""
    found = []
    for point in run.points():
        if name in point.values:
            found.append((point.step, point.time, point.values[name]))
    return found


def flat(run: ForeignRun) -> dict[str, Any]:
    """The params by flat key."""
    return dict(flatten(run.params))
