"""Locks that a killed Git has left on refs; `make crash` kills real ones at every call that makes one."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from gitexp.process import git_processes
from gitexp.repo.git import launch, ref_locks, refs
from gitexp.repo.git.locking import locks
from gitexp.repo.git.repository import Repository
from gitexp.repo.git.values import RefChange
from tests.crash.strace import why_not
from tests.support.repositories import git
from tests.support.workspace import Workspace

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="elsewhere nobody knows whose a lock is")
traced = pytest.mark.skipif(why_not() != "", reason=why_not())

REF = "refs/gitexp/exps/one"


@pytest.fixture
def git_dir(tmp_path: Path) -> Path:
    (tmp_path / "refs" / "gitexp" / "exps").mkdir(parents=True)
    return tmp_path


def die_over(git_dir: Path, *names: str) -> None:
    """A gitexp and its Git that both died while they changed REF, and what the Git has left."""
    with contextlib.suppress(KeyboardInterrupt), ref_locks.guard(git_dir, [REF]):
        for name in names:
            (git_dir / name).touch()
        raise KeyboardInterrupt


def test_what_a_dead_git_has_left_is_removed_by_the_next_change_of_whatever_ref(git_dir: Path) -> None:
    left = [f"{REF}.lock", "packed-refs.lock", "packed-refs.new"]
    die_over(git_dir, *left)
    with ref_locks.guard(git_dir, ["refs/gitexp/exps/two"]):
        assert not any((git_dir / name).exists() for name in left)


def test_any_command_mends(git_dir: Path) -> None:
    ref_locks.mend(git_dir)
    die_over(git_dir, "packed-refs.lock")
    with ref_locks.guard(git_dir, []):  # as another process
        ref_locks.mend(git_dir)
    (git_dir / "packed-refs.lock").touch()
    ref_locks.mend(git_dir)
    assert (git_dir / "packed-refs.lock").exists()  # nobody has died since
    die_over(git_dir, "packed-refs.lock")
    ref_locks.mend(git_dir)
    assert not (git_dir / "packed-refs.lock").exists()


def test_a_lock_from_before_is_not_ours(git_dir: Path) -> None:
    foreign = git_dir / f"{REF}.lock"
    foreign.touch()
    os.utime(foreign, (1, 1))
    die_over(git_dir)
    with ref_locks.guard(git_dir, [REF]):
        assert foreign.exists()


def test_a_lock_that_changes_is_in_use(git_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    die_over(git_dir, "packed-refs.lock", "packed-refs.new")
    growing = git_dir / "packed-refs.new"
    monkeypatch.setattr("time.sleep", lambda seconds: growing.write_text(growing.read_text() + "x"))
    with ref_locks.guard(git_dir, [REF]):
        assert growing.exists()


def test_a_lock_outside_a_change_that_has_ended_is_not_ours(git_dir: Path) -> None:
    with ref_locks.guard(git_dir, [REF]):
        pass
    (git_dir / f"{REF}.lock").touch()
    with ref_locks.guard(git_dir, [REF]):
        assert (git_dir / f"{REF}.lock").exists()


def test_a_git_that_outlives_gitexp_is_waited_for(git_dir: Path) -> None:
    with ref_locks.guard(git_dir, [REF]) as ours:
        (inherited,) = map(os.dup, ours.inherits)
    assert locks.try_lock(git_dir / "gitexp" / "locks" / "refs") is None
    threading.Timer(0.05, os.close, [inherited]).start()
    with ref_locks.guard(git_dir, [REF]):
        pass


def test_where_no_lock_can_be_had_git_is_left_to_itself(git_dir: Path) -> None:
    (git_dir / "gitexp").write_text("not a folder")
    with ref_locks.guard(git_dir, [REF]) as ours:
        assert ours.inherits == ()
        ours.unlock()


DIES_ONCE = """\
#!/bin/sh
case "$*" in *update-ref*)
  if mkdir "$TRIED" 2>/dev/null; then
    [ -z "$TOO_LATE" ] || {git} "$@"
    mkdir -p .git/refs/gitexp/exps && touch .git/{ref}.lock
    kill -9 $$
  fi ;;
esac
exec {git} "$@"
"""


@pytest.mark.parametrize("too_late", ["", "yes"], ids=["before its work", "after it"])
def test_a_git_that_is_killed_over_a_ref_is_started_again(
    repo: Workspace, tmp_path: Path, too_late: str
) -> None:
    fake = tmp_path / "bin" / "git"
    fake.parent.mkdir()
    fake.write_text(DIES_ONCE.format(git=shutil.which("git"), ref=REF))
    fake.chmod(0o755)
    path = f"{fake.parent}:{os.environ['PATH']}"
    env = {"PATH": path, "TRIED": str(tmp_path / "tried"), "TOO_LATE": too_late}
    repo.gitexp("save", "-q", "-n", "one", env=env)
    assert (tmp_path / "tried").is_dir()
    assert repo.git("rev-parse", "--verify", f"{REF}^") != ""
    assert not list((repo.path / ".git" / "refs").rglob("*.lock"))


DIES_PACKING = """\
#!/bin/sh
case "$*" in *pack-refs*)
  touch .git/packed-refs.lock .git/refs/heads/main.lock
  kill -9 $PPID $$ ;;
esac
exec {git} "$@"
"""


def test_a_kill_while_refs_are_packed_leaves_no_lock(repo: Workspace, tmp_path: Path) -> None:
    """Of the user's refs neither."""
    fake = tmp_path / "bin" / "git"
    fake.parent.mkdir()
    fake.write_text(DIES_PACKING.format(git=shutil.which("git")))
    fake.chmod(0o755)
    script = (
        "from gitexp.repo.git.repository import Repository\n"
        "from gitexp.repo.git.values import RefChange\n"
        "repo = Repository.find()\n"
        "head = repo.resolve('HEAD')\n"
        "repo.update_refs([RefChange(f'refs/gitexp/exps/e{n}', None, head) for n in range(1001)])\n"
    )
    env = {**os.environ, "PATH": f"{fake.parent}:{os.environ['PATH']}"}
    killed = subprocess.run([sys.executable, "-c", script], cwd=repo.path, env=env, check=False)
    assert killed.returncode == -9
    assert (repo.path / ".git/refs/heads/main.lock").exists()
    repo.gitexp("save", "-q", "-n", "after")
    assert not list((repo.path / ".git").rglob("*.lock"))


def test_a_lock_that_git_could_not_remove_is_removed(repo: Workspace, tmp_path: Path) -> None:
    """As on a disk with errors; Git says so and goes on."""
    fake = tmp_path / "bin" / "git"
    fake.parent.mkdir()
    lock = repo.path / ".git" / f"{REF}.lock"
    fake.write_text(
        f"""#!/bin/sh
{shutil.which("git")} "$@" || exit
case "$*" in *update-ref*) touch {lock}; echo "warning: unable to unlink '{lock}'" >&2 ;; esac
"""
    )
    fake.chmod(0o755)
    repo.gitexp("save", "-q", "-n", "one", env={"PATH": f"{fake.parent}:{os.environ['PATH']}"})
    assert not lock.exists()


# -- a lock of somebody else's ---------------------------------------------------------------------------

KILLS = """\
#!/bin/bash
case " $* " in *" update-ref "*) kill -9 $PPID $$ ;; esac
exec {git} "$@"
"""
LONG = 3.0  # seconds


@contextlib.contextmanager
def slow(folder: Path, call: str, path: str, *git: str) -> Iterator[None]:
    """A Git that waits before a system call about a file, while it holds its locks."""
    delay = f"inject={call}:delay_enter={LONG * 1e6:.0f}"
    command = ["strace", "-f", "-qq", "-o", os.devnull, "-P", path, "-e", delay, "git", *git]
    beside = subprocess.Popen(command, cwd=folder)
    time.sleep(0.5)
    assert beside.poll() is None
    yield
    assert beside.wait(timeout=60) == 0


def dies_over_a_ref(repo: Workspace, tmp_path: Path) -> None:
    """A gitexp that is killed together with its Git, before this Git has locked anything."""
    fake = tmp_path / "bin" / "git"
    fake.parent.mkdir()
    fake.write_text(KILLS.format(git=shutil.which("git")))
    fake.chmod(0o755)
    env = {"PATH": f"{fake.parent}:{os.environ['PATH']}"}
    assert repo.gitexp("tag", "one", "good", env=env, check=False, process=True).exit_code != 0


@traced
@pytest.mark.parametrize("where", ["here", "elsewhere"])
def test_a_lock_of_a_living_git_stays(repo: Workspace, tmp_path: Path, where: str) -> None:
    repo.allow("git", "packed-refs*")
    repo.gitexp("save", "-q", "-n", "one")
    repo.write("new.py", "new\n")
    dies_over_a_ref(repo, tmp_path)
    git_dir = repo.path / ".git"
    args = ("pack-refs", "--all")
    folder = repo.path
    if where == "elsewhere":
        args, folder = (f"--git-dir={git_dir}", *args), tmp_path
    with slow(folder, "openat", f"{git_dir}/packed-refs.new", *args):
        assert (git_dir / "packed-refs.lock").exists()
        repo.gitexp("save", "-q", "-n", "two")
        assert (git_dir / "packed-refs.lock").exists()
    repo.git("pack-refs", "--all")
    assert repo.gitexp("list").stdout.split() == ["two", "one"]


@traced
def test_what_is_left_is_removed_when_the_living_have_ended(repo: Workspace, tmp_path: Path) -> None:
    repo.allow("git", "packed-refs*")
    repo.gitexp("save", "-q", "-n", "one")
    dies_over_a_ref(repo, tmp_path)
    left = repo.path / ".git" / f"{REF}.lock"
    left.touch()
    with slow(repo.path, "openat", f"{repo.path}/.git/packed-refs.new", "pack-refs", "--all"):
        repo.gitexp("list")
        assert left.exists()
    repo.gitexp("list")
    assert not left.exists()


def test_whoever_may_hold_a_lock_is_named(repo: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(launch, "ALWAYS", (*launch.ALWAYS, "-c", "core.filesRefLockTimeout=100"))
    repo.gitexp("save", "-q", "-n", "one")
    lock = repo.path / ".git" / f"{REF}.lock"
    with lock.open("x") as held:
        result = repo.gitexp("tag", "one", "good", check=False)
        assert (result.exit_code, lock.exists()) == (1, True)
        assert f"{REF}.lock is there, and process {os.getpid()}" in result.stderr or "died" in result.stderr
        assert not held.closed
    lock.unlink()


def test_an_old_lock_is_removed_only_if_its_owner_is_dead(repo: Workspace) -> None:
    repo.gitexp("save", "-q", "-n", "one")
    lock = repo.path / ".git" / f"{REF}.lock"
    lock.touch()
    os.utime(lock, (1, 1))
    holder = subprocess.Popen(["tail", "-f", str(lock)])
    try:
        while git_processes.holder([lock], repo.path / ".git") is None:
            time.sleep(0.01)
        changes = [RefChange(REF, None, None)]
        assert not refs._may_pass(Repository.find(repo.path), changes, "File exists")
        assert lock.exists()
    finally:
        holder.kill()
        holder.wait()
    assert refs._may_pass(Repository.find(repo.path), changes, "File exists")
    assert not lock.exists()


def test_nothing_is_known_of_other_machines_and_containers(
    git_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert git_processes.holder([git_dir / "x.lock"], git_dir) is None
    for name, value in (
        ("_file_system", lambda path: "nfs4"),
        ("namespace", lambda: "pid:[4026539999]"),
        ("namespace", lambda: ""),
    ):
        with monkeypatch.context() as patch:
            patch.setattr(git_processes, name, value)
            found = git_processes.holder([git_dir / "x.lock"], git_dir)
            assert found is not None
            assert not found.is_seen
    die_over(git_dir, "packed-refs.lock")
    monkeypatch.setattr(git_processes, "_file_system", lambda path: "nfs4")
    ref_locks.mend(git_dir)
    assert (git_dir / "packed-refs.lock").exists()


@pytest.mark.parametrize(
    ("args", "folder", "counts"),
    [
        (("update-ref", "--stdin"), "repo", True),
        (("-c", "a.b=c", "update-ref", "--stdin"), "repo/deep", True),
        (("-C", "{repo}", "update-ref", "--stdin"), "away", True),
        (("--git-dir", "{repo}/.git", "update-ref", "--stdin"), "away", True),
        (("--git-dir=../repo/.git", "update-ref", "--stdin"), "away", True),
        (("update-ref", "--stdin"), "worktree", True),
        (("update-ref", "--stdin"), "repo/.git/refs", True),
        (("update-ref", "--stdin"), "other", False),
        (("cat-file", "--batch"), "repo", False),
        (("cat-file", "--batch-command"), "repo", False),
    ],
)
def test_a_git_at_work(
    repo: Workspace, tmp_path: Path, args: Sequence[str], folder: str, counts: bool
) -> None:
    repo.git("worktree", "add", "-q", "--detach", str(tmp_path / "worktree"))
    (repo.path / "deep").mkdir()
    (tmp_path / "away").mkdir()
    git(tmp_path, "init", "-q", "other")
    git(tmp_path / "other", "commit", "-q", "--allow-empty", "-m", "first")
    command = ["git", *(arg.format(repo=repo.path) for arg in args)]
    beside = subprocess.Popen(
        command, cwd=tmp_path / folder, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL
    )
    try:
        time.sleep(0.2)
        found = git_processes.holder([repo.path / ".git" / "packed-refs.lock"], repo.path / ".git")
        assert (found is not None) == counts
        assert found is None or f"process {beside.pid} (git " in found.who
    finally:
        beside.communicate()
        (repo.path / "deep").rmdir()
