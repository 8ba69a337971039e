"""Verdicts in a report: whether the best surely is the best, one against another, and which change did it."""

from __future__ import annotations

from collections.abc import Sequence

from gitexp.catalog.fields import Row
from gitexp.extras.inference import api, why_text
from gitexp.extras.reports.document import CodePiece, LinesPiece, Piece, TablePiece
from gitexp.model import MISSING
from gitexp.project.project import Project
from gitexp.views import table as tables
from gitexp.views.columns import Column
from gitexp.views.near_best import NearBest
from gitexp.views.table import Table
from gitexp.views.uncertainty import runs_of, surely_best
from gitexp.words import clean, shorten


def of_best(table: Table, metric: str, best: Row | None) -> LinesPiece | None:
    """Whether the best of a table surely is the best; None if nothing says how large the noise is."""
    column = Column("metric", metric)
    candidates = NearBest(table).candidates(column)
    if candidates is None or best is None or tables.best_values(table, [column]) == [MISSING]:
        return None
    name = clean(best.name)
    if surely_best(candidates) is best:
        return LinesPiece([f"{name} is better than each other by more than noise, at 95 % together."])
    told = []
    if not runs_of(best).can_be_judged:
        told.append(f"{name} is {best.status}: what has not come to a good end cannot be judged.")
    others = [clean(row.name) for row in candidates if row is not best]
    if others:
        why = "Perhaps" if told else "Inside the noise, and perhaps"
        told.append(f"{why} as good as {name}: {shorten(others)}.")
    return LinesPiece(told)


def of_some(project: Project, names: Sequence[str], metrics: Sequence[str]) -> LinesPiece:
    """The sentences of `judge`; raises its errors."""
    return LinesPiece([f"{one.sentence}." for one in api.judge(project, names, metrics)])


def of_difference(project: Project, first: str, second: str, metric: str) -> list[Piece]:
    """What `why` has found out; [] if it was not asked. Nothing is run."""
    found = api.known_why(project, (first, second), metric)
    if found is None:
        return []
    pieces: list[Piece] = [LinesPiece([f"{found.sentence}."])]
    for rows in why_text.tables(found.answer):
        right = [False] * len(rows[0])
        pieces.append(TablePiece(rows[0], [list(map(clean, row)) for row in rows[1:]], right))
    if found.patch:
        pieces.append(CodePiece(found.patch, "diff"))
    return pieces
