"""Which change made the difference between two experiments: their hybrids are run until that is known."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import chain

from gitexp import errors
from gitexp.extras.inference import sides, units, verdict
from gitexp.extras.inference.attribution import (
    Attribution,
    Hybrid,
    Measurements,
    NotMeasured,
    UnitFinding,
    attributed,
)
from gitexp.extras.inference.comparison import GroupComparison, Sample, compare
from gitexp.extras.inference.hybrids import HybridMaker, with_some_hunks
from gitexp.extras.inference.more_runs import again
from gitexp.extras.inference.noise import NoiseFloor
from gitexp.extras.inference.question import Question
from gitexp.extras.inference.sides import Evidence
from gitexp.extras.inference.units import HunkUnit
from gitexp.extras.inference.verdict import Judgement, Verdict
from gitexp.extras.inference.workforce import run_queued
from gitexp.model import Experiment, Status, is_touched
from gitexp.named_tuple import NamedTuple
from gitexp.project.sections.engine_choice import EngineChoice
from gitexp.runs.checks import seeds
from gitexp.runs.planning.plan import Once, PlannedPoint, plan

_FIRST_REPLICATES = 2  # of each side, without a known noise


class RestEffect(NamedTuple):
    """The effect of the differences that no hybrid can have, such as packages and the machine.

    Attributes:
        on_first: the first side run again here, against the first side.
        on_second: the second side, against the first side with all units, run here.
        inside: the effect of all units together, run here: the part of the units.
    """

    on_first: GroupComparison | None
    on_second: GroupComparison | None
    inside: GroupComparison | None

    @property
    def finding(self) -> UnitFinding:
        """The finding about these differences."""
        if self.inside is None:
            return UnitFinding.CANNOT_TELL
        if not self.inside.is_decided:
            return UnitFinding.MAKES_IT
        for one in (self.on_first, self.on_second):
            if one is not None and one.is_decided:
                return UnitFinding.PART
        return UnitFinding.NOTHING


class WhyAnswer(NamedTuple):
    """The answer.

    Attributes:
        question: the question.
        judgement: the judgement on the difference of both sides.
        attribution: the effect of each unit; None without a difference, without units, or before the end.
        hunks: the hunks of the only guilty file; () for none.
        of_hunks: the effect of each hunk; None likewise.
        experiments: the names of the hybrids, by their units.
        begun: the number of new runs.
        stopped: the reason of an early stop, as a sentence; "" for a whole answer.
        rest: the effect of differences that no hybrid can have; None for none, or before the end.
    """

    question: Question
    judgement: Judgement
    attribution: Attribution | None
    hunks: Sequence[HunkUnit] = ()
    of_hunks: Attribution | None = None
    experiments: Mapping[Hybrid, str] = {}
    begun: int = 0
    stopped: str = ""
    rest: RestEffect | None = None


class HybridRuns(NamedTuple):
    """The manner of the runs of hybrids.

    Attributes:
        budget: new runs at most; 0 for no limit.
        jobs: runs at a time.
        engine: the engine for the runs; None for workers of this machine.
        tell: called with a sentence before each step.
        minutes: the time for all runs: no run begins with a later expected end; 0 for no limit.
    """

    budget: int
    jobs: int
    engine: EngineChoice | None
    tell: Callable[[str], None]
    minutes: float = 0.0


Make = Callable[[Hybrid], list[Experiment]]


class Inquiry:
    """The work on a question."""

    def __init__(self, question: Question, manner: HybridRuns) -> None:
        self._question = question
        self._manner = manner
        self._project = question.project
        overrides = [f"{question.seed}={seed}" for seed in question.seeds]
        self._maker = HybridMaker(question.project, question.first, question.units, overrides)
        self._names: dict[Hybrid, str] = {}
        self._begun = 0
        self._stopped = ""
        self._start = time.monotonic()

    def answer(self) -> WhyAnswer:
        """The answer, or the part within the budget. Raises the errors of runs that cannot begin."""
        question = self._question
        evidence = self._with_noise()
        (judgement,) = verdict.judge(evidence, [question.metric], [question.direction])
        made = self._made(judgement)
        if judgement.verdict is Verdict.NO_TELLING or not question.units or self._stopped:
            return made
        floor = evidence.floor(question.metric)
        first, second = [self._of_seeds(side.sample(question.metric)) for side in evidence.sides]
        every = _all(question.units)
        samples: dict[Hybrid, Sample | None] = {frozenset(): first, every: second}
        rest = None
        if question.left:
            ends = self._ends(every)
            if ends is None:
                return self._made(judgement)
            samples = ends
            rest = _rest(first, second, samples[frozenset()], samples[every], floor)
            if rest.inside is None or not rest.inside.is_decided:
                return self._made(judgement)._replace(rest=rest)
        known = Measurements(len(question.units), samples, floor)
        found = self._attributed(known, samples, self._hybrid)
        if found is None:
            return self._made(judgement)._replace(rest=rest)
        return self._with_hunks(judgement, found, known)._replace(rest=rest)

    def _made(self, judgement: Judgement) -> WhyAnswer:
        """The answer so far, without any effect."""
        return WhyAnswer(
            self._question,
            judgement,
            None,
            experiments=self._names,
            begun=self._begun,
            stopped=self._stopped,
        )

    def _with_noise(self) -> Evidence:
        """The two sides; with further runs of both, if the noise is unknown."""
        question = self._question
        names = (question.first.name, question.second.name)
        evidence = sides.evidence_of(self._project, names)
        if evidence.floor(question.metric) is not None:
            return evidence
        self._manner.tell("How far apart equal runs are is not known: both are run again first.")
        points, once = self._first_replicates()
        planned = list[str]()
        for side in evidence.sides:
            found = plan(self._project, again(side), points, once=once)
            planned += [one.name for one in found.queued]
        self._run(planned)
        return sides.evidence_of(self._project, names)

    def _first_replicates(self) -> tuple[list[PlannedPoint], Once]:
        """The points of the first replicates of a side, with other seeds where a param is the seed."""
        numbers = range(1, _FIRST_REPLICATES + 1)
        seed = seeds.seed_of(self._question.first.record.params, self._project.config)
        if seed is None:
            return [PlannedPoint((), number) for number in numbers], Once.NEVER
        return [PlannedPoint((f"{seed.name}={1000 + number}",), 0) for number in numbers], Once.EVER

    def _ends(self, every: Hybrid) -> dict[Hybrid, Sample | None] | None:
        """The values of both ends of the hybrids, run here, in the environment of all hybrids.

        None after a stop.
        """
        self._manner.tell("Not all that differs can be tried: both ends are run here.")
        planned = {}
        for hybrid in (frozenset[int](), every):
            try:
                planned[hybrid] = self._maker.planned_here(hybrid)
            except errors.GitexpError as error:
                self._manner.tell(f"An end cannot be run: {error.message}")
                planned[hybrid] = []
        if not self._run(_waiting(planned.values())):
            return None
        return self._measured(planned)

    def _attributed(
        self, known: Measurements, samples: dict[Hybrid, Sample | None], make: Make
    ) -> Attribution | None:
        """The effects of all units, after all necessary hybrids; None after a stop."""
        while True:
            try:
                return attributed(known)
            except NotMeasured as missing:
                planned = {hybrid: make(hybrid) for hybrid in missing.hybrids}
                if not self._run(_waiting(planned.values())):
                    return None
                samples.update(self._measured(planned))

    def _hybrid(self, hybrid: Hybrid) -> list[Experiment]:
        """The runs of a hybrid; [] for an impossible hybrid."""
        try:
            found = self._maker.planned(hybrid)
        except errors.GitexpError as error:
            self._manner.tell(f"A hybrid cannot be run: {error.message}")
            return []
        self._names[hybrid] = found[0].name
        return found

    def _measured(self, planned: Mapping[Hybrid, Sequence[Experiment]]) -> dict[Hybrid, Sample | None]:
        """The values of ended hybrids; None for a hybrid without a good end or without the metric."""
        samples = self._samples(chain.from_iterable(planned.values()))
        found = dict[Hybrid, Sample | None]()
        for hybrid, runs in planned.items():
            known = [samples[one.name] for one in runs if one.name in samples]
            found[hybrid] = None
            if known and known[0].values:
                found[hybrid] = known[0]
        return found

    def _samples(self, runs: Iterable[Experiment]) -> dict[str, Sample]:
        """The values of the runs with a good end, by name; a run has the values of all its replicates."""
        names = {one.name for one in runs}
        done = []
        for one in self._project.store.readable():
            if one.name in names and one.record.status is Status.DONE and not is_touched(one):
                done.append(one.name)
        found = dict[str, Sample]()
        for side in sides.sides_of(self._project, done):
            found[side.name] = self._of_seeds(side.sample(self._question.metric))
        return found

    def _of_seeds(self, sample: Sample) -> Sample:
        """The values of the question's seeds alone; all values for a question without seeds."""
        if not self._question.seeds:
            return sample
        kept = {seed: sample.by_seed[seed] for seed in self._question.seeds if seed in sample.by_seed}
        return Sample(list(kept.values()), kept, sample.missing)

    def _run(self, names: Sequence[str]) -> bool:
        """Whether all of some queued experiments have run, within budget and time, and without Ctrl-C."""
        if not names:
            return True
        manner = self._manner
        if manner.budget and self._begun + len(names) > manner.budget:
            self._stopped = f"{self._begun:,} runs were made, and {len(names):,} more are beyond the budget."
            return False
        manner.tell(f"{len(names):,} of them run now, {self._begun:,} have.")
        step = (manner.jobs if manner.minutes else 0) or len(names)
        for at in range(0, len(names), step):
            if self._is_late():
                self._stopped = f"{self._begun:,} runs were made, and the time is used up."
                return False
            some = names[at : at + step]
            self._begun += len(some)
            if run_queued(self._project, some, manner.jobs, manner.engine, manner.tell):
                self._stopped = "Ctrl-C was pressed; the same command goes on."
                return False
        return True

    def _is_late(self) -> bool:
        """Whether another run would end after the time for all runs."""
        if not self._manner.minutes:
            return False
        gone = time.monotonic() - self._start
        return gone + (self._question.seconds or 0.0) > 60 * self._manner.minutes

    def _with_hunks(self, judgement: Judgement, found: Attribution, known: Measurements) -> WhyAnswer:
        """The answer, with the guilty hunk of a guilty file with several hunks."""
        made = self._made(judgement)._replace(attribution=found)
        if len(found.guilty) != 1:
            return made
        (number,) = found.guilty
        path = self._question.units[number].path
        if not path:
            return made
        hunks = units.hunk_units(self._project, self._question.first, self._question.second, path)
        whole = known.samples.get(found.guilty)
        if len(hunks) < 2 or whole is None:
            return made._replace(hunks=hunks)
        entry = self._question.units[number].changes[path]
        assert entry is not None  # both sides have the file

        def make(hybrid: Hybrid) -> list[Experiment]:
            return self._of_hunks(path, entry[0], hunks, hybrid)

        samples: dict[Hybrid, Sample | None] = {
            frozenset(): known.samples[frozenset()],
            _all(hunks): whole,
        }
        of_hunks = self._attributed(Measurements(len(hunks), samples, known.floor), samples, make)
        made = self._made(judgement)._replace(attribution=found)
        return made._replace(hunks=hunks, of_hunks=of_hunks)

    def _of_hunks(self, path: str, mode: str, hunks: Sequence[HunkUnit], hybrid: Hybrid) -> list[Experiment]:
        """The runs with some hunks of a file; [] for impossible runs."""
        content = with_some_hunks(hunks, hybrid)
        if path.endswith(".py") and not _compiles(content):
            return []
        try:
            return self._maker.planned_file(path, content, mode)
        except errors.GitexpError as error:
            self._manner.tell(f"A hybrid cannot be run: {error.message}")
            return []


def _rest(
    first: Sample, second: Sample, here: Sample | None, all_here: Sample | None, floor: NoiseFloor | None
) -> RestEffect:
    """The effect of the differences that no hybrid can have."""
    on_first = on_second = inside = None
    if here is not None:
        on_first = compare(first, here, floor)
    if all_here is not None:
        on_second = compare(all_here, second, floor)
    if here is not None and all_here is not None:
        inside = compare(here, all_here, floor)
    return RestEffect(on_first, on_second, inside)


def _all(of: Iterable[object]) -> Hybrid:
    return frozenset(range(len(list(of))))


def _waiting(planned: Iterable[Sequence[Experiment]]) -> list[str]:
    """The names of the queued runs."""
    found = list[str]()
    for runs in planned:
        found += [one.name for one in runs if one.record.status is Status.QUEUED]
    return list(dict.fromkeys(found))


def _compiles(content: bytes) -> bool:
    """Whether Python code has no syntax error: this look saves the time of a failing run."""
    try:
        compile(content, "hybrid", "exec")
    except (SyntaxError, ValueError):
        return False
    return True
