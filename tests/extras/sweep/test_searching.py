"""`gitexp sweep`, and searches of `gitexp run`: on real runs."""

from __future__ import annotations

import importlib.util
import json
import os
import signal
from pathlib import Path

import pytest

from gitexp.model import Experiment, Status
from gitexp.project.project import Project
from tests.extras.sweep.test_sweep import forge
from tests.support.kills import assert_sound, kill
from tests.support.processes import until
from tests.support.workspace import TIMEOUT, Workspace

TRAIN = ("--", "python", "train.py")
CONFIG = """command: python train.py
sweep:
  parameters:
    train.lr: log_uniform(0.1,0.9)
    train.epochs: [1, 2]
  method: {method}
  trials: {trials}
  objective: loss
{more}"""
WAITS = """import os, time
open('metrics.json', 'w').write('{"loss": 1}')
while not os.path.exists(os.environ['GO']):
    time.sleep(0.02)
"""


def experiments(repo: Workspace) -> list[Experiment]:
    return Project.open(repo.path).store.readable()


def numbers(repo: Workspace) -> list[int]:
    return sorted(one.record.trial["number"] for one in experiments(repo) if one.record.trial)


def configure(repo: Workspace, trials: int, method: str = "random", more: str = "") -> None:
    repo.write("gitexp.yaml", CONFIG.format(trials=trials, method=method, more=more))


def test_a_search_of_the_command_line_goes_on_to_its_total(repo: Workspace) -> None:
    search = ("run", "-S", "train.lr=uniform(0.1,0.9)", "-S", "train.epochs=1,2", "--objective", "loss")
    first = repo.gitexp(*search, "--trials", "2", *TRAIN)
    assert "for loss (min is best)" in first.stderr
    assert "2 of 2 trials: 2 done" in first.stdout
    before = {one.name: one.id for one in experiments(repo)}
    repo.gitexp(*search, "--trials", "3", "-j", "2", "-q", *TRAIN)
    now = {one.name: one.id for one in experiments(repo)}
    assert len(now) == 3
    assert before.items() <= now.items()
    assert numbers(repo) == [0, 1, 2]
    assert "epochs: 3" in repo.read("params.yaml")
    document = json.loads(repo.gitexp("sweep", "show", "--json").stdout)
    assert document["total"] == 3
    repo.write("train.py", repo.read("train.py") + "# edited\n")
    repo.gitexp(*search, "--trials", "1", "-q", *TRAIN)
    assert len({one.record.sweep for one in experiments(repo)}) == 2


def test_a_sweep_of_the_config(repo: Workspace) -> None:
    configure(repo, 3, "tpe")
    said = repo.gitexp("sweep")
    assert "sweep: 3 of 3 trials: 3 done" in said.stdout
    assert "importance for loss: it needs 8 done trials, there are 3" in said.stdout
    best = repo.gitexp("sweep", "best").stdout.strip()
    losses = {one.name: one.record.metrics["metrics.json"]["loss"] for one in experiments(repo)}
    assert losses[best] == min(losses.values())
    assert "sweep  tpe  3 of 3 trials" in repo.gitexp("sweep", "list").stdout
    assert repo.gitexp("sweep", "list", "--format", "csv").stdout.endswith("\nsweep,tpe,3,3,false\n")
    assert best in repo.gitexp("sweep", "show").stdout
    configure(repo, 4, "tpe")  # more trials are no other code
    repo.gitexp("sweep", "-q")
    assert numbers(repo) == [0, 1, 2, 3]
    assert len({one.record.trial["code"] for one in experiments(repo)}) == 1


def test_what_has_changed_is_said(repo: Workspace) -> None:
    configure(repo, 1)
    repo.gitexp("sweep", "-q")
    repo.write(
        "gitexp.yaml", repo.read("gitexp.yaml").replace("0.9)", "0.8)").replace("trials: 1", "trials: 2")
    )
    repo.write("train.py", repo.read("train.py") + "# edited\n")
    refused = repo.gitexp("sweep", check=False)
    assert refused.exit_code == 2
    assert "train.lr was log_uniform(0.1,0.9) and is log_uniform(0.1,0.8)" in refused.stderr
    assert "the code has changed: gitexp.yaml, train.py" in refused.stderr
    repo.gitexp("sweep", "-q", "--accept-changes")
    assert len({one.record.trial["code"] for one in experiments(repo)}) == 2
    repo.write("train.py", repo.read("train.py") + "# once more\n")
    repo.gitexp("sweep", "-q")  # nothing is left, so nothing is asked
    assert numbers(repo) == [0, 1]
    assert "2 versions of the code" in repo.gitexp("sweep", "show").stdout


def test_what_failed_or_was_removed_comes_again_if_asked_for(repo: Workspace) -> None:
    configure(repo, 2, "grid", "  max_failed: 9\n")
    config = repo.read("gitexp.yaml").replace("log_uniform(0.1,0.9)", "0.3,0.5")
    repo.write("gitexp.yaml", config.replace("    train.epochs: [1, 2]\n", ""))
    script = repo.read("train.py")
    repo.write("train.py", "import sys\nsys.exit('lr: 0.5' in open('params.yaml').read())\n")
    assert repo.gitexp("sweep", check=False).exit_code == 1
    (done,) = [one.name for one in experiments(repo) if one.record.status is Status.DONE]
    repo.gitexp("remove", "-y", done)
    again = repo.gitexp("sweep")
    assert "2 trials failed, or were interrupted or removed" in again.stderr
    assert len(experiments(repo)) == 1
    repo.gitexp("sweep", "-q", "--retry-failed", check=False)
    assert numbers(repo) == [0, 1]
    repo.write("train.py", script)  # the mistake is mended: other code, so the failed stay as they are
    repo.gitexp("sweep", "-q", "--retry-failed", "--accept-changes")
    assert numbers(repo) == [0, 1, 1]
    assert "2 of 2 trials: 2 done" in repo.gitexp("sweep", "show").stdout


def test_a_trial_of_somebody_else_runs_with_the_code_of_the_user(repo: Workspace, tmp_path: Path) -> None:
    configure(repo, 2, "grid")
    repo.write("gitexp.yaml", repo.read("gitexp.yaml").replace("log_uniform(0.1,0.9)", "0.3"))
    repo.gitexp("sweep", "-q")
    honest = experiments(repo)[0]
    repo.gitexp("remove", "-y", honest.name)
    ran, script = tmp_path / "ran", repo.read("train.py")
    repo.write("train.py", f"import sys; open({str(ran)!r}, 'a').write('x'); sys.exit(1)\n")
    repo.gitexp("run", "--queue", "-q", "-n", "evil", "--", "python", "train.py")
    repo.write("train.py", script)
    repo.gitexp("queue", "work")
    record = honest.record
    claim = {"sweep": record.sweep, "trial": record.trial, "identity": record.identity}
    forge(repo, "evil", argv=record.argv, command=record.command, overrides=record.overrides, **claim)
    repo.gitexp("sweep", "-q", "--retry-failed")
    assert ran.read_text() == "x"
    assert "2 of 2 trials: 2 done" in repo.gitexp("sweep", "show").stdout
    (now,) = (one for one in experiments(repo) if one.name == "evil")
    assert repo.git("show", f"{now.record.commit}:train.py") == script.removesuffix("\n")


def test_a_sweep_ends_when_too_many_fail(repo: Workspace) -> None:
    configure(repo, 9, more="  max_failed: 2\n")
    repo.write("train.py", "import sys\nsys.exit(1)\n")
    said = repo.gitexp("sweep", check=False)
    assert said.exit_code == 1
    assert "2 trials failed, and max_failed is 2" in said.stderr
    assert numbers(repo) == [0, 1]


def test_a_value_that_cannot_be_is_refused_before_the_first_run(repo: Workspace) -> None:
    configure(repo, 9)
    repo.write("gitexp.yaml", repo.read("gitexp.yaml").replace("[1, 2]", "'1,[x'"))
    said = repo.gitexp("sweep", check=False)
    assert "`[x` begins like a list" in said.stderr
    assert experiments(repo) == []


def test_an_objective_that_nobody_measures_ends_a_search(repo: Workspace) -> None:
    configure(repo, 9, "tpe")
    repo.write("gitexp.yaml", repo.read("gitexp.yaml").replace("objective: loss", "objective: val_loss"))
    said = repo.gitexp("sweep", check=False)
    assert said.exit_code == 1
    assert "5 trials done, and none has a number for val_loss" in said.stderr
    assert "metrics: eval.acc, loss" in said.stderr


@pytest.mark.skipif(importlib.util.find_spec("torch") is not None, reason="torch is here")
@pytest.mark.parametrize("args", [(), ("--dry-run",)])
def test_a_method_without_its_packages_is_refused_before_the_first_run(
    repo: Workspace, args: tuple[str, ...]
) -> None:
    configure(repo, 2, "gp")
    said = repo.gitexp("sweep", *args, check=False)
    assert (said.exit_code, said.stdout, experiments(repo)) == (1, "", [])
    assert "error: Method gp needs torch" in said.stderr
    assert "hint: Install: pip install torch" in said.stderr


def test_what_was_run_by_hand_is_known_and_not_run_again(repo: Workspace) -> None:
    repo.write("gitexp.yaml", "command: python train.py\n")
    repo.gitexp("run", "--temp", "-q", "-n", "mine", "-S", "train.epochs=1")
    sweep = "\nsweep: {parameters: {train.epochs: [1, 2]}, method: tpe, trials: 9, objective: loss}\n"
    repo.write("gitexp.yaml", f"command: python train.py\n{sweep}")
    said = repo.gitexp("sweep")
    assert "the space is used up" in said.stderr
    assert len(experiments(repo)) == 2


def test_each_trial_with_several_seeds(repo: Workspace) -> None:
    repo.write("params.yaml", "seed: 1\n" + repo.read("params.yaml"))
    configure(repo, 2, more="  repeat: 2\n")
    repo.gitexp("sweep", "-q", "-j", "2")
    seeds = sorted(one.record.params["params.yaml"]["seed"] for one in experiments(repo))
    assert seeds == [1, 1, 2, 2]
    assert len({one.record.group for one in experiments(repo)}) == 2
    assert "2 of 2 trials: 2 done" in repo.gitexp("sweep", "show").stdout
    repo.gitexp("remove", "-y", experiments(repo)[0].name)
    configure(repo, 2)  # without repeat: what was removed comes again with its own seed
    repo.gitexp("sweep", "-q", "--retry-failed")
    assert sorted(one.record.params["params.yaml"]["seed"] for one in experiments(repo)) == [1, 1, 2, 2]


PRUNED = """import json, time
x = float(open("params.yaml").read().split("lr: ")[1].split()[0])
with open("logs.csv", "w") as log:
    log.write("step,loss\\n")
    for step in range(60 if x > 0.8 else 3):
        log.write(f"{step},{x}\\n")
        log.flush()
        time.sleep(0.5 * (x > 0.8))
json.dump({"loss": x}, open("metrics.json", "w"))
"""


# The same curve, logged and not written into a table.
LOGGED = """import gitexp, time
x = float(open("params.yaml").read().split("lr: ")[1].split()[0])
for step in range(60 if x > 0.8 else 3):
    gitexp.log({"loss": x})
    time.sleep(0.5 * (x > 0.8))
"""


@pytest.mark.parametrize(("pruner", "script"), [("median", PRUNED), ("halving", LOGGED)])
def test_a_trial_that_lags_behind_is_pruned(repo: Workspace, pruner: str, script: str) -> None:
    repo.write("train.py", script)
    configure(repo, 6, "grid", f"  pruner: {pruner}\n")
    values = "0.1,0.2,0.3,0.4,0.5,0.9"
    config = (
        repo.read("gitexp.yaml")
        .replace("log_uniform(0.1,0.9)", values)
        .replace("    train.epochs: [1, 2]\n", "")
    )
    repo.write("gitexp.yaml", config)
    said = repo.gitexp("sweep")
    assert "5 done, 1 pruned" in said.stdout
    (one,) = [one for one in experiments(repo) if one.record.reason == "pruned"]
    assert one.record.status is Status.INTERRUPTED
    assert one.record.trial["point"] == {"train.lr": "0.9"}
    before = {one.name: one.id for one in experiments(repo)}
    repo.gitexp("sweep", "-q", "--retry-failed")
    assert {one.name: one.id for one in experiments(repo)} == before


def test_killed_while_planning(repo: Workspace) -> None:
    configure(repo, 2)
    kill(repo, "plan:stored", "sweep", "-q")
    kill(repo, "store:after-ref", "sweep", "-q")
    repo.gitexp("sweep", "-q")
    assert numbers(repo) == [0, 1]
    assert {one.record.status for one in experiments(repo)} == {Status.DONE}
    assert_sound(repo)


@pytest.fixture
def go(repo: Workspace, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file for whose coming each trial waits."""
    found = repo.path.parent / "go"
    monkeypatch.setenv("GO", str(found))
    repo.write("train.py", WAITS)
    return found


def test_all_killed_and_the_same_command_goes_on(repo: Workspace, go: Path) -> None:
    """All trials have begun, so that none is to be planned any more."""
    configure(repo, 2)
    process = repo.start("sweep", "-j", "2")
    until(lambda: sum(one.record.status is Status.RUNNING for one in experiments(repo)) == 2)
    alive = experiments(repo)
    os.kill(process.pid, signal.SIGKILL)
    for one in alive:
        assert one.record.process is not None
        os.kill(one.record.process.pid, signal.SIGKILL)
    process.wait()
    go.touch()
    repo.gitexp("sweep", "-q", "-j", "2")
    assert numbers(repo) == [0, 1]
    assert {one.record.status for one in experiments(repo)} == {Status.DONE}
    assert sum(one.record.tries for one in experiments(repo)) == 2
    assert_sound(repo)


def test_stop_lets_the_present_trial_end(repo: Workspace, go: Path) -> None:
    configure(repo, 9)
    process = repo.start("sweep")
    until(lambda: experiments(repo))
    busy = repo.gitexp("sweep", check=False)
    assert (busy.exit_code, "at work in another process" in busy.stderr) == (1, True)
    assert "1 sweep asked to stop" in repo.gitexp("sweep", "stop").stderr
    go.touch()
    assert process.wait(TIMEOUT) == 1
    assert len(experiments(repo)) <= 2
    assert {one.record.status for one in experiments(repo)} == {Status.DONE}
