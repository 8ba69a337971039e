"""The question of `why`: what differs between two experiments, and can be tried."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePosixPath

from gitexp import errors
from gitexp.catalog import lookup
from gitexp.catalog.lookup import Point
from gitexp.catalog.result_files import ResultRules
from gitexp.extras.inference import sides, student, units, verdict
from gitexp.extras.inference.attribution import estimate
from gitexp.extras.inference.comparison import LEVEL
from gitexp.extras.inference.sides import Evidence, JudgedSide
from gitexp.extras.inference.units import Unit
from gitexp.extras.inference.verdict import Verdict
from gitexp.model import Experiment, Files
from gitexp.named_tuple import NamedTuple
from gitexp.project.params import COMMAND
from gitexp.project.project import Project
from gitexp.repo.git.checkout import tree_changes
from gitexp.runs.checks import seeds

_LOCK = "gitexp.lock"
_FEWEST_PAIRS, _MOST_PAIRS = 3, 5


class Question(NamedTuple):
    """A question: the change behind the difference of two experiments.

    Attributes:
        project: the project.
        first, second: the experiments, with their records.
        metric: the metric.
        direction: its direction, if known.
        units: the differences for hybrids to try.
        left: labels of the differences that no hybrid can have.
        seeds: the seeds of the runs of each hybrid; () for one run with the seed of the first.
        seed: the name of the seed, in the form for `-S`; "" without a seed.
    """

    project: Project
    first: Experiment
    second: Experiment
    metric: str
    direction: str | None
    units: Sequence[Unit]
    left: Sequence[str]
    seeds: Sequence[str] = ()
    seed: str = ""

    @property
    def runs(self) -> tuple[int, int]:
        """The number of runs, at least and at most."""
        if not self.units or (len(self.units) == 1 and not self.left):
            return 0, 0
        ends = 2 if self.left else 0
        runs = max(len(self.seeds), 1)
        least, most = estimate(len(self.units))
        return (least + ends) * runs, (most + ends) * runs

    @property
    def seconds(self) -> float | None:
        """The mean time of a run of both, in seconds; None if unknown."""
        both = (self.first.record.duration, self.second.record.duration)
        known = [seconds for seconds in both if seconds is not None]
        if not known:
            return None
        return sum(known) / len(known)


def asked(project: Project, names: tuple[str, str], metric: str, direction: str | None) -> Question:
    """The question about two experiments. Raises UsageError for a commit, and the errors of `evidence_of`."""
    evidence = sides.evidence_of(project, names)
    first, second = map(_named, evidence.sides)
    params = _params_of(project, first, second)
    of_params, left = units.params_units(*params)
    told = _told(project, first, second, params)
    of_files = units.file_units(project, first, second, told)
    of_data, unread = units.data_units(project, first, second)
    seed = seeds.seed_of(first.record.params, project.config)
    wanted = [unit for unit in of_params if seed is None or not _is_seed(unit, seed.key)]
    left += [*unread, *units.circumstances(project, first, second)]
    if _is_other_command(first, second):
        left.append("the command")
    every = [*wanted, *of_files, *of_data]
    found = Question(project, first, second, metric, direction, every, left)
    if seed is None:
        return found
    return found._replace(seeds=_shared_seeds(evidence, metric, len(every)), seed=seed.name)


def _named(side: JudgedSide) -> Experiment:
    """The experiment of a side; raises UsageError for a commit."""
    if not side.members:
        raise errors.UsageError(
            f"{side.name} is no experiment.", f"Make one of it: gitexp run --from {side.name}"
        )
    return next(one for one in side.members if one.name == side.name)


def _is_seed(unit: Unit, key: str) -> bool:
    return any(text.lstrip("+~").partition("=")[0].endswith(f":{key}") for text in unit.overrides)


def _is_other_command(first: Experiment, second: Experiment) -> bool:
    """Whether the commands differ by more than options: options are params."""
    one, other = first.record, second.record
    return one.command != other.command and one.params.get(COMMAND) == other.params.get(COMMAND)


def _shared_seeds(evidence: Evidence, metric: str, count: int) -> list[str]:
    """The seeds for the runs of each hybrid; [] if one run of each is enough.

    One run is too few if a single run cannot show the difference above the noise, but pairs of the same
    seeds can.
    """
    floor = evidence.floor(metric)
    if floor is None or count < 2:
        return []
    first, second = [side.sample(metric) for side in evidence.sides]
    shared = [seed for seed in first.by_seed if seed in second.by_seed]
    if len(shared) < _FEWEST_PAIRS:
        return []
    (judgement,) = verdict.judge(evidence, [metric], [None])
    if judgement.verdict is Verdict.NO_TELLING or floor.sd == 0.0:
        return []
    level = 1.0 - (1.0 - LEVEL) / (2 * count)
    half = student.quantile((1.0 + level) / 2, floor.dof) * floor.sd * (1.0 + 1.0 / len(first.values)) ** 0.5
    if abs(judgement.comparison.effect) > half:
        return []
    return shared[:_MOST_PAIRS]


def _params_of(project: Project, first: Experiment, second: Experiment) -> tuple[Files, Files]:
    """The params of both, each with the params files that the other one's record has."""
    points = [Point(each, each.record.params, each.record.metrics) for each in (first, second)]
    one, other = lookup.together(project, points)
    return one.params, other.params


def _told(project: Project, first: Experiment, second: Experiment, params: tuple[Files, Files]) -> set[str]:
    """The paths of results, and of params files without code.

    A params file with the same values on both sides is left to the other files: its comments may count.
    """
    found = set[str]()
    here, there = params
    for name in (*here, *there):
        if not (name.endswith(".py") or here.get(name) == there.get(name)):
            found.add(name)
    for one in (first, second):
        found.update((*one.record.metrics, *one.record.tables, *one.record.written_params))
    differing = tree_changes(project.repo, first.record.commit, second.record.commit)
    changed = {change.path for change in differing}
    found.update(ResultRules.of(project).among(changed, found))
    found.update(path for path in changed if PurePosixPath(path).name == _LOCK)
    return found
