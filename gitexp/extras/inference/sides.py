"""The runs behind the names that are compared, and their values of each metric."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from gitexp import errors, files
from gitexp.catalog import lookup, projects, rows
from gitexp.catalog.lookup import Point
from gitexp.catalog.replicates import group_label, in_order, key_of
from gitexp.extras.inference.comparison import Sample
from gitexp.extras.inference.noise import NoiseFloor, noise_floor
from gitexp.files.keys import get, parse_key, resolve
from gitexp.model import MISSING, Experiment, Files, Flat, Status, is_touched, readable
from gitexp.project import directions
from gitexp.project.project import Project
from gitexp.runs import seeds
from gitexp.views import uncertainty
from gitexp.words import shorten

_LARGEST = 1e150


class JudgedSide(NamedTuple):
    """One side of a comparison: an experiment with its replicates, or the metrics of a commit.

    Attributes:
        name: the name of the experiment or revision, as it was found.
        members: the runs that came to a good end; () for a commit.
        metrics: the metrics of each run, or of the commit, by flat keys.
        seeds: the seed of each run, as text; None for a run without one, and for a commit.
    """

    name: str
    members: Sequence[Experiment]
    metrics: Sequence[Flat]
    seeds: Sequence[str | None]

    @property
    def label(self) -> str:
        """The name for people, with the number of runs if they are several."""
        return group_label(self.name, len(self.members)) if len(self.members) > 1 else self.name

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
        for seed in twice:  # which of the two is the partner of the other side's cannot be known
            del by_seed[seed]
        return Sample(values, by_seed, missing)


class Evidence(NamedTuple):
    """All that a judgement rests on.

    Attributes:
        sides: the sides, in the order of their names.
        floors: what gives the noise floor of a metric: the values of each group of replicates, by metric.
    """

    sides: Sequence[JudgedSide]
    floors: Mapping[str, Sequence[Sequence[float]]]

    def floor(self, metric: str) -> NoiseFloor | None:
        """The noise floor of a metric over all replicates of the project; None without any."""
        return noise_floor(self.floors.get(metric, ()))

    def metrics(self) -> list[str]:
        """The metrics that each side has a finite number for."""
        found = dict.fromkeys(key for flat in self.sides[0].metrics for key in flat)
        return [key for key in found if all(side.sample(key).values for side in self.sides)]


def evidence_of(project: Project, names: Sequence[str]) -> Evidence:
    """The sides with some names, and the replicates of their project.

    Raises the errors of `lookup.find`; ExperimentError for an experiment that has not come to a good end,
    and for two names of one group.
    """
    points = [lookup.find(project, name) for name in names]
    _require_different(points)
    return _read(project, points)


def sides_of(project: Project, names: Sequence[str]) -> Sequence[JudgedSide]:
    """The sides with some names, which may be of one group; raises the other errors of `evidence_of`."""
    return _read(project, [lookup.find(project, name) for name in names]).sides


def _read(project: Project, points: Sequence[Point]) -> Evidence:
    every = readable(projects.of_project(project, lookup.experiments(project)))
    done = [one for one in every if one.record.status is Status.DONE and not is_touched(one)]
    members = [_members(point, done) for point in points]
    repeated = uncertainty.repeated(done)
    flat = _flattened(points, members, repeated)
    sides = []
    for point, of_side in zip(points, members, strict=True):
        found = [flat[one.id] for one in of_side] if of_side else [flat[point.label]]
        own = seed_texts(project, of_side) or [None]
        sides.append(JudgedSide(point.label, of_side, found, own))
    return Evidence(sides, by_metric([[flat[one.id] for one in group] for group in repeated]))


def chosen_metrics(project: Project, evidence: Evidence, wanted: Sequence[str]) -> list[str]:
    """The metrics to judge by: the wanted ones, else all with a known direction that each side has.

    Raises UsageError for an unknown metric, ExperimentError for one that a side lacks.
    """
    known = evidence.metrics()
    for metric in wanted:
        if metric in known:
            continue
        every = dict.fromkeys(key for side in evidence.sides for flat in side.metrics for key in flat)
        if metric not in every:
            raise rows.unknown(metric, list(every), "metric")
        lacking = [side.name for side in evidence.sides if not side.sample(metric).values]
        raise errors.ExperimentError(
            f"{shorten(lacking)} has no finite number for {metric}.",
            f"Both have: {shorten(known) or 'nothing'}.",
            code="none-found",
        )
    if wanted:
        return list(dict.fromkeys(wanted))
    found = [key for key in known if directions.direction(key, project.config.directions)]
    if not found:
        raise errors.UsageError(
            "No metric has a direction, so nothing is better or worse.",
            f"Name one: --metric {known[0]} --min" if known else "The runs have no metric in common.",
        )
    return found


def _members(point: Point, done: Iterable[Experiment]) -> list[Experiment]:
    """The runs of a side: the experiment with its replicates, those that came to a good end."""
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
    places = list[str | None]()
    for group in (*members, *repeated):
        for one in group:
            of[one.id] = one.record.metrics
    for point, runs in zip(points, members, strict=True):
        if not runs:
            of[point.label] = point.metrics
    places = [None] * len(of)
    return dict(zip(of, rows.flat(list(of.values()), projects=places), strict=True))


def seed_texts(project: Project, group: Sequence[Experiment]) -> list[str | None]:
    """The seed of each replicate as text; None for a run without one. In all it is the same param."""
    seed = seeds.seed_of(group[0].record.params, project.config) if group else None
    if seed is None:
        return [None] * len(group)
    found, key = list[str | None](), parse_key(seed.key)
    for one in group:
        tree = one.record.params.get(seed.file, {})
        value = get(tree, resolve(tree, key))
        found.append(None if value is MISSING else repr(value))
    return found


def _finite(value: Any) -> float | None:
    """A finite number, or None for anything else, and for one so large that no float holds its square."""
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
