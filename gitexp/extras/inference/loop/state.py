"""The state of loops, as the records of their experiments say: there is no other."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Any, NamedTuple

from gitexp import files
from gitexp.extras.inference.loop.settings import LoopSettings
from gitexp.model import Experiment, Record, Status
from gitexp.project.directions import MIN
from gitexp.project.project import Project
from gitexp.repo.experiments import Store

HOLDOUT = "holdout."  # before the name of a metric of the holdout


class Edit(StrEnum):
    """What became of an edit. Only the code of an OK one is run."""

    OK = "ok"
    NO_CHANGE = "no change"
    FAILED = "failed"
    TIMEOUT = "timeout"
    PROTECTED = "protected"
    REFUSED = "refused"
    TRIED = "tried before"


class LoopRound(NamedTuple):
    """One round.

    Attributes:
        experiment: its experiment.
        number: its number, from 1.
        base: the name of the experiment whose code was edited.
        edit: what became of the edit.
        kept: whether it was better; None before the verdict.
    """

    experiment: Experiment
    number: int
    base: str
    edit: str
    kept: bool | None

    @property
    def loop(self) -> Any:
        """What the record says of the round."""
        return self.experiment.record.loop

    @property
    def status(self) -> Status:
        """The status of its experiment."""
        return self.experiment.record.status

    @property
    def told(self) -> str:
        """One line about what was tried."""
        return str(self.loop.get("told", ""))

    @property
    def value(self) -> float | None:
        """The value that it was judged by; None without one."""
        found = self.loop.get("value")
        return float(found) if files.is_number(found) else None

    @property
    def has_failed(self) -> bool:
        """Whether it ended without a number."""
        return self.kept is not None and self.value is None


class LoopState(NamedTuple):
    """A loop as it stands.

    Attributes:
        id: the loop.
        start: the experiment that it starts from; None before the first.
        rounds: its rounds, by their numbers.
        runs: the number of runs that it has made.
        metric, direction: what is made better.
    """

    id: str
    start: Experiment | None
    rounds: Sequence[LoopRound]
    runs: int
    metric: str
    direction: str

    @property
    def best(self) -> Experiment | None:
        """The last one that was kept, else the start."""
        kept = [one for one in self.rounds if one.kept]
        kept.sort(key=lambda one: int(one.loop.get("turn", one.number)))
        return kept[-1].experiment if kept else self.start

    @property
    def failures(self) -> int:
        """The number of rounds without a number at the end."""
        count = 0
        for one in reversed([one for one in self.rounds if one.kept is not None]):
            if not one.has_failed:
                break
            count += 1
        return count

    @property
    def next_turn(self) -> int:
        """The number of the next verdict: with several rounds at a time, later ones may end first."""
        return 1 + sum(one.kept is not None for one in self.rounds)

    def is_better(self, value: float, than: float) -> bool:
        """Whether a number looks better than another."""
        return value < than if self.direction == MIN else value > than


def seeing(project: Project, metric: str) -> Project:
    """The project as a verdict reads it: with the metrics of the holdout, if the metric is one of them.

    To read alone: what is written from such records would have those metrics as a run's own.
    """
    if not metric.startswith(HOLDOUT):
        return project
    found = project._replace(store=Store(project.repo))
    found.store.reveal()
    return found


def of_settings(project: Project, settings: LoopSettings) -> LoopState:
    """The state of the loop with some settings, also before its first experiment."""
    every = project.store.readable()
    own = [one for one in every if one.record.loop.get("id") == settings.id]
    found = _state(settings.id, own, every)
    return found._replace(metric=settings.metric, direction=settings.direction)


def every_loop(project: Project) -> list[LoopState]:
    """All loops, the one with the newest experiment first."""
    every = project.store.readable()
    found = dict[str, list[Experiment]]()
    for one in sorted(every, key=lambda one: one.record.created, reverse=True):
        if one.record.loop:
            found.setdefault(str(one.record.loop["id"]), []).append(one)
    return [_state(loop, own, every) for loop, own in found.items()]


def _state(loop: str, own: Sequence[Experiment], every: Sequence[Experiment]) -> LoopState:
    rounds, others = list[LoopRound](), list[Experiment]()
    for one in own:
        facts = one.record.loop
        if facts["round"] and not facts.get("of"):
            rounds.append(
                LoopRound(
                    *(one, int(facts["round"]), str(facts.get("from", ""))),
                    *(str(facts.get("edit", Edit.OK)), facts.get("kept")),
                )
            )
        else:
            others.append(one)
    rounds.sort(key=lambda one: one.number)
    runs = sum(one.edit == Edit.OK for one in rounds) + len(others)
    told = next((one.record.loop for one in own if one.record.loop.get("metric")), {})
    metric, direction = str(told.get("metric", "")), str(told.get("direction", ""))
    return LoopState(loop, _start(rounds, others, every), rounds, runs, metric, direction)


def _start(
    rounds: Sequence[LoopRound], others: Sequence[Experiment], every: Sequence[Experiment]
) -> Experiment | None:
    """The experiment that a loop starts from: its own first run, or what its first rounds name."""
    for one in others:
        if one.record.loop["round"] == 0 and not one.record.loop.get("of"):
            return one
    names = [str(one.record.loop.get("of", "")) for one in others if one.record.loop["round"] == 0]
    names += [one.base for one in rounds[:1]]
    return next((one for one in every if one.name in names), None)


def ended_in_vain(record: Record) -> bool:
    """Whether a run has ended, and not well."""
    return record.status.ended and record.status is not Status.DONE
