"""The runs behind the names that are compared, and their values of each metric."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from typing import Any

from gitexp import errors, files
from gitexp.catalog import lookup, projects, rows
from gitexp.catalog.lookup import Point
from gitexp.catalog.replicates import group_label, in_order, key_of
from gitexp.extras.inference.comparison import Sample
from gitexp.extras.inference.noise import NoiseFloor, noise_floor
from gitexp.files.keys import get, parse_key, resolve
from gitexp.model import MISSING, Experiment, Files, Flat, Status, is_touched, readable
from gitexp.named_tuple import NamedTuple
from gitexp.project.project import Project
from gitexp.project.sections import directions
from gitexp.runs.checks import seeds
from gitexp.views import uncertainty
from gitexp.words import shorten

_LARGEST = 1e150


class JudgedSide(NamedTuple):
    """One side of a comparison: an experiment with its replicates, or the metrics of a commit.

    Attributes:
        name: the full name of the experiment or revision.
        members: the runs with a good end; () for a commit.
        metrics: the metrics of each run, or of the commit, by flat keys.
        seeds: the seed of each run, as text; None for a run without one, and for a commit.
    """

    name: str
    members: Sequence[Experiment]
    metrics: Sequence[Flat]
    seeds: Sequence[str | None]

    @property
    def label(self) -> str:
        """The name for people, with the number of runs for several runs."""
        if len(self.members) < 2:
            return self.name
        return group_label(self.name, len(self.members))

    def sample(self, metric: str) -> Sample:
        """The values of a metric."""
        values, by_seed, twice, missing = list[float](), dict[str, float](), set[str](), 0
        for flat, seed in zip(self.metrics, self.seeds, strict=True):
            value = _finite(flat.get(metric))
            if value is None:
                missing += 1
                continue
            values.append(value)
            if seed is None:
                continue
            if seed in by_seed:
                twice.add(seed)
            by_seed[seed] = value
        for seed in twice:  # the partner of the other side's run is unknown
            del by_seed[seed]
        return Sample(values, by_seed, missing)


class Evidence(NamedTuple):
    """The evidence for a judgement.

    Attributes:
        sides: the sides, in the order of their names.
        floors: the source of noise floors: the values of each group of replicates, by metric.
    """

    sides: Sequence[JudgedSide]
    floors: Mapping[str, Sequence[Sequence[float]]]

    def floor(self, metric: str) -> NoiseFloor | None:
        """The noise floor of a metric over all replicates of the project; None without any."""
        return noise_floor(self.floors.get(metric, ()))

    def metrics(self) -> list[str]:
        """The metrics with a finite number on each side."""
        found = dict.fromkeys(chain.from_iterable(self.sides[0].metrics))
        return [key for key in found if all(side.sample(key).values for side in self.sides)]


def evidence_of(project: Project, names: Sequence[str]) -> Evidence:
    """The sides of some names, and the replicates of their project.

    Raises the errors of `lookup.find`; ExperimentError for an experiment without a good end; UsageError for
    two names of one group.
    """
    points = [lookup.find(project, name) for name in names]
    _require_different(points)
    return _read(project, points)


def sides_of(project: Project, names: Sequence[str]) -> Sequence[JudgedSide]:
    """The sides of some names, also of one group; raises the other errors of `evidence_of`."""
    return _read(project, [lookup.find(project, name) for name in names]).sides


def _read(project: Project, points: Sequence[Point]) -> Evidence:
    every = readable(projects.of_project(project, lookup.experiments(project)))
    done = [one for one in every if one.record.status is Status.DONE and not is_touched(one)]
    members = [_members(point, done) for point in points]
    repeated = uncertainty.repeated(done)
    flat = _flattened(points, members, repeated)
    sides = []
    for point, of_side in zip(points, members, strict=True):
        found = [flat[one.id] for one in of_side] or [flat[point.label]]
        own = seed_texts(project, of_side) or [None]
        sides.append(JudgedSide(point.label, of_side, found, own))
    groups = []
    for group in repeated:
        groups.append([flat[one.id] for one in group])
    return Evidence(sides, by_metric(groups))


def chosen_metrics(project: Project, evidence: Evidence, wanted: Sequence[str]) -> list[str]:
    """The metrics for a judgement: the wanted metrics, else all common metrics with a known direction.

    Raises UsageError for an unknown metric, ExperimentError for a metric without a number on a side.
    """
    known = evidence.metrics()
    wanted = [rows.meant(metric, known) for metric in wanted]
    for metric in wanted:
        if metric not in known:
            raise _not_common(evidence, metric, known)
    if wanted:
        return list(dict.fromkeys(wanted))
    echoes = rows.echoes(known, chain.from_iterable(side.metrics for side in evidence.sides))
    found = []
    for key in known:
        if key not in echoes and directions.direction(key, project.config.directions):
            found.append(key)
    if not found:
        hint = "The runs have no metric in common."
        if known:
            hint = f"Name one: --metric {known[0]} --min"
        raise errors.UsageError("No metric has a direction, so nothing is better or worse.", hint)
    return found


def _not_common(evidence: Evidence, metric: str, known: Sequence[str]) -> errors.GitexpError:
    """The error for a metric that a side, or each side, lacks."""
    every = dict[str, None]()
    for side in evidence.sides:
        every.update(dict.fromkeys(chain.from_iterable(side.metrics)))
    if metric not in every:
        return rows.unknown(metric, list(every), "metric")
    lacking = [side.name for side in evidence.sides if not side.sample(metric).values]
    return errors.ExperimentError(
        f"{shorten(lacking)} has no finite number for {metric}.",
        f"Both have: {shorten(known) or 'nothing'}.",
        code="none-found",
    )


def _members(point: Point, done: Iterable[Experiment]) -> list[Experiment]:
    """The runs of a side with a good end: the experiment and its replicates."""
    one = point.experiment
    if one is None:
        return []
    key = key_of(one)
    found = [other for other in done if other.id == one.id or (key and key_of(other) == key)]
    if is_touched(one):
        raise errors.ExperimentError(
            f"{one.name} has changed protected files, so its numbers cannot be compared: "
            f"{shorten(one.record.touched)}.",
            f"gitexp diff {one.name} shows the change.",
            code="touched",
        )
    if not found:
        raise errors.ExperimentError(
            f"{one.name} is {one.record.status}: what has not come to a good end cannot be judged.",
            f"gitexp log {one.name} says how far it came.",
            code="none-found",
        )
    return in_order(found)


def _require_different(points: Sequence[Point]) -> None:
    seen = dict[str, str]()
    for point in points:
        one = point.experiment
        key = (one and key_of(one)) or point.commit or point.label
        if key in seen:
            raise errors.UsageError(
                f"{seen[key]} and {point.label} are the same, or replicates of each other: "
                "there is nothing to compare.",
                "Name experiments that differ in more than the seed.",
            )
        seen[key] = point.label


def _flattened(
    points: Sequence[Point],
    members: Sequence[Sequence[Experiment]],
    repeated: Sequence[Sequence[Experiment]],
) -> dict[str, Flat]:
    """The metrics by flat keys: of runs by the ids of their records, of commits by their labels."""
    of: dict[str, Files] = {}
    for one in chain.from_iterable((*members, *repeated)):
        of[one.id] = one.record.metrics
    for point, runs in zip(points, members, strict=True):
        if not runs:
            of[point.label] = point.metrics
    places: list[str | None] = [None] * len(of)
    return dict(zip(of, rows.flat(list(of.values()), projects=places), strict=True))


def seed_texts(project: Project, group: Sequence[Experiment]) -> list[str | None]:
    """The seed of each replicate as text; None for a run without a seed. All have the same param."""
    if not group:
        return []
    seed = seeds.seed_of(group[0].record.params, project.config)
    if seed is None:
        return [None] * len(group)
    found, key = list[str | None](), parse_key(seed.key)
    for one in group:
        tree = one.record.params.get(seed.file, {})
        value = get(tree, resolve(tree, key))
        found.append(None if value is MISSING else repr(value))
    return found


def _finite(value: Any) -> float | None:
    """A finite number; None for any other value, and for a number with a square too large for a float."""
    if not (files.is_number(value) and files.is_finite(value) and abs(value) < _LARGEST):
        return None
    return float(value)


def by_metric(repeated: Sequence[Sequence[Flat]]) -> dict[str, list[list[float]]]:
    """The finite values of each group of replicates, by metric."""
    found = dict[str, list[list[float]]]()
    for group in repeated:
        values = dict[str, list[float]]()
        for flat in group:
            for key, of_run in flat.items():
                if (value := _finite(of_run)) is not None:
                    values.setdefault(key, []).append(value)
        for key, numbers in values.items():
            found.setdefault(key, []).append(numbers)
    return found
