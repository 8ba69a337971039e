"""Sweeps and the queue from Python: the same as the commands, as data."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

import gitexp
from gitexp.model import Status
from tests.support.clones import make_team
from tests.support.workspace import Workspace

TRAIN = ("python", "train.py")
SWEEP = """command: python train.py
sweep:
  parameters: {train.lr: "uniform(0.1,0.9)"}
  method: random
  trials: 2
  objective: loss
"""


def test_a_grid_and_what_is_known_of_it(repo: Workspace, capfd: pytest.CaptureFixture[str]) -> None:
    project = gitexp.Project.open(repo.path)
    looked = []
    request = gitexp.RunRequest(TRAIN, ["train.lr=0.3,0.5"])
    found = gitexp.sweeps.grid(project, request, jobs=2, look=lambda: looked.append(1))
    assert [one.record.params["params.yaml"]["train"]["lr"] for one in found.experiments] == [0.3, 0.5]
    assert ({one.record.status for one in found.experiments}, bool(looked)) == ({Status.DONE}, True)
    again = gitexp.sweeps.grid(project, gitexp.RunRequest(TRAIN, ["train.lr=0.1,0.3,0.5"]))
    assert again.experiments[1:] == found.experiments
    shown = repo.gitexp("run", "-q", "-S", "train.lr=0.1,0.3,0.5", "--", *TRAIN).stdout
    assert shown == "".join(f"{one.name} done\n" for one in again.experiments)
    repeated = gitexp.sweeps.grid(project, gitexp.RunRequest(TRAIN, ["train.lr=0.1"]), repeat=2)
    assert [one.record.replicate for one in repeated.experiments] == [0, 2]
    assert capfd.readouterr() == ("", "")


def test_a_sweep_of_the_config_and_a_search(repo: Workspace) -> None:
    repo.write("gitexp.yaml", SWEEP)
    project = gitexp.Project.open(repo.path)
    found = gitexp.sweep(project, jobs=2)
    assert ([trial.state for trial in found.trials], len(found.begun)) == (["done", "done"], 2)
    assert found.best is not None
    assert gitexp.sweeps.best(project) == [found.best]
    assert gitexp.sweeps.show(project).trials == found.trials
    assert repo.gitexp("sweep", "best").stdout.strip() == found.best.name
    assert gitexp.sweep(project).begun == []
    repo.write("gitexp.yaml", SWEEP.replace("0.9", "0.8").replace("trials: 2", "trials: 3"))
    project = gitexp.Project.open(repo.path)
    with pytest.raises(gitexp.errors.UsageError, match=r"was uniform\(0.1,0.9\) and is") as refused:
        gitexp.sweep(project)
    assert refused.value.code == "sweep-changed"
    assert len(gitexp.sweep(project, accept_changes=True).trials) == 3
    request = gitexp.RunRequest(overrides=["train.epochs=int_uniform(1,9)"])
    searched = gitexp.sweeps.search(project, request, trials=1, objectives=["loss"])
    assert gitexp.sweeps.names(project) == ["sweep", searched.definition.id]
    assert gitexp.sweeps.stop(project) == []


def test_the_queue(repo: Workspace, tmp_path: Path) -> None:
    team = make_team(repo, tmp_path)
    project = gitexp.Project.open(repo.path)
    one = gitexp.queue.add(project, gitexp.RunRequest(TRAIN, ["train.lr=0.3"], name="one"))
    both = gitexp.sweeps.plan(project, gitexp.RunRequest(TRAIN, ["train.lr=0.5,0.7"], name="grid"))
    assert gitexp.queue.experiments(project) == [one, *both]
    with pytest.raises(gitexp.errors.UsageError, match="These are several runs"):
        gitexp.queue.add(project, gitexp.RunRequest(TRAIN, ["train.lr=1,2"]))
    gitexp.queue.move(project, ["grid*"])
    assert [one.name for one in gitexp.queue.experiments(project)] == ["grid", "grid-2", "one"]
    gitexp.queue.remove(project, ["one"])
    with pytest.raises(gitexp.errors.ExperimentError, match="There is no experiment 'one'"):
        gitexp.queue.move(project, ["one"])
    ended: list[str] = []
    # A program may have the queue in a thread, where Python takes no signals.
    worker = threading.Thread(
        target=lambda: gitexp.queue.start(project, 2, on_end=lambda one: ended.append(one.name))
    )
    worker.start()
    worker.join()
    assert sorted(ended) == ["grid", "grid-2"]
    gitexp.queue.retry(project, ["grid"])
    assert [one.name for one in gitexp.queue.push(project).experiments] == ["grid"]
    bobs = gitexp.Project.open(team.bob.path)
    assert gitexp.queue.start(bobs, orders=gitexp.queue.Orders(remote="origin")).ended[0].name == "grid"
    assert gitexp.queue.pull(project) == (
        [],
        ["grid was taken at origin; gitexp pull brings what came of it."],
    )
    assert (gitexp.queue.stop(project), gitexp.queue.workers(project)) == ([], [])
