"""What is measured of engines: a hundred jobs given to Slurm, and a job's own cost on a machine."""

from __future__ import annotations

import atexit
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from itertools import count
from pathlib import Path

from benchmarks import projects
from benchmarks.case import BARE, GITEXP, Case, side_of
from benchmarks.lab import Lab
from benchmarks.measure import Side
from benchmarks.queue_cases import grids

JOBS = 100
_HAS_SLURM = shutil.which("slurmctld", path=f"{os.environ.get('PATH', '')}:/usr/sbin") is not None
# The jobs are held, so that none is at work while the next turn is measured.
_ENGINE = 'engines: {cluster: {kind: slurm, directives: ["--hold"]}}\n'
_TRAIN = ("--", "python", "train.py")


def _submit(lab: Lab) -> Case:
    """A hundred queued runs become one array of a cluster of one node."""
    from tests.support.slurm import Cluster  # only where there is Slurm

    folder = Path(tempfile.mkdtemp(prefix="slurm-"))
    cluster = Cluster(folder)
    atexit.register(cluster.end)
    env = {**lab.env, "SLURM_CONF": str(cluster.conf)}
    mine, grid = lab.project("gitexp", 0), grids(JOBS)
    (mine / "gitexp.yaml").write_text(_ENGINE)

    def before() -> None:
        cluster.ask("scancel", f"--user={os.getuid()}")
        words = [*lab.gitexp, "queue", "remove", "-q", "-y", "*"]
        subprocess.run(words, cwd=mine, env=dict(env), capture_output=True, check=False)  # the first has none
        projects.tool(mine, env, [*lab.gitexp, "run", "--queue", "-q", "-y", "-S", grid(), *_TRAIN])

    words = [*lab.gitexp, "queue", "start", "-q", "--engine", "cluster", "--detach"]
    side = Side(lambda: words, mine, env, before)
    return Case(f"submit {JOBS} queued runs to Slurm", {GITEXP: side}, goal=3.0)


def _job(lab: Lab) -> Case:
    """A job of an engine runs one queued experiment, less the time of the command alone."""
    mine, grid, names = lab.project("gitexp", 0), grids(1), count(1)
    name = ""

    def before() -> None:
        nonlocal name
        name = f"one-{next(names)}"
        words = [*lab.gitexp, "run", "--queue", "-q", "-n", name, "-S", grid(), *_TRAIN]
        projects.tool(mine, lab.env, words)

    sides = {
        GITEXP: Side(lambda: [*lab.gitexp, "engine", "job", name], mine, lab.env, before),
        BARE: side_of(lab, ["python", "train.py"], mine),
    }
    return Case("a job of an engine, one run", sides, goal=0.3)


CASES: dict[str, Callable[[Lab], Case]] = {"engine-job": _job}
if _HAS_SLURM:
    CASES["slurm-submit-100"] = _submit
