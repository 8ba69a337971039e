"""The tests' own tools: what they promise the other tests."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.processes import run_with_pty, unprivileged
from tests.support.repositories import git
from tests.support.workspace import Workspace

posix = pytest.mark.skipif(sys.platform == "win32", reason="POSIX")


def test_ids_are_the_same_everywhere(repo: Workspace) -> None:
    assert repo.git("rev-parse", "main") == "77f66a12db3bc0682abc315188d881fec4c51ae8"


def test_the_template_trains(repo: Workspace) -> None:
    subprocess.run(["python", "train.py"], cwd=repo.path, check=True, capture_output=True)
    repo.writes("metrics.json")
    assert '"loss": 0.343' in repo.read("metrics.json")


@pytest.mark.parametrize(
    ("change", "name"),
    [
        (lambda path: (path / "train.py").write_text("x"), "files: train.py (changed)"),
        (lambda path: (path / "train.py").unlink(), "files: train.py (gone)"),
        (lambda path: (path / "left").mkdir(), "files: left/ (appeared)"),
        (lambda path: (path / ".git" / "index.lock").touch(), "git: index.lock (appeared)"),
        (lambda path: git(path, "add", "--intent-to-add", "new"), "git: index (changed)"),
        (lambda path: git(path, "config", "user.name", "x"), "git: config (changed)"),
        (lambda path: git(path, "branch", "other"), "refs: refs/heads/other (appeared)"),
        (lambda path: git(path, "branch", "other"), "reflogs: refs/heads/other (appeared)"),
        (lambda path: git(path, "stash", "-u"), "refs: refs/stash (appeared)"),
        (lambda path: git(path, "checkout", "--detach"), "git: HEAD (changed)"),
        pytest.param(lambda path: (path / "train.py").chmod(0o700), "files: train.py (changed)", marks=posix),
    ],
)
def test_the_guard_sees(repo: Workspace, change, name: str) -> None:
    repo.write("new", "")
    change(repo.path)
    assert name in repo.guard.changes()
    with pytest.raises(AssertionError, match="what is the user's"):
        repo.git("status")
    for kind in ("files", "git", "refs", "reflogs"):
        repo.allow(kind, "*")


def test_the_guard_leaves_gitexp_its_own(repo: Workspace) -> None:
    git(repo.path, "update-ref", "--create-reflog", "refs/gitexp/exps/one", "HEAD")
    (repo.path / ".git" / "gitexp").mkdir()
    (repo.path / ".git" / "gitexp" / "lock").touch()
    git(repo.path, "pack-refs", "--all")


def test_what_the_user_does_is_allowed(repo: Workspace) -> None:
    repo.write("models/new.txt", "new\r\n", mode=0o755)
    repo.git("add", ".")
    repo.git("commit", "-m", "new")
    repo.git("switch", "-c", "other")
    assert repo.read("models/new.txt") == "new\r\n"


def test_a_linked_worktree_is_guarded_too(repo: Workspace, tmp_path: Path) -> None:
    repo.git("worktree", "add", "-q", str(tmp_path / "linked"))
    linked = Workspace(tmp_path / "linked")
    git(linked.path, "checkout", "-q", "--detach")
    assert linked.guard.changes() == ["git: HEAD (changed)", "reflogs: HEAD (changed)"]


@posix
def test_a_terminal() -> None:
    script = "import os; print(*os.get_terminal_size()); print('\\x1b[1mhello\\x1b[0m', input('who? '))"
    exit_code, raw, lines = run_with_pty([sys.executable, "-c", script], 50, 10, [("who?", "you\n")])
    assert exit_code == 0
    assert b"\x1b[1mhello\x1b[0m" in raw
    assert lines == ["50 10", "who? you", "hello you"]


@posix
def test_control_c_in_a_terminal() -> None:
    script = (
        "import time\ntry:\n print('go', flush=True); time.sleep(60)\nexcept KeyboardInterrupt:\n exit(130)"
    )
    assert run_with_pty([sys.executable, "-c", script], keys=[("go", "\x03")]).exit_code == 130


@posix
def test_permissions_count_without_privileges(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.touch(0o000)
    assert subprocess.run(unprivileged(["cat", str(secret)]), capture_output=True).returncode == 1


def test_the_environment_is_nobodys(home: Path) -> None:
    assert Path.home() == home
    assert not [name for name in os.environ if name.startswith(("GITEXP", "DVC", "NO_COLOR", "COLUMNS"))]


def test_no_pattern_trips_over_older_pythons() -> None:
    """Before 3.11.5 a possessive group whose repetition fails halfway goes on from the wrong place."""
    for file in (Path(__file__).parents[2] / "gitexp").rglob("*.py"):
        assert not re.search(r"\)[*+?]\+", file.read_text("utf-8")), f"{file.name} has a possessive group"
