"""Locks that a killed Git has left on refs; `make crash` kills real ones at every call that makes one."""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
import threading
from pathlib import Path

import pytest

from gitexp.repo.git import locks, ref_locks
from tests.support.workspace import Workspace

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="no descriptors are inherited there")

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
