"""core.sharedRepository: a second user of the group can use all that the first one has made."""

from __future__ import annotations

import stat
import sys

import pytest

from tests.support.workspace import Workspace


@pytest.fixture
def shared(repo: Workspace) -> Workspace:
    """A repository for a group, of a user whose umask gives the group nothing to write."""
    repo.git("config", "core.sharedRepository", "group")
    return repo


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such modes")
def test_what_gitexp_makes_is_the_groups(shared: Workspace) -> None:
    shared.write("gitexp.yaml", "outs: [big.bin]\nmax_untracked: 1 kB\n")
    shared.write("data/x", "1\n")
    shared.allow("files", "gitexp.lock", "gitexp.yaml", ".gitignore", "big.bin", "params.yaml")
    run = (
        sys.executable,
        "-c",
        "import os; open('big.bin', 'wb').write(bytes(5000)); print(oct(os.umask(0)))",
    )
    shared.gitexp("add", "data", process=True)
    done = shared.gitexp("run", "-n", "a", "-S", "train.lr=7", "--", *run, process=True)
    assert "0o22" in done.stdout  # the user's own umask, for the user's own program
    shared.gitexp("run", "--temp", "-n", "b", "--", "true", process=True)
    shared.gitexp("note", "a", "-m", "x", process=True)
    own = shared.path / ".git" / "gitexp"
    closed = []
    for path in (own, *own.rglob("*")):
        if path.is_relative_to(own / "worktrees" / "gitexp-0"):  # of Git's checkout
            continue
        mode = path.lstat().st_mode
        wanted = 0o070
        if not stat.S_ISDIR(mode):
            wanted = (mode & 0o600) >> 3  # an object is for reading only
        if mode & wanted != wanted:
            closed.append(path)
    assert closed == []
