"""`gitexp run` with several values: each point runs once, by workers of its own."""

from __future__ import annotations

import json
import os
import signal
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gitexp.model import Experiment, Status
from gitexp.project.project import Project
from tests.support.kills import assert_sound
from tests.support.processes import until
from tests.support.workspace import TIMEOUT, Workspace

TRAIN = ("--", "python", "train.py")
GRID = ("run", "-S", "train.lr=0.3,0.5", "-S", "train.epochs=1,2", "-j", "2")
SLOW = "import os, time\nwhile not os.path.exists(os.environ['GO']): time.sleep(0.02)\n"
SLOW_GRID = ("run", "-S", "args.t=1,2,3", "-j", "2", "--", "python", "slow.py", "--t", "0")


def experiments(repo: Workspace) -> list[Experiment]:
    return Project.open(repo.path).store.readable()


def test_a_grid(repo: Workspace) -> None:
    result = repo.gitexp(*GRID, "--json", *TRAIN)
    rows: list[dict[str, Any]] = json.loads(result.stdout)
    points = [(row["params"]["train.lr"], row["params"]["train.epochs"]) for row in rows]
    assert points == [(0.3, 1), (0.3, 2), (0.5, 1), (0.5, 2)]
    assert {row["status"] for row in rows} == {"done"}
    assert [round(row["metrics"]["loss"], 6) for row in rows] == [0.5, 0.25, 0.7, 0.49]
    assert len({one.record.sweep for one in experiments(repo)}) == 1
    assert repo.gitexp(*GRID, "-q", *TRAIN).stdout.count(" done") == 4
    assert len(experiments(repo)) == 4
    shown = repo.gitexp("list", "--filter", f"sweep == '{experiments(repo)[0].record.sweep}'").stdout
    assert shown.count("\n") == 4


def test_hundreds_of_points(repo: Workspace) -> None:
    """Their refs are no hundreds of files."""
    args = ("-S", "train.lr=range(0,1,0.003125)", *TRAIN)
    assert repo.gitexp("run", "--queue", "-q", "-y", *args).stdout.count(" queued") == 320
    assert [*repo.path.glob(".git/refs/gitexp/exps/*")] == []
    assert repo.gitexp("queue", "list").stdout.count("\n") == 320


def test_what_is_there_is_not_run_again(repo: Workspace) -> None:
    repo.gitexp("run", "--temp", "-q", "-n", "mine", "-S", "train.lr=0.3", *TRAIN)
    result = repo.gitexp("run", "--queue", "-S", "train.lr=0.3,0.5", *TRAIN)
    assert "2 runs, 1 of them known already" in result.stderr
    assert len(experiments(repo)) == 2
    repo.write("train.py", repo.read("train.py") + "# edited\n")
    repo.gitexp("run", "--queue", "-q", "-S", "train.lr=0.3,0.5", *TRAIN)
    assert len(experiments(repo)) == 4


def test_failed_points_stay_unless_asked_for(repo: Workspace) -> None:
    repo.write("train.py", "import json, sys; sys.exit('lr: 0.5' in open('params.yaml').read())\n")
    grid = ("run", "-q", "-S", "train.lr=0.3,0.5", "-j", "2")
    assert repo.gitexp(*grid, *TRAIN, check=False).exit_code == 1
    before = {one.name: one.id for one in experiments(repo)}
    assert repo.gitexp(*grid, *TRAIN, check=False).exit_code == 1
    assert {one.name: one.id for one in experiments(repo)} == before
    assert repo.gitexp(*grid, "--retry-failed", *TRAIN, check=False).exit_code == 1
    changed = [one for one in experiments(repo) if before[one.name] != one.id]
    assert [one.record.params["params.yaml"]["train"]["lr"] for one in changed] == [0.5]


def forge(repo: Workspace, name: str, **facts: Any) -> None:
    """Let the record of an experiment say something else, as that of a colleague might."""
    store = Project.open(repo.path).store
    one = store.require(name)
    change = store.on_top(one, replace(one.record, **facts))
    repo.git("update-ref", change.ref, change.new or "")


@pytest.mark.parametrize("status", [Status.FAILED, Status.DONE])
def test_a_record_that_claims_to_be_a_point_is_not_believed(
    repo: Workspace, tmp_path: Path, status: Status
) -> None:
    """Of two forged experiments one has other code, and one had another command when it was queued."""
    ran = tmp_path / "ran"
    grid = ("run", "--queue", "-q", "-S", "train.lr=0.3,0.5", *TRAIN)
    repo.gitexp(*grid)
    honest = [one.record for one in experiments(repo)]
    repo.gitexp("queue", "remove", "-A", "-q")
    evil = f"import sys; open({str(ran)!r}, 'a').write('x'); sys.exit(1)\n"
    repo.gitexp("run", "--queue", "-q", "-n", "command", "-S", "train.lr=0.3", "--", "python", "-c", evil)
    script = repo.read("train.py")
    repo.write("train.py", evil)
    repo.gitexp("run", "--queue", "-q", "-n", "code", "-S", "train.lr=0.5", *TRAIN)
    repo.write("train.py", script)
    repo.gitexp("queue", "work")
    assert ran.read_text() == "xx"
    for name, record in zip(("command", "code"), sorted(honest, key=lambda one: one.order), strict=True):
        same = {"identity": record.identity, "command": record.command, "argv": record.argv}
        forge(repo, name, status=status, exit_code=None, sweep=record.sweep, **same)
    done = repo.gitexp("run", "-q", "--retry-failed", "-S", "train.lr=0.3,0.5", *TRAIN).stdout
    assert (ran.read_text(), done.count(" done")) == ("xx", 2)
    assert ("code" in done, "command" in done) == (False, True)
    assert_sound(repo)


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("-S", "train.lr=0.1,x y]", "-S", "no.such=1,2"), "no.such"),
        (("-S", "train.lr=0.1,"), "empty value"),
        (("-S", "train.lr=uniform(0,1)", "--from", "HEAD"), "--from does not go together"),
        (("-S", "train.lr=1,2", "--with", "train.py"), "--with lays files over the code of --from"),
        (("-S", "train.lr=1,2", "--once"), "--once does not go together"),
    ],
)
def test_refused_before_anything_is_queued(repo: Workspace, args: tuple[str, ...], said: str) -> None:
    result = repo.gitexp("run", *args, *TRAIN, check=False)
    assert result.exit_code in (1, 2)
    assert said in result.stderr
    assert experiments(repo) == []


def test_a_dry_run_prints_the_points(repo: Workspace) -> None:
    result = repo.gitexp("run", "--dry-run", "-S", "train.lr=0.3,0.5", "-S", "train.epochs=4", *TRAIN)
    assert result.stdout == "train.lr=0.3  train.epochs=4\ntrain.lr=0.5  train.epochs=4\n"
    assert json.loads(repo.gitexp("run", "--dry-run", "--json", "-S", "train.lr=1,2", *TRAIN).stdout) == [
        ["train.lr=1"],
        ["train.lr=2"],
    ]
    assert experiments(repo) == []


def test_text_with_a_comma(repo: Workspace) -> None:
    repo.gitexp("run", "--temp", "-q", "-S", 'train.optimizer="sgd,adam"', *TRAIN)
    (one,) = experiments(repo)
    assert one.record.params["params.yaml"]["train"]["optimizer"] == "sgd,adam"


@pytest.fixture
def go(repo: Workspace, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file for whose coming the runs of the slow grid wait."""
    found = repo.path.parent / "go"
    monkeypatch.setenv("GO", str(found))
    repo.write("slow.py", SLOW)
    return found


def running(repo: Workspace) -> list[Experiment]:
    return [one for one in experiments(repo) if one.record.status is Status.RUNNING]


def are_to_stop(repo: Workspace) -> bool:
    return len([*Project.open(repo.path).local.workers.glob("*/stop")]) == 2


def test_ctrl_c_lets_the_present_runs_finish(repo: Workspace, go: Path) -> None:
    process = repo.start(*SLOW_GRID)
    until(lambda: len(running(repo)) == 2)
    os.kill(process.pid, signal.SIGINT)
    until(lambda: are_to_stop(repo))
    go.touch()
    assert process.wait(TIMEOUT) == -signal.SIGINT
    assert sorted(one.record.status for one in experiments(repo)) == ["done", "done", "queued"]


def test_ctrl_c_while_the_workers_start(repo: Workspace, go: Path) -> None:
    repo.commit()
    process = repo.start(*SLOW_GRID)
    assert process.stderr is not None
    assert b"3 runs; 2 workers" in process.stderr.readline()
    os.kill(process.pid, signal.SIGINT)
    said = process.stderr.read()
    assert process.wait(TIMEOUT) == -signal.SIGINT
    assert b"3 runs left: the same command goes on" in said
    assert {one.record.status for one in experiments(repo)} == {Status.QUEUED}


def test_a_second_ctrl_c_ends_them(repo: Workspace, go: Path) -> None:
    process = repo.start(*SLOW_GRID)
    until(lambda: len(running(repo)) == 2)
    os.kill(process.pid, signal.SIGINT)
    until(lambda: are_to_stop(repo))
    os.kill(process.pid, signal.SIGINT)
    assert process.wait(TIMEOUT) == -signal.SIGINT
    assert sorted(one.record.status for one in experiments(repo)) == ["interrupted", "interrupted", "queued"]
    assert_sound(repo)


def test_all_killed_and_the_same_command_goes_on(repo: Workspace, go: Path) -> None:
    process = repo.start(*SLOW_GRID)
    until(lambda: len(running(repo)) == 2)
    alive = running(repo)
    os.killpg(process.pid, signal.SIGKILL)
    for one in alive:
        assert one.record.process is not None
        os.kill(one.record.process.pid, signal.SIGKILL)
    for state in Project.open(repo.path).local.runs.glob("*/state.json"):
        child = json.loads(state.read_text()).get("child")
        if child is not None:
            os.kill(child["pid"], signal.SIGKILL)
    process.wait()
    go.touch()
    repo.gitexp(*SLOW_GRID)
    found = experiments(repo)
    assert [one.record.status for one in found] == [Status.DONE] * 3
    assert sum(one.record.tries for one in found) == 2
    assert_sound(repo)


def test_an_objective_with_lists_names_the_grid(repo: Workspace) -> None:
    for values, is_grid in (("0.1,0.2", True), ("uniform(0,1)", False)):
        told = repo.gitexp(
            "run", "-S", f"train.lr={values}", "--objective", "acc", "--", "true", check=False
        ).stderr
        assert ("--method grid" in told) == is_grid, values
