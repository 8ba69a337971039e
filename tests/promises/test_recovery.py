"""Runs whose process has died: found, finished once, and left alone where that cannot be known."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from gitexp import errors
from gitexp.catalog.ended import end_lost_runs
from gitexp.model import Experiment, Status
from gitexp.process import git_processes
from gitexp.process.liveness import process_of
from gitexp.project.project import Project
from gitexp.repo import live
from gitexp.repo.git import launch
from gitexp.repo.git.locking.locks import try_lock
from gitexp.repo.local import LocalState
from gitexp.runs.ongoing.recover import finish_dead_runs
from tests.support.kills import git
from tests.support.workspace import Workspace

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL")
local = pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a machine is known by its name alone")


@pytest.fixture
def died(repo: Workspace) -> Workspace:
    """A repository in which a run of `one` was killed when its command had ended."""
    repo.writes("metrics.json")
    killed(repo)
    return repo


def killed(repo: Workspace, *options: str) -> None:
    command = ("run", *options, "-n", "one", "--", "python", "train.py")
    assert repo.gitexp(*command, env={"GITEXP_FAILPOINT": "run:ended"}, check=False).exit_code == -9


def project_of(repo: Workspace) -> Project:
    return Project.open(repo.path)


def one(repo: Workspace) -> Experiment:
    found = project_of(repo).store.get("one")
    assert found is not None
    return found


def state(repo: Workspace) -> Path:
    (folder,) = (repo.path / ".git" / "gitexp" / "runs").iterdir()
    return folder / "state.json"


def change(repo: Workspace, **changes: Any) -> None:
    data = json.loads(state(repo).read_text())
    state(repo).write_text(json.dumps({**data, **changes}))


def test_what_is_found_is_stored_and_said(died: Workspace) -> None:
    result = died.gitexp("list")
    assert result.stdout == "one\n"
    assert "one was running when gitexp died" in result.stderr
    record = one(died).record
    assert (record.status, record.exit_code, record.duration) == (Status.INTERRUPTED, None, None)
    assert record.metrics["metrics.json"]["loss"] == 0.343
    assert "gitexp died" in record.warnings[-1]
    assert died.gitexp("list").stderr == ""


def test_eight_recoverers_at_once(died: Workspace) -> None:
    with ThreadPoolExecutor(8) as pool:
        done = list(pool.map(lambda _: died.gitexp("list", process=True), range(8)))
    assert sum("gitexp died" in each.stderr for each in done) == 1
    assert one(died).record.status is Status.INTERRUPTED
    assert one(died).record.warnings.count(one(died).record.warnings[-1]) == 1
    assert git(died, "fsck", "--strict", "--no-dangling", "--no-progress") == ""


def test_results_are_stored_before_another_run_writes_over_them(died: Workspace) -> None:
    """Also where another process is just at it: the run waits."""
    project = project_of(died)
    (run,) = live.live_runs(project.local)
    with live.claim(run) as ours:
        assert ours
        # Past its own look for dead runs, which leaves this one to us.
        process = died.start("run", "-q", "-n", "two", "--", "rm", "metrics.json")
        time.sleep(1.0)
        assert (died.path / "metrics.json").exists()
    assert process.wait(30) == 0
    died.allow("files", "metrics.json")
    assert one(died).record.metrics["metrics.json"]["loss"] == 0.343


def test_a_run_on_another_machine_is_left_alone(died: Workspace) -> None:
    process = json.loads(state(died).read_text())["process"]
    change(died, process={**process, "host": "elsewhere"})
    assert died.gitexp("list").stderr == ""
    assert one(died).record.status is Status.RUNNING
    assert state(died).exists()


@pytest.fixture
def renamed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The machine has another name from now on."""
    monkeypatch.setattr("socket.gethostname", lambda: "renamed")


@local
@pytest.mark.usefixtures("renamed")
def test_a_run_of_this_machine_is_stored_under_its_new_name(died: Workspace) -> None:
    """And before another run writes over its results."""
    died.gitexp("run", "-q", "-n", "two", "--", "rm", "metrics.json")
    died.allow("files", "metrics.json")
    assert one(died).record.status is Status.INTERRUPTED
    assert one(died).record.metrics["metrics.json"]["loss"] == 0.343
    assert project_of(died).store.require("two").record.metrics == {}


@local
@pytest.mark.usefixtures("renamed")
def test_a_living_run_of_this_machine_is_left_alone_under_its_new_name(died: Workspace) -> None:
    lock = try_lock(state(died).with_name("lock"))
    assert lock is not None
    assert finish_dead_runs(project_of(died)) == []
    lock.release()
    sleeper = subprocess.Popen(["sleep", "60"])
    try:
        change(died, child={**process_of(sleeper.pid)._asdict(), "host": "former"})
        assert finish_dead_runs(project_of(died)) == []
        assert died.gitexp("run", "--", "true", check=False).exit_code == 1
    finally:
        sleeper.kill()
        sleeper.wait()


@local
@pytest.mark.parametrize("where", ["in another container", "on a disk of many machines"])
@pytest.mark.usefixtures("renamed")
def test_a_run_that_may_be_on_another_machine_is_left_alone(
    died: Workspace, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    if where == "in another container":
        change(died, seen_from="pid:[1]")
    else:
        monkeypatch.setattr(git_processes, "_file_system", lambda folder: "nfs4")
    assert finish_dead_runs(project_of(died)) == []
    assert one(died).record.status is Status.RUNNING


def test_a_run_that_holds_its_lock_is_alive_whatever_its_number_says(died: Workspace) -> None:
    """In a container, processes have other numbers."""
    lock = try_lock(state(died).with_name("lock"))
    assert lock is not None
    assert finish_dead_runs(project_of(died)) == []
    assert end_lost_runs(project_of(died), project_of(died).store.all())[0].record.status is Status.RUNNING
    lock.release()
    assert [e.name for e in finish_dead_runs(project_of(died))] == ["one"]


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            "null",
            "[]",
            "{}",
            "not JSON",
            "[" * 100_000,
            '{"process": 1}',
            '{"process": {}}',
            "\0" * 4096,
        ),
        '{"process": {"host": 1, "pid": "x", "started": []}}',
    ],
    ids=lambda text: text[:20],
)
def test_a_state_that_cannot_be_read_is_passed_over(died: Workspace, text: str) -> None:
    state(died).write_text(text)
    assert finish_dead_runs(project_of(died)) == []
    died.gitexp("list")
    # Its record tells that it died; what is known of it besides is of no use.
    assert [e.record.status for e in end_lost_runs(project_of(died), project_of(died).store.all())] == [
        Status.INTERRUPTED
    ]


@pytest.mark.parametrize(
    "changes",
    [
        {"tree": "0" * 40},
        {"tree": "--help"},
        {"tree": ["x"]},
        {"root": 5, "git_dir": None},
        {"root": "/nowhere", "git_dir": "/nowhere"},
        {"results": ["../../../etc/passwd", "/etc/passwd", "\0", "-x"], "metrics": ["\0", 7]},
        {"stamps": {"metrics.json": [1, 2, 3, 4]}, "max_size": -1},
        {"name": "../x"},
        {"name": ["x"]},
        {"unknown": 1},
        {"exit_code": 10**30, "duration": 1e308},
        {"exit_code": float("inf"), "max_size": float("inf")},
    ],
    ids=lambda changes: ",".join(changes),
)
def test_a_hostile_state_stops_no_command(died: Workspace, changes: dict[str, Any]) -> None:
    change(died, **changes)
    result = died.gitexp("list")
    assert result.stdout == "one\n"
    assert "Traceback" not in result.stderr
    died.gitexp("save", "-q")
    assert git(died, "fsck", "--strict", "--no-dangling", "--no-progress") == ""


@pytest.mark.parametrize("error", [RecursionError, MemoryError, ZeroDivisionError])
def test_whatever_recovery_raises_stops_no_command(
    died: Workspace, error: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The kind, not a member: what one run has left is that run's trouble alone."""

    def fails(*_: object) -> None:
        raise error("by the test")

    with monkeypatch.context() as patched:
        patched.setattr("gitexp.runs.end.results.store", fails)
        for command in (["list"], ["save", "-q", "-n", "two"], ["tag", "-q", "two", "t"], ["undo", "-q"]):
            told = died.gitexp(*command).stderr
            assert "one was running when gitexp died, and cannot be stored yet" in told
        found = died.json("doctor", check=False)["findings"]
        assert [finding["code"] for finding in found] == ["run-not-stored"]
    assert "stored now" in died.gitexp("list").stderr
    assert died.json("doctor")["findings"] == []


def test_a_state_without_an_experiment_is_forgotten(died: Workspace) -> None:
    died.git("update-ref", "-d", "refs/gitexp/exps/one")
    assert finish_dead_runs(project_of(died)) == []
    assert list(project_of(died).local.runs.iterdir()) == []


def test_a_state_of_another_experiment_of_that_name_is_forgotten(died: Workspace) -> None:
    died.git("update-ref", "-d", "refs/gitexp/exps/one")
    died.git("update-ref", "refs/gitexp/exps/x", "HEAD")
    project = project_of(died)
    died_state = state(died).read_text()
    shutil.move(state(died).parent, died.path / ".git" / "aside")
    died.gitexp("save", "-q", "-n", "one")
    shutil.move(died.path / ".git" / "aside", project.local.runs / "back")
    assert state(died).read_text() == died_state
    before = one(died)
    assert finish_dead_runs(project) == []
    assert one(died) == before
    assert list(project.local.runs.iterdir()) == []


def test_a_record_of_a_later_version_is_left_to_it(died: Workspace) -> None:
    tree = git(died, "rev-parse", "HEAD^{tree}")
    commit = died.git("commit-tree", tree, input='one\n\n{"format": 2}\n')
    died.git("update-ref", "refs/gitexp/exps/one", commit)
    assert finish_dead_runs(project_of(died)) == []
    assert state(died).exists()


def test_an_isolated_workspace_that_is_gone(repo: Workspace) -> None:
    killed(repo, "--temp")
    shutil.rmtree(repo.path / ".git" / "gitexp" / "worktrees")
    repo.gitexp("list")
    record = one(repo).record
    assert (record.status, record.metrics) == (Status.INTERRUPTED, {})
    assert any("workspace is gone" in warning for warning in record.warnings)
    assert "epoch 3" in repo.gitexp("log", "one").stdout
    repo.gitexp("run", "-q", "--temp", "--", "true")


def test_a_repository_that_can_only_be_read_can_be_read(died: Workspace) -> None:
    folders = [died.path / ".git", *(path for path in (died.path / ".git").rglob("*") if path.is_dir())]
    for folder in folders:
        folder.chmod(0o500)
    try:
        assert died.gitexp("list", unreadable=True).stdout == "one\n"
        died.gitexp("show", unreadable=True)
    finally:
        for folder in folders:
            folder.chmod(0o755)
    assert one(died).record.status is Status.RUNNING
    died.gitexp("list")
    assert one(died).record.status is Status.INTERRUPTED


def test_a_ref_lock_that_a_power_cut_left(died: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    quick = (*launch.ALWAYS, "-c", "core.filesRefLockTimeout=10")
    monkeypatch.setattr(launch, "ALWAYS", quick)
    lock = died.path / ".git" / "refs" / "gitexp" / "exps" / "one.lock"
    lock.touch()
    project = project_of(died)
    assert finish_dead_runs(project) == [], "it may be another Git's, which is just at it"
    long_ago = time.time() - 3600
    os.utime(lock, (long_ago, long_ago))
    assert [e.name for e in finish_dead_runs(project)] == ["one"]
    assert not lock.exists()


def test_what_a_crash_left_is_swept_after_a_day(repo: Workspace) -> None:
    local = project_of(repo).local
    local.prepare()
    for name in ("new", "old"):
        (local.runs / name).mkdir()
        (local.runs / name / "state.json.new").touch()
    (local.root / "tmp" / "old").mkdir()
    yesterday = time.time() - 25 * 3600
    os.utime(local.runs / "old", (yesterday, yesterday))
    os.utime(local.root / "tmp" / "old", (yesterday, yesterday))
    repo.gitexp("save", "-q")
    assert [path.name for path in local.runs.iterdir()] == ["new"]
    assert list((local.root / "tmp").iterdir()) == []


def test_what_is_in_use_is_not_swept_whatever_the_clock_says(repo: Workspace) -> None:
    local = project_of(repo).local
    with local.scratch() as scratch, live.new_folder(local) as folder:
        for each in (scratch, folder):
            os.utime(each, (1, 1))
        repo.gitexp("save", "-q")
        assert repo.json("doctor", "--fix")["findings"] == []
        assert scratch.is_dir()
        assert folder.is_dir()
    assert not scratch.exists()
    assert not folder.exists()


# -- locks ----------------------------------------------------------------------------------------


def test_a_lock_has_one_holder(repo: Workspace) -> None:
    local = LocalState(project_of(repo).repo)
    held = local.try_lock("x")
    assert held is not None
    assert local.try_lock("x") is None
    held.release()
    with local.lock("x"):
        assert local.try_lock("x") is None
    assert local.try_lock("x") is not None


def test_a_lock_is_not_waited_for_in_vain(repo: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gitexp.repo.git.locking.locks._LOCK_WAIT", 0.05)
    local = LocalState(project_of(repo).repo)
    held = local.try_lock("x")
    assert held is not None
    with pytest.raises(errors.WorkspaceBusy, match="'x'"), local.lock("x"):
        pass
