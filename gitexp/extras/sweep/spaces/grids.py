"""A grid of runs from a request: its points, planned, and run by workers."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from gitexp.extras.queue import queue
from gitexp.extras.sweep.spaces.points import of_overrides
from gitexp.extras.sweep.spaces.replicates import repeated
from gitexp.model import Experiment, Status
from gitexp.named_tuple import NamedTuple
from gitexp.project.params import CommandLine
from gitexp.project.project import Project
from gitexp.runs.checks import seeds
from gitexp.runs.checks.seeds import Seed
from gitexp.runs.planning.plan import Once, Planned, PlannedPoint, plan, rehearse
from gitexp.runs.planning.shared_code import check_first
from gitexp.runs.ready import PlainCommand
from gitexp.runs.request import RunRequest


class Grid(NamedTuple):
    """Many runs of one command.

    Attributes:
        id: the same for the same request, on every clone and day.
        command: the command, or the words for the stages.
        request: what all runs have in common.
        points: the runs.
        seed: the seed that tells repeated runs apart; None without any.
        once: the experiments that count for a point.
    """

    id: str
    command: CommandLine
    request: RunRequest
    points: Sequence[PlannedPoint]
    seed: Seed | None
    once: Once

    def rehearsed(self, project: Project) -> list[Experiment | None]:
        """The present experiment of each point; None for a point that would be run."""
        return rehearse(project, self.request, self.points, once=self.once)

    def planned(self, project: Project, *, retry_failed: bool) -> Planned:
        """The experiments of all points, new ones for points without any.

        Those that wait get the limits of the request. Raises the errors of `gitexp.runs.planning.plan.plan`.
        """
        found = plan(project, self.request, self.points, self.id, once=self.once, retry_failed=retry_failed)
        queue.limit(project, waiting(found.known), self.request.limits)
        return found


def grid_of(
    project: Project, request: RunRequest, repeat: int | None, *, retry_failed: bool, new: bool = False
) -> Grid:
    """The grid of the values in the overrides of a request; `new`: no earlier experiment counts.

    Raises OverrideError, and UsageError if several params are called like a seed.
    """
    command = request.command
    if command is None:
        work = check_first(project, request._replace(overrides=())).work
        command = work.line if isinstance(work, PlainCommand) else work.argv
    folder = Path(os.path.relpath(project.here, project.repo.root)).as_posix()
    found = of_overrides(request.overrides, command, folder, request.points, request.from_)
    points, seed = _points(project, request, found.points, repeat)
    once = Once.UNLESS_FAILED if retry_failed else Once.EVER
    if new:
        once = Once.NEVER
    return Grid(found.id, command, request._replace(overrides=(), points=()), points, seed, once)


def _points(
    project: Project, request: RunRequest, points: Sequence[tuple[str, ...]], repeat: int | None
) -> tuple[list[PlannedPoint], Seed | None]:
    """The runs of some points, and the seed that tells them apart if they are repeated."""
    if repeat is None:
        return [PlannedPoint(point) for point in points], None
    first = request._replace(overrides=points[0])
    params = check_first(project, first).params
    seed = seeds.required(params.files, project.config)
    return repeated(points, repeat, seed), seed


def waiting(experiments: Iterable[Experiment]) -> list[Experiment]:
    """The queued experiments."""
    return [one for one in experiments if one.record.status is Status.QUEUED]


def in_order(experiments: Iterable[Experiment], names: Sequence[str]) -> list[Experiment]:
    """The experiments with some names, in order of these."""
    found = {one.name: one for one in experiments}
    return [found[name] for name in names if name in found]
