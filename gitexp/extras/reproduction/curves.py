"""Where the curves of two runs part."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from gitexp.catalog import series_tables, stored_series
from gitexp.catalog.stored_series import SeriesByName
from gitexp.files.series import SYSTEM
from gitexp.files.series_columns import Series
from gitexp.model import Experiment
from gitexp.project.directions import of_config
from gitexp.project.project import Project


class Parting(NamedTuple):
    """The first step at which a curve differs.

    Attributes:
        name: the name of the series.
        step: the step.
        original, again: the values; None where a side has none.
    """

    name: str
    step: int
    original: float | None
    again: float | None


def curves(project: Project, one: Experiment) -> SeriesByName:
    """All series of an ended experiment that say something of the training; none of the machine."""
    found = dict[str, Series]()
    for file in one.record.series:
        if file == SYSTEM:
            continue
        for name, series in stored_series.logged(project, one, file).items():
            found.setdefault(name, series)
    tables = series_tables.tables_of(project, [one]).get(one.record.commit, [])
    for name, series in stored_series.in_tables(project, one, tables).items():
        found.setdefault(name, series)
    return found


def partings(original: SeriesByName, again: SeriesByName, tolerance: Mapping[str, str]) -> list[Parting]:
    """The first differing step of each curve that differs, the earliest step first.

    A curve for which gitexp.yaml allows `any` distance is not looked at.
    """
    found = []
    for name in dict.fromkeys([*original, *again]):
        if of_config(name, tolerance) == "any":
            continue
        parting = _parting(name, original.get(name), again.get(name))
        if parting is not None:
            found.append(parting)
    return sorted(found, key=lambda one: one.step)


def _parting(name: str, original: Series | None, again: Series | None) -> Parting | None:
    if original is None or again is None:
        there = original or again
        if not there:
            return None
        value = there.values[0]
        first = (value, None) if again is None else (None, value)
        return Parting(name, there.steps[0], *first)
    if original.steps == again.steps and original.values.tobytes() == again.values.tobytes():
        return None
    here, there_too = _by_step(original), _by_step(again)
    for step in sorted({*here, *there_too}):
        one, other = here.get(step), there_too.get(step)
        if one is None or other is None or (one != other and (one == one or other == other)):
            return Parting(name, step, one, other)
    return None


def _by_step(series: Series) -> dict[int, float]:
    return dict(zip(series.steps, series.values, strict=True))
