"""A sweep at work: its next trial is planned when a worker is free, until their number is reached.

All that is known of the sweep is read from the experiments, each time. So it goes on where it was stopped.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from gitexp import errors
from gitexp.catalog import projects
from gitexp.extras.queue import queue
from gitexp.extras.sweep import trials as reading
from gitexp.extras.sweep.crew import TrialCrew
from gitexp.extras.sweep.definition import SweepDefinition
from gitexp.extras.sweep.drawing import next_point
from gitexp.extras.sweep.known import KnownPoints
from gitexp.extras.sweep.spaces.grid import MOST
from gitexp.extras.sweep.spaces.replicates import repeated
from gitexp.extras.sweep.spaces.space import Drawn
from gitexp.extras.sweep.trials import Trial
from gitexp.model import Experiment, Status, readable
from gitexp.named_tuple import NamedTuple
from gitexp.process.environment import machine
from gitexp.project.project import Project
from gitexp.repo import trash
from gitexp.repo.watched import Watched
from gitexp.runs.checks import seeds
from gitexp.runs.checks.earlier import started_alike
from gitexp.runs.ongoing.recover import finish_dead_runs
from gitexp.runs.planning.frozen import FrozenCode, NewTrial
from gitexp.runs.planning.plan import PlannedPoint
from gitexp.runs.planning.planned import put_back
from gitexp.words import counted

_IN_VAIN = 5  # trials without the objective, after which a method that learns gives up
_INTERVAL = 0.25  # seconds between two looks at Ctrl-C, and at the screen


class SweepOutcome(NamedTuple):
    """How the work on a sweep has ended.

    Attributes:
        interrupted: whether Ctrl-C was pressed.
        why: why no more trials were begun, as a sentence; "" if all have been.
        is_final: whether no more trials can be begun: the space is used up.
    """

    interrupted: bool
    why: str
    is_final: bool


class SweepListener(NamedTuple):
    """The listener to a sweep at work.

    Attributes:
        planned: told of each new trial's experiment, and of those that go on.
        look: called several times a second, with the runs that go on elsewhere.
        remark: told a sentence for the user.
    """

    planned: Callable[[Experiment], None]
    look: Callable[[Mapping[str, Experiment]], None]
    remark: Callable[[str], None]


class _Again(NamedTuple):
    """A trial of which some runs are planned anew.

    Attributes:
        trial: the trial.
        replicates: the numbers of these runs.
    """

    trial: Trial
    replicates: Sequence[int]


class Sweeper:
    """The trials of one sweep, planned one after the other."""

    def __init__(self, project: Project, definition: SweepDefinition, frozen: FrozenCode, code: str) -> None:
        self._project = project
        self._definition = definition
        self._frozen = frozen
        self._code = code
        self._watched = Watched(project.store)
        self._given: set[str] = set()  # record commits of the experiments that a worker has been given
        self._again: list[_Again] = []
        self._used_elsewhere: set[Drawn] = set()
        self._known = KnownPoints(definition, frozen)
        self._removed = removed(project)
        self.why = ""  # why there is no next trial, if there should be one
        self.is_used_up = False

    def retry_failed(self) -> int:
        """Have the failed, the interrupted and the removed trials run once more; the number of these runs.

        With the same code they go back to the queue under their names; else they are planned with the code of
        now. Either way the code and the command are the user's own. A trial outside of the space of now stays
        as it is: the values in its record may be anybody's.
        """
        back = list[tuple[NewTrial, Experiment]]()
        for trial in self.trials():
            runs = self._runs_of(trial, (*trial.failed, *trial.removed))
            removed = {one.record.replicate for one in trial.removed}
            anew = [number for number in runs if number in removed]
            for one in trial.failed:
                run = runs.get(one.record.replicate)
                if run is not None and run.ready.identity == one.record.identity:
                    back.append((run, one))
                elif run is not None:
                    anew.append(one.record.replicate)
            if anew:
                self._again.append(_Again(trial, anew))
        put_back(self._project, self._frozen.queued_anew(back))
        return len(back) + sum(len(again.replicates) for again in self._again)

    def _runs_of(self, trial: Trial, experiments: Sequence[Experiment]) -> dict[int, NewTrial]:
        """The runs that some experiments of a trial would be today, by the number of the replicate."""
        if not experiments or not self._definition.space.has(trial.point):
            return {}
        points = self._points_of(trial, [one.record.replicate for one in experiments])
        return {run.replicate: run for run in self._frozen.checked(points)}

    def _points_of(self, trial: Trial, replicates: Sequence[int]) -> list[PlannedPoint]:
        """Some runs of a trial, by their numbers; the sweep may have had other seeds at the time."""
        wanted = {number for number in replicates if number <= MOST}
        found = list[PlannedPoint]()
        if 0 in wanted:
            found.append(PlannedPoint(self._definition.space.overrides(trial.point)))
        for point in self._points(trial.point, max(wanted, default=0)):
            if point.replicate and point.replicate in wanted:
                found.append(point)
        return found

    def trials(self) -> list[Trial]:
        """The trials of the sweep, in their present state."""
        return reading.of_sweep(self._definition, self._experiments(), self._removed)

    def next(self) -> Experiment | None:
        """The next experiment for a worker, queued; None without any.

        The queued runs come first: a worker has died, or the whole sweep was stopped.
        """
        found = self._experiments()
        if queue.requeue_lost(self._project, found):
            found = self._experiments()
        now = reading.of_sweep(self._definition, found, self._removed)
        for trial in now:
            for run in trial.runs:
                if run.record.status is Status.QUEUED and run.id not in self._given:
                    self._given.add(run.id)
                    return run
        if self._again:
            return self._planned_again(*self._again.pop(0))
        for trial in now:
            if missing := self._missing(trial):
                return self._planned_again(trial, missing)
        if len(reading.counting(self._definition, now)) >= self._definition.total or self._is_in_vain(now):
            return None
        return self._drawn(found, now)

    def _missing(self, trial: Trial) -> list[int]:
        """The numbers of the runs that a trial lacks: the user has asked for more seeds since."""
        there = {one.record.replicate for one in (*trial.runs, *trial.removed)}
        if not self._definition.space.has(trial.point):
            return []
        wanted = range(1, (self._definition.repeat or 0) + 1)
        return [number for number in wanted if number not in there]

    def _planned_again(self, trial: Trial, replicates: Sequence[int]) -> Experiment:
        """The first of some runs of a trial, planned with the code of now."""
        points = self._points_of(trial, replicates)
        values = self._definition.space.values_at(trial.point)
        return self._planned(trial.number, values, self._frozen.checked(points))

    def _experiments(self) -> list[Experiment]:
        return readable(projects.of_project(self._project, self._watched.all()))

    def has_running(self) -> bool:
        """Whether a trial runs on this machine without a worker of ours: its own may be just dying."""
        if finish_dead_runs(self._project):
            return True  # what has been lost goes back to the queue
        here = machine().host
        for trial in self.trials():
            for run in trial.runs:
                if run.record.status is Status.RUNNING and run.record.host == here:
                    return True
        return False

    def _is_in_vain(self, now: Sequence[Trial]) -> bool:
        """Whether too many trials failed, or a method that learns has nothing to learn from."""
        done = [trial for trial in now if trial.state == Status.DONE]
        objectives = self._definition.objectives
        lacking = reading.without_number(done, objectives)
        if self._definition.method.learns and len(done) >= _IN_VAIN and lacking:
            self.why = f"{counted(len(done), 'trial')} done, and none has a number for {lacking[0]}"
            return True
        most = self._definition.max_failed
        failed = sum(trial.state == Status.FAILED for trial in now)
        if most is None or failed < most:
            return False
        self.why = f"{counted(failed, 'trial')} failed, and max_failed is {most}"
        return True

    def _drawn(self, found: Sequence[Experiment], now: Sequence[Trial]) -> Experiment | None:
        """The next trial, at a point that was not run before."""
        definition = self._definition
        number = now[-1].number + 1 if now else 0
        suggest = None
        if definition.method.learns:
            suggest = self._known.suggestions(found, now)
        used = {trial.point for trial in now} | self._used_elsewhere
        alive: dict[str, list[Experiment]] = {}
        for one in found:
            if one.record.status in reading.ALIVE:
                alive.setdefault(one.record.identity, []).append(one)
        while True:
            point = next_point(definition, number, used, suggest)
            if point is None:
                self.why = "the space is used up: each of its points was run"
                self.is_used_up = True
                return None
            trials = self._frozen.checked(self._points(point))
            ready = trials[0].ready
            if not any(started_alike(ready, one) for one in alive.get(ready.identity, ())):
                return self._planned(number, definition.space.values_at(point), trials)
            used.add(point)  # somebody has run exactly that
            self._used_elsewhere.add(point)

    def _points(self, point: Drawn, at_least: int = 0) -> list[PlannedPoint]:
        """The runs of a trial: one, or one for each seed, and for `at_least` so many seeds."""
        overrides = self._definition.space.overrides(point)
        count = max(self._definition.repeat or 0, at_least)
        if not count:
            return [PlannedPoint(overrides)]
        (first,) = self._frozen.checked([PlannedPoint(overrides)])
        seed = seeds.required(first.ready.params.files, self._frozen.code.project.config)
        return repeated([overrides], count, seed)

    def _planned(self, number: int, point: Mapping[str, str], trials: Sequence[NewTrial]) -> Experiment:
        """The first experiment of a trial; all of its runs are queued together."""
        definition = self._definition
        facts: dict[str, Any] = {
            "number": number,
            "point": point,
            "space": definition.space.typed,
            "method": str(definition.method),
            "objectives": dict(definition.objectives),
            "code": self._code,
        }
        if definition.pruner:
            facts["pruner"] = definition.pruner
        first = self._frozen.store(trials, definition.id, facts)[0]
        self._given.add(first.id)
        return first


def experiments(project: Project) -> list[Experiment]:
    """The experiments of the project."""
    return readable(projects.of_project(project, project.store.all()))


def removed(project: Project) -> list[Experiment]:
    """The experiments in the trash."""
    return readable(one.experiment for one in trash.contents(project.repo))


def run(
    crew: TrialCrew,
    sweeper: Sweeper,
    listener: SweepListener,
    stop_file: Path,
    pressed: Sequence[float],
) -> SweepOutcome:
    """Have a crew run trials until none is left.

    `pressed`: the times of Ctrl-C, which grow. Ctrl-C, or a stop file, lets the present runs finish; Ctrl-C
    once more ends these. Raises GitexpError if a worker has failed.
    """
    end = _End(crew, pressed, stop_file, listener)
    while True:
        end.look()
        while not end.is_near and crew.has_room:
            one = sweeper.next()
            if one is None:
                break
            listener.planned(one)
            crew.give(one.name)
        if not crew.is_busy and (end.is_near or not sweeper.has_running()):
            break
        crew.wait(_INTERVAL)
        listener.look(crew.running)
    crew.dismiss()
    listener.look(crew.running)
    crew.require_well()
    return SweepOutcome(end.was_interrupted, end.why or sweeper.why, sweeper.is_used_up)


class _End:
    """Whether the user wants a sweep to end: by Ctrl-C, or by a stop file."""

    def __init__(
        self, crew: TrialCrew, pressed: Sequence[float], stop_file: Path, listener: SweepListener
    ) -> None:
        self._crew = crew
        self._pressed = pressed  # grows with each Ctrl-C
        self._answered = 0
        self._stop_file = stop_file
        self._listener = listener
        self.is_near = False  # no more runs are begun
        self.why = ""

    @property
    def was_interrupted(self) -> bool:
        """Whether Ctrl-C was pressed."""
        return self._answered > 0

    def look(self) -> None:
        """Do what the user wants."""
        if self._stop_file.exists() and not self.is_near:
            self.is_near = True
            self.why = "gitexp sweep stop has said so"
        if len(self._pressed) == self._answered:
            return
        self._answered += 1
        if self.is_near:
            self._crew.end_now()
            self._listener.remark("The present runs are asked to end.")
        else:
            self._listener.remark("The present runs are finished first; Ctrl-C again ends them now.")
        self.is_near = True


@contextlib.contextmanager
def alone(project: Project, sweep: str) -> Iterator[Path]:
    """Give the stop file of a sweep, while no other process of this machine works on the sweep.

    Raises GitexpError if one does.
    """
    lock = project.local.try_lock(_lock_name(sweep))
    if lock is None:
        raise errors.GitexpError(
            f"The sweep {sweep} is at work in another process of this machine.",
            "gitexp queue list shows its runs; gitexp sweep stop ends it after them.",
            code="sweep-busy",
        )
    stop_file = stop_file_of(project, sweep)
    try:
        stop_file.unlink(missing_ok=True)
        yield stop_file
    finally:
        stop_file.unlink(missing_ok=True)
        lock.release()


def is_at_work(project: Project, sweep: str) -> bool:
    """Whether a process of this machine works on a sweep."""
    lock = project.local.try_lock(_lock_name(sweep))
    if lock is None:
        return True
    lock.release()
    return False


def ask_to_stop(project: Project, found: Sequence[SweepDefinition]) -> list[SweepDefinition]:
    """Let sweeps end after their present trials; those that a process of this machine works on."""
    busy = [one for one in found if is_at_work(project, one.id)]
    if not project.dry_run:
        for one in busy:
            stop_file_of(project, one.id).touch()
    return busy


def stop_file_of(project: Project, sweep: str) -> Path:
    """The file that asks a sweep, by its presence, to stop after the present runs."""
    return project.local.root / "locks" / f"{_lock_name(sweep)}.stop"


def _lock_name(sweep: str) -> str:
    """The name of the lock of a sweep: no other lock is called so, whatever the sweep is called."""
    return f"at-work-{sweep}"
