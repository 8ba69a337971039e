"""Runs by hand that stand for points of a grid: a sweep does not run such a point itself.

Such a run is exactly what a trial would be, by the same look that `gitexp run` takes at a grid of its own.
What a trial would be is known from the trials, or before the first of them from the code of now.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence

from gitexp import errors
from gitexp.extras.sweep import trials as reading
from gitexp.extras.sweep.definition import Method, SweepDefinition
from gitexp.extras.sweep.known import point_in
from gitexp.extras.sweep.spaces.space import Drawn
from gitexp.extras.sweep.trials import Trial
from gitexp.model import Experiment, is_touched
from gitexp.project.project import Project
from gitexp.runs.planning.plan import PlannedPoint, rehearse
from gitexp.runs.request import RunRequest


def standing(
    project: Project, definition: SweepDefinition, trials: Sequence[Trial], found: Sequence[Experiment]
) -> list[Trial]:
    """The runs by hand that stand for points of a whole grid, as trials; [] for other searches."""
    if definition.method is not Method.GRID:
        return []
    # A search that only its experiments know does not say how many trials it was to have.
    size = int(definition.space.size)
    missing = size - len(reading.counting(definition, trials))
    if missing <= 0 or (definition.name and definition.total < size):
        return []
    first = next((trial.runs[0] for trial in reversed(trials) if trial.runs), None)
    points = _points(definition, trials, found, first)
    if not points:
        return []
    request = RunRequest()
    if first is not None:
        request = RunRequest(from_=first.name, code=first.record.commit)
    known = list[Experiment | None]()
    # The code of now may be half an edit, and a pulled trial may lack its baseline: then nobody can tell.
    with contextlib.suppress(errors.GitexpError, OSError):
        planned = [PlannedPoint(definition.space.overrides(point)) for point in points]
        known = rehearse(project, request, planned)
    made = list[Trial]()
    number = trials[-1].number + 1 if trials else 0
    for point, one in zip(points, known, strict=False):
        if one is not None and _may_stand(definition, one):
            made.append(Trial(number + len(made), point, [one], by_hand=True))
    return made[:missing]


def _points(
    definition: SweepDefinition,
    trials: Sequence[Trial],
    found: Sequence[Experiment],
    first: Experiment | None,
) -> list[Drawn]:
    """The points without a trial that a run by hand may have, by its params and its command."""
    used = {trial.point for trial in trials}
    points = dict[Drawn, None]()
    for one in found:
        if not _may_stand(definition, one) or (first is not None and not _is_like(one, first)):
            continue
        point = point_in(definition.space, one.record)
        if point is not None and point not in used:
            points[point] = None
    return list(points)


def _may_stand(definition: SweepDefinition, one: Experiment) -> bool:
    return one.record.sweep != definition.id and one.record.status in reading.ALIVE and not is_touched(one)


def _is_like(one: Experiment, first: Experiment) -> bool:
    return (one.record.command, one.record.folder) == (first.record.command, first.record.folder)
