"""The state of loops, as the records of their experiments say: there is no other."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Any

from gitexp import files
from gitexp.extras.inference.loop.settings import LoopSettings
from gitexp.model import Experiment, Record, Status
from gitexp.named_tuple import NamedTuple
from gitexp.project.project import Project
from gitexp.project.sections.directions import MIN
from gitexp.repo.experiments import Store

HOLDOUT = "holdout."  # before the name of a metric of the holdout


class Edit(StrEnum):
    """The outcome of an edit. Only the code of an OK edit is run."""

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
        experiment: the experiment of the round.
        number: the number of the round, from 1.
        base: the name of the experiment whose code was edited.
        edit: the outcome of the edit.
        kept: whether the round was better; None before the verdict.
    """

    experiment: Experiment
    number: int
    base: str
    edit: str
    kept: bool | None

    @property
    def loop(self) -> Any:
        """The facts of the loop in the record."""
        return self.experiment.record.loop

    @property
    def status(self) -> Status:
        """The status of its experiment."""
        return self.experiment.record.status

    @property
    def told(self) -> str:
        """The editor's line about the change; "" for none."""
        return str(self.loop.get("told", ""))

    @property
    def value(self) -> float | None:
        """The judged value; None without a value."""
        found = self.loop.get("value")
        if not files.is_number(found):
            return None
        return float(found)

    def as_json(self) -> dict[str, Any]:
        """The round for a program, without its verdict."""
        return {
            "round": self.number,
            "experiment": self.experiment.name,
            "from": self.base,
            "status": self.status,
            "edit": self.edit,
            "kept": self.kept,
            "value": self.value,
            "tried": self.told,
        }

    @property
    def has_failed(self) -> bool:
        """Whether the round ended without a number."""
        return self.kept is not None and self.value is None


class LoopState(NamedTuple):
    """The state of a loop.

    Attributes:
        id: the id of the loop.
        start: the experiment at the start of the loop; None before the first run.
        rounds: the rounds of the loop, by their numbers.
        runs: the number of the loop's runs so far.
        metric: the metric to make better.
        direction: `min` or `max`.
    """

    id: str
    start: Experiment | None
    rounds: Sequence[LoopRound]
    runs: int
    metric: str
    direction: str

    @property
    def best(self) -> Experiment | None:
        """The last kept experiment, else the start."""
        kept = [one for one in self.rounds if one.kept]
        if not kept:
            return self.start
        kept.sort(key=lambda one: int(one.loop.get("turn", one.number)))
        return kept[-1].experiment

    @property
    def failures(self) -> int:
        """The number of judged rounds without a number since the last round with a number."""
        count = 0
        for one in reversed([one for one in self.rounds if one.kept is not None]):
            if not one.has_failed:
                break
            count += 1
        return count

    @property
    def next_turn(self) -> int:
        """The number of the next verdict: with several rounds at a time, later rounds may end first."""
        return 1 + sum(one.kept is not None for one in self.rounds)

    def is_better(self, value: float, than: float) -> bool:
        """Whether a number looks better than another."""
        if self.direction == MIN:
            return value < than
        return value > than


def seeing(project: Project, metric: str) -> Project:
    """The project for a verdict: with the metrics of the holdout, for a metric of the holdout.

    For reading alone: records written from here would have the holdout's metrics among the run's own.
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
    """The experiment at the start of a loop: its own first run, or the base of its first round."""
    for one in others:
        if one.record.loop["round"] == 0 and not one.record.loop.get("of"):
            return one
    names = []
    for one in others:
        if one.record.loop["round"] == 0:
            names.append(str(one.record.loop.get("of", "")))
    names += [one.base for one in rounds[:1]]
    return next((one for one in every if one.name in names), None)


def ended_in_vain(record: Record) -> bool:
    """Whether a run has ended, and not well."""
    return record.status.ended and record.status is not Status.DONE
