"""The sweeps by name: those of gitexp.yaml, and those that only their experiments know."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence

from gitexp import errors
from gitexp.extras.sweep import driver
from gitexp.extras.sweep import trials as reading
from gitexp.extras.sweep.definition import Method, SweepDefinition, checked, method_of, with_directions
from gitexp.extras.sweep.section import NAME, definitions
from gitexp.extras.sweep.spaces.space import of_overrides
from gitexp.model import Experiment
from gitexp.project.config_keys import A_SWEEP
from gitexp.project.project import Project
from gitexp.runs.request import RunRequest
from gitexp.words import did_you_mean


def of_config(project: Project) -> list[SweepDefinition]:
    """The sweeps of gitexp.yaml; raises ConfigError."""
    section = project.config.sweep
    if not section:
        return []
    return [*definitions(section, project.config.directions, project.config_file).values()]


def every(project: Project) -> list[SweepDefinition]:
    """The sweeps of gitexp.yaml, and those that only experiments know: searches of the command line."""
    found = {one.id: one for one in of_config(project)}
    last = dict[str, Experiment]()
    for one in driver.experiments(project):
        record = one.record
        if record.trial and record.sweep not in found and NAME.fullmatch(record.sweep):
            before = last.get(record.sweep)
            if before is None or before.record.trial["number"] < record.trial["number"]:
                last[record.sweep] = one
    for sweep, one in last.items():
        with contextlib.suppress(errors.GitexpError, ValueError):  # of a later version
            found[sweep] = reading.definition_of(one.record)
    return list(found.values())


def chosen(found: Sequence[SweepDefinition], name: str) -> SweepDefinition:
    """The sweep of a name, or the only one of gitexp.yaml, or of all; raises UsageError."""
    named = [one for one in found if one.name]
    if not name and len(named) == 1:
        return named[0]
    names = [one.id for one in found]
    if name in names:
        return found[names.index(name)]
    if name:
        raise errors.UsageError(
            f"There is no sweep '{name}'.", did_you_mean(name, names, "gitexp sweep list names them.")
        )
    if not found:
        raise errors.UsageError("There is no sweep: in gitexp.yaml.", A_SWEEP)
    if len(found) > 1:
        raise errors.UsageError(
            f"There are several sweeps: {', '.join(names)}.", f"Name one: gitexp sweep {names[0]}"
        )
    return found[0]


def of_request(
    project: Project,
    request: RunRequest,
    trials: int | None,
    method: str,
    objectives: Sequence[str],
    repeat: int | None,
) -> SweepDefinition:
    """The search that a request means; its id is still open. Raises UsageError or OverrideError."""
    definition = SweepDefinition(
        id="",
        name="",
        space=of_overrides(request.overrides),
        method=method_of(method or Method.RANDOM),
        trials=trials,
        objectives=with_directions(objectives, (), project.config.directions),
        seed="",
        repeat=repeat,
    )
    return checked(definition)
