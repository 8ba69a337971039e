"""What is measured of imports and exports: a thousand rows, runs of MLflow's file store, and experiments."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable
from pathlib import Path

from benchmarks.case import GITEXP, Case, slow
from benchmarks.lab import Lab
from benchmarks.measure import Side

RUNS, METRICS, STEPS = 1_000, 10, 1_000
_START = 1_700_000_000_000  # ms since 1970


def _csv(lab: Lab) -> Case:
    sheet = lab.scratch / "results.csv"
    numbers = random.Random(1)
    lines = ["name,lr,seed,acc,loss"]
    for number in range(RUNS):
        lines.append(
            f"run-{number},{numbers.random():.4f},{number},{numbers.random():.4f},{numbers.random():.4f}"
        )
    sheet.write_text("\n".join(lines) + "\n")
    return Case(f"import {RUNS:,} rows of a CSV file", {GITEXP: _side(lab, "csv", sheet)}, goal=2.0)


def _mlflow(lab: Lab) -> Case:
    folder = lab.kept(f"mlruns-{RUNS}", _mlruns)
    side = _side(lab, "mlflow", folder, runs=slow(lab, 2))
    work = f"import {RUNS:,} runs of MLflow's file store, {METRICS} metrics of {STEPS:,} steps"
    return Case(work, {GITEXP: side}, goal=30.0)


def _bundle(lab: Lab) -> Case:
    """All experiments of a repository in a file, made anew each time."""
    file = lab.scratch / "all.gitexp"
    words = [*lab.gitexp, "export", "-q", "--all", "--as", "bundle", "-o", str(file)]
    project = lab.experiments(RUNS)
    side = Side(lambda: words, project, lab.env, lambda: file.unlink(missing_ok=True), runs=5, warmups=0)
    return Case(f"export {RUNS:,} experiments to a bundle", {GITEXP: side}, goal=5.0)


def _side(lab: Lab, tool: str, place: Path, runs: int = 5) -> Side:
    """An import into a new repository each time."""
    project = lab.project("gitexp", 0)
    copy = project.with_name("copy")

    def before() -> None:
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(project, copy, symlinks=True)

    words = [*lab.gitexp, "import", tool, "-q", str(place)]
    return Side(lambda: words, copy, lab.env, before, runs=runs, warmups=0)


def _mlruns(where: Path) -> None:
    """Write a folder as MLflow's file store leaves it."""
    experiment = where / "1"
    experiment.mkdir(parents=True)
    (experiment / "meta.yaml").write_text("artifact_location: file:///x\nexperiment_id: '1'\nname: digits\n")
    numbers = random.Random(1)
    for number in range(RUNS):
        run = experiment / f"a{number:031x}"
        for part in ("metrics", "params", "tags"):
            (run / part).mkdir(parents=True)
        times = f"start_time: {_START + number}\nend_time: {_START + 1_000_000}\nstatus: 3\n"
        (run / "meta.yaml").write_text(f"run_id: {run.name}\nrun_name: run-{number}\nuser_id: ann\n{times}")
        (run / "params" / "lr").write_text(str(number / RUNS))
        for metric in range(METRICS):
            lines = [f"{_START + step * 1000} {numbers.random()} {step}\n" for step in range(STEPS)]
            (run / "metrics" / f"metric_{metric}").write_text("".join(lines))


CASES: dict[str, Callable[[Lab], Case]] = {
    "import-csv-1000": _csv,
    "import-mlflow-1000": _mlflow,
    "export-bundle-1000": _bundle,
}
