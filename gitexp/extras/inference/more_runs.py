"""More runs of two experiments, in pairs with the same seeds, until a difference is sure or none is left."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from gitexp import errors
from gitexp.extras.inference import sides
from gitexp.extras.inference.sequential import PairEvidence, evidence
from gitexp.extras.inference.sides import JudgedSide
from gitexp.extras.inference.workforce import run_queued
from gitexp.model import Experiment
from gitexp.named_tuple import NamedTuple
from gitexp.project.project import Project
from gitexp.project.sections.engine_choice import BY_ENGINE, EngineChoice
from gitexp.runs.checks import seeds
from gitexp.runs.checks.seeds import Seed
from gitexp.runs.planning.plan import PlannedPoint, plan
from gitexp.runs.request import RunRequest

_OF_ENGINE = 8  # runs of a round, if the engine decides their number


class Decided(NamedTuple):
    """The end of the runs.

    Attributes:
        evidence: the evidence of the pairs.
        begun: the number of new runs.
        interrupted: whether Ctrl-C was pressed.
    """

    evidence: PairEvidence
    begun: int
    interrupted: bool


class MoreRuns(NamedTuple):
    """A difference to decide by more runs, and the manner of these runs.

    Attributes:
        project: the project.
        names: the two experiments.
        metric: the metric.
        alpha: the accepted chance of an error.
        most: new runs at most; 0 for no limit.
        jobs: runs at a time; BY_ENGINE: the engine decides.
        engine: the engine for the runs; None for workers of this machine.
        tell: called with the pairs so far and the number of new runs.
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
        """The end of the runs: pairs run until the difference is sure, or no run is left.

        Earlier runs count, and missing partners of them run first. Raises UsageError for experiments
        without a seed, ExperimentError if runs fail, and the errors of `plan`.
        """
        begun = 0
        while True:
            first, second = sides.evidence_of(self.project, self.names).sides
            found = self._pairs(first, second)
            self.tell(found, begun)
            left = self._at_a_time + 1
            if self.most:
                left = self.most - begun
            if found.is_decided(self.alpha) or left <= 0:
                return Decided(found, begun, interrupted=False)
            wanted = self._wanted((first, second), left)
            names = self._planned((first, second), wanted)
            begun += len(names)
            if run_queued(self.project, names, self.jobs, self.engine, lambda remark: None):
                return Decided(found, begun, interrupted=True)
            self._require_numbers(names)

    def rehearsed(self) -> list[tuple[str, str]]:
        """The next runs to make, by the side's name and the override; [] after the decision."""
        first, second = sides.evidence_of(self.project, self.names).sides
        if self._pairs(first, second).is_decided(self.alpha):
            return []
        return self._wanted((first, second), self.most or self._at_a_time + 1)

    @property
    def _at_a_time(self) -> int:
        """The runs of a round. An engine might take any number, but few are enough as a rule."""
        return _OF_ENGINE if self.jobs == BY_ENGINE else self.jobs

    def _pairs(self, first: JudgedSide, second: JudgedSide) -> PairEvidence:
        """The evidence of the present pairs."""
        before, after = first.sample(self.metric).by_seed, second.sample(self.metric).by_seed
        differences = []
        for seed, value in before.items():
            if seed in after:
                differences.append(after[seed] - value)
        return evidence(differences, self.alpha)

    def _wanted(self, both: tuple[JudgedSide, JudgedSide], left: int) -> list[tuple[str, str]]:
        """The next runs, each by its side's name and its override: at most the runs of a round.

        First the seeds of one side alone, for the other side, then new seeds for both.
        """
        seed = _seed(self.project, both)
        first, second = both
        of_first, of_second = _values(self.project, first), _values(self.project, second)
        found = list[tuple[str, str]]()
        for side, own, others in ((first, of_first, of_second), (second, of_second, of_first)):
            for text, value in others.items():
                if text not in own:
                    found.append((side.name, f"{seed.name}={value}"))
        room = min(max(self._at_a_time, 2), left)
        number = 1 + max([*of_first.values(), *of_second.values()])
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
        """Raise ExperimentError if all new runs lack metrics: further runs would lack them, too."""
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


def _values(project: Project, side: JudgedSide) -> dict[str, int]:
    """The seeds of a side's runs, by their texts."""
    found = {}
    for one in side.members:
        seed = seeds.seed_of(one.record.params, project.config)
        if seed is not None and isinstance(seed.value, int):
            found[repr(seed.value)] = seed.value
    return found
