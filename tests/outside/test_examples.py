"""The projects under examples/ work as they stand; for digits the tutorial shows it, in test_docs.py."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

import gitexp
from tests.support.repositories import git

EXAMPLES = Path(__file__).parents[2] / "examples"
DEMO = Path(gitexp.__file__).parent / "demo"
ROUNDS = 9  # of the loop: three are kept, one cannot be trained, the last one is not kept


# -- the loop -----------------------------------------------------------------------------------------


def _project(folder: Path) -> Path:
    project = shutil.copytree(
        EXAMPLES / "loop", folder / "irises", ignore=shutil.ignore_patterns("__pycache__")
    )
    for command in (["init", "--quiet", "-b", "main"], ["add", "."], ["commit", "--quiet", "-m", "irises"]):
        git(project, *command)
    return project


def _loop(rounds: int) -> list[str]:
    return [sys.executable, "loop.py", "--rounds", str(rounds)]


def _run(project: Path, rounds: int) -> str:
    done = subprocess.run(_loop(rounds), cwd=project, capture_output=True, encoding="utf-8")
    assert done.returncode == 0, done.stderr
    return done.stdout


def _memory(project: Path) -> dict[str, dict[str, Any]]:
    """The experiments by name, as the loop sees them."""
    command = [sys.executable, "-m", "gitexp", "show", "-A", "--each", "--json"]
    done = subprocess.run(command, cwd=project, check=True, capture_output=True)
    return {row["name"]: row for row in json.loads(done.stdout) if row["kind"] == "experiment"}


def _loss(row: dict[str, Any]) -> float:
    return float(row["metrics"].get("val_loss", "inf"))


def _killed_in_the_middle(
    project: Path, round_: int, *, with_all_it_started: bool
) -> dict[str, dict[str, Any]]:
    """Start the loop, kill it while the run of a round goes on, and return what that left."""
    loop = subprocess.Popen(_loop(ROUNDS), cwd=project, stdout=subprocess.PIPE, start_new_session=True)
    assert loop.stdout is not None
    with loop:
        for _ in range(round_ - 1):
            assert b"round" in loop.stdout.readline()
        while not list((project / ".git" / "gitexp" / "runs").glob("*/state.json")):
            time.sleep(0.005)
        if with_all_it_started:
            os.killpg(loop.pid, signal.SIGKILL)
        else:
            loop.kill()
    return _memory(project)


@pytest.mark.skipif(sys.platform == "win32", reason="kills as POSIX knows them")
def test_a_loop_goes_on_where_it_was_killed_and_nothing_that_was_tried_is_lost(tmp_path: Path) -> None:
    project = _project(tmp_path)
    left = _killed_in_the_middle(project, 3, with_all_it_started=False)
    assert len(left) >= 3

    told = _run(project, ROUNDS)

    rows = _memory(project)
    assert left.keys() <= rows.keys()
    rounds = [row["note"].split(":")[0] for row in rows.values() if row["note"] != "as it is"]
    assert sorted(rounds) == sorted(f"loop 1, round {number}" for number in range(1, ROUNDS + 1))
    codes = {git(project, "show", f"{row['commit']}:train.py") for row in rows.values()}
    assert len(codes) == len(rows) == ROUNDS + 1  # all of it can be had, and nothing was tried twice

    # What was kept is a line of experiments, each made from one that was worse.
    line = [min(rows.values(), key=_loss)]
    while (parent := line[-1]["parent"]) is not None:
        line.append(rows[parent])
    assert len(line) >= 4
    assert line == sorted(line, key=_loss)
    assert line[-1]["note"] == "as it is"
    assert _loss(line[0]) < _loss(line[-1]) * 0.6

    tree = told[told.index("Experiment") :]
    assert all(name in tree for name in rows)
    assert git(project, "status", "--porcelain") == ""
    assert git(project, "symbolic-ref", "HEAD") == "refs/heads/main"


@pytest.mark.skipif(sys.platform == "win32", reason="kills as POSIX knows them")
def test_a_loop_that_was_killed_with_its_run_tries_the_same_as_one_that_was_not(tmp_path: Path) -> None:
    killed, quiet = _project(tmp_path / "killed"), _project(tmp_path / "quiet")
    left = _killed_in_the_middle(killed, 2, with_all_it_started=True)
    _run(killed, 2)
    _run(quiet, 2)

    rows = _memory(killed)
    assert left.keys() <= rows.keys()
    tried = [(row["note"], _loss(row)) for row in rows.values() if row["status"] != "interrupted"]
    assert sorted(tried) == sorted((row["note"], _loss(row)) for row in _memory(quiet).values())
    assert "missing" not in git(killed, "fsck")


def test_the_loop_has_the_data_of_the_demo() -> None:
    assert (EXAMPLES / "loop" / "iris.csv").read_bytes() == (DEMO / "iris.csv").read_bytes()


# -- the pipeline -------------------------------------------------------------------------------------


def test_the_pipeline_has_the_data_of_the_demo() -> None:
    assert (EXAMPLES / "pipeline" / "data" / "iris.csv").read_bytes() == (DEMO / "iris.csv").read_bytes()


def test_the_pipeline_s_params_matter_and_its_outputs_stay_out_ofgit(tmp_path: Path) -> None:
    project = shutil.copytree(EXAMPLES / "pipeline", tmp_path / "flowers")
    for command in (["init", "--quiet", "-b", "main"], ["add", "."], ["commit", "--quiet", "-m", "flowers"]):
        git(project, *command)
    gitexp_run = [sys.executable, "-m", "gitexp", "run", "--quiet"]
    for change in ("train.lr=0.03", "train.lr=1", "data.seed=8"):
        subprocess.run([*gitexp_run, "-S", change], cwd=project, check=True, capture_output=True)
    losses = [row["metrics"]["loss"] for row in reversed(_memory(project).values())]
    assert losses[0] > losses[1] * 2
    assert losses[2] != losses[1]
    assert sorted(git(project, "ls-files", "--others", "--exclude-standard").split()) == [
        "confusion.csv",
        "gitexp.lock",
        "logs.csv",
        "metrics.json",
    ]
