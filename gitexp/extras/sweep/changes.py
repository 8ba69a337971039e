"""What has changed since the last trial of a sweep; no input or output."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from gitexp.extras.sweep.definition import ALONE, SweepDefinition
from gitexp.model import Record
from gitexp.words import clean, counted, shorten


def of_definition(definition: SweepDefinition, before: Record) -> list[str]:
    """A sentence for each difference between a sweep and the record of its last trial."""
    trial = before.trial
    found = _of_space(trial["space"], definition.space.typed)
    if trial["method"] != definition.method:
        found.append(f"the method was {trial['method']} and is {definition.method}")
    if trial["objectives"] != dict(definition.objectives):
        found.append(f"the objective was {_goal(trial['objectives'])} and is {_goal(definition.objectives)}")
    return found


def of_code(files: Sequence[str]) -> str:
    """A sentence for a code that has changed, with the differing files."""
    if not files:
        return "the command, its folder or its inputs have changed"
    return f"the code has changed: {shorten(files)}"


def told(definition: SweepDefinition, said: Sequence[str], count: int) -> str:
    """A sentence with all differences since the last of so many trials."""
    sweep = "the sweep"
    if definition.id != ALONE:
        sweep += f" {definition.id}"
    return f"Since the last of its {counted(count, 'trial')}, {sweep} has changed: {clean('; '.join(said))}."


def hint(definition: SweepDefinition) -> str:
    """The ways to go on with a sweep that has changed."""
    command = "gitexp sweep"
    if definition.id != ALONE:
        command += f" {definition.id}"
    return (
        f"{command} --accept-changes goes on nevertheless; under another name in gitexp.yaml it begins anew."
    )


def _of_space(before: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    found = []
    for key in dict.fromkeys((*before, *now)):
        if key not in now:
            found.append(f"{key} was {before[key]} and is not varied any more")
        elif key not in before:
            found.append(f"{key} is new: {now[key]}")
        elif before[key] != now[key]:
            found.append(f"{key} was {before[key]} and is {now[key]}")
    return found


def _goal(objectives: Mapping[str, str]) -> str:
    parts = [f"{metric} ({direction})" for metric, direction in objectives.items()]
    return ", ".join(parts) or "none"
