"""What is measured of reading experiments back from Python: curves, and a data frame."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from benchmarks.case import FLOOR, GITEXP, Case, side_of
from benchmarks.lab import Lab
from benchmarks.measure import CommandError, Side
from gitexp.files.lines.series import SERIES
from gitexp.repo import experiments

COUNT, POINTS = 1_000, 1_000

_HISTORY = """
import gitexp
print(sum(len(exp.history("loss")) for exp in gitexp.experiments()))
"""
_FRAME = """
import gitexp
print(len(gitexp.dataframe()))
"""
# Git alone: the same blobs, read by one process.
_BLOBS = (
    f"git for-each-ref --format='%(objectname):{experiments.RUN_FOLDER}/{SERIES}' {experiments.PREFIX} | "
    "git cat-file --batch > /dev/null"
)


def _history(lab: Lab) -> Case:
    """The history of one metric in all experiments of a repository."""
    folder = lab.experiments(COUNT, points=POINTS)
    sides = {
        GITEXP: _script(lab, _HISTORY, COUNT * POINTS, folder),
        FLOOR: side_of(lab, ["sh", "-c", _BLOBS], folder),
    }
    work = f"curve of one metric in {COUNT:,} experiments with {POINTS:,} steps each, from Python"
    return Case(work, sides, floor="git cat-file --batch", goal=3.0)


def _frame(lab: Lab) -> Case:
    """All params and metrics in a data frame of pandas."""
    sides = {
        GITEXP: _script(lab, _FRAME, COUNT, lab.experiments(COUNT)),
        FLOOR: side_of(lab, [lab.python, "-c", "import pandas"]),
    }
    return Case(f"{COUNT:,} experiments as a data frame", sides, floor="import pandas", goal=1.5)


def _script(lab: Lab, script: str, expected: int, folder: Path) -> Side:
    return Side(lambda: [lab.python, "-c", script], folder, lab.env, check=partial(_has_printed, expected))


def _has_printed(expected: int, output: bytes) -> None:
    if output.split() != [str(expected).encode()]:
        raise CommandError(f"{output!r} was printed, not {expected}")


CASES: dict[str, Callable[[Lab], Case]] = {"history-1000": _history, "frame-1000": _frame}
