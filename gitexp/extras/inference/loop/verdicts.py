"""Whether a round is kept: only a gain that is more than noise is one."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

from gitexp import errors
from gitexp.extras.inference import sides, verdict
from gitexp.extras.inference.loop.rounds import RoundStore
from gitexp.extras.inference.loop.state import LoopState
from gitexp.extras.inference.more_runs import again
from gitexp.extras.inference.sides import Evidence, JudgedSide
from gitexp.extras.inference.verdict import Judgement, Verdict
from gitexp.extras.inference.workforce import run_queued
from gitexp.failpoints import failpoint
from gitexp.model import Experiment, Status
from gitexp.named_tuple import NamedTuple
from gitexp.process.limits import Limits
from gitexp.project.project import Project
from gitexp.project.sections.directions import MIN
from gitexp.runs.checks import seeds
from gitexp.runs.planning.plan import Once, PlannedPoint, plan

_FIRST = 5  # runs of the start, without a known noise


class LoopVerdict(NamedTuple):
    """The verdict on a round.

    Attributes:
        kept: whether the round is better than the best before.
        told: the reason, in a sentence.
        value: the mean of the metric over the round's runs; None without a number.
        step: the value minus the best value before; None without a number.
    """

    kept: bool
    told: str
    value: float | None = None
    step: float | None = None

    def as_json(self) -> dict[str, Any]:
        """The verdict for the record."""
        found: dict[str, Any] = {"kept": self.kept, "verdict": self.told}
        for name, number in (("value", self.value), ("step", self.step)):
            if number is not None:
                found[name] = number
        return found


class LoopStopped(Exception):
    """Ctrl-C was pressed while runs for a verdict were made."""


class RoundJudge(NamedTuple):
    """The judge of rounds, with more runs if necessary.

    Attributes:
        project: the project.
        seen: the same project with the metrics of the holdout, for verdicts.
        store: the store of rounds.
        room: gives the number of runs left in the budget.
    """

    project: Project
    seen: Project
    store: RoundStore
    room: Callable[[], int]

    def verdict(self, state: LoopState, one: Experiment) -> LoopVerdict:
        """The verdict on an ended round. Raises LoopStopped."""
        best = state.best
        assert best is not None  # a loop has a start before it has rounds
        if one.record.status is not Status.DONE:
            reason = one.record.reason or f"exit code {one.record.exit_code}"
            return LoopVerdict(False, f"{one.name} is {one.record.status}: {reason}")
        try:
            found = self._judged(best.name, one.name)
        except errors.GitexpError as error:  # no number, protected files, a replicate of the best
            return LoopVerdict(False, error.message)
        if found.verdict is Verdict.NO_TELLING and self._looks_better(found):
            self._replicate(best, one, int(one.record.loop["round"]))
            found = self._judged(best.name, one.name)
        value = found.second.sample(found.metric).mean
        is_better = found.verdict is Verdict.BETTER
        return LoopVerdict(is_better, verdict.sentence(found), value, found.comparison.effect)

    def measure_noise(self, start: Experiment) -> None:
        """Run the start again if the noise is unknown. Raises LoopStopped."""
        settings = self.store.settings
        evidence = self._evidence(start.name)
        if evidence.floor(settings.metric) is None and settings.replicates > 1:
            self._run(evidence.sides[0], min(_FIRST, max(settings.replicates, 2)), start.name, 0)

    def _evidence(self, *names: str) -> Evidence:
        return sides.evidence_of(self.seen, names)

    def _judged(self, first: str, second: str) -> Judgement:
        settings = self.store.settings
        evidence = self._evidence(first, second)
        sides.chosen_metrics(self.seen, evidence, [settings.metric])
        return verdict.judge(evidence, [settings.metric], [settings.direction])[0]

    def _looks_better(self, found: Judgement) -> bool:
        effect = found.comparison.effect
        if self.store.settings.direction == MIN:
            return effect < 0
        return effect > 0

    def _replicate(self, best: Experiment, one: Experiment, number: int) -> None:
        """Run both again, up to the replicates of the settings, to tell a gain from noise."""
        for side in self._evidence(best.name, one.name).sides:
            self._run(side, self.store.settings.replicates, side.name, number)

    def _run(self, side: JudgedSide, wanted: int, name: str, number: int) -> None:
        """Run a side again up to a number of runs: the same seeds for all sides. Raises LoopStopped."""
        begun = self._begun(name)
        missing = min(wanted - len(side.members) - len(begun), self.room())
        if missing > 0:
            begun += self._planned(side, missing, name, number)
            failpoint("loop:replicates")
        jobs = self.store.settings.jobs
        if begun and run_queued(self.project, begun, jobs, None, lambda text: None):
            raise LoopStopped

    def _begun(self, name: str) -> list[str]:
        """The unfinished further runs of an experiment, left by a killed loop."""
        found = []
        for one in self.project.store.readable():
            facts = one.record.loop
            is_of_it = facts.get("id") == self.store.settings.id and facts.get("of") == name
            if is_of_it and not one.record.status.ended:
                found.append(one.name)
        return found

    def _planned(self, side: JudgedSide, missing: int, name: str, number: int) -> list[str]:
        """The names of the missing runs of a side, now queued."""
        seed = seeds.seed_of(side.members[0].record.params, self.project.config)
        if seed is None:
            once = Once.NEVER
            points = [PlannedPoint((), replicate) for replicate in range(1, missing + 1)]
        else:
            once = Once.EVER
            points = _with_new_seeds(seed.name, set(side.seeds), missing)
        request = again(side)._replace(
            loop=self.store.facts(number, of=name), limits=Limits(timeout=self.store.settings.seconds)
        )
        return [one.name for one in plan(self.project, request, points, once=once).queued]


def _with_new_seeds(name: str, taken: Collection[str | None], count: int) -> list[PlannedPoint]:
    """Points with the lowest free seeds, from 1; `taken`: the texts of earlier seeds."""
    points, value = list[PlannedPoint](), 0
    while len(points) < count:
        value += 1
        if repr(value) not in taken:
            points.append(PlannedPoint((f"{name}={value}",)))
    return points
