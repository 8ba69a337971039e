"""What is measured of MLflow's client on Git, beside the same client on SQLite.

The time to import MLflow, two seconds, is taken off gitexp's side; it is part of SQLite's.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

from benchmarks.case import BARE, FLOOR, GITEXP, Case
from benchmarks.lab import Lab
from benchmarks.measure import CommandError, Side
from benchmarks.peers import MLFLOW

RUNS, CALLS, COUNT, PAGE = 20, 10_000, 10_000, 100

_BEGIN = """
import sys
from mlflow import MlflowClient
client = MlflowClient(sys.argv[1])
"""
_RUN = f"""
for number in range({RUNS}):
    run = client.create_run("0").info.run_id
    for name in range(5):
        client.log_param(run, f"p{{name}}", name)
    for name in range(10):
        client.log_metric(run, f"m{{name}}", 0.5)
    client.set_terminated(run)
print({RUNS})
"""
_LOG = f"""
run = client.create_run("0").info.run_id
for step in range({CALLS}):
    client.log_metric(run, "loss", 0.5, step=step)
client.set_terminated(run)
print({CALLS})
"""
_SEARCH = f"""
print(len(client.search_runs(["0"], max_results={PAGE})))
"""
_NOTHING = """
print(0)
"""


def _run(lab: Lab) -> Case:
    """Whole runs, one after the other: the first one makes SQLite's tables, in the run that warms up."""
    folder = lab.project("mlflow", 200)
    database = f"sqlite:///{lab.scratch}/mlflow.db"
    sides = {
        GITEXP: _script(lab, _RUN, RUNS, folder),
        FLOOR: _script(lab, _RUN, RUNS, folder, database),
        BARE: _script(lab, _NOTHING, 0, folder),
    }
    work = f"{RUNS} runs of MLflow's client with 5 params and 10 metrics"
    return Case(work, sides, floor="MLflow on SQLite", goal=RUNS * 0.040)


def _log(lab: Lab) -> Case:
    folder = lab.project("mlflow", 200)
    sides = {
        GITEXP: _script(lab, _LOG, CALLS, folder),
        BARE: _script(lab, _NOTHING, 0, folder),
    }
    return Case(f"{CALLS:,} calls of MLflow's `log_metric`", sides, goal=CALLS * 60e-6)


def _search(lab: Lab) -> Case:
    folder = lab.experiments(COUNT)
    sides = {
        GITEXP: replace(_script(lab, _SEARCH, PAGE, folder), runs=3),
        BARE: _script(lab, _NOTHING, 0, folder),
    }
    return Case(f"the first page of {COUNT:,} runs, by MLflow's client", sides, goal=2.0)


def _script(lab: Lab, script: str, expected: int, folder: Path, uri: str = "gitexp:") -> Side:
    argv = [str(MLFLOW.install() / "python"), "-c", _BEGIN + script, uri]
    env = {**lab.env, "MLFLOW_DISABLE_TELEMETRY": "true"}
    return Side(lambda: argv, folder, env, check=partial(_has_printed, expected))


def _has_printed(expected: int, output: bytes) -> None:
    if output.split()[-1:] != [str(expected).encode()]:
        raise CommandError(f"{output[-200:]!r} was printed, not {expected}")


CASES: dict[str, Callable[[Lab], Case]] = {
    "mlflow-run": _run,
    "mlflow-log": _log,
    "mlflow-search-10000": _search,
}
