"""What befalls workers and their runs: Ctrl-C, a closed terminal, strange commands, Git's own tidying."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable

from gitexp.extras.queue import workers
from gitexp.model import Experiment, Record, Status
from gitexp.project.project import Project
from tests.support.kills import assert_sound, experiments
from tests.support.workspace import TIMEOUT, Workspace

QUEUE = ("run", "--queue", "-q")


def records(repo: Workspace) -> dict[str, Record]:
    return {one.name: one.record for one in experiments(repo) if isinstance(one, Experiment)}


def wait_for(condition: Callable[[], object]) -> None:
    until = time.monotonic() + TIMEOUT
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.05)


def queue_slow(repo: Workspace, *names: str) -> None:
    """Queue runs that write down when they begin, and last until they are told to end."""
    place = repo.path.parent
    repo.write(
        "slow.sh", f"touch {place}/begun-$1\nuntil test -e {place}/end-$1; do sleep 0.1; done\necho whole\n"
    )
    for name in names:
        repo.gitexp(*QUEUE, "-n", name, "--", "sh", "slow.sh", name)


def begun(repo: Workspace, name: str) -> None:
    wait_for((repo.path.parent / f"begun-{name}").exists)


def let_end(repo: Workspace, name: str) -> None:
    (repo.path.parent / f"end-{name}").touch()


def test_ctrl_c_lets_the_present_run_finish_and_again_ends_it(repo: Workspace) -> None:
    queue_slow(repo, "one", "two")
    starter = repo.start("queue", "start")
    begun(repo, "one")
    starter.send_signal(signal.SIGINT)
    wait_for(lambda: any(worker.is_to_stop for worker in workers.at_work(Project.open(repo.path).local)))
    let_end(repo, "one")
    assert starter.wait(TIMEOUT) == -signal.SIGINT
    assert [one.status for one in records(repo).values()] == [Status.DONE, Status.QUEUED]
    starter = repo.start("queue", "start")
    begun(repo, "two")
    starter.send_signal(signal.SIGINT)
    wait_for(lambda: any(worker.is_to_stop for worker in workers.at_work(Project.open(repo.path).local)))
    starter.send_signal(signal.SIGINT)
    assert starter.wait(TIMEOUT) == -signal.SIGINT
    assert records(repo)["two"].status is Status.INTERRUPTED
    assert workers.at_work(Project.open(repo.path).local) == []


def test_a_closed_terminal_lets_the_present_run_finish(repo: Workspace) -> None:
    queue_slow(repo, "one", "two")
    starter = repo.start("queue", "start")
    begun(repo, "one")
    starter.send_signal(signal.SIGHUP)
    starter.wait(TIMEOUT)
    let_end(repo, "one")
    wait_for(lambda: workers.at_work(Project.open(repo.path).local) == [])
    assert [one.status for one in records(repo).values()] == [Status.DONE, Status.QUEUED]
    assert "whole" in repo.gitexp("log", "one").stdout


def test_workers_in_the_background_leave_nothing_but_what_went_wrong(repo: Workspace) -> None:
    queue_slow(repo, "one", "two")
    for name in ("one", "two"):
        let_end(repo, name)
    repo.gitexp("queue", "start", "--detach", "-q", process=True)
    folder = Project.open(repo.path).local.workers
    wait_for(lambda: all(one.status is Status.DONE for one in records(repo).values()))
    wait_for(lambda: not [*folder.iterdir()])
    queue_slow(repo, "three")
    repo.gitexp("queue", "start", "--detach", "-q", process=True)
    begun(repo, "three")
    (worker,) = workers.at_work(Project.open(repo.path).local)
    os.kill(worker.process.pid, signal.SIGKILL)
    let_end(repo, "three")
    wait_for(lambda: not workers.at_work(Project.open(repo.path).local))
    assert f"Worker {worker.name} has ended before its time: it said nothing" in repo.gitexp("queue").stderr


def test_one_run_is_ended_and_the_worker_goes_on(repo: Workspace) -> None:
    queue_slow(repo, "long", "next")
    let_end(repo, "next")
    worker = repo.start("queue", "work")
    begun(repo, "long")
    repo.gitexp("stop", "long")
    assert worker.wait(TIMEOUT) == 0
    found = records(repo)
    assert (found["long"].status, found["long"].exit_code) == (Status.INTERRUPTED, 143)
    assert found["next"].status is Status.DONE


def test_a_run_whose_worker_was_killed_can_be_stopped(repo: Workspace) -> None:
    """Its command goes on alone; nobody runs it again."""
    queue_slow(repo, "one")
    worker = repo.start("queue", "work")
    begun(repo, "one")
    worker.kill()
    worker.wait(TIMEOUT)
    assert repo.gitexp("stop", "one", "--dry-run").exit_code == 0
    assert records(repo)["one"].status is Status.RUNNING
    repo.gitexp("stop", "one")
    repo.gitexp("queue", "work")
    found = records(repo)["one"]
    assert (found.status, found.exit_code, found.tries) == (Status.INTERRUPTED, 143, 0)


LONG = f"47.{os.getpid()}"  # seconds, and told apart from those of another suite on this machine
STRANGE = {
    "much": "import sys\nfor _ in range(30): sys.stdout.write('x' * 99_999 + '\\n')\nprint('last')",
    "metrics": "open('metrics.json', 'w').write('{\"loss\": ')",
    "commits": "import os; open('new', 'w'); os.system('git add new && git commit -qm mine')",
    "git": "import os; os.remove('.git')",
    "tidies": "import os; os.system('git gc -q --prune=now && git worktree prune && git gc -q --auto')",
    "daemon": f"import subprocess; subprocess.Popen(['sleep', '{LONG}'], start_new_session=True)",
}


def test_strange_runs_harm_no_other(repo: Workspace) -> None:
    for name, program in STRANGE.items():
        repo.write(f"{name}.py", program)
    for name in STRANGE:
        repo.gitexp(*QUEUE, "-n", name, "--", "python", f"{name}.py")
    repo.gitexp(*QUEUE, "-n", "plain", "--", "python", "train.py")
    with repo.by_user():  # one of the runs tidies up
        repo.gitexp("queue", "work")
    found = records(repo)
    assert {one.status for one in found.values()} == {Status.DONE}
    told = {name: " ".join(one.warnings) for name, one in found.items()}
    assert "metrics.json" in told["metrics"]
    assert "in the background" in told["daemon"]
    assert (
        subprocess.run(["pgrep", "-f", f"^sleep {LONG}$"], capture_output=True, check=False).returncode == 1
    )
    assert repo.gitexp("log", "much").stdout.endswith("last\n")
    assert found["plain"].metrics["metrics.json"]["loss"] == 0.343
    assert repo.gitexp("doctor").exit_code == 0
    assert_sound(repo)
