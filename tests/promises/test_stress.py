"""Many at once into one repository, with Git's own housekeeping beside them: nothing lost, one winner."""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path

import pytest

from gitexp.model import Experiment
from gitexp.project.project import Project
from gitexp.runs import run, save
from gitexp.runs.request import RunRequest
from tests.support.workspace import Result, Workspace

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="minutes on Windows")

WRITERS, EACH = 16, 7  # `make crash` does it for longer
RACERS = 8


def write(folder: Path, number: int) -> list[str]:
    """Save experiments, and once run one in a workspace of its own; the names."""
    null = os.open(os.devnull, os.O_WRONLY)
    project = Project.open(folder)
    names = []
    for turn in range(EACH):
        if turn == 3:
            request = RunRequest(("true",), (f"train.lr={number}",), temp=True, stdout=null, stderr=null)
            experiment = run.run(project, request).experiment
        else:
            experiment = save.save(project, f"writer{number}.{turn}" if turn % 2 else "")
        names.append(experiment.name)
    return names


HOUSEKEEPING = """
until [ -e "$0" ]; do
  git gc --quiet; git pack-refs --all --prune; sleep 0.2
done
"""


def test_sixteen_writers_beside_gc_and_pack_refs(repo: Workspace, tmp_path: Path) -> None:
    repo.allow("git", "info/refs*", "gc.log", "gc.pid*")
    repo.allow("reflogs", "*")  # gc forgets what is older than three months
    stop = tmp_path / "stop"
    beside = subprocess.Popen(["sh", "-c", HOUSEKEEPING, str(stop)], cwd=repo.path, stderr=subprocess.DEVNULL)
    forking = multiprocessing.get_context("fork")
    try:
        with ProcessPoolExecutor(WRITERS, forking) as pool:
            written = list(pool.map(write, [repo.path] * WRITERS, range(WRITERS), timeout=170))
    finally:
        stop.touch()
        beside.wait(timeout=60)
    named = [name for names in written for name in names]
    found = Project.open(repo.path).store.all()
    assert len(set(named)) == len(named) == WRITERS * EACH
    assert {e.name for e in found} == set(named)
    assert {(type(e), e.record.status) for e in found} == {(Experiment, "done")}
    assert repo.git("fsck", "--strict", "--no-dangling", "--no-progress") == ""
    assert_nothing_left(repo)


@pytest.mark.parametrize("differ", ["not at all", "in case alone"])
def test_racers_for_one_name(repo: Workspace, differ: str) -> None:
    names = ["winner"] * RACERS
    if differ == "in case alone":
        names = [
            "".join(c.upper() if n >> at & 1 else c for at, c in enumerate("winner")) for n in range(RACERS)
        ]

    def race(name: str) -> Result:
        return repo.gitexp("run", "-q", "--temp", "-n", name, "--", "true", check=False, process=True)

    with ThreadPoolExecutor(RACERS) as pool:
        racers = list(pool.map(race, names))
    told = [racer.stderr for racer in racers]
    lost = [racer.stderr for racer in racers if racer.exit_code == 1]
    assert sorted(racer.exit_code for racer in racers) == [0] + [1] * (RACERS - 1), told
    (winner,) = Project.open(repo.path).store.all()
    assert winner.name in names
    assert {text.split(".")[0] for text in lost} == {f"error: There is an experiment '{winner.name}' already"}
    assert_nothing_left(repo)


def assert_nothing_left(repo: Workspace) -> None:
    """No refs but the experiments', no live runs, no private index."""
    local = Path(repo.path) / ".git" / "gitexp"
    assert [*(local / "runs").iterdir(), *(local / "tmp").iterdir()] == []
    assert all(
        ref.startswith(("refs/gitexp/exps/", "refs/heads/main"))
        for ref in repo.git("for-each-ref", "--format=%(refname)").splitlines()
    )
