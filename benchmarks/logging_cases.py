"""What is measured of logging from Python: a call of `log`, the import, the start and the end of a run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from benchmarks.case import BARE, FLOOR, GITEXP, Case, side_of, slow
from benchmarks.lab import Lab
from benchmarks.measure import Side

CALLS, STEPS, NAMES, RUNS = 100_000, 10_000_000, 10_000, 10

# `os._exit`: the calls are measured, and not the end of the run.
_LOG = """
import os, gitexp
run = gitexp.start_run()
for step in range({calls}):
    run.log({{"loss": 0.5 / (step + 1), "acc": step}})
os._exit(0)
"""
_IMPORTED = "import gitexp; gitexp.log"
_RUNS = """
import gitexp
for _ in range({runs}):
    with gitexp.start_run() as run:
        run.log({{"loss": 0.5}})
"""
_NAMED = """
import gitexp
with gitexp.start_run() as run:
    for step in range(10):
        run.log({{f"metric/{{name}}": step for name in range({names})}})
"""


def _log(lab: Lab) -> Case:
    """Calls of `log` with two numbers; the goal is 5 µs a call."""
    sides = {
        GITEXP: _script(lab, _LOG.format(calls=CALLS)),
        BARE: _script(lab, _LOG.format(calls=0)),
        FLOOR: side_of(lab, [lab.python, "-c", f"for step in range({CALLS}): repr(0.5 / (step + 1))"]),
    }
    return Case(f"`log` of two numbers, {CALLS:,} times", sides, floor="repr of a number", goal=0.5)


def _steps(lab: Lab) -> Case:
    """A long training: memory must not grow, and the end must come."""
    script = _LOG.format(calls=STEPS).replace("os._exit(0)", "run.finish()")
    side = replace(_script(lab, script), runs=slow(lab, 1, quick=1), warmups=0)
    return Case(f"a run with {STEPS:,} steps, its end too", {GITEXP: side}, goal=180.0, memory_goal=100)


def _names(lab: Lab) -> Case:
    """Many metrics."""
    side = _script(lab, _NAMED.format(names=NAMES))
    return Case(f"a run with {NAMES:,} metrics", {GITEXP: side}, goal=1.0, memory_goal=150)


def _import(lab: Lab) -> Case:
    """What a script pays before its first call."""
    sides = {
        GITEXP: side_of(lab, [lab.python, "-c", _IMPORTED]),
        BARE: side_of(lab, [lab.python, "-c", "pass"]),
    }
    return Case("`import gitexp; gitexp.log`", sides, goal=0.03)


def _first_run(lab: Lab) -> Case:
    """A script that is a run of its own, all in all."""
    sides = {GITEXP: _script(lab, _RUNS.format(runs=1)), FLOOR: side_of(lab, [lab.python, "-c", "pass"])}
    return Case("a script that is a run of its own", sides, floor="python -c pass", goal=0.3)


def _further_runs(lab: Lab) -> Case:
    """Start and end of a run, when all is imported; the goal is 80 ms for each."""
    sides = {GITEXP: _script(lab, _RUNS.format(runs=RUNS + 1)), BARE: _script(lab, _RUNS.format(runs=1))}
    return Case(f"start and end of {RUNS} further runs in one script", sides, goal=0.08 * RUNS)


def _script(lab: Lab, script: str) -> Side:
    folder = lab.project("gitexp", 0)
    return Side(lambda: [lab.python, "-c", script], folder, lab.env)


CASES: dict[str, Callable[[Lab], Case]] = {
    "log": _log,
    "log-import": _import,
    "log-run": _first_run,
    "log-runs": _further_runs,
    "log-names": _names,
}
MUCH = {"log-steps": _steps}
