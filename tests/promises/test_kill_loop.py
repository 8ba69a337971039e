"""A loop that is killed at each of its steps: the same command goes on, and each round is there once."""

from __future__ import annotations

import tempfile
from pathlib import Path

from gitexp.extras.inference.loop import desk
from gitexp.model import Experiment
from gitexp.project.project import Project
from tests.support.kills import assert_sound, experiments, git, kill
from tests.support.workspace import Workspace

POINTS = {"loop:replicates", "loop:desk", "loop:edited", "loop:stored", "loop:judged"}
TRAIN = """
import json, random
from gain import GAIN
seed = int(open("params.yaml").read().partition("seed: ")[2])
json.dump({"acc": GAIN + random.Random(f"{seed} {GAIN}").gauss(0, 0.001)}, open("metrics.json", "w"))
"""
LOOP = (
    "loop",
    "--edit",
    'echo "GAIN = $GITEXP_LOOP_ROUND" > gain.py',
    "--metric",
    "acc",
    "--replicates",
    "2",
)


def test_a_killed_loop_goes_on(repo: Workspace) -> None:
    repo.write("train.py", TRAIN)
    repo.write("gain.py", "GAIN = 0\n")
    repo.write("params.yaml", "seed: 1\n")
    repo.write("gitexp.yaml", "command: python train.py\n")
    repo.commit()
    for point in ("loop:replicates", "loop:desk", "loop:edited", "loop:stored", "loop:judged"):
        kill(repo, point, *LOOP, "--rounds", "2")
        repo.guard.check()
    report = repo.json(*LOOP, "--rounds", "2", process=True)
    assert [(one["round"], one["outcome"]) for one in report["rounds"]] == [(1, "kept"), (2, "kept")]
    found = experiments(repo)
    assert all(isinstance(one, Experiment) and one.record.status.ended for one in found)
    assert len(found) == 4  # two of the start, and the rounds
    own = Path(desk._prefix(Project.open(repo.path)))
    assert not list(Path(tempfile.gettempdir()).glob(f"{own.name}*"))
    assert git(repo, "status", "--porcelain") == ""
    assert_sound(repo)
