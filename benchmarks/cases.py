"""What is measured: the rows of the speed table in the design, each a comparison of sides.

A case is built when its turn comes, since its repositories take time to make.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

from benchmarks import (
    dashboard_cases,
    data_cases,
    engine_cases,
    import_cases,
    inference_cases,
    logging_cases,
    mlflow_cases,
    queue_cases,
    reading_cases,
    seeing_cases,
    sharing_cases,
)
from benchmarks.case import BARE, DVC, FLOOR, GITEXP, Case, side_of, slow
from benchmarks.lab import Lab
from benchmarks.measure import CommandError, Side, nothing
from gitexp.repo import experiments as store

DROP_CACHES = Path("/proc/sys/vm/drop_caches")  # Linux, for root: what is written here empties the file cache

PLAIN_GIT = "git for-each-ref with contents"
_LIST = ["git", "for-each-ref", "--format=%(refname) %(objectname) %(contents)"]
_STATUS = ["sh", "-c", "git status --porcelain > /dev/null && git write-tree"]


def names(lab: Lab) -> list[str]:
    """Every case that this lab can run, in order."""
    left_out = {
        *(() if lab.cold_disk else [_COLD_DISK]),
        *(() if dashboard_cases.BROWSER else dashboard_cases.DRAWN),
        *((_LARGEST, _BEST, *data_cases.MUCH, *logging_cases.MUCH) if lab.quick else ()),
    }
    return [name for name in _CASES if name not in left_out]


def build(name: str, lab: Lab) -> Case:
    """The case of that name, its repositories made."""
    return _CASES[name](lab)


# -- start ---------------------------------------------------------------------------------------------


def _version(lab: Lab) -> Case:
    sides = {GITEXP: side_of(lab, [*lab.gitexp, "--version"])}
    if lab.with_dvc:
        sides[DVC] = side_of(lab, [lab.dvc, "--version"])
    sides[FLOOR] = side_of(lab, [lab.python, "-c", "pass"])
    return Case("`--version`", sides, floor="python -c pass", goal=0.08)


# -- reading -------------------------------------------------------------------------------------------


def _table(lab: Lab, *, size: int, cold: bool, tty: bool = False, disk: bool = False) -> Case:
    check = partial(_has_rows, size)
    ours, theirs = _Read(["show", "-A"], check), _Read(["exp", "show", "-A"], check)
    sides = _reading(lab, size, ours, theirs, cold=cold, dvc_runs=slow(lab, 2, quick=1) if cold else 5)
    sides = {name: replace(side, tty=tty) for name, side in sides.items()}
    sides[FLOOR] = side_of(lab, [*_LIST, store.PREFIX], lab.experiments(size))
    if disk:
        sides = {
            name: replace(side, before=partial(_empty_file_cache, side.before), runs=2)
            for name, side in sides.items()
        }
    how = "file cache of the system emptied" if disk else _how(cold)
    where = ", on a terminal" if tty else ""
    work = f"table of {size:,} experiments, {how}{where}"
    return Case(work, sides, floor=PLAIN_GIT, goal=None if disk else 0.30)


def _json(lab: Lab, *, size: int, cold: bool, goal: float, dvc_runs: int) -> Case:
    ours = _Read(["show", "-A", "--json"], partial(_has_metrics, size, _gitexp_metrics))
    theirs = _Read(["exp", "show", "-A", "--json"], partial(_has_metrics, size, _dvc_metrics))
    sides = _reading(lab, size, ours, theirs, cold=cold, dvc_runs=dvc_runs)
    sides[FLOOR] = side_of(lab, [*_LIST, store.PREFIX], lab.experiments(size))
    return Case(f"{size:,} experiments as JSON, {_how(cold)}", sides, floor=PLAIN_GIT, goal=goal)


def _largest(lab: Lab) -> Case:
    """More experiments than DVC gets through in an hour; gitexp alone, and its memory."""
    case = _json(lab, size=100_000, cold=False, goal=6.0, dvc_runs=0)
    ours = replace(case.sides[GITEXP], runs=3)
    return replace(case, sides={**case.sides, GITEXP: ours}, memory_goal=500)


def _best(lab: Lab) -> Case:
    """The best few of as many, as the table that people look at."""
    ours = _Read(["show", "-A", "--sort", "accuracy", "--desc", "--limit", "20"], _has_lines)
    sides = _reading(lab, 100_000, ours, ours, cold=False, dvc_runs=0)
    return Case("the best 20 of 100,000 as a table", {GITEXP: replace(sides[GITEXP], runs=3)}, goal=3.0)


def _list(lab: Lab, *, size: int, goal: float) -> Case:
    check = partial(_has_rows, size)
    ours = _Read(["list", "-A", "--json"], check)
    theirs = _Read(["exp", "list", "-A", "--name-only"], check)
    sides = _reading(lab, size, ours, theirs, cold=False, dvc_runs=5)
    argv = ["git", "for-each-ref", "--format=%(refname)", store.PREFIX]
    sides[FLOOR] = side_of(lab, argv, lab.experiments(size))
    return Case(f"names of {size:,} experiments", sides, floor="git for-each-ref, names", goal=goal)


@dataclass(frozen=True, slots=True)
class _Read:
    """What to ask a tool, and how to see that it answered."""

    arguments: list[str]
    check: Callable[[bytes], None]


def _reading(
    lab: Lab, size: int, ours: _Read, theirs: _Read, *, cold: bool, dvc_runs: int
) -> dict[str, Side]:
    """The sides of a command that only reads; without DVC's if it is to have no runs."""
    mine = lab.experiments(size)
    forget = partial(lab.forget_gitexp, mine) if cold else nothing
    argv = [*lab.gitexp, *ours.arguments]
    sides = {GITEXP: replace(side_of(lab, argv, mine), before=forget, check=ours.check)}
    if lab.with_dvc and dvc_runs:
        other = lab.dvc_experiments(size)
        side = replace(side_of(lab, [lab.dvc, *theirs.arguments], other), check=theirs.check, runs=dvc_runs)
        if cold:
            side = replace(side, before=partial(lab.forget_dvc, other), warmups=0)
        sides[DVC] = side
    return sides


def _how(cold: bool) -> str:
    return "no caches of the tool" if cold else "warm"


def _has_rows(size: int, output: bytes) -> None:
    if (found := output.count(b"exp-")) < size:
        raise CommandError(f"{found} names of experiments in the output, not {size}")


def _has_lines(output: bytes) -> None:
    if output.count(b"exp-") < 20:
        raise CommandError("the table has fewer than 20 experiments")


def _has_metrics(size: int, metrics: Callable[[Any], list[Any]], output: bytes) -> None:
    if (found := sum(bool(each) for each in metrics(json.loads(output)))) != size:
        raise CommandError(f"{found} experiments with metrics in the output, not {size}")


def _gitexp_metrics(rows: Any) -> list[Any]:
    return [row["metrics"] for row in rows if (row.get("name") or "").startswith("exp-")]


def _dvc_metrics(baselines: Any) -> list[Any]:
    experiments = [each for baseline in baselines for each in baseline["experiments"] or ()]
    return [each["revs"][0]["data"]["metrics"] for each in experiments]


def _empty_file_cache(before: Callable[[], None]) -> None:
    before()
    os.sync()
    DROP_CACHES.write_text("3\n")


# -- running -------------------------------------------------------------------------------------------


def _run(lab: Lab, *, files: int, goal: float, dvc_runs: int, temp: bool = False) -> Case:
    """The cost of `run` on top of the command; a parameter changes every time, so that nothing is skipped."""
    isolated = ["--temp"] if temp else []
    mine = lab.project("gitexp", files)
    sides = {
        GITEXP: Side(
            _changing([*lab.gitexp, "run", *isolated], ["--", "python", "train.py"]),
            mine,
            lab.env,
            check=_Stored(mine, store.PREFIX, lab.env),
        )
    }
    if lab.with_dvc and dvc_runs:
        other = lab.project("dvc", files, dvc=True)
        stored = _Stored(other, "refs/exps/[0-9a-f][0-9a-f]/*/*", lab.env)
        argv = _changing([lab.dvc, "exp", "run", *isolated], [])
        sides[DVC] = Side(argv, other, lab.env, check=stored, runs=dvc_runs)
    sides[BARE] = side_of(lab, ["python", "train.py"], lab.project("bare", 0))
    sides[FLOOR] = side_of(lab, _STATUS, mine)
    where = f"{files:,} files" if files else "small repository"
    how = ", `--temp`, after a first one" if temp else ""
    return Case(f"overhead of `run`, {where}{how}", sides, floor="git status + write-tree", goal=goal)


def _changing(before: list[str], after: list[str]) -> Callable[[], list[str]]:
    numbers = count(1)
    return lambda: [*before, "-S", f"train.lr={next(numbers) / 10_000:.4f}", *after]


class _Stored:
    """Checks that every run left exactly one more experiment."""

    def __init__(self, repository: Path, pattern: str, env: Mapping[str, str]) -> None:
        self._command = ["git", "-C", str(repository), "for-each-ref", "--format=%(refname)", pattern]
        self._env = dict(env)
        self._expected = 0

    def __call__(self, _output: bytes) -> None:
        self._expected += 1
        refs = subprocess.run(
            self._command, env=self._env, check=True, capture_output=True
        ).stdout.splitlines()
        if len(refs) != self._expected:
            raise CommandError(f"{len(refs)} experiments are stored after {self._expected} runs")


_COLD_DISK, _LARGEST, _BEST = "table-1000-disk", "json-100000", "best-100000"
_CASES: dict[str, Callable[[Lab], Case]] = {
    "version": _version,
    "table-1000-cold": lambda lab: _table(lab, size=1_000, cold=True),
    _COLD_DISK: lambda lab: _table(lab, size=1_000, cold=True, disk=True),
    "table-1000-warm": lambda lab: _table(lab, size=1_000, cold=False),
    "table-1000-terminal": lambda lab: _table(lab, size=1_000, cold=False, tty=True),
    "list-100": lambda lab: _list(lab, size=100, goal=0.40),
    "list-1000": lambda lab: _list(lab, size=1_000, goal=0.40),
    "list-10000": lambda lab: _list(lab, size=10_000, goal=1.0),
    "json-100-cold": lambda lab: _json(lab, size=100, cold=True, goal=0.40, dvc_runs=5),
    "json-100-warm": lambda lab: _json(lab, size=100, cold=False, goal=0.40, dvc_runs=5),
    "json-1000-cold": lambda lab: _json(lab, size=1_000, cold=True, goal=0.40, dvc_runs=slow(lab, 2)),
    "json-1000-warm": lambda lab: _json(lab, size=1_000, cold=False, goal=0.40, dvc_runs=5),
    "json-10000-cold": lambda lab: _json(lab, size=10_000, cold=True, goal=0.8, dvc_runs=slow(lab, 1)),
    "json-10000-warm": lambda lab: _json(lab, size=10_000, cold=False, goal=0.8, dvc_runs=slow(lab, 3)),
    _LARGEST: _largest,
    _BEST: _best,
    "run-small": lambda lab: _run(lab, files=0, goal=0.24, dvc_runs=5),
    "run-20000": lambda lab: _run(lab, files=20_000, goal=0.35, dvc_runs=slow(lab, 2)),
    "run-20000-temp": lambda lab: _run(lab, files=20_000, goal=1.0, dvc_runs=slow(lab, 2), temp=True),
    **data_cases.CASES,
    **data_cases.MUCH,
    **sharing_cases.CASES,
    **queue_cases.CASES,
    **engine_cases.CASES,
    **inference_cases.CASES,
    **import_cases.CASES,
    **reading_cases.CASES,
    **logging_cases.CASES,
    **logging_cases.MUCH,
    **mlflow_cases.CASES,
    **dashboard_cases.CASES,
    **dashboard_cases.WAITING,
    **dashboard_cases.DRAWN,
    **seeing_cases.CASES,
}
