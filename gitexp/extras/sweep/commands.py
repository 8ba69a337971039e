"""`gitexp run` with several values: many runs, with a live table."""

from __future__ import annotations

import signal
import sys
from collections import Counter
from collections.abc import Collection, Sequence

import typer

from gitexp.catalog.lineage import rows_of
from gitexp.catalog.query import Query
from gitexp.catalog.replicates import Replicates
from gitexp.cli.kit.ending import status_of
from gitexp.cli.kit.many import Many
from gitexp.cli.kit.tables.table_remarks import noted_lines, show_command
from gitexp.cli.kit.terminal import render
from gitexp.extras.queue import pool, remarks
from gitexp.extras.queue.signals import presses
from gitexp.extras.sweep.live_table import LiveTable
from gitexp.extras.sweep.spaces.grids import Grid, grid_of, in_order, waiting
from gitexp.extras.sweep.spaces.replicates import seeds_from
from gitexp.files.command_words import arguments
from gitexp.model import Experiment, Status
from gitexp.project.params import CommandLine
from gitexp.project.project import Project
from gitexp.runs.checks.seeds import Seed
from gitexp.runs.planning.plan import Planned
from gitexp.runs.request import RunRequest
from gitexp.views import table as tables
from gitexp.views.columns import Columns
from gitexp.views.formats import MEANS, out_of_means
from gitexp.words import PRECISION, clean, counted

_ASKS_ABOVE = 100  # runs


def launch(project: Project, request: RunRequest, many: Many) -> int:
    """Run each point of a grid once, or only queue it; the exit status.

    Known points are not run again: so the same command goes on where the last one stopped.
    """
    grid = grid_of(project, request, many.repeat, retry_failed=many.retry_failed, new=not many.once)
    if many.dry_run:
        _print_points(grid, grid.rehearsed(project), json=many.json)
        return 0
    ask_before(len(grid.points), yes=many.yes)
    planned = grid.planned(project, retry_failed=many.retry_failed)
    with presses() as pressed:  # from now on runs wait, and the user hears of them
        if not many.quiet:
            _tell_plan(planned, many, grid.seed)
        names = planned.names
        if many.queue:
            return _answer(project, names, (), many)
        screen = LiveTable(project, names, quiet=many.quiet or many.json)
        now = _states(project, names)
        ended_before = {one.name for one in now if one.record.status.ended}
        left = waiting(now)
        stopped = bool(pressed)
        if left and not stopped:
            jobs = min(many.jobs, len(left))
            with pool.workforce(project, jobs, names, choice=many.engine) as workers:
                stopped = workers.wait(lambda: screen.look(workers.running), screen.set_remark)
                screen.clear()
                workers.require_well()
    status = _answer(project, names, ended_before, many)
    return status_of(128 + signal.SIGINT, signal.SIGINT) if stopped else status


def _label(command: CommandLine) -> str:
    """A command, or the words for stages, as one line."""
    return command if isinstance(command, str) else arguments.join(command)


def _print_points(grid: Grid, found: Sequence[Experiment | None], *, json: bool) -> None:
    """Print each point, and the experiment that has it already; a point without overrides is the command."""
    if json:
        return render.as_json_list(list(point.overrides) for point in grid.points)
    lines = []
    for point, one in zip(grid.points, found, strict=True):
        line = "  ".join(point.overrides)
        if grid.seed is None and point.replicate:
            line = f"{line}  run {point.replicate}".strip()
        line = line or _label(grid.command)
        lines.append(line if one is None else f"{line}  ({one.name}, {one.record.status})")
    return render.answer(lines)


def ask_before(count: int, *, yes: bool) -> None:
    """Ask before very many runs, if somebody can be asked; raises typer.Abort for a no."""
    if count > _ASKS_ABOVE and not yes and can_be_asked():
        confirm(f"These are {count:,} runs. Go on?")


def can_be_asked() -> bool:
    """Whether somebody sits before a terminal."""
    return render.is_terminal(sys.stdin) and render.is_terminal(sys.stderr)


def confirm(question: str) -> None:
    """Ask a question; raises typer.Abort for a no."""
    typer.confirm(question, abort=True, err=True)


def _has_failed(one: Experiment) -> bool:
    return one.record.status in (Status.FAILED, Status.INTERRUPTED)


def _tell_plan(planned: Planned, many: Many, seed: Seed | None) -> None:
    total = len(planned.queued) + len(planned.known)
    line = counted(total, "run")
    if planned.known:
        line += f", {len(planned.known):,} of them known already: {_states_of(planned.known)}"
    if many.retry_failed:
        line += f", {len(planned.again):,} of them run again"
    if many.repeat is not None:
        line += _of_seeds(many.repeat, seed)
    if not many.queue:
        left = len(planned.queued) + len(planned.again) + len(waiting(planned.known))
        jobs = min(many.jobs, left)
        if many.engine is None and (told := pool.told_of_threads(jobs)):
            line += f"; {counted(jobs, 'worker')}{told}"
    failed = sum(map(_has_failed, planned.known)) - len(planned.again)
    render.say(line, "dim")
    if failed:
        render.hint(_of_failed(failed, " before"))
    if many.queue and planned.queued:
        render.hint("gitexp queue start runs them.")


def _of_failed(count: int, when: str) -> str:
    """The words about runs with a bad end."""
    verb, them = ("was", "it") if count == 1 else ("were", "them")
    return f"{counted(count, 'run')} failed or {verb} interrupted{when}; --retry-failed runs {them} again."


def _states_of(experiments: Sequence[Experiment]) -> str:
    """How many experiments have which status: `10 queued, 2 done`."""
    counts = Counter(one.record.status for one in experiments)
    parts = []
    for status in Status:
        if counts[status]:
            parts.append(f"{counts[status]:,} {status}")
    return ", ".join(parts)


def _of_seeds(repeat: int, seed: Seed | None) -> str:
    """The words about the seeds of repeated runs."""
    if seed is None:
        return ", simply repeated: no param is called like a seed"
    values = seeds_from(seed, repeat)
    return f", {clean(seed.name)} from {values[0]} to {values[-1]}"


def _states(project: Project, names: Sequence[str]) -> list[Experiment]:
    """The experiments with some names, as they are now, in order of these."""
    return in_order(project.store.readable(), names)


def _print_table(project: Project, names: Sequence[str], drawn: Replicates) -> None:
    """Print the table of all runs, with all that it leaves out."""
    table = tables.table(project, Query(names=tuple(names), replicates=drawn))
    choice = tables.choice(table, Columns())
    render.answer(noted_lines(table, choice, render.width(), PRECISION, show_command), page=False)
    if groups := [row for row in table.experiments if row.members]:
        for line in filter(None, (MEANS, out_of_means(groups))):
            render.say(clean(line), "dim")


def _answer(project: Project, names: Sequence[str], ended_before: Collection[str], many: Many) -> int:
    """Print what came of the runs; the exit status: 1 if one of them has not come to a good end.

    `ended_before`: the names of the runs that had ended before this command.
    """
    now = _states(project, names)
    if many.json:
        render.as_json_list(row.as_json() for row in rows_of(project, now))
    elif not many.quiet and not many.queue:
        drawn = Replicates.EACH if many.repeat is None else Replicates.REPEATED
        _print_table(project, names, drawn)
    else:
        render.answer((f"{one.name} {one.record.status}" for one in now), page=False)
    if many.queue:
        return 0
    _tell_bad_ends(now, [one for one in now if one.name not in ended_before], json=many.json)
    return int(any(one.record.status is not Status.DONE for one in now))


def _tell_bad_ends(now: Sequence[Experiment], of_now: Sequence[Experiment], *, json: bool) -> None:
    """Say what warns, waits or has failed; `of_now` are the runs of this command."""
    if not json:
        render.warn_all(remarks.of_runs(one for one in of_now if one.record.status.ended))
    if left := sum(not one.record.status.ended for one in now):
        render.hint(f"{counted(left, 'run')} left: the same command goes on, and so does gitexp queue start.")
    if failed := sum(map(_has_failed, of_now)):
        render.hint(_of_failed(failed, ""))
