"""What a search learns from: its own trials, and experiments that were run by hand or by others.

An experiment outside of the sweep counts if it is exactly the run that the sweep would make of its params:
the same files, command and config.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from gitexp import files, plugins
from gitexp.errors import GitexpError
from gitexp.extras.sweep import trials as reading
from gitexp.extras.sweep.definition import SweepDefinition
from gitexp.extras.sweep.drawing import Suggest
from gitexp.extras.sweep.pruning import curve_of
from gitexp.extras.sweep.spaces.space import Axis, Drawn, Space
from gitexp.extras.sweep.trials import KnownPoint, Trial
from gitexp.files.command_words.overrides import split_override
from gitexp.files.formats.yaml_write import flow_text
from gitexp.model import MISSING, Experiment, Flat, Record, Status, is_touched
from gitexp.runs.checks.earlier import started_alike
from gitexp.runs.planning.frozen import FrozenCode
from gitexp.runs.planning.plan import PlannedPoint

_MOST = 1_000  # experiments outside of the sweep that are compared, the newest first


class KnownPoints:
    """The points known to a search, each experiment compared once."""

    def __init__(self, definition: SweepDefinition, frozen: FrozenCode) -> None:
        self._definition = definition
        self._frozen = frozen
        self._searcher: Any = None  # Optuna takes half a second to import
        self._points: dict[str, Drawn | None] = {}  # record of an experiment outside -> its point, if any

    def suggestions(self, found: Sequence[Experiment], now: Sequence[Trial]) -> Suggest:
        """The suggestion of the method from all known points."""
        if self._searcher is None:
            self._searcher = plugins.load("search", "optuna")(self._definition)
        searcher = self._searcher
        known = [*self._outside(found), *reading.as_known(now, self._definition.objectives, self._last_of)]
        return partial(searcher.suggest, known)

    def _last_of(self, one: Experiment) -> tuple[float, ...] | None:
        """The last number on the curve of a pruned trial: what the trial has come to."""
        (metric,) = self._definition.objectives
        numbers = curve_of(self._frozen.code.project, one, metric)
        return (numbers[-1],) if numbers else None

    def _outside(self, found: Sequence[Experiment]) -> list[KnownPoint]:
        """The known points of experiments that are no trials of the sweep."""
        candidates = list[Experiment]()
        for one in found:
            if (
                one.record.sweep != self._definition.id
                and one.record.status is Status.DONE
                and not is_touched(one)
            ):
                candidates.append(one)
        candidates.sort(key=lambda one: one.record.created, reverse=True)
        known = list[KnownPoint]()
        for one in candidates[:_MOST]:
            results = reading.results(one.record, self._definition.objectives)
            if results is None:
                continue
            if one.id not in self._points:
                self._points[one.id] = self._point_of(one)
            point = self._points[one.id]
            if point is not None:
                known.append(KnownPoint(one.id, point, True, results))
        return known

    def _point_of(self, one: Experiment) -> Drawn | None:
        """The point of an experiment, if the sweep would make the same run there."""
        point = point_in(self._definition.space, one.record)
        if point is None:
            return None
        try:
            (trial,) = self._frozen.checked([PlannedPoint(self._definition.space.overrides(point))])
        except GitexpError:  # a value that the params file of now cannot have
            return None
        return point if started_alike(trial.ready, one) else None


def point_in(space: Space, record: Record) -> Drawn | None:
    """The point of a space that an experiment has by its params; None outside of the space."""
    params = files.flatten_files(record.params)
    typed = dict(map(split_override, record.overrides))
    point = tuple(_text(axis, typed, params) for axis in space.axes)
    return point if space.has(point) else None


def _text(axis: Axis, typed: dict[str, str], params: Flat) -> str:
    """The text of an axis in an experiment: as the user has typed it, or else of the param; "" for none."""
    if axis.left in typed:
        return typed[axis.left].removeprefix("=").strip()
    value = params.get(axis.key.rpartition(":")[2], MISSING)
    if value is MISSING or isinstance(value, (list, dict)):
        return ""
    return axis.text_of(value) if isinstance(value, float) else flow_text(value)
