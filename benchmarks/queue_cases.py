"""What is measured of many runs: queueing them, listing the queue, and running it."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count

from benchmarks import projects
from benchmarks.case import DVC, FLOOR, GITEXP, Case, side_of
from benchmarks.lab import Lab
from benchmarks.measure import CommandError, Side
from gitexp.repo import experiments

FEW, MANY, WAITING = 20, 100, 1_000
_TRAIN = ("--", "python", "train.py")


def _values(turn: int, size: int) -> str:
    """An override with so many values, none of which an earlier turn has had."""
    first = turn * size
    return ",".join(f"{number / 1_000_000:.6f}" for number in range(first, first + size))


def grids(size: int) -> Callable[[], str]:
    turns = count(1)
    return lambda: f"train.lr={_values(next(turns), size)}"


def _queue_many(lab: Lab) -> Case:
    """A hundred points of a grid, stored with the code of now."""
    return _queue(lab, MANY, goal=2.0)


def _queue_very_many(lab: Lab) -> Case:
    """A thousand points."""
    return _queue(lab, WAITING, goal=6.0, runs=2, warmups=0)


def _queue(lab: Lab, size: int, goal: float, **often: int) -> Case:
    mine, grid = lab.project("gitexp", 0), grids(size)
    words = [*lab.gitexp, "run", "--queue", "-q", "-y", "-S"]
    side = Side(lambda: [*words, grid(), *_TRAIN], mine, lab.env, **often)
    return Case(f"queue {size:,} runs", {GITEXP: side}, goal=goal)


def _run_few(lab: Lab) -> Case:
    """Twenty trivial runs, two at a time; with DVC queued first, as it has no other way."""
    mine, grid = lab.project("gitexp", 0), grids(FEW)
    sides = {
        GITEXP: Side(
            lambda: [*lab.gitexp, "run", "-q", "-j", "2", "-S", grid(), *_TRAIN],
            mine,
            lab.env,
            check=_has_ended,
        )
    }
    if lab.with_dvc:
        other, theirs = lab.project("dvc", 0, dvc=True), grids(FEW)
        queued = f'{lab.dvc} exp run --queue -q -S "$1" && {lab.dvc} exp run --run-all -q -j 2'
        sides[DVC] = Side(lambda: ["sh", "-c", queued, "sh", theirs()], other, lab.env, runs=2, warmups=0)
    sides[FLOOR] = side_of(lab, ["sh", "-c", f"for i in $(seq {FEW}); do python train.py; done"], mine)
    work = f"{FEW} trivial runs, two at a time"
    return Case(work, sides, floor="the commands alone, one at a time", goal=3.0)


def _has_ended(output: bytes) -> None:
    if (found := output.count(b" done")) != FEW:
        raise CommandError(f"{found} of {FEW} runs are done")


def _list_queue(lab: Lab) -> Case:
    """A thousand that wait."""
    mine = lab.project("gitexp", 0)
    queue = [*lab.gitexp, "run", "--queue", "-q", "-y", "-S", f"train.lr={_values(1, WAITING)}", *_TRAIN]
    projects.tool(mine, lab.env, queue)

    def check(output: bytes) -> None:
        if (found := output.count(b"\n")) != WAITING:
            raise CommandError(f"{found} lines, not {WAITING}")

    sides = {
        GITEXP: Side(lambda: [*lab.gitexp, "queue", "list"], mine, lab.env, check=check),
        FLOOR: side_of(lab, ["git", "for-each-ref", "--format=%(contents)", experiments.PREFIX], mine),
    }
    return Case(f"list {WAITING:,} queued runs", sides, floor="git for-each-ref with contents", goal=0.4)


CASES: dict[str, Callable[[Lab], Case]] = {
    "queue-100": _queue_many,
    "queue-1000": _queue_very_many,
    "queue-list-1000": _list_queue,
    "sweep-20": _run_few,
}
