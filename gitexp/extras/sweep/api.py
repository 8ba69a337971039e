"""Sweeps, from Python: `gitexp.sweeps`. Each function does the work of one command, and prints nothing.

A grid is what `gitexp run` makes of several values, a search what it makes of bounds such as `uniform(0,1)`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from gitexp import errors
from gitexp.extras.queue import pool
from gitexp.extras.queue.signals import presses
from gitexp.extras.sweep import driver, named, session
from gitexp.extras.sweep.definition import SweepDefinition
from gitexp.extras.sweep.driver import SweepListener
from gitexp.extras.sweep.spaces.grids import grid_of, in_order, waiting
from gitexp.extras.sweep.summary import SweepSummary
from gitexp.extras.sweep.trials import Trial
from gitexp.model import Experiment
from gitexp.named_tuple import NamedTuple
from gitexp.project.project import Project
from gitexp.project.sections.engine_choice import EngineChoice, at_a_time
from gitexp.runs.request import RunRequest

__all__ = ["GridResult", "SweepResult", "best", "grid", "names", "plan", "run", "search", "show", "stop"]


class GridResult(NamedTuple):
    """What came of a grid.

    Attributes:
        experiments: the experiment of each point, in order; of a known point the earlier one.
        interrupted: whether Ctrl-C was pressed: then some may still be queued.
    """

    experiments: Sequence[Experiment]
    interrupted: bool


class SweepResult(NamedTuple):
    """What has come of a sweep.

    Attributes:
        definition: the sweep: its space, method, objectives and number of trials.
        trials: its trials, with their experiments.
        summary: the number of trials in each state, the best ones, and the importance of the params.
        begun: the experiments that were begun just now.
        interrupted: whether Ctrl-C was pressed: then trials are left.
        why: why no more trials were begun, as a sentence; "" if all have been.
    """

    definition: SweepDefinition
    trials: Sequence[Trial]
    summary: SweepSummary
    begun: Sequence[Experiment] = ()
    interrupted: bool = False
    why: str = ""

    @property
    def best(self) -> Experiment | None:
        """The best experiment so far; of several on the Pareto front the first, None without any."""
        if not self.summary.front:
            return None
        return self.summary.front[0].experiment


def _nothing() -> None:
    """Look at nothing."""


def run(
    project: Project,
    name: str = "",
    *,
    jobs: int | None = None,
    retry_failed: bool = False,
    accept_changes: bool = False,
    look: Callable[[], None] = _nothing,
    engine: EngineChoice | None = None,
) -> SweepResult:
    """Run a sweep of gitexp.yaml, or go on where it was stopped, up to its number of trials in all.

    `jobs` trials run at a time; without it one, or as many as the engine takes. `look` is called several
    times a second. Ctrl-C lets the present runs finish, and Ctrl-C once more ends them. `engine` runs them;
    None for workers of this machine. Raises UsageError (sweep-changed) if the space, the code or the config
    have changed, unless with `accept_changes`; and the errors of `run_experiment` before its start.
    """
    definition = named.chosen(named.of_config(project), name)
    manner = _RunArguments(at_a_time(jobs, engine), look, retry_failed, accept_changes, engine)
    return _run(project, RunRequest(), definition, manner)


def search(
    project: Project,
    request: RunRequest,
    *,
    trials: int | None,
    method: str = "random",
    objectives: Sequence[str] = (),
    repeat: int | None = None,
    jobs: int | None = None,
    retry_failed: bool = False,
    look: Callable[[], None] = _nothing,
    engine: EngineChoice | None = None,
) -> SweepResult:
    """Run a search for which the overrides of a request are the space; the rest as in `run`.

    The same request goes on up to `trials`, and other code makes another search.
    """
    objectives = [objectives] if isinstance(objectives, str) else objectives
    definition = named.of_request(project, request, trials, method, objectives, repeat)
    manner = _RunArguments(at_a_time(jobs, engine), look, retry_failed, accept_changes=False, engine=engine)
    return _run(project, request._replace(overrides=()), definition, manner)


def grid(
    project: Project,
    request: RunRequest,
    *,
    repeat: int | None = None,
    jobs: int | None = None,
    retry_failed: bool = False,
    look: Callable[[], None] = _nothing,
    engine: EngineChoice | None = None,
) -> GridResult:
    """Run each point of the values in the overrides of a request, `jobs` at a time.

    With `repeat`, each point runs so many times, each time with another seed. A point that an experiment has
    already is not run again, so the same request goes on where it was stopped. Ctrl-C as in `run`. `engine`
    runs them; None for workers of this machine.
    """
    names = _planned(project, request, repeat, retry_failed=retry_failed)
    left, stopped = waiting(in_order(project.store.readable(), names)), False
    if left:
        most = min(at_a_time(jobs, engine), len(left))
        with pool.workforce(project, most, names, choice=engine) as workers:
            stopped = workers.wait(look, lambda remark: None)
            workers.require_well()
    return GridResult(in_order(project.store.readable(), names), stopped)


def plan(
    project: Project, request: RunRequest, *, repeat: int | None = None, retry_failed: bool = False
) -> list[Experiment]:
    """Store each point of a grid as a queued experiment, for `gitexp.queue.start`; the experiments in order.

    Known points are not stored again.
    """
    names = _planned(project, request, repeat, retry_failed=retry_failed)
    return in_order(project.store.readable(), names)


def _planned(
    project: Project, request: RunRequest, repeat: int | None, *, retry_failed: bool
) -> Sequence[str]:
    """The names of the experiments of a grid, in order of its points; new ones are queued."""
    found = grid_of(project, request, repeat, retry_failed=retry_failed)
    return found.planned(project, retry_failed=retry_failed).names


def names(project: Project) -> list[str]:
    """The sweeps of gitexp.yaml, and the ids of all searches that experiments know."""
    return [one.id for one in named.every(project)]


def show(project: Project, name: str = "") -> SweepResult:
    """What has come of a sweep so far; without a name, of the only one. Raises UsageError."""
    definition = named.chosen(named.every(project), name)
    return SweepResult(
        definition, session.counted(project, definition), session.summary_of(project, definition)
    )


def best(project: Project, name: str = "") -> list[Experiment]:
    """The best experiment of a sweep; for several objectives, those on the Pareto front.

    Raises UsageError for a sweep without an objective, and ExperimentError (none-found).
    """
    definition = named.chosen(named.every(project), name)
    return [one.experiment for one in session.ranked(project, definition).front]


def stop(project: Project, name: str = "") -> list[str]:
    """Let a sweep of this machine end after its present trials, or without a name all; the sweeps asked."""
    every = named.every(project)
    busy = driver.ask_to_stop(project, [named.chosen(every, name)] if name else every)
    return [one.id for one in busy]


class _RunArguments(NamedTuple):
    """The arguments of `run` that say how."""

    jobs: int
    look: Callable[[], None]
    retry_failed: bool
    accept_changes: bool
    engine: EngineChoice | None


def _run(
    project: Project, request: RunRequest, definition: SweepDefinition, manner: _RunArguments
) -> SweepResult:
    if project.dry_run:
        raise errors.UsageError("A dry run runs no sweep.", "Open the project without dry_run.")
    begun = list[str]()
    with session.opened(project, request, definition) as going_on:
        if not manner.accept_changes:
            session.require_unchanged(going_on, retry_failed=manner.retry_failed)
        sweeper = going_on.sweeper()
        with presses() as pressed:
            if manner.retry_failed:
                sweeper.retry_failed()
            listener = SweepListener(
                lambda one: begun.append(one.name), lambda running: manner.look(), lambda remark: None
            )
            outcome = going_on.run(sweeper, manner.jobs, listener, pressed, manner.engine)
    definition = going_on.definition
    return SweepResult(
        definition,
        session.counted(project, definition),
        session.summary_of(project, definition, with_importance=not outcome.interrupted),
        in_order(driver.experiments(project), begun),
        outcome.interrupted,
        outcome.why,
    )
