"""What is measured of MLflow's client on Git, beside the same client on SQLite.

Each script measures itself, from the client's making to its last answer: to import MLflow takes two seconds,
on both sides.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from functools import partial
from pathlib import Path

from benchmarks.case import FLOOR, GITEXP, Case
from benchmarks.lab import Lab
from benchmarks.measure import CommandError, Side
from benchmarks.peers import MLFLOW
from benchmarks.trials import trials
from gitexp.files import flatten

RUNS, CALLS, PAGE = 20, 10_000, 100

_FILL = Path(__file__).with_name("mlflow_fill.py")

_BEGIN = """
import sys, time
from mlflow import MlflowClient
begun = time.perf_counter()
client = MlflowClient(sys.argv[1])
"""
_END = """
print(done, time.perf_counter() - begun)
"""
_RUN = f"""
for number in range({RUNS}):
    run = client.create_run("0").info.run_id
    for name in range(5):
        client.log_param(run, f"p{{name}}", name)
    for name in range(10):
        client.log_metric(run, f"m{{name}}", 0.5)
    client.set_terminated(run)
done = {RUNS}
"""
_LOG = f"""
run = client.create_run("0").info.run_id
for step in range({CALLS}):
    client.log_metric(run, "loss", 0.5, step=step)
client.set_terminated(run)
done = {CALLS}
"""
_SEARCH = f"""
done = len(client.search_runs(["0"], max_results={PAGE}))
"""


def _run(lab: Lab) -> Case:
    """Whole runs, one after the other: the first one makes SQLite's tables, in the run that warms up."""
    folder = lab.project("mlflow", 200)
    database = f"sqlite:///{lab.scratch}/mlflow.db"
    sides = {
        GITEXP: _script(lab, _RUN, RUNS, folder),
        FLOOR: _script(lab, _RUN, RUNS, folder, database),
    }
    work = f"{RUNS} runs of MLflow's client with 5 params and 10 metrics"
    return Case(work, sides, floor="MLflow on SQLite", goal=RUNS * 0.040)


def _log(lab: Lab) -> Case:
    sides = {GITEXP: _script(lab, _LOG, CALLS, lab.project("mlflow", 200))}
    return Case(f"{CALLS:,} calls of MLflow's `log_metric`", sides, goal=CALLS * 60e-6)


def _search(lab: Lab, *, count: int, goal: float) -> Case:
    """The page that MLflow's UI shows first."""
    database = f"sqlite:///{lab.kept(f'mlflow-{count}', partial(_fill, lab, count))}/mlflow.db"
    folder = lab.experiments(count)
    sides = {
        GITEXP: _script(lab, _SEARCH, PAGE, folder),
        FLOOR: _script(lab, _SEARCH, PAGE, folder, database),
    }
    work = f"the first page of {count:,} runs, by MLflow's client"
    return Case(work, sides, floor="MLflow on SQLite", goal=goal)


def _fill(lab: Lab, count: int, where: Path) -> None:
    """Makes a folder with a database of MLflow's that has the same experiments."""
    where.mkdir()
    found = []
    for trial in trials(count):
        one = {"name": trial.name, "created": trial.created, "duration": trial.duration}
        found.append({**one, "params": flatten(trial.params), "metrics": flatten(trial.metrics)})
    argv = [str(MLFLOW.install() / "python"), str(_FILL), str(where / "mlflow.db")]
    subprocess.run(argv, input=json.dumps(found), text=True, env=_environment(lab), check=True)


def _script(lab: Lab, script: str, expected: int, folder: Path, uri: str = "gitexp:") -> Side:
    argv = [str(MLFLOW.install() / "python"), "-c", _BEGIN + script + _END, uri]
    return Side(
        lambda: argv, folder, _environment(lab), check=partial(_has_done, expected), runs=3, told=_seconds
    )


def _environment(lab: Lab) -> dict[str, str]:
    return {**lab.env, "MLFLOW_DISABLE_TELEMETRY": "true"}


def _has_done(expected: int, output: bytes) -> None:
    if output.split()[-2:-1] != [str(expected).encode()]:
        raise CommandError(f"{output[-200:]!r} was printed, not {expected}")


def _seconds(output: bytes) -> float:
    return float(output.split()[-1])


CASES: dict[str, Callable[[Lab], Case]] = {
    "mlflow-run": _run,
    "mlflow-log": _log,
    "mlflow-search-1000": partial(_search, count=1_000, goal=1.0),
    "mlflow-search-10000": partial(_search, count=10_000, goal=2.0),
}
