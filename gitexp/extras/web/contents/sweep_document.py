"""The sweeps: how far each is, its trials, the best of them and the params that matter."""

from __future__ import annotations

from typing import Any

from gitexp import errors
from gitexp.extras.sweep import driver, named, session, summary, trials
from gitexp.extras.sweep.definition import SweepDefinition
from gitexp.extras.sweep.trials import Trial
from gitexp.extras.web.contents import command_lines
from gitexp.extras.web.contents.plain import cell_of, plain
from gitexp.files import flatten_files, is_finite, is_number
from gitexp.project.project import Project

Document = dict[str, Any]

_MOST_TRIALS = 5_000
_MOST_SWEEPS = 200


def sweeps_document(project: Project) -> Document:
    """All sweeps: of gitexp.yaml, and of other experiments."""
    try:
        every = named.every(project)
    except errors.GitexpError as error:
        return {"sweeps": [], "complaints": [str(error)], "count": 0}
    experiments, removed = driver.experiments(project), driver.removed(project)
    found = []
    for definition in every[:_MOST_SWEEPS]:
        of_sweep = trials.of_sweep(definition, experiments, removed)
        found.append(_told(project, definition, of_sweep))
    return {"sweeps": found, "complaints": [], "count": len(every)}


def _told(project: Project, definition: SweepDefinition, found: list[Trial]) -> Document:
    result = session.summary_of(project, definition, with_importance=False)
    document: Document = plain(summary.document(definition, result))
    return {
        **document,
        "running": driver.is_at_work(project, definition.id),
        "axes": [axis.key for axis in definition.space.axes],
        "trials": dict(result.counts),
        "list": [_trial(definition, one) for one in [*found, *result.by_hand][:_MOST_TRIALS]],
        "commands": [
            {"what": "Go on with it", "line": command_lines.line("sweep", "run", definition.id)},
            {"what": "Its best, and the params that matter", "line": _show(definition)},
            {"what": "Let it end after its present trials", "line": _stop(definition)},
        ],
    }


def _show(definition: SweepDefinition) -> str:
    return command_lines.line("sweep", "show", definition.id)


def _stop(definition: SweepDefinition) -> str:
    return command_lines.line("sweep", "stop", definition.id)


def _trial(definition: SweepDefinition, one: Trial) -> Document:
    """A trial: its state, its experiments, the values of its axes and its objectives."""
    params = flatten_files(one.last.record.params)
    values = []
    for at, axis in enumerate(definition.space.axes):
        key = axis.key.rpartition(":")[2]
        typed = None
        if at < len(one.point):
            typed = one.point[at]
        values.append(cell_of(params.get(key, typed)))
    results = None
    if definition.objectives:
        results = trials.mean_results(one, definition.objectives)
    shown = None
    if results is not None:
        shown = list(map(_number, results))
    return {
        "number": one.number,
        "state": one.state,
        "experiments": [run.name for run in one.runs],
        "values": values,
        "results": shown,
    }


def _number(value: float) -> float | str:
    if is_number(value) and is_finite(value):
        return value
    return str(value)
