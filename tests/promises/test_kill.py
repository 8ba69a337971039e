"""A kill at any instant leaves an experiment absent or whole, and the next command just works.

A real process is killed at each failpoint (`gitexp.failpoints`), and by what runs below it.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
import time
from importlib import import_module
from pathlib import Path

import pytest

from gitexp import failpoints
from gitexp.catalog.ended import end_lost_runs
from gitexp.model import Status
from gitexp.project.hold import orphan
from gitexp.project.project import Project
from gitexp.repo import live
from gitexp.runs.ongoing.recover import finish_dead_runs
from tests.extras.mlflow import test_export
from tests.extras.reproduction import test_reproduce
from tests.support.experiments import copy_of
from tests.support.kills import KILLED, assert_put_right, assert_sound, experiments, git, kill
from tests.support.workspace import TIMEOUT, Workspace, fork_server
from tests.verbs.runs import test_holdout

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL")

RUN = ("run", "-n", "one", "-S", "train.lr=0.2", "-S", "seed=7", "--", "python", "train.py")
TEMP = ("run", "--temp", *RUN[1:])
SAVE = ("save", "-n", "one")
BRANCH = ("branch", "one", "promoted")

# Where a run is killed -> what the next command makes of it; `@2` is the second time there.
BEFORE = ("run:snapshot", "live:folder", "live:written@1", "live:saved@1", "run:live", "live:saved@2")
BEGUN = ("store:after-ref@1", "run:created")
PARAMS = ("params:temporary@1", "params:written@1", "params:temporary@2", "params:written@2", "run:params")
STARTED = ("run:ended", "live:written@4")
ENDED = (
    *("live:saved@4", "run:environment", "finish:begun", "finish:read", "finish:commit"),
    *("store:before-ref@2", "store:after-ref@2", "finish:stored", "live:forgetting", "finish:forgotten"),
)
RUNS: dict[str, Status | None] = {
    **dict.fromkeys((*BEFORE, "store:before-ref@1"), None),
    **dict.fromkeys((*BEGUN, *PARAMS, *STARTED), Status.INTERRUPTED),
    **dict.fromkeys(ENDED, Status.DONE),
}
TEMPS: dict[str, Status | None] = {
    "worktree:added": None,
    "worktree:cleaned": None,
    "run:created": Status.INTERRUPTED,
    "live:saved@4": Status.DONE,
    "finish:commit": Status.DONE,
}
SAVES: dict[str, Status | None] = {
    "save:snapshot": None,
    "save:commit": None,
    "store:before-ref": None,
    "store:after-ref": Status.DONE,
}
BRANCHES = ("branch:before-ref",)
RECOVERIES = (
    *("recover:claimed", "finish:begun", "finish:read", "finish:commit", "store:before-ref"),
    *("store:after-ref", "finish:stored", "live:forgetting", "finish:forgotten"),
)
LOST = ("recover:lost", "finish:commit", "store:before-ref", "store:after-ref")

POINTS = {*RUNS, *TEMPS, *SAVES, *BRANCHES, *RECOVERIES, *LOST}


@pytest.fixture(scope="module")
def template(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """With two params files, so that there is a moment between them."""
    repo = copy_of(template, tmp_path_factory.mktemp("two-files"))
    repo.write("gitexp.yaml", "params: [params.yaml, more.json]\n")
    repo.write("more.json", '{"seed": 1}\n')
    repo.commit("a second params file")
    return repo.path


def test_every_failpoint_is_exercised() -> None:
    source = Path(failpoints.__file__).parent
    there = {
        name
        for file in source.rglob("*.py")
        if file.name != "failpoints.py"
        for name in re.findall(r'failpoint\("([^"]+)"\)', file.read_text("utf-8"))
    }
    modules = [
        import_module(f"tests.promises.{file.stem}") for file in Path(__file__).parent.glob("test_kill*.py")
    ]
    modules += [test_holdout, test_reproduce, test_export]  # which have a kill test of their own
    tested = {point.partition("@")[0] for module in modules for point in module.POINTS}
    assert there == tested


@pytest.mark.parametrize("point", RUNS)
def test_run(repo: Workspace, point: str) -> None:
    repo.writes("params.yaml", "more.json", "metrics.json")
    before = (repo.read("params.yaml"), repo.read("more.json"))
    kill(repo, point, *RUN)
    after = (before[0].replace("lr: 0.1 ", "lr: 0.2 "), before[1].replace("1", "7"))
    assert repo.read("params.yaml") in (before[0], after[0])
    assert repo.read("more.json") in (before[1], after[1])
    assert_put_right(repo, point, RUNS[point])
    if RUNS[point] is Status.DONE:
        assert (repo.read("params.yaml"), repo.read("more.json")) == after


@pytest.mark.parametrize("point", TEMPS)
def test_run_in_isolation(repo: Workspace, point: str) -> None:
    kill(repo, point, *TEMP)
    assert_put_right(repo, point, TEMPS[point])
    repo.gitexp("run", "-q", "--temp", "--", "python", "train.py")
    assert {e.record.status for e in experiments(repo)} <= {TEMPS[point], Status.DONE}


@pytest.mark.parametrize("point", SAVES)
def test_save(repo: Workspace, point: str) -> None:
    kill(repo, point, *SAVE)
    assert_put_right(repo, point, SAVES[point])


@pytest.mark.parametrize("point", BRANCHES)
def test_branch(repo: Workspace, point: str) -> None:
    repo.gitexp(*SAVE, "-q")
    repo.allow("refs", "refs/heads/promoted")
    repo.allow("reflogs", "refs/heads/promoted")
    kill(repo, point, *BRANCH)
    assert_put_right(repo, point, Status.DONE)
    repo.gitexp(*BRANCH, "-q")
    assert git(repo, "rev-parse", "promoted") == experiments(repo)[0].record.commit


@pytest.mark.parametrize("point", RECOVERIES)
def test_recovery_twice(repo: Workspace, point: str) -> None:
    repo.writes("params.yaml", "more.json", "metrics.json")
    kill(repo, "run:ended", *RUN)
    kill(repo, point, "list")
    # Once the ref has moved there is nothing left to be killed in.
    assert repo.gitexp("show", env={"GITEXP_FAILPOINT": point}, check=False).exit_code in (KILLED, 0)
    assert_put_right(repo, point, Status.INTERRUPTED)
    one = next(e for e in experiments(repo) if e.name == "one")
    assert one.record.metrics["metrics.json"]["loss"] == 0.216
    assert "epoch 3" in repo.gitexp("log", "one").stdout


@pytest.mark.parametrize("point", LOST)
def test_recovery_of_a_run_that_only_its_record_tells_of(repo: Workspace, point: str) -> None:
    kill(repo, "run:created", *RUN)
    start = experiments(repo)[0].record.commit
    shutil.rmtree(repo.path / ".git" / "gitexp")
    kill(repo, point, "list")
    assert_put_right(repo, point, Status.INTERRUPTED)
    one = next(e for e in experiments(repo) if e.name == "one")
    assert git(repo, "diff", "--stat", start, one.record.commit) == ""
    assert "lost" in one.record.warnings[-1]


def test_a_lost_run_beside_others_is_noticed_by_whoever_reads_them_all(repo: Workspace) -> None:
    kill(repo, "run:created", *RUN)
    runs = repo.path / ".git" / "gitexp" / "runs"
    shutil.rmtree(next(runs.iterdir()))
    project = Project.open(repo.path)
    assert finish_dead_runs(project) == []
    found = end_lost_runs(project, project.store.all())
    assert [e.record.status for e in found] == [Status.INTERRUPTED]
    assert found == project.store.all()
    assert end_lost_runs(project, found) == found


KILLS_ITS_PARENT = """
import json, os, signal, sys
from pathlib import Path
print('so far', flush=True)
json.dump({'loss': 0.5}, open('metrics.json', 'w'))
while not any(log.read_text() for log in Path(sys.argv[1]).glob('*/output.log')):
    pass
os.kill(os.getppid(), signal.SIGKILL)
"""


@pytest.mark.parametrize("terminal", [False, True], ids=["pipe", "terminal"])
@pytest.mark.parametrize("options", [(), ("--temp",)], ids=["workspace", "temp"])
def test_gitexp_is_killed_while_the_command_runs(
    repo: Workspace, terminal: bool, options: tuple[str, ...]
) -> None:
    repo.write("die.py", KILLS_ITS_PARENT)
    repo.writes("metrics.json")
    runs = repo.path / ".git" / "gitexp" / "runs"
    command = ("run", *options, "-n", "one", "--", "python", "die.py", str(runs))
    if terminal:
        assert repo.tty(*command).exit_code == KILLED
    else:
        assert repo.gitexp(*command, check=False, process=True).exit_code == KILLED
    wait_for_orphans(repo)
    shown = repo.gitexp("list")
    assert "one" in shown.stdout
    assert "interrupted" in shown.stderr
    (one,) = experiments(repo)
    assert one.record.status is Status.INTERRUPTED
    assert one.record.exit_code is None
    assert one.record.metrics == {"metrics.json": {"loss": 0.5}}
    assert repo.gitexp("log", "one").stdout == "so far\n"
    assert_sound(repo)


def test_a_command_that_goes_on_without_gitexp(repo: Workspace, tmp_path: Path) -> None:
    """Nothing runs beside it, and what it writes in the end is its own."""
    script = (
        f"touch {tmp_path}/up; while [ ! -e {tmp_path}/go ]; do sleep 0.01; done; echo '{{\"a\": 1}}' >$0"
    )
    repo.writes("metrics.json")
    process = repo.start("run", "-n", "one", "--", "sh", "-c", script, "metrics.json")
    project = Project.open(repo.path)
    while not ((tmp_path / "up").exists() and any(run.child for run in live.live_runs(project.local))):
        time.sleep(0.01)
    process.kill()
    process.communicate()
    assert finish_dead_runs(project) == []
    refused = repo.gitexp("run", "--", "true", check=False)
    assert refused.exit_code != 0
    assert "one is still running, though gitexp was killed: process" in refused.stderr
    repo.gitexp("run", "-q", "--temp", "--", "true")
    (tmp_path / "go").touch()
    wait_for_orphans(repo)
    (one,) = finish_dead_runs(project)
    assert (one.record.status, one.record.metrics) == (Status.INTERRUPTED, {"metrics.json": {"a": 1}})
    repo.gitexp("run", "-q", "--", "true")


def wait_for_orphans(repo: Workspace) -> None:
    while any(orphan(run) for run in live.live_runs(Project.open(repo.path).local)):
        time.sleep(0.01)


def test_a_kill_before_any_of_its_git_processes(repo: Workspace, tmp_path: Path) -> None:
    """What the failpoints are for, inside the snapshot too: the Nth call of Git kills its caller."""
    git = shutil.which("git")
    fake = tmp_path / "bin" / "git"
    fake.parent.mkdir()
    fake.write_text(
        f"#!/bin/sh\necho >>{tmp_path}/calls\n"
        f'[ "$(wc -l <{tmp_path}/calls)" -eq "$NTH" ] && kill -9 $PPID && exit 1\nexec {git} "$@"\n'
    )
    fake.chmod(0o755)
    repo.write("params.yaml", repo.read("params.yaml").replace("0.1 ", "0.3 "))
    repo.write("new.py", "pass\n")
    env = {**os.environ, "PATH": f"{fake.parent}:{os.environ['PATH']}"}
    for nth in range(4, 100):
        (tmp_path / "calls").write_text("")
        status, _, _ = fork_server().run(SAVE, repo.path, {**env, "NTH": str(nth)}, b"", TIMEOUT)
        repo.guard.check()
        if status != KILLED or experiments(repo):  # after the ref, only words are left to say
            break
    assert nth > 6
    assert_put_right(repo, "list", Status.DONE)
