"""The queue: runs that are stored now and run later, by a worker, with the code of then."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from gitexp import errors
from gitexp.extras.queue import pool, queue, remarks, worker, workers
from gitexp.model import Experiment, Record, Status
from gitexp.process.liveness import process_of
from gitexp.project.project import Project
from gitexp.runs.begin import Claim, begin
from gitexp.runs.prepare import of_queued
from gitexp.runs.request import RunRequest
from tests.support.clones import make_team
from tests.support.repositories import submodule
from tests.support.workspace import Workspace

RUN = ("run", "--queue", "-q")
TRAIN = ("--", "python", "train.py")


def experiments(repo: Workspace) -> dict[str, Experiment]:
    return {one.name: one for one in Project.open(repo.path).store.readable()}


def rows(repo: Workspace, *args: str) -> list[dict[str, Any]]:
    found = json.loads(repo.gitexp(*args, "--json").stdout)
    return [row for row in found if row["name"]]


def test_the_code_of_then_is_run(repo: Workspace) -> None:
    repo.gitexp(*RUN, "-n", "one", "-S", "train.lr=0.3", *TRAIN)
    before = experiments(repo)["one"]
    assert (before.record.status, before.record.process) == (Status.QUEUED, None)
    assert before.record.params["params.yaml"]["train"]["lr"] == 0.3
    repo.write("train.py", "raise SystemExit('edited since')\n")
    repo.write("params.yaml", "train: {lr: 7}\n")
    repo.gitexp("queue", "work")
    after = experiments(repo)["one"].record
    assert (after.status, after.exit_code, after.start) == (Status.DONE, 0, before.record.start)
    assert after.metrics["metrics.json"]["loss"] == 0.125
    assert (after.overrides, after.identity) == (("train.lr=0.3",), before.record.identity)
    assert after.worker
    assert "epoch 3: loss" in repo.gitexp("log", "one").stdout
    assert repo.read("params.yaml") == "train: {lr: 7}\n"


def test_the_first_queued_is_run_first(repo: Workspace) -> None:
    for name in ("c", "a", "long"):
        repo.gitexp(*RUN, "-n", name, "-S", f"train.epochs={ord(name[0])}", *TRAIN)
    assert [row["name"] for row in rows(repo, "queue", "list")] == ["c", "a", "long"]
    table = repo.gitexp("queue", "list", "--format", "csv", "-l", "1").stdout.splitlines()
    assert [line.split(",")[0] for line in table] == ["name", "c"]
    lines = repo.gitexp("queue").stdout.splitlines()
    assert len({line.index("queued") for line in lines}) == 1
    repo.gitexp("queue", "move", "long", "--first")
    repo.gitexp("queue", "move", "c", "--last")
    assert [row["name"] for row in rows(repo, "queue", "list")] == ["long", "a", "c"]
    result = repo.gitexp("log", "a", check=False)
    assert "it is queued, and has not begun" in result.stderr
    repo.gitexp("queue", "work")
    ended = sorted(experiments(repo).values(), key=lambda one: one.record.finished or "")
    assert [one.name for one in ended] == ["long", "a", "c"]
    assert rows(repo, "queue", "list") == []
    assert repo.gitexp("queue", "list", "--format", "md").stdout == ""


def test_of_two_workers_one_gets_a_run(repo: Workspace) -> None:
    repo.gitexp(*RUN, "-n", "one", *TRAIN)
    project = Project.open(repo.path)
    (queued,) = queue.queued(project)
    request = RunRequest(stdout=2, stderr=2)
    with contextlib.ExitStack() as held:
        ready = of_queued(project, request, queued, held)
        repo.gitexp("queue", "work")
        with pytest.raises(errors.AlreadyTaken):
            begin(project, request, ready, held, Claim(queued, "late"))
    assert experiments(repo)["one"].record.worker != "late"
    assert not [*project.local.runs.glob("*/state.json")]


def test_what_cannot_begin_has_failed(repo: Workspace) -> None:
    repo.gitexp(*RUN, "-n", "bad", "--", "python", "train.py")
    repo.gitexp(*RUN, "-n", "good", "-S", "train.lr=0.3", *TRAIN)
    repo.gitexp("queue", "work", env={"PATH": None})
    found = experiments(repo)
    assert {one.record.status for one in found.values()} == {Status.FAILED}
    assert "not run: " in found["bad"].record.warnings[-1]
    assert repo.gitexp("doctor").exit_code == 0


def test_retry_runs_the_same_again_and_keeps_what_was(repo: Workspace) -> None:
    repo.write("train.py", "import os, sys; print('try'); sys.exit(not os.path.exists('/dev/shm'))\n")
    repo.write("check.py", "import sys, pathlib; print('first'); sys.exit(3)\n")
    repo.gitexp(*RUN, "-n", "one", "-S", "train.lr=0.4", "--", "python", "check.py")
    repo.gitexp("queue", "work")
    failed = experiments(repo)["one"]
    assert (failed.record.status, failed.record.exit_code) == (Status.FAILED, 3)
    repo.gitexp("tag", "one", "kept")
    repo.gitexp("queue", "retry", "one", "-q")
    again = experiments(repo)["one"].record
    assert (again.status, again.exit_code, again.metrics) == (Status.QUEUED, None, {})
    assert (again.start, again.tags, again.tries) == (failed.record.start, ("kept",), 0)
    repo.git("gc", "--quiet", "--prune=now")
    repo.gitexp("queue", "work")
    assert experiments(repo)["one"].record.status is Status.FAILED
    assert "first" in repo.git("show", f"{failed.id}:.gitexp/run/output.log")
    assert repo.gitexp("doctor").exit_code == 0


@pytest.mark.parametrize("name", ["queued", "plain"])
def test_only_ended_runs_of_workers_are_retried(repo: Workspace, name: str) -> None:
    repo.writes("metrics.json")
    repo.gitexp(*RUN, "-n", "queued", *TRAIN)
    repo.gitexp("run", "-q", "-n", "plain", *TRAIN)
    result = repo.gitexp("queue", "retry", name, check=False)
    assert result.exit_code == 1
    assert f"gitexp run --from {name}" in result.stderr


def test_a_queued_run_is_removed_and_brought_back(repo: Workspace) -> None:
    repo.gitexp(*RUN, "-n", "one", *TRAIN)
    repo.gitexp("queue", "remove", "on*", "-q")
    assert experiments(repo) == {}
    repo.gitexp("undo", "-q")
    repo.gitexp("queue", "work")
    assert experiments(repo)["one"].record.status is Status.DONE
    result = repo.gitexp("queue", "remove", "one", check=False)
    assert "Not in the queue: one is done" in result.stderr
    repo.gitexp(*RUN, "-n", "once", "-S", "train.lr=0.3", *TRAIN)
    result = repo.gitexp("queue", "remove", "on*")
    assert "Left as they are, for they are not in the queue: one is done." in result.stderr
    assert "1 run taken out" in result.stderr


def test_nothing_waits(repo: Workspace) -> None:
    for words in (("remove", "-A"), ("move", "-A", "--first"), ("start",)):
        said = repo.gitexp("queue", *words).stderr
        assert "Nothing waits here." in said
        assert "undo" not in said


def test_what_a_removed_run_takes_along_is_said(repo: Workspace) -> None:
    repo.write("bad.py", "raise SystemExit(3)\n")
    repo.gitexp(*RUN, "-n", "one", "--", "python", "bad.py")
    repo.gitexp("run", "-q", "--temp", "-n", "by-hand", "--", "python", "bad.py", check=False)
    repo.gitexp("queue", "work")
    retried = repo.gitexp("queue", "retry", "--filter", "status == 'failed'").stderr
    assert "1 run queued again." in retried
    assert "1 left out: 1 run was not made by a worker." in retried
    repo.gitexp(*RUN, "-n", "two", *TRAIN)
    said = repo.gitexp("queue", "remove", "-A").stderr
    assert "2 runs taken out of the queue, with the results of earlier tries: one; gitexp undo" in said


def test_a_warning_of_many_runs_is_said_once() -> None:
    runs = []
    for name in ("a", "b", "c"):
        warnings: tuple[str, ...] = (f"not stored, moved to .git/gitexp/left/{name}: x; declare",)
        if name == "c":
            warnings += ("other",)
        runs.append(Experiment(name, "", Record("n", Status.DONE, "", "", warnings=warnings)))
    assert remarks.of_runs(runs) == [
        "3 runs: not stored, moved to .git/gitexp/left: x; declare",
        "c: other",
    ]
    assert remarks.of_runs(runs[:1]) == ["a: not stored, moved to .git/gitexp/left/a: x; declare"]


def test_a_worker_that_is_asked_to_stop_while_it_starts_runs_nothing(repo: Workspace) -> None:
    repo.gitexp(*RUN, "-n", "one", *TRAIN)
    project = Project.open(repo.path)
    with pool.started(project, 1, ["one"]) as at_work:
        os.kill(os.getpid(), signal.SIGINT)
        assert at_work.wait(lambda: None, lambda text: None)
    assert experiments(repo)["one"].record.status is Status.QUEUED
    assert list(project.local.workers.iterdir()) == []


def test_a_secret_is_not_queued(repo: Workspace) -> None:
    result = repo.gitexp(*RUN, "--", "python", "train.py", "--api-key", "x", check=False)
    assert result.exit_code == 2
    assert "cannot have a secret" in result.stderr
    assert experiments(repo) == {}


def test_git_takes_nothing_away_from_a_queue(repo: Workspace) -> None:
    repo.gitexp(*RUN, "-n", "one", "-S", "train.lr=0.3,0.5", *TRAIN)
    repo.commit("the user goes on")
    repo.git("commit", "--quiet", "--amend", "--allow-empty", "-m", "and rewrites it")
    repo.git("checkout", "--quiet", "--orphan", "other")  # the baseline is on no branch any more
    repo.git("commit", "--quiet", "--allow-empty", "-m", "and all that was before")
    repo.git("branch", "-D", "main")
    repo.git("reflog", "expire", "--expire=now", "--all")
    repo.git("gc", "--quiet", "--prune=now")
    repo.git("worktree", "prune")
    repo.gitexp("queue", "work")
    assert {one.record.status for one in experiments(repo).values()} == {Status.DONE}
    assert repo.gitexp("doctor").exit_code == 0


def test_stages_are_queued(repo: Workspace) -> None:
    stage = {"cmd": "python train.py", "deps": ["train.py"], "params": ["train"], "metrics": ["metrics.json"]}
    repo.write("gitexp.yaml", json.dumps({"stages": {"train": stage}}))
    repo.gitexp("run", "-q", "--queue", "-S", "train.lr=0.3,0.5")
    repo.gitexp("queue", "work")
    losses = {one.record.metrics["metrics.json"]["loss"] for one in experiments(repo).values()}
    assert losses == {0.125, 0.343}
    repo.gitexp("run", "-q", "--queue", "-n", "again", "--force", "-S", "train.lr=0.3")
    repo.gitexp("queue", "work")
    assert experiments(repo)["again"].record.stages["train"]["state"] == "ran"


def test_a_worker_stops_when_it_is_asked_to(repo: Workspace) -> None:
    folder = Project.open(repo.path).local.workers
    repo.write(
        "stop.py",
        f"import pathlib; [p.joinpath('stop').touch() for p in pathlib.Path({str(folder)!r}).glob('*')]\n",
    )
    for name in ("one", "two"):
        repo.gitexp(*RUN, "-n", name, "--", "python", "stop.py", name)
    repo.gitexp("queue", "work")
    assert [one.record.status for one in experiments(repo).values()] == [Status.DONE, Status.QUEUED]
    repo.gitexp("queue", "work")
    assert {one.record.status for one in experiments(repo).values()} == {Status.DONE}
    assert workers.at_work(Project.open(repo.path).local) == []


def test_queued_runs_stay_here_and_what_came_of_them_goes(repo: Workspace, tmp_path: Path) -> None:
    """A queued run of somebody else must not run here unasked."""
    other = make_team(repo, tmp_path).bob
    repo.gitexp(*RUN, "-n", "one", "-S", "train.lr=0.3,0.5", *TRAIN)
    repo.gitexp("push", "-q")
    other.gitexp("pull", "-q")
    assert experiments(other) == {}
    repo.gitexp("queue", "work")
    repo.gitexp("note", "one", "-m", "seen")
    repo.gitexp("push", "-q")
    other.gitexp("pull", "-q")
    assert experiments(other) == experiments(repo)
    result = other.gitexp("run", "-S", "train.lr=0.3,0.5", "-j", "2", *TRAIN)
    assert "2 runs, 2 of them known already" in result.stderr
    assert other.gitexp("doctor").exit_code == 0


def test_without_several_values_each_is_queued(repo: Workspace) -> None:
    for _ in range(2):
        repo.gitexp(*RUN, *TRAIN)
    repo.gitexp("queue", "work")
    assert [one.record.status for one in experiments(repo).values()] == [Status.DONE] * 2


def test_the_command_knows_its_worker(repo: Workspace) -> None:
    repo.write("who.py", "import os; print('by', os.environ['GITEXP_WORKER'])\n")
    repo.gitexp(*RUN, "-n", "one", "--", "python", "who.py")
    repo.gitexp("queue", "work")
    assert repo.gitexp("log", "one").stdout == f"by {experiments(repo)['one'].record.worker}\n"


def test_a_run_sees_nothing_that_an_earlier_run_has_written(repo: Workspace) -> None:
    """Also not a file that the earlier run began with, and that is gone since."""
    resumes = (
        "import os; n = int(open('ckpt').read()); print('from', n); open('ckpt', 'w').write(str(n + 1))\n"
    )
    repo.write(
        "train.py", "import os\nif not os.path.exists('ckpt'): print('new'); raise SystemExit\n" + resumes
    )
    repo.write("ckpt", "7")
    repo.gitexp("run", "-q", "--temp", "-n", "one", *TRAIN)
    (repo.path / "ckpt").unlink()
    repo.guard.retake()
    repo.gitexp("run", "-q", "--temp", "-n", "two", *TRAIN)
    assert repo.gitexp("log", "one").stdout == "from 7\n"
    assert repo.gitexp("log", "two").stdout == "new\n"


def test_a_limit_is_kept_with_the_run_and_named_when_it_is_hit(repo: Workspace) -> None:
    repo.write("slow.py", "import time; print('begun', flush=True); time.sleep(60)\n")
    repo.gitexp(*RUN, "-n", "one", "--timeout", "1 s", "--", "python", "slow.py")
    repo.gitexp("queue", "work", "--timeout", "1 h")
    plain = repo.gitexp("run", "-n", "two", "--timeout", "0.5", "--", "python", "slow.py", check=False)
    assert plain.exit_code == 143
    assert "two interrupted (timeout)" in plain.stderr
    found = experiments(repo)
    for name, seconds in (("one", 1.0), ("two", 0.5)):
        record = found[name].record
        assert (record.status, record.reason, record.limits) == (
            Status.INTERRUPTED, "timeout", {"timeout": seconds}
        )  # fmt: skip
        assert "(--timeout)" in record.warnings[-1]
    assert "begun" in repo.gitexp("log", "one").stdout
    assert rows(repo, "list", "--filter", "reason == 'timeout'")


@pytest.mark.parametrize("alone", [True, False])
def test_a_signal_between_the_claim_and_the_command(
    repo: Workspace, monkeypatch: pytest.MonkeyPatch, alone: bool
) -> None:
    """The experiment does not stay `running`; `gitexp stop` ends it alone, and the worker goes on."""
    repo.gitexp(*RUN, "-n", "one", *TRAIN)
    repo.gitexp(*RUN, "-n", "two", "-S", "train.lr=0.3", *TRAIN)
    folder = Project.open(repo.path).local.workers

    def begin_and_get_a_signal(*args: Any) -> Any:
        live = begin(*args)
        if live.experiment.name == "one":
            if alone:
                (folder / live.experiment.record.worker / "one-run").touch()
            signal.raise_signal(signal.SIGTERM)  # to this thread, as in a process of its own
        return live

    monkeypatch.setattr(worker, "begin", begin_and_get_a_signal)
    repo.gitexp("queue", "work")
    found = [one.record.status for one in experiments(repo).values()]
    assert found == [Status.INTERRUPTED, Status.DONE if alone else Status.QUEUED]
    monkeypatch.undo()
    repo.gitexp("queue", "work")
    assert (
        experiments(repo)["one"].record.status is Status.INTERRUPTED
    )  # it is not lost: nobody runs it again
    assert repo.gitexp("doctor").exit_code == 0


def test_a_run_begun_by_a_command_is_a_branch_of_its_experiment(repo: Workspace) -> None:
    inner = "gitexp run -q --temp -n inner -- python train.py"
    command = f"import os; os.system({f'{sys.executable} -m {inner}'!r})"
    repo.gitexp("run", "-q", "-n", "outer", "--", "python", "-c", command)
    found = experiments(repo)
    assert (found["outer"].record.parent, found["inner"].record.parent) == ("", "outer")
    (row,) = repo.json("show", "inner")
    assert row["parent"] == "outer"
    repo.gitexp("run", "-q", "--temp", "-n", "later", *TRAIN, env={"GITEXP_NAME": "outer"})
    assert experiments(repo)["later"].record.parent == ""


@pytest.mark.parametrize("flags", [["--queue"], ["--dry-run"]])
def test_what_an_isolated_run_would_not_have_is_refused_before(repo: Workspace, flags: list[str]) -> None:
    """At the queueing, and in a dry run: not when the run begins, days later."""
    values = ("-S", "train.lr=0.3,0.5")
    repo.write("tool.sh", "#!/bin/sh\n", mode=0o755)
    repo.write(".gitignore", "tool.sh\n")
    result = repo.gitexp("run", *flags, *values, "--", "./tool.sh", check=False)
    assert "tool.sh is no part of the code" in result.stderr
    submodule(repo)
    result = repo.gitexp("run", *flags, *values, *TRAIN, check=False)
    assert "would not have the submodule: library" in result.stderr
    assert experiments(repo) == {}
    repo.write("gitexp.yaml", "share: [library, tool.sh]\n")
    repo.gitexp("run", *flags, *values, "--", "./tool.sh")


def test_a_dry_run_says_what_is_known(repo: Workspace) -> None:
    repo.gitexp(*RUN, "-n", "one", "-S", "train.lr=0.3", *TRAIN)
    result = repo.gitexp("run", "--dry-run", "-S", "train.lr=0.3,0.5", *TRAIN)
    assert result.stdout.splitlines() == ["train.lr=0.3  (one, queued)", "train.lr=0.5"]
    result = repo.gitexp("run", "--queue", "-S", "train.lr=0.3,0.5", *TRAIN)
    assert "2 runs, 1 of them known already: 1 queued" in result.stderr


def test_a_worker_that_nobody_waits_for_says_why_it_has_ended(repo: Workspace) -> None:
    repo.gitexp(*RUN, "-n", "one", *TRAIN)
    project = Project.open(repo.path)
    with workers.new_log(project.local) as log:
        log.write(b"warning: something\nerror: The disk is full.\nhint: Free some space.\n")
        log.flush()
        with subprocess.Popen(["true"]) as process:
            workers.write_down(project.local, process_of(process.pid), log)
    result = repo.gitexp("queue")
    assert "has ended before its time: The disk is full." in result.stderr
    assert "0 workers here" in result.stderr
    repo.gitexp("queue", "start", "-q")
    assert "before its time" not in repo.gitexp("queue").stderr


def test_the_workspace_of_a_failed_run_is_kept_until_it_is_removed(repo: Workspace) -> None:
    repo.write("fail.py", "open('left', 'w').write('x'); raise SystemExit(3)\n")
    repo.gitexp(*RUN, "-n", "bad", "--", "python", "fail.py")
    repo.gitexp(*RUN, "-n", "good", *TRAIN)
    repo.gitexp("queue", "work", "--keep-worktree")
    (told,) = experiments(repo)["bad"].record.warnings
    kept = Path(told.rpartition(": ")[2])
    assert told.startswith("its workspace is kept")
    assert (kept / "left").read_text() == "x"
    repo.gitexp("run", "-q", "--temp", *TRAIN)
    assert (kept / "left").exists()
    assert repo.gitexp("doctor").exit_code == 0
    shutil.rmtree(kept)
    repo.gitexp("run", "-q", "--temp", *TRAIN)
    assert kept.is_dir()


def test_limits_of_now_count_for_what_waits_and_for_what_is_run_again(repo: Workspace) -> None:
    grid = ("run", "--queue", "-q", "-S", "train.lr=0.3,0.5")
    repo.gitexp(*grid, "--timeout", "1 h", *TRAIN)
    repo.gitexp(*grid, "--timeout", "2 h", *TRAIN)
    repo.gitexp(*grid, *TRAIN)
    found = experiments(repo)
    assert [one.record.limits for one in found.values()] == [{"timeout": 7200.0}] * 2
    repo.gitexp("queue", "work")
    repo.gitexp("queue", "retry", *found, "-q", "--max-memory", "8 GB")
    assert [one.record.limits for one in experiments(repo).values()] == [{"memory": 8 * 1024**3}] * 2


def test_a_worker_from_before_the_reboot_is_not_at_work(repo: Workspace) -> None:
    """Even if its number is another process's by now."""
    local = Project.open(repo.path).local
    here = process_of(os.getpid())
    folder = local.workers / workers.name_of(here)
    folder.mkdir(parents=True)
    old = here._replace(started="another-boot:1")
    (folder / "worker.json").write_text(json.dumps({"process": old._asdict()}))
    (folder / "stop").touch()
    assert workers.at_work(local) == []
    assert not folder.exists()
    repo.gitexp(*RUN, "-n", "one", *TRAIN)
    repo.gitexp("queue", "work")
    assert experiments(repo)["one"].record.status is Status.DONE
