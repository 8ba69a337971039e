"""More runs of two experiments, in pairs with the same seeds, until a difference is sure or none is left."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from gitexp import errors
from gitexp.extras.inference import sides
from gitexp.extras.inference.sequential import PairEvidence, evidence
from gitexp.extras.inference.sides import JudgedSide
from gitexp.extras.inference.workforce import run_queued
from gitexp.model import Experiment
from gitexp.project.engine_choice import BY_ENGINE, EngineChoice
from gitexp.project.project import Project
from gitexp.runs import seeds
from gitexp.runs.plan import PlannedPoint, plan
from gitexp.runs.request import RunRequest
from gitexp.runs.seeds import Seed

_OF_ENGINE = 8  # runs of a round by an engine that is to decide


class Decided(NamedTuple):
    """How the runs have ended.

    Attributes:
        evidence: what the pairs say.
        begun: the number of new runs.
        interrupted: whether Ctrl-C was pressed.
    """

    evidence: PairEvidence
    begun: int
    interrupted: bool


class MoreRuns(NamedTuple):
    """What is to be decided, and how.

    Attributes:
        project: the project.
        names: the two experiments.
        metric: the metric.
        alpha: the chance of an error that is taken.
        most: new runs at most; 0 for no limit.
        jobs: runs at a time; BY_ENGINE: the engine decides.
        engine: the engine that runs them; None for workers of this machine.
        tell: told of the pairs so far.
    """

    project: Project
    names: tuple[str, str]
    metric: str
    alpha: float
    most: int
    jobs: int
    engine: EngineChoice | None
    tell: Callable[[PairEvidence, int], None]

    def decide(self) -> Decided:
        """Run pairs until there is a difference, or the number of runs is used up.

        Runs that are there already count, and what a side lacks is run first. Raises UsageError for
        experiments without a seed, ExperimentError if runs fail, and the errors of `plan`.
        """
        begun = 0
        while True:
            first, second = sides.evidence_of(self.project, self.names).sides
            found = self._pairs(first, second)
            self.tell(found, begun)
            left = self.most - begun if self.most else self._at_a_time + 1
            if found.is_decided(self.alpha) or left <= 0:
                return Decided(found, begun, interrupted=False)
            wanted = self._wanted((first, second), left)
            names = self._planned((first, second), wanted)
            begun += len(names)
            if run_queued(self.project, names, self.jobs, self.engine, lambda remark: None):
                return Decided(found, begun, interrupted=True)
            self._require_numbers(names)

    def rehearsed(self) -> list[tuple[str, str]]:
        """The first runs that would be made, by the side's name and the override; [] if it is decided."""
        first, second = sides.evidence_of(self.project, self.names).sides
        if self._pairs(first, second).is_decided(self.alpha):
            return []
        return self._wanted((first, second), self.most or self._at_a_time + 1)

    @property
    def _at_a_time(self) -> int:
        """The runs of a round. An engine might take any number, and only few are needed as a rule."""
        return _OF_ENGINE if self.jobs == BY_ENGINE else self.jobs

    def _pairs(self, first: JudgedSide, second: JudgedSide) -> PairEvidence:
        """What the pairs that are there say."""
        samples = first.sample(self.metric), second.sample(self.metric)
        both = [seed for seed in samples[0].by_seed if seed in samples[1].by_seed]
        return evidence([samples[1].by_seed[seed] - samples[0].by_seed[seed] for seed in both], self.alpha)

    def _wanted(self, both: tuple[JudgedSide, JudgedSide], left: int) -> list[tuple[str, str]]:
        """The next runs, each by its side's name and its override: at most as many as run at a time.

        First what one side has and the other lacks, then new seeds for both.
        """
        seed = _seed(self.project, both)
        has = [{repr(value): value for value in _values(self.project, side)} for side in both]
        found = list[tuple[str, str]]()
        for side, own, others in ((both[0], has[0], has[1]), (both[1], has[1], has[0])):
            for key, value in others.items():
                if key not in own:
                    found.append((side.name, f"{seed.name}={value}"))
        room = min(max(self._at_a_time, 2), left)
        number = 1 + max(value for values in has for value in values.values())
        while len(found) < room:
            found += [(side.name, f"{seed.name}={number}") for side in both]
            number += 1
        return found[:left]

    def _planned(self, both: Sequence[JudgedSide], wanted: Sequence[tuple[str, str]]) -> list[str]:
        """The names of the queued experiments of some runs."""
        names = list[str]()
        for side in both:
            points = [PlannedPoint((override,)) for of, override in wanted if of == side.name]
            if points:
                planned = plan(self.project, again(side), points)
                names += [one.name for one in planned.queued]
        if not names:
            raise errors.ExperimentError(
                f"The runs that {self.names[0]} and {self.names[1]} lack were made, and did not end well.",
                "gitexp show --failed lists them; gitexp queue retry EXP runs one again.",
                code="none-found",
            )
        return names

    def _require_numbers(self, names: Sequence[str]) -> None:
        """Raise ExperimentError for new runs without a finite number: more of them would not have one."""
        found: Mapping[str, Experiment] = {one.name: one for one in self.project.store.readable()}
        bad = [name for name in names if name not in found or not found[name].record.metrics]
        if len(bad) == len(names):
            raise errors.ExperimentError(
                f"{bad[0]} has ended without a metric, so more runs tell nothing.",
                f"gitexp log {bad[0]} says why.",
                code="none-found",
            )


def again(side: JudgedSide) -> RunRequest:
    """The request for a further run of a side, on the same baseline."""
    one = next((one for one in side.members if one.name == side.name), side.members[0])
    return RunRequest(from_=one.name, code=one.record.commit)


def _seed(project: Project, both: Sequence[JudgedSide]) -> Seed:
    """The seed of the two sides."""
    found: Seed | None = None
    for side in both:
        if not side.members:
            raise errors.UsageError(
                f"{side.name} is no experiment, so it cannot be run once more.",
                f"Make one of it: gitexp run --from {side.name}",
            )
        found = seeds.required(side.members[0].record.params, project.config)
        if found is None or isinstance(found.value, bool) or not isinstance(found.value, int):
            raise errors.UsageError(
                f"{side.name} has no param that is a seed, so each further run would be the same.",
                "Say in gitexp.yaml which param is the seed: seed: train.seed",
            )
    assert found is not None  # there are two sides
    return found


def _values(project: Project, side: JudgedSide) -> list[int]:
    """The seeds of a side's runs."""
    found = []
    for one in side.members:
        seed = seeds.seed_of(one.record.params, project.config)
        if seed is not None and isinstance(seed.value, int):
            found.append(seed.value)
    return found
