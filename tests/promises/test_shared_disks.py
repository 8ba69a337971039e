"""A disk of many machines: locks without flock, and runs whose processes cannot be seen from here."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from gitexp import errors
from gitexp.model import Experiment, Record, Status
from gitexp.process.liveness import is_alive
from gitexp.project.project import Project
from gitexp.repo import live
from gitexp.repo.git.locking import keeper, lock_files, lock_silence, locks
from gitexp.repo.local import LocalState
from tests.crash import storms
from tests.support.clones import make_team, refs_of
from tests.support.kills import assert_sound
from tests.support.namespaces import Machine, why_flock_works, why_no_machines, without_flock
from tests.support.workspace import GITEXP, TIMEOUT, Workspace

pytestmark = pytest.mark.skipif(os.name == "nt", reason="Windows has locks of its own")
needs_machines = pytest.mark.skipif(why_no_machines() != "", reason=why_no_machines())
needs_strace = pytest.mark.skipif(why_flock_works() != "", reason=why_flock_works())

INTERVAL = 0.15  # seconds between two signs of life
PATIENCE = INTERVAL * lock_silence.SIGNS
QUICK = {keeper.VARIABLE: str(INTERVAL)}
TRAIN = ("--", "python", "train.py")
HOUR = 3600


@pytest.fixture(autouse=True)
def _quick_signs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(keeper.VARIABLE, str(INTERVAL))


def lock_by_files(repo: Workspace) -> None:
    """As another machine without flock would have left the folder."""
    folder = repo.path / ".git" / "gitexp"
    folder.mkdir(exist_ok=True)
    (folder / "locks-are-files").touch()


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A file to lock, in a folder in which locks are files."""
    folder = tmp_path / "gitexp" / "locks"
    folder.mkdir(parents=True)
    (folder.parent / "locks-are-files").touch()
    return folder / "x"


def until(is_so: Callable[[], bool]) -> None:
    end = time.monotonic() + TIMEOUT
    while not is_so():
        assert time.monotonic() < end, "it never happens"
        time.sleep(0.05)


def record_of(repo: Workspace, name: str) -> Record:
    found = Project.open(repo.path).store.get(name)
    assert isinstance(found, Experiment)
    return found.record


def left(repo: Workspace) -> list[str]:
    """The files of locks that nobody holds any more."""
    return [path.name for path in (repo.path / ".git" / "gitexp").rglob("*.held")]


# -- without flock -----------------------------------------------------------------------------------


def gitexp(repo: Workspace, error: str, *args: str, check: bool = True) -> str:
    """What a command says where flock fails, for it and for all that it starts."""
    command = [*without_flock(error), *GITEXP, *args]
    done = subprocess.run(
        command, cwd=repo.path, capture_output=True, text=True, timeout=TIMEOUT, check=False
    )
    assert done.returncode == 0 or not check, done.stdout + done.stderr
    return done.stdout


@needs_strace
def test_everything_works_without_flock(repo: Workspace, tmp_path: Path) -> None:
    team = make_team(repo, tmp_path)
    repo.writes("metrics.json", "params.yaml")
    repo.allow("refs", "refs/remotes/*")
    gitexp(repo, "ENOSYS", "run", "-q", "-n", "here", *TRAIN)
    gitexp(repo, "ENOSYS", "run", "-q", "--temp", "-n", "apart", *TRAIN)
    gitexp(repo, "ENOSYS", "run", "--queue", "-q", "-S", "train.lr=0.2,0.6", *TRAIN)
    gitexp(repo, "ENOSYS", "queue", "start", "-j", "2")
    gitexp(repo, "ENOSYS", "run", "-q", "-j", "2", "-S", "train.lr=0.4,0.5", *TRAIN)
    gitexp(repo, "ENOSYS", "remove", "--yes", "-q", "here")
    gitexp(repo, "ENOSYS", "undo", "-q")
    gitexp(repo, "ENOSYS", "gc", "--yes")
    gitexp(repo, "ENOSYS", "push")
    found = Project.open(repo.path).store.all()
    assert [one.record.status for one in found if isinstance(one, Experiment)] == [Status.DONE] * 6
    assert len(refs_of(team.bare)) == 6
    assert left(repo) == []
    assert_sound(repo)


KILLS_ITS_JOB = """\
import json, os, pathlib, signal, sys
lr = float(pathlib.Path('params.yaml').read_text().split('lr:')[1].split()[0])
seen = pathlib.Path(sys.argv[1], str(lr))
if lr < 0.25 and not seen.exists():
    seen.touch()
    os.kill(os.getppid(), signal.SIGKILL)
    sys.exit(1)
json.dump({'loss': lr * 2}, open('metrics.json', 'w'))
"""


@needs_strace
def test_a_grid_of_an_engine_without_flock_with_half_of_its_jobs_killed_is_the_table_of_one_here(
    repo: Workspace, tmp_path: Path
) -> None:
    repo.write("train.py", KILLS_ITS_JOB)
    repo.git("commit", "-qam", "trains")
    grid = ("run", "-q", "-S", "train.lr=0.1,0.2,0.3,0.4", "--name-template")
    train = ("--", sys.executable, "train.py", str(tmp_path))
    gitexp(repo, "ENOLCK", *grid, "engine-{train.lr}", "--engine", "local", "-j", "2", *train)
    assert len(list(tmp_path.glob("0.?"))) == 2
    tables = [[record_of(repo, f"engine-0.{lr}") for lr in range(1, 5)]]
    gitexp(repo, "ENOLCK", "remove", "--yes", "-q", "engine-*")
    gitexp(repo, "ENOLCK", *grid, "here-{train.lr}", *train)
    tables.append([record_of(repo, f"here-0.{lr}") for lr in range(1, 5)])
    assert [one.tries for one in tables[0]] == [1, 1, 0, 0]
    of_engine, of_here = [[(one.status, one.params, one.metrics) for one in each] for each in tables]
    assert of_engine == of_here
    assert {status for status, _, _ in of_here} == {Status.DONE}
    assert left(repo) == []
    assert_sound(repo)


@needs_strace
def test_a_kill_without_flock_is_put_right_by_the_next_command(repo: Workspace) -> None:
    repo.writes("metrics.json")
    lock_by_files(repo)
    for point in ("run:created", "run:ended", "finish:commit"):
        command = ("run", "-q", "-n", point.replace(":", "-"), *TRAIN)
        killed = subprocess.run(
            [*without_flock("ENOLCK"), *GITEXP, *command],
            cwd=repo.path,
            env={**os.environ, "GITEXP_FAILPOINT": point},
            timeout=TIMEOUT,
            check=False,
        )
        assert killed.returncode == -signal.SIGKILL
        gitexp(repo, "ENOLCK", "list")
        assert record_of(repo, point.replace(":", "-")).status.ended
    assert left(repo) == []


@needs_strace
def test_a_script_logs_its_own_run_without_flock(repo: Workspace) -> None:
    repo.write("own.py", "import gitexp\nwith gitexp.start_run('own') as run:\n    run.log({'loss': 1})\n")
    command = [*without_flock("ENOSYS"), sys.executable, "own.py"]
    subprocess.run(command, cwd=repo.path, timeout=TIMEOUT, check=True)
    assert record_of(repo, "own").status is Status.DONE
    assert left(repo) == []


def test_the_first_lock_that_is_a_file_decides_for_all(
    repo: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    local = LocalState(Project.open(repo.path).repo)
    assert not local.is_shared
    with monkeypatch.context() as patched:
        patched.setattr(locks, "_flock", lambda fd: OSError(38, "Function not implemented"))
        held = local.try_lock("x")
    assert held is not None
    assert local.is_shared
    assert local.try_lock("x") is None
    held.release()
    keeper.own().end()


def test_another_disk_has_locks_that_are_files(repo: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(locks, "_is_on_own_disk", lambda root: False)
    locks._trusted.clear()
    assert LocalState(Project.open(repo.path).repo).is_shared is (sys.platform == "linux")
    repo.git("config", "gitexp.locks", "flock")
    assert not LocalState(Project.open(repo.path).repo).is_shared
    locks._trusted.clear()


def test_the_setting(repo: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    repo.git("config", "gitexp.locks", "files")
    repo.gitexp("save", "-q", process=True)
    assert (repo.path / ".git/gitexp/locks-are-files").exists()
    repo.git("config", "gitexp.locks", "flock")
    monkeypatch.setattr(locks, "_flock", lambda fd: OSError(38, "Function not implemented"))
    with pytest.raises(errors.StorageError, match="without locks: Function not implemented"):
        Project.open(repo.path).local.try_lock("x")
    repo.git("config", "gitexp.locks", "fcntl")
    assert "can be auto, flock or files" in repo.gitexp("list", check=False).stderr


# -- the locks ---------------------------------------------------------------------------------------

HOLD = """
import subprocess, sys
from pathlib import Path
from gitexp.repo.git.locking.locks import try_lock
held = try_lock(Path(sys.argv[1]))
assert held is not None
child = subprocess.Popen(["sleep", "60"], pass_fds=held.inherits if len(sys.argv) > 2 else ())
print(child.pid, flush=True)
sys.stdin.read()
"""


@contextmanager
def holder(place: Path, *more: str) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """A process that holds a lock, and the number of its child."""
    command = [sys.executable, "-c", HOLD, str(place), *more]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        child = int(process.stdout.readline())
        try:
            yield process, child
        finally:
            os.kill(child, signal.SIGKILL)
            process.kill()


def test_a_lock_that_is_a_file_has_one_holder_and_dies_with_it(place: Path) -> None:
    with holder(place) as (process, _):
        assert locks.try_lock(place) is None
        assert locks.is_held(place)
        process.kill()
        process.wait()
        held = locks.try_lock(place)  # at once
        assert held is not None
    assert locks.try_lock(place) is None
    held.release()
    assert not locks.is_held(place)
    keeper.own().end()


def test_a_keeper_may_let_go_while_somebody_looks(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    is_dead = lock_files._is_dead
    with holder(place) as (process, _):
        seen = lock_files._look(place)
        assert seen is not None
        its_keeper = seen.holder[1]
        os.kill(its_keeper.pid, signal.SIGSTOP)
        process.kill()
        process.wait()

        def look_long(path: Path, seen: lock_files._Seen) -> bool:
            found = is_dead(path, seen)
            os.kill(its_keeper.pid, signal.SIGCONT)
            until(lambda: not is_alive(its_keeper))
            return found

        monkeypatch.setattr(lock_files, "_is_dead", look_long)
        held = locks.try_lock(place)
        assert held is not None
    held.release()
    keeper.own().end()


def test_a_child_that_inherits_a_lock_holds_it(place: Path) -> None:
    with holder(place, "inherits") as (process, child):
        process.kill()
        process.wait()
        assert locks.try_lock(place) is None
        os.kill(child, signal.SIGKILL)
        until(lambda: locks.try_lock(place) is not None)
    keeper.own().end()


def test_a_keeper_that_is_killed_is_started_again(place: Path) -> None:
    held = locks.try_lock(place)
    assert held is not None
    mine = keeper.own()
    first = mine.process
    os.kill(first.pid, signal.SIGKILL)
    until(lambda: mine.process != first)
    size = place.with_name("x.held").stat().st_size
    until(lambda: place.with_name("x.held").stat().st_size > size)
    held.release()
    mine.end()


def test_a_lock_of_an_unknown_holder_is_watched(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whose machine went down while the file was made, say."""
    place.with_name("x.held").write_text("")
    now = [1000.0]
    monkeypatch.setattr("gitexp.repo.git.locking.lock_silence.time.monotonic", lambda: now[0])
    monkeypatch.delenv(keeper.VARIABLE)
    patience = keeper.USUAL * lock_silence.SIGNS

    def after(seconds: float) -> bool:
        """As another command."""
        lock_silence._last.clear()
        lock_silence._written.clear()
        now[0] += seconds
        return locks.is_held(place)

    assert after(0)
    assert after(1000 * patience)  # the disk may have been away
    place.with_name("x.held").write_text(".")
    assert after(1000 * patience)  # a sign of life
    assert after(patience / 2)
    assert after(patience / 4)
    assert not after(patience / 4)
    lock_silence._last.clear()


RACE = """
import os, random, signal, sys, time
from pathlib import Path
from gitexp.repo.git.locking import keeper
from gitexp.repo.git.locking.locks import try_lock
place, chance = Path(sys.argv[1]), random.Random(int(sys.argv[2]))
inside = place.with_name("inside")
for _ in range(8):
    while (held := try_lock(place)) is None:
        time.sleep(0.001)
    os.close(os.open(inside, os.O_CREAT | os.O_EXCL))
    time.sleep(chance.random() / 500)
    inside.unlink()
    if chance.random() < 0.2:
        os.kill(keeper.own().process.pid, signal.SIGKILL)  # which would remove the file
        os.kill(os.getpid(), signal.SIGKILL)
    held.release()
    print(flush=True)
"""
DEATHS, TAKEN = 10, 40  # so many are enough
MOST = 100  # processes


def test_of_many_that_take_over_a_lock_at_once_one_has_it(place: Path) -> None:
    """Also while they die in the middle of that."""
    points = ["", "", "lock:taking@2", "lock:taken@3", "lock:made@4"]
    running: list[subprocess.Popen[bytes]] = []
    died, taken, wrong, count = 0, 0, [], 0

    def goes_on() -> bool:
        return count < MOST and not wrong and (died < DEATHS or taken < TAKEN)

    while running or goes_on():
        while len(running) < 5 and goes_on():
            count += 1
            process = subprocess.Popen(
                [sys.executable, "-c", RACE, str(place), str(count)],
                env={**os.environ, "GITEXP_FAILPOINT": points[count % len(points)]},
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
            )
            running.append(process)
        process = running.pop(0)
        out, err = process.communicate(timeout=TIMEOUT)
        taken += len(out)
        if process.returncode == -signal.SIGKILL:
            died += 1
        elif process.returncode != 0:
            wrong.append(err.decode())
    assert not wrong, wrong[0]
    assert died >= DEATHS
    assert taken >= TAKEN
    until(lambda: locks.try_lock(place) is not None)
    keeper.own().end()


# -- several machines --------------------------------------------------------------------------------


def slow(go: Path) -> tuple[str, ...]:
    """A command that ends when a file is there."""
    return ("--", "sh", "-c", f"until [ -e {go} ]; do sleep 0.05; done; python train.py >/dev/null")


def wrong_clock(folder: Path, seconds: int) -> dict[str, str]:
    if (library := storms.clock(folder)) is None:
        return {}
    return {"LD_PRELOAD": str(library), "STORM_SHIFT": str(seconds)}


@needs_machines
@pytest.mark.parametrize("names", [("one", "two"), ("same", "same")], ids=["machines", "containers"])
def test_the_run_of_a_machine_that_went_down_goes_back_to_the_queue(
    repo: Workspace, tmp_path: Path, names: Sequence[str]
) -> None:
    """And no other: not that of a machine that lives, whatever its clock says, though it stands still."""
    lock_by_files(repo)
    go = tmp_path / "go"
    work = [*GITEXP, "queue", "work"]
    repo.gitexp("run", "--queue", "-q", "-n", "dies", *slow(go), process=True)
    with Machine(names[0], repo.path, work, QUICK | wrong_clock(tmp_path, HOUR)) as first:
        until(lambda: record_of(repo, "dies").status is Status.RUNNING)
        repo.gitexp("run", "--queue", "-q", "-n", "lives", *slow(go), process=True)
        with Machine(names[1], repo.path, work, QUICK | wrong_clock(tmp_path, -HOUR)) as second:
            until(lambda: record_of(repo, "lives").status is Status.RUNNING)
            assert "2 workers here" in repo.gitexp("queue", "list", process=True).stderr
            second.send(signal.SIGSTOP)
            first.switch_off()
            assert record_of(repo, "dies").status is Status.RUNNING
            until(lambda: ended(repo, "dies"))
            assert record_of(repo, "dies").status is Status.INTERRUPTED
            time.sleep(2 * PATIENCE)
            assert not ended(repo, "lives")
            second.send(signal.SIGCONT)
            go.touch()
            repo.gitexp("queue", "work", process=True)
            second.wait()
    for name, tries in (("dies", 1), ("lives", 0)):
        record = record_of(repo, name)
        assert (record.status, record.tries) == (Status.DONE, tries)
        assert not any("died" in warning for warning in record.warnings)
    assert_sound(repo)


def ended(repo: Workspace, name: str) -> bool:
    """Whether a run has ended, after another look at it."""
    repo.gitexp("list", process=True)
    return record_of(repo, name).status.ended


@needs_machines
def test_a_command_that_outlives_its_gitexp_on_another_machine(repo: Workspace, tmp_path: Path) -> None:
    """Its run is left alone while it goes on."""
    lock_by_files(repo)
    go = tmp_path / "go"
    command = [*GITEXP, "run", "-q", "--temp", "-n", "one", *slow(go)]
    with Machine("other", repo.path, command, QUICK, stays=True) as machine:
        until(lambda: Project.open(repo.path).store.get("one") is not None)
        until(lambda: child_is_known(repo))
        machine.send(signal.SIGKILL)
        time.sleep(2 * PATIENCE)
        assert not ended(repo, "one")
        go.touch()
        until(lambda: ended(repo, "one"))
    record = record_of(repo, "one")
    assert record.status is Status.INTERRUPTED
    assert record.metrics["metrics.json"]["loss"] == 0.343


def child_is_known(repo: Workspace) -> bool:
    """Whether the command of the one run has been written down."""
    return any(run.child is not None for run in live.live_runs(Project.open(repo.path).local))


@needs_machines
def test_a_run_that_was_taken_for_dead_and_was_not(repo: Workspace, tmp_path: Path) -> None:
    """Its machine has slept. Its end is kept beside that of the run which was begun again."""
    lock_by_files(repo)
    go, again = tmp_path / "go", tmp_path / "again"
    script = (
        f'mkdir {again} 2>/dev/null && wait={go} || wait={go}2; until [ -e "$wait" ]; do sleep 0.05; done'
    )
    repo.gitexp("run", "--queue", "-q", "-n", "one", "--", "sh", "-c", script, process=True)
    with Machine("sleeps", repo.path, [*GITEXP, "queue", "work"], QUICK) as sleeper:
        until(lambda: again.exists() and record_of(repo, "one").status is Status.RUNNING)
        sleeper.send_to_all(signal.SIGSTOP)
        until(lambda: ended(repo, "one"))
        with Machine("other", repo.path, [*GITEXP, "queue", "work"], QUICK) as other:
            until(lambda: record_of(repo, "one").status is Status.RUNNING)
            sleeper.send_to_all(signal.SIGCONT)
            go.touch()
            sleeper.wait()
            assert record_of(repo, "one-2").status is Status.DONE
            assert any("taken for dead" in warning for warning in record_of(repo, "one-2").warnings)
            assert record_of(repo, "one").status is Status.RUNNING
            Path(f"{go}2").touch()
            other.wait()
    assert record_of(repo, "one").status is Status.DONE
