"""Many at once into one repository, with Git's own housekeeping beside them: nothing lost, one winner."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from gitexp.model import Experiment
from gitexp.project.project import Project
from tests.support.workspace import GITEXP, Workspace

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="minutes on Windows")

WRITERS, EACH = 16, 13  # `make crash` does it for longer
RACERS = 8

# Saves beside each other, and now and then a run in a workspace of its own.
WRITER = """
import os, sys
from pathlib import Path
from gitexp.runs import run, save
from gitexp.runs.request import RunRequest
from gitexp.project.project import Project

null = os.open(os.devnull, os.O_WRONLY)
project = Project.open(Path(sys.argv[1]))
for turn in range(int(sys.argv[2])):
    if turn % 6 == 3:
        request = RunRequest(("true",), (f"train.lr={os.getpid()}",), temp=True, stdout=null, stderr=null)
        experiment = run.run(project, request).experiment
    else:
        experiment = save.save(project, f"{sys.argv[3]}.{turn}" if turn % 2 else "")
    print(experiment.name)
"""

HOUSEKEEPING = """
while :; do
  git gc --quiet; git pack-refs --all --prune; sleep 0.2
done
"""


def test_sixteen_writers_beside_gc_and_pack_refs(repo: Workspace) -> None:
    repo.allow("git", "info/refs*", "gc.log", "gc.pid*")
    repo.allow("reflogs", "*")  # gc forgets what is older than three months
    beside = subprocess.Popen(
        ["sh", "-c", HOUSEKEEPING], cwd=repo.path, start_new_session=True, stderr=subprocess.DEVNULL
    )
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", WRITER, str(repo.path), str(EACH), f"writer{number}"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        for number in range(WRITERS)
    ]
    try:
        with ThreadPoolExecutor(WRITERS) as pool:
            answers = list(pool.map(lambda writer: writer.communicate(timeout=170), writers))
    finally:
        for writer in writers:
            writer.kill()
        os.killpg(beside.pid, signal.SIGKILL)
        beside.wait()
    assert "".join(errors.decode() for _, errors in answers) == ""
    printed = [name for names, _ in answers for name in names.decode().split()]
    found = Project.open(repo.path).store.all()
    assert len(set(printed)) == len(printed) == WRITERS * EACH
    assert {e.name for e in found} == set(printed)
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
    racers = [
        subprocess.Popen(
            [*GITEXP, "run", "-q", "--temp", "-n", name, "--", "true"],
            cwd=repo.path,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        for name in names
    ]
    told = [racer.communicate(timeout=60)[1].decode() for racer in racers]
    lost = [text for racer, text in zip(racers, told, strict=True) if racer.returncode == 1]
    assert sorted(racer.returncode for racer in racers) == [0] + [1] * (RACERS - 1), told
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
