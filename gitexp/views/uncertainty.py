"""How sure the differences between metrics are, where the project has replicates.

The statistics are a plugin, loaded only where there are replicates. It says here what `gitexp judge` says.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

from gitexp import plugins
from gitexp.catalog import lookup, projects, replicates, rows
from gitexp.catalog.fields import Row
from gitexp.catalog.lookup import Point
from gitexp.catalog.replicates import Replicates
from gitexp.model import Experiment, Flat, Status, Stored, is_touched, readable
from gitexp.named_tuple import NamedTuple
from gitexp.project.project import Project

MARK = "≈"  # behind a number whose difference is inside the noise
LEGEND = "≈: inside the noise, as the replicates of the project have it."
BEST_LEGEND = "≈: may be as good as the best: no verdict tells them apart."


class RunValues(NamedTuple):
    """The runs behind one row or one side of a comparison.

    Attributes:
        name: the name of the row or the side.
        metrics: the metrics of each run, by flat keys.
        experiments: the experiment of each run; None for a commit or the workspace.
        can_be_judged: whether `judge` takes the runs: each has a good end, and unchanged protected files.
    """

    name: str
    metrics: Sequence[Flat]
    experiments: Sequence[Experiment | None]
    can_be_judged: bool = True


class Distance(NamedTuple):
    """How far two sides are from each other by one metric.

    Attributes:
        is_inside: whether the difference lies inside the noise; None if the noise is unknown.
        low, high: the interval of the difference, at 95 % for all differences together; None if not known.
        noise: the standard deviation of one run; None if not known.
    """

    is_inside: bool | None
    low: float | None
    high: float | None
    noise: float | None

    def as_json(self) -> dict[str, Any]:
        """The distance for a program."""
        return {"inside": self.is_inside, "low": self.low, "high": self.high, "sd": self.noise}


class Noise(Protocol):
    """The noise of the metrics of a project."""

    def of_one_run(self, metric: str) -> tuple[float, float] | None:
        """The standard deviation of one run, and its degrees of freedom; None if they are unknown."""
        ...

    def distances(
        self, sides: Sequence[RunValues], metrics: Sequence[str]
    ) -> Mapping[str, Sequence[Distance]]:
        """Of each metric, the distance of each further side from the first; all hold together.

        Of a side that cannot be judged nothing is known.
        """
        ...

    def may_be_best(self, metric: str, sides: Sequence[RunValues], *, lowest: bool) -> Sequence[bool] | None:
        """The sides that may be the best, at 95 % together; None if the noise is unknown.

        A side without a finite number is none of them. One that cannot be judged rules out no other one.
        """
        ...


def repeated(found: Iterable[Stored]) -> list[list[Experiment]]:
    """The groups of runs that tell the size of the noise: replicates with a good end.

    Runs of one seed repeated by hand count only without other groups: most of them are equal.
    """
    done = list(filter(can_be_judged, readable(found)))
    every = replicates.groups(done, Replicates.EVERY)
    groups = every and replicates.groups(done, Replicates.REPEATED)
    return list((groups or every).values())


def can_be_judged(one: Stored) -> bool:
    """Whether an experiment has a good end and unchanged protected files."""
    return isinstance(one, Experiment) and one.record.status is Status.DONE and not is_touched(one)


def surely_best(candidates: Sequence[Row] | None) -> Row | None:
    """The one row that may be the best; None if several may be, or if nobody can judge its runs."""
    if candidates is None or len(candidates) != 1 or not runs_of(candidates[0]).can_be_judged:
        return None
    return candidates[0]


def noise_of(project: Project, found: Iterable[Stored]) -> Noise | None:
    """The noise of a project's metrics, from all its experiments; None without replicates."""
    groups = repeated(found)
    if not groups:
        return None
    noise: Noise = plugins.load("statistics", "noise")(project, groups)
    return noise


def noise_here(project: Project) -> Noise | None:
    """The noise of the metrics of the user's project."""
    return noise_of(project, projects.of_project(project, lookup.experiments(project)))


def runs_of(row: Row) -> RunValues:
    """The runs behind a row: the done members of a group."""
    found = [row]
    if row.members:
        found = [member for member in row.members if member.status is Status.DONE and not member.touched]
    experiments, judged = list[Experiment | None](), True
    for one in found:
        experiment = None
        if isinstance(one.experiment, Experiment):
            experiment = one.experiment
        experiments.append(experiment)
        judged = judged and (one.experiment is None or can_be_judged(one.experiment))
    return RunValues(row.name, [one.metrics for one in found], experiments, judged)


def runs_of_point(project: Project, point: Point, *, means: bool) -> RunValues:
    """The runs behind a point: itself, or with `means` all its replicates that are done."""
    one = point.experiment
    members: Sequence[Experiment] = ()
    if one is not None and means:
        key = replicates.key_of(one)
        every = [other for other in project.store.readable() if key and replicates.key_of(other) == key]
        members = list(filter(can_be_judged, every))
    if not members:
        found = rows.flat([point.metrics], project.config.named, [point.project])
        return RunValues(point.label, found, [one], one is None or can_be_judged(one))
    of_runs = [member.record.metrics for member in members]
    places = [member.record.project for member in members]
    return RunValues(point.label, rows.flat(of_runs, project.config.named, places), members)
