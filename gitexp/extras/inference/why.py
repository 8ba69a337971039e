"""Which change made the difference between two experiments: their hybrids are run until that is known."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import PurePosixPath
from typing import NamedTuple

from gitexp import errors
from gitexp.catalog.result_files import ResultRules
from gitexp.extras.inference import sides, units, verdict
from gitexp.extras.inference.attribution import (
    Attribution,
    Hybrid,
    Measurements,
    NotMeasured,
    attributed,
    estimate,
)
from gitexp.extras.inference.comparison import Sample
from gitexp.extras.inference.hybrids import HybridMaker, with_some_hunks
from gitexp.extras.inference.more_runs import again
from gitexp.extras.inference.sides import Evidence, JudgedSide
from gitexp.extras.inference.units import HunkUnit, Unit
from gitexp.extras.inference.verdict import Judgement, Verdict
from gitexp.extras.inference.workforce import run_queued
from gitexp.model import Experiment, Status, is_touched
from gitexp.project.engine_choice import EngineChoice
from gitexp.project.project import Project
from gitexp.repo.git.checkout import tree_changes
from gitexp.runs import seeds
from gitexp.runs.plan import Once, PlannedPoint, plan

_FIRST_REPLICATES = 2  # of each side, where nothing is known of the noise
_LOCK = "gitexp.lock"


class Question(NamedTuple):
    """What is asked.

    Attributes:
        project: the project.
        first, second: the experiments, with their records.
        metric: the metric.
        direction: its direction, if known.
        units: what differs and can be tried.
        left: labels of what differs too, and cannot be tried.
    """

    project: Project
    first: Experiment
    second: Experiment
    metric: str
    direction: str | None
    units: Sequence[Unit]
    left: Sequence[str]

    @property
    def runs(self) -> tuple[int, int]:
        """The number of hybrids to run, at least and at most."""
        return (0, 0) if len(self.units) < 2 else estimate(len(self.units))

    @property
    def seconds(self) -> float | None:
        """The time of one run, in the mean of the two; None if it is not known."""
        known = [one.record.duration for one in (self.first, self.second) if one.record.duration is not None]
        return sum(known) / len(known) if known else None


class WhyAnswer(NamedTuple):
    """The answer.

    Attributes:
        question: the question.
        judgement: whether there is a difference at all.
        attribution: what each unit does; None where there is no difference, or nothing that can be tried.
        hunks: the hunks of the one guilty file; () for none.
        of_hunks: what each hunk does; None likewise.
        experiments: the hybrids, by the units that they have.
        begun: the number of new runs.
        stopped: why not all is known, as a sentence; "" if it is.
    """

    question: Question
    judgement: Judgement
    attribution: Attribution | None
    hunks: Sequence[HunkUnit] = ()
    of_hunks: Attribution | None = None
    experiments: Mapping[Hybrid, str] = {}
    begun: int = 0
    stopped: str = ""


class HybridRuns(NamedTuple):
    """How hybrids are run.

    Attributes:
        budget: new runs at most; 0 for as many as it takes.
        jobs: runs at a time; BY_ENGINE: the engine decides.
        engine: the engine that runs them; None for workers of this machine.
        tell: told a sentence before each step.
    """

    budget: int
    jobs: int
    engine: EngineChoice | None
    tell: Callable[[str], None]


def asked(project: Project, names: tuple[str, str], metric: str, direction: str | None) -> Question:
    """The question about two experiments. Raises UsageError for a commit, and the errors of `evidence_of`."""
    found = sides.evidence_of(project, names).sides
    for side in found:
        if not side.members:
            raise errors.UsageError(
                f"{side.name} is no experiment.", f"Make one of it: gitexp run --from {side.name}"
            )
    first, second = (_named(side) for side in found)
    of_params, left = units.params_units(first.record.params, second.record.params)
    told = _told(project, first, second)
    of_files = units.file_units(project, first, second, told)
    seed = seeds.seed_of(first.record.params, project.config)
    wanted = [unit for unit in of_params if seed is None or not _is_seed(unit, seed.key)]
    if first.record.python != second.record.python:
        left.append(f"Python: {first.record.python} → {second.record.python}")
    if first.record.gpus != second.record.gpus:
        left.append("the GPUs")
    return Question(project, first, second, metric, direction, [*wanted, *of_files], left)


def _named(side: JudgedSide) -> Experiment:
    return next(one for one in side.members if one.name == side.name)


def _is_seed(unit: Unit, key: str) -> bool:
    return any(text.lstrip("+~").partition("=")[0].endswith(f":{key}") for text in unit.overrides)


def _told(project: Project, first: Experiment, second: Experiment) -> set[str]:
    """The paths of results, and of params files that are no code."""
    found = set[str]()
    for one in (first, second):
        found.update(name for name in one.record.params if not name.endswith(".py"))
        found.update((*one.record.metrics, *one.record.tables, *one.record.written_params))
    differing = tree_changes(project.repo, first.record.commit, second.record.commit)
    changed = {change.path for change in differing}
    found.update(ResultRules.of(project).among(changed, found))
    found.update(path for path in changed if PurePosixPath(path).name == _LOCK)
    return found


class Inquiry:
    """The work on a question."""

    def __init__(self, question: Question, manner: HybridRuns) -> None:
        self._question = question
        self._manner = manner
        self._project = question.project
        self._maker = HybridMaker(question.project, question.first, question.units)
        self._names: dict[Hybrid, str] = {}
        self._begun = 0
        self._stopped = ""

    def answer(self) -> WhyAnswer:
        """The answer, or as much of it as the budget allows. Raises the errors of runs that cannot begin."""
        question = self._question
        evidence = self._with_noise()
        (judgement,) = verdict.judge(evidence, [question.metric], [question.direction])
        if judgement.verdict is Verdict.NO_TELLING or not question.units or self._stopped:
            return self._made(judgement, None)
        floor = evidence.floor(question.metric)
        samples: dict[Hybrid, Sample | None] = {}
        for side, hybrid in zip(evidence.sides, (frozenset[int](), _all(question.units)), strict=True):
            samples[hybrid] = side.sample(question.metric)
        known = Measurements(len(question.units), samples, floor)
        found = self._attributed(known, samples, self._hybrid)
        if found is None:
            return self._made(judgement, None)
        return self._with_hunks(judgement, found, known)

    def _made(self, judgement: Judgement, attribution: Attribution | None) -> WhyAnswer:
        return WhyAnswer(
            self._question,
            judgement,
            attribution,
            experiments=self._names,
            begun=self._begun,
            stopped=self._stopped,
        )

    def _with_noise(self) -> Evidence:
        """The two sides; with further runs of both, if nothing is known of the noise."""
        question = self._question
        names = (question.first.name, question.second.name)
        evidence = sides.evidence_of(self._project, names)
        if evidence.floor(question.metric) is not None:
            return evidence
        self._manner.tell("How far apart equal runs are is not known: both are run again first.")
        seed = seeds.seed_of(question.first.record.params, self._project.config)
        planned = list[str]()
        for side in evidence.sides:
            points = []
            for number in range(1, _FIRST_REPLICATES + 1):
                override = () if seed is None else (f"{seed.name}={1000 + number}",)
                points.append(PlannedPoint(override, 0 if seed is not None else number))
            once = Once.NEVER if seed is None else Once.EVER
            found = plan(self._project, again(side), points, once=once)
            planned += [one.name for one in found.queued]
        self._run(planned)
        return sides.evidence_of(self._project, names)

    def _attributed(
        self,
        known: Measurements,
        samples: dict[Hybrid, Sample | None],
        make: Callable[[Hybrid], Experiment | None],
    ) -> Attribution | None:
        """The answer, with all hybrids that it takes; None if the budget is used up before."""
        while True:
            try:
                return attributed(known)
            except NotMeasured as missing:
                planned = {hybrid: make(hybrid) for hybrid in missing.hybrids}
                if not self._run(_waiting(planned.values())):
                    return None
                samples.update(self._measured(planned))

    def _hybrid(self, hybrid: Hybrid) -> Experiment | None:
        """The experiment of a hybrid; None for one that cannot be run."""
        try:
            one = self._maker.planned(hybrid)
        except errors.GitexpError as error:
            self._manner.tell(f"A hybrid cannot be run: {error.message}")
            return None
        self._names[hybrid] = one.name
        return one

    def _measured(self, planned: Mapping[Hybrid, Experiment | None]) -> dict[Hybrid, Sample | None]:
        """The values of hybrids that have ended; None for one without a good end or without the metric."""
        names = {one.name for one in planned.values() if one is not None}
        done = []
        for one in self._project.store.readable():
            if one.name in names and one.record.status is Status.DONE and not is_touched(one):
                done.append(one.name)
        samples = dict[str, Sample]()
        for side in sides.sides_of(self._project, done):
            samples[side.name] = side.sample(self._question.metric)
        found = dict[Hybrid, Sample | None]()
        for hybrid, planned_one in planned.items():
            sample = None if planned_one is None else samples.get(planned_one.name)
            found[hybrid] = sample if sample is not None and sample.values else None
        return found

    def _run(self, names: Sequence[str]) -> bool:
        """Whether some queued experiments have been run: the budget has room, and nobody pressed Ctrl-C."""
        if not names:
            return True
        budget = self._manner.budget
        if budget and self._begun + len(names) > budget:
            self._stopped = f"{self._begun:,} runs were made, and {len(names):,} more are beyond the budget."
            return False
        self._manner.tell(f"{len(names):,} of them run now, {self._begun:,} have.")
        self._begun += len(names)
        manner = self._manner
        if run_queued(self._project, names, manner.jobs, manner.engine, manner.tell):
            self._stopped = "Ctrl-C was pressed; the same command goes on."
            return False
        return True

    def _with_hunks(self, judgement: Judgement, found: Attribution, known: Measurements) -> WhyAnswer:
        """The answer, with the guilty hunk of a guilty file if that has several hunks."""
        made = self._made(judgement, found)
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

        def make(hybrid: Hybrid) -> Experiment | None:
            content = with_some_hunks(hunks, hybrid)
            if path.endswith(".py") and not _compiles(content):
                return None
            return self._maker.planned_file(path, content, entry[0])

        samples: dict[Hybrid, Sample | None] = {
            frozenset(): known.samples[frozenset()],
            _all(hunks): whole,
        }
        of_hunks = self._attributed(Measurements(len(hunks), samples, known.floor), samples, make)
        return self._made(judgement, found)._replace(hunks=hunks, of_hunks=of_hunks)


def _all(of: Iterable[object]) -> Hybrid:
    return frozenset(range(len(list(of))))


def _waiting(planned: Iterable[Experiment | None]) -> list[str]:
    """The names of the queued ones."""
    return [one.name for one in planned if one is not None and one.record.status is Status.QUEUED]


def _compiles(content: bytes) -> bool:
    """Whether Python code has no error of syntax: a run that ends at once costs time, this look none."""
    try:
        compile(content, "hybrid", "exec")
    except (SyntaxError, ValueError):
        return False
    return True
