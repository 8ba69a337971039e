"""The rows of a table that may be as good as the best one: no verdict tells them apart."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gitexp.catalog.fields import EXPERIMENTS, Row
from gitexp.files import is_finite, is_number
from gitexp.model import MISSING, Status
from gitexp.project.sections.directions import MIN, direction
from gitexp.views.columns import Column
from gitexp.views.table import Table, is_best
from gitexp.views.uncertainty import Noise, RunValues, runs_of


class NearBest:
    """Of a table, which values cannot be told from the best of their columns."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self._noise: Noise | None = table.noise()
        self._known: Sequence[tuple[Row, RunValues]] | None = None

    @property
    def has_noise(self) -> bool:
        """Whether anything says how large the noise is."""
        return self._noise is not None

    def of(self, column: Column, best: Any) -> set[int]:
        """The Python ids of the rows beside the best; none without replicates, or without a best value."""
        if best is MISSING:
            return set()
        found = set()
        for row in self.candidates(column) or ():
            if not is_best(row, column.raw(row), best):
                found.add(id(row))
        return found

    def candidates(self, column: Column) -> list[Row] | None:
        """The rows that may be the best, at 95 % together; None if the noise of the metric is unknown."""
        known = direction(column.key, self._table.directions)
        if self._noise is None or column.kind != "metric" or known is None:
            return None
        counting = [(row, runs) for row, runs in self._counting() if _has_number(row, column.key)]
        may_be = self._noise.may_be_best(column.key, [runs for _, runs in counting], lowest=known == MIN)
        if may_be is None:
            return None
        return [row for (row, _), is_one in zip(counting, may_be, strict=True) if is_one]

    def _counting(self) -> Sequence[tuple[Row, RunValues]]:
        if self._known is None:
            found = [*self._table.experiments, *self._table.beyond_limit()]
            self._known = [(row, runs_of(row)) for row in found if _counts(row)]
        return self._known


def _counts(row: Row) -> bool:
    return row.kind in (*EXPERIMENTS, "commit") and row.status is not Status.RUNNING and not row.is_unranked


def _has_number(row: Row, metric: str) -> bool:
    value = row.metrics.get(metric, MISSING)
    return is_number(value) and is_finite(value)
