"""Where the curves of two runs part."""

from __future__ import annotations

import math
from collections.abc import Mapping

from gitexp.catalog.series import series_tables, stored_series
from gitexp.catalog.series.stored_series import SeriesByName
from gitexp.files.lines.series import SYSTEM
from gitexp.files.lines.series_columns import Series
from gitexp.model import Experiment
from gitexp.named_tuple import NamedTuple
from gitexp.project.project import Project
from gitexp.project.sections.directions import of_config


class Parting(NamedTuple):
    """The first step at which a curve differs.

    Attributes:
        name: the name of the series.
        step: the step.
        original, again: the values; None for a side without the step.
    """

    name: str
    step: int
    original: float | None
    again: float | None


def curves(project: Project, one: Experiment) -> SeriesByName:
    """All series of an ended experiment, without those of the machine."""
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
    """The first differing step of each differing curve, the earliest step first.

    Curves with the tolerance `any` in gitexp.yaml are left out.
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
        return _missing_curve(name, original, again)
    if original.steps == again.steps and original.values.tobytes() == again.values.tobytes():
        return None
    here, there = _by_step(original), _by_step(again)
    for step in sorted({*here, *there}):
        one, other = here.get(step), there.get(step)
        if not _is_same(one, other):
            return Parting(name, step, one, other)
    return None


def _missing_curve(name: str, original: Series | None, again: Series | None) -> Parting | None:
    """The first step of a curve of one side alone; None for a curve without a step."""
    if original:
        return Parting(name, original.steps[0], original.values[0], None)
    if again:
        return Parting(name, again.steps[0], None, again.values[0])
    return None


def _is_same(one: float | None, other: float | None) -> bool:
    """Whether two values are equal numbers, or both NaN; False for a missing value."""
    if one is None or other is None:
        return False
    return one == other or (math.isnan(one) and math.isnan(other))


def _by_step(series: Series) -> dict[int, float]:
    return dict(zip(series.steps, series.values, strict=True))
