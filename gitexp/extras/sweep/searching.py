"""A sweep from its definition to its summary: the words about it, and the questions."""

from __future__ import annotations

import signal
from collections.abc import Sequence

from gitexp import files
from gitexp.cli.kit.ending import status_of
from gitexp.cli.kit.terminal import render
from gitexp.extras.queue import remarks
from gitexp.extras.queue.signals import presses
from gitexp.extras.sweep import changes, driver, pruning, session, summary
from gitexp.extras.sweep import trials as reading
from gitexp.extras.sweep.commands import ask_before, can_be_asked, confirm
from gitexp.extras.sweep.definition import SweepDefinition
from gitexp.extras.sweep.drawing import next_point
from gitexp.extras.sweep.driver import Sweeper, SweepListener, SweepOutcome
from gitexp.extras.sweep.live_table import LiveTable
from gitexp.extras.sweep.session import LeftToRun, SweepSession
from gitexp.extras.sweep.summary import SweepSummary
from gitexp.extras.sweep.trials import Trial
from gitexp.model import Experiment, Status
from gitexp.named_tuple import NamedTuple
from gitexp.project.project import Project
from gitexp.project.sections.engine_choice import EngineChoice
from gitexp.runs.request import RunRequest
from gitexp.words import clean, counted, shorten


class Manner(NamedTuple):
    """How a sweep is worked on.

    Attributes:
        jobs: trials at a time; BY_ENGINE: the engine decides.
        retry_failed: run again what has failed, was interrupted or removed.
        accept_changes: go on though the space, the code or the config have changed.
        yes: do not ask before very many.
        dry_run: only say what would be run.
        quiet: say nothing but warnings, and the names and states.
        json: answer with one JSON document.
        engine: the engine that runs the trials; None for workers of this machine.
    """

    jobs: int
    retry_failed: bool
    accept_changes: bool
    yes: bool
    dry_run: bool
    quiet: bool
    json: bool
    engine: EngineChoice | None = None


def work_on(project: Project, request: RunRequest, definition: SweepDefinition, manner: Manner) -> int:
    """Run the remaining trials of a sweep, and tell the results of all; returns the exit status."""
    if manner.dry_run:
        _tell_rehearsed(session.rehearsed(project, request, definition), manner)
        return 0
    with session.opened(project, request, definition) as going_on:
        definition = going_on.definition
        if going_on.has_changed(retry_failed=manner.retry_failed) and not manner.accept_changes:
            _ask_about(going_on, manner)
        ask_before(going_on.left * (definition.repeat or 1), yes=manner.yes)
        sweeper = going_on.sweeper()
        with presses() as pressed:
            again = sweeper.retry_failed() if manner.retry_failed else 0
            if not manner.quiet:
                _tell_start(definition, going_on.before, manner, again)
            begun, outcome = _run_left(going_on, sweeper, manner, pressed)
    return _answer(project, definition, begun, outcome, manner)


def _run_left(
    going_on: SweepSession, sweeper: Sweeper, manner: Manner, pressed: Sequence[float]
) -> tuple[list[str], SweepOutcome]:
    """Run the remaining trials, drawn in a table; the names of their experiments, and the outcome."""
    begun, shown = list[str](), list[str]()
    for trial in going_on.before:
        shown += [run.name for run in trial.runs]
    total = going_on.definition.total * (going_on.definition.repeat or 1)
    screen = LiveTable(going_on.project, shown, quiet=manner.quiet or manner.json, total=total)

    def planned(one: Experiment) -> None:
        begun.append(one.name)
        if one.name not in shown:
            shown.append(one.name)

    listener = SweepListener(planned, screen.look, screen.set_remark)
    outcome = going_on.run(sweeper, manner.jobs, listener, pressed, manner.engine)
    screen.clear()
    return begun, outcome


def _ask_about(going_on: SweepSession, manner: Manner) -> None:
    """Ask whether to go on with a sweep that has changed; raises UsageError if nobody can be asked."""
    if not can_be_asked():
        session.require_unchanged(going_on, retry_failed=manner.retry_failed)
    render.say(changes.told(going_on.definition, going_on.code.changes, len(going_on.before)))
    confirm("Go on with it, for the trials that are left?")


def _tell_start(definition: SweepDefinition, before: Sequence[Trial], manner: Manner, again: int = 0) -> None:
    """Say the plan for the runs, and the metrics to make better."""
    line = f"{definition.id}: {counted(definition.total, 'trial')} by {definition.method}"
    if definition.objectives:
        goals = [f"{metric} ({direction} is best)" for metric, direction in definition.objectives.items()]
        line += f", for {' and '.join(goals)}"
    if before:
        line += f"; {len(before):,} of them known already"
    if manner.retry_failed and not manner.dry_run:
        line += f"; {counted(again, 'run')} again"
    render.say(line, "dim")
    failed = sum(bool(trial.failed or trial.removed) for trial in before)
    if failed and not manner.retry_failed:
        were, them = ("was", "it") if failed == 1 else ("were", "them")
        render.hint(
            f"{counted(failed, 'trial')} failed, or {were} interrupted or removed: "
            f"--retry-failed runs {them} again."
        )


def _tell_rehearsed(found: LeftToRun, manner: Manner) -> None:
    """Print the points that are to come; of a method that learns, the values to choose from."""
    definition, before = found
    if not manner.quiet:
        _tell_start(definition, before, manner)
    if definition.method.learns:
        shown = [f"{key}={typed}" for key, typed in definition.space.typed.items()]
        return _print_points([tuple(shown)], json=manner.json)
    used = {trial.point for trial in before}
    number = before[-1].number + 1 if before else 0
    points = list[tuple[str, ...]]()
    for at in range(definition.total - len(reading.counting(definition, before))):
        point = next_point(definition, number + at, used, None)
        if point is None:
            break
        used.add(point)
        points.append(definition.space.overrides(point))
    return _print_points(points, json=manner.json)


def _print_points(points: Sequence[tuple[str, ...]], *, json: bool) -> None:
    if json:
        return render.as_json_list(list(point) for point in points)
    return render.answer("  ".join(point) for point in points)


def _answer(
    project: Project, definition: SweepDefinition, names: Sequence[str], outcome: SweepOutcome, manner: Manner
) -> int:
    """Print what came of a sweep; the exit status: 1 if a trial of now did not come to a good end."""
    found = {one.name: one for one in driver.experiments(project)}
    now = [found[name] for name in names if name in found]
    if manner.quiet:
        render.answer((f"{one.name} {one.record.status}" for one in now), page=False)
    else:
        done = session.summary_of(project, definition, with_importance=not outcome.interrupted)
        tell(definition, done, json=manner.json)
        if not manner.json:
            render.warn_all(remarks.of_runs(now))
        if outcome.why:
            render.say(f"No more trials: {outcome.why}.")
    trials = session.counted(project, definition)
    left = session.unfinished(definition, trials)
    _warn_of_no_numbers(definition, trials)
    _warn_of_no_curves(project, definition, trials)
    if left and not outcome.is_final:
        render.hint(f"{counted(left, 'trial')} left: the same command goes on.")
    if outcome.interrupted:
        return status_of(128 + signal.SIGINT, signal.SIGINT)
    is_unfinished = left > 0 and not outcome.is_final
    return int(is_unfinished or any(_has_gone_wrong(one) for one in now))


def _has_gone_wrong(one: Experiment) -> bool:
    return one.record.status is not Status.DONE and not reading.was_pruned(one)


def _warn_of_no_numbers(definition: SweepDefinition, trials: Sequence[Trial]) -> None:
    """Say that an objective is nobody's metric."""
    done = [trial for trial in trials if trial.state == Status.DONE]
    if done and (lacking := reading.without_number(done, definition.objectives)):
        known = set[str]()
        for trial in done:
            known.update(files.flatten_files(trial.last.record.metrics))
        render.warn(
            f"No trial has a number for the objective {lacking[0]}; "
            f"metrics: {shorten(sorted(known)) or 'none'}."
        )


def _warn_of_no_curves(project: Project, definition: SweepDefinition, trials: Sequence[Trial]) -> None:
    """Say that nothing was pruned because trials write no curve that gitexp can read."""
    if not definition.pruner or not any(trial.state == Status.DONE for trial in trials):
        return
    if not pruning.has_curves(project, definition, trials):
        metric = next(iter(definition.objectives))
        render.warn(
            f"No trial can be pruned: none logs {metric}, and no table under plots: has a column {metric}."
        )


def tell(definition: SweepDefinition, found: SweepSummary, *, json: bool) -> None:
    """Print a summary."""
    if json:
        render.as_json(summary.document(definition, found))
    else:
        render.answer(map(clean, summary.lines(definition, found)), page=False)
