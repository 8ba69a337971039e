"""Git's housekeeping beside gitexp takes no object of an experiment or an operation, however badly timed.

A `git prune` looks for what the refs refer to and then deletes all else. Here strace stops it in between, so
that whatever gitexp writes comes too late for it to see.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.crash.strace import why_not
from tests.support.repositories import git, lose
from tests.support.workspace import Workspace

PRUNE = ("prune", "--expire=now")
GC = ("gc", "--quiet", "--prune=now")
REPACK = ("repack", "-a", "-d", "-q")
KEEPING = ("repack", "-a", "-d", "-k", "-q")

STOPPED = 1.5  # seconds
SOON = 0.5  # seconds until it has looked

stopping = pytest.mark.skipif(why_not() != "", reason=why_not())


@pytest.fixture(autouse=True)
def _housekeeping_of_the_user(repo: Workspace) -> None:
    repo.allow("git", "info/refs", "gc.log", "gc.pid*")
    repo.allow("reflogs", "*")


@contextmanager
def stopped(repo: Workspace, *housekeeping: str, before: tuple[str, str] | None = None) -> Iterator[None]:
    """A Git that knows what to delete before the block begins, and deletes it after the block.

    It stops before its first deletion, or before a system call about a file.
    """
    call, *path = before or ("unlink,unlinkat",)
    delay = f"inject={call}:delay_enter={STOPPED * 1e6:.0f}:when=1"
    paths = [word for each in path for word in ("-P", each)]
    command = ["strace", "-f", "-qq", "-o", os.devnull, *paths, "-e", delay, "git", *housekeeping]
    beside = subprocess.Popen(command, cwd=repo.path)
    time.sleep(SOON)
    assert beside.poll() is None
    yield
    assert beside.wait(timeout=60) == 0


def litter(repo: Workspace, *contents: str) -> None:
    """Put loose objects into the repository that nothing refers to; the first ones in many folders."""
    folder = repo.path.parent / "litter"
    folder.mkdir()
    files = []
    for number, content in enumerate([*map(str, range(40)), *contents]):
        files.append(folder / str(number))
        files[-1].write_text(content)
    repo.git("hash-object", "-w", "--no-filters", "--stdin-paths", input="\n".join(map(str, files)) + "\n")


def packed_litter(repo: Workspace, *contents: str) -> None:
    """Put a pack into the repository with objects that nothing refers to."""
    ids = [repo.git("hash-object", "-w", "--stdin", input=content) for content in contents]
    repo.git("pack-objects", "-q", ".git/objects/pack/pack", input="\n".join(ids) + "\n")
    repo.git("prune-packed")


def sound(repo: Workspace) -> bool:
    done = subprocess.run(["git", "fsck", "--no-dangling"], cwd=repo.path, capture_output=True, check=False)
    return (done.returncode, done.stdout) == (0, b"")


def stored(repo: Workspace, revision: str) -> str:
    done = subprocess.run(["git", "show", revision], cwd=repo.path, capture_output=True, check=True)
    return done.stdout.decode()


@stopping
@pytest.mark.parametrize("housekeeping", [PRUNE, GC], ids=["prune", "gc"])
def test_what_is_saved_beside_a_prune_stays(repo: Workspace, housekeeping: Sequence[str]) -> None:
    litter(repo, "new\n")  # what is here already needs protection too: nothing refers to it
    repo.write("new.py", "new\n")
    repo.write("other.py", "other\n")
    with stopped(repo, *housekeeping):
        repo.gitexp("save", "-q", "-n", "one")
        repo.gitexp("run", "-q", "-n", "two", "--", "python", "-c", "print('out')")
        repo.gitexp("tag", "-q", "one", "good")
    assert sound(repo)
    assert stored(repo, "refs/gitexp/exps/one^^:new.py") == "new\n"
    assert stored(repo, "refs/gitexp/exps/two:.gitexp/run/output.log") == "out\n"
    assert "good" in repo.gitexp("show", "one").stdout


@stopping
@pytest.mark.parametrize("housekeeping", [REPACK, KEEPING], ids=["-ad", "-adk"])
def test_what_a_pack_loses_meanwhile_stays(repo: Workspace, housekeeping: Sequence[str]) -> None:
    packed_litter(repo, "new\n", "other\n")
    repo.write("new.py", "new\n")
    with stopped(repo, *housekeeping):
        repo.gitexp("save", "-q", "-n", "one")
    assert sound(repo)
    assert stored(repo, "refs/gitexp/exps/one^:new.py") == "new\n"


@stopping
def test_an_unsaved_file_that_apply_overwrites_comes_back(repo: Workspace) -> None:
    repo.write("train.py", "theirs\n")
    repo.gitexp("save", "-q", "-n", "one")
    litter(repo, "unsaved\n")
    repo.write("train.py", "unsaved\n")
    repo.allow("files", "train.py")
    with stopped(repo, *PRUNE):
        repo.gitexp("apply", "-q", "one", "--force")
    assert sound(repo)
    repo.gitexp("undo", "-q")
    assert repo.read("train.py") == "unsaved\n"


@pytest.mark.parametrize("housekeeping", [PRUNE, GC, KEEPING], ids=["prune", "gc", "repack"])
def test_writers_beside_housekeeping_without_a_pause(
    repo: Workspace, tmp_path: Path, housekeeping: Sequence[str]
) -> None:
    repo.write("new.py", "new\n")
    stop = tmp_path / "stop"
    script = f"while [ ! -e {stop} ]; do git {' '.join(housekeeping)}; done"
    beside = subprocess.Popen(["sh", "-c", script], cwd=repo.path, stderr=subprocess.DEVNULL)
    try:
        for turn in range(4):
            repo.gitexp("save", "-q", "-n", f"saved-{turn}")
            repo.gitexp("run", "-q", "-n", f"run-{turn}", "--", sys.executable, "-c", "print(1)")
            repo.gitexp("note", "-q", f"run-{turn}", "-m", f"note {turn}")
    finally:
        stop.touch()
        beside.wait(timeout=60)
    assert sound(repo)
    assert len(repo.gitexp("list").stdout.split()) == 8


def test_an_object_is_stored_once(repo: Workspace) -> None:
    """Saves of a workspace with a large new file, one after the other."""
    repo.write("large.bin", os.urandom(1_000_000))
    for turn in range(3):
        repo.write("new.py", f"{turn}\n")
        repo.gitexp("save", "-q", "-n", f"e{turn}")
    packs = (repo.path / ".git" / "objects" / "pack").glob("*.pack")
    assert sum(pack.stat().st_size for pack in packs) < 1_100_000
    assert sound(repo)


def test_a_sweep_leaves_few_packs(repo: Workspace) -> None:
    for turn in range(15):
        repo.write("params.yaml", f"train: {{lr: {turn}}}\n")
        repo.gitexp("save", "-q", "-n", f"e{turn}")
    packs = [*(repo.path / ".git" / "objects" / "pack").glob("*.pack")]
    assert len(packs) <= 21
    assert sound(repo)


@stopping
@pytest.mark.parametrize("here", [False, True], ids=["new", "here already"])
def test_what_is_pulled_beside_a_prune_stays(repo: Workspace, tmp_path: Path, here: bool) -> None:
    repo.write("new.py", "new\n")
    repo.gitexp("save", "-q", "-n", "one")
    git(tmp_path, "init", "-q", "--bare", "server")
    repo.git("remote", "add", "origin", str(tmp_path / "server"))
    repo.gitexp("push", "-q")
    git(tmp_path, "clone", "-q", "--no-local", str(repo.path), "other")
    other = tmp_path / "other"
    git(other, "remote", "set-url", "origin", str(tmp_path / "server"))
    litter(Workspace(other))
    if here:  # and nothing refers to it
        git(other, "fetch", "-q", "--no-write-fetch-head", "origin", "refs/gitexp/exps/one")
    with stopped(Workspace(other), *PRUNE):
        Workspace(other).gitexp("pull", "-q")
    assert sound(Workspace(other))
    assert stored(Workspace(other), "refs/gitexp/exps/one^:new.py") == "new\n"


@stopping
def test_what_moves_while_a_prune_reads_the_refs_stays(repo: Workspace) -> None:
    repo.write("new.py", "new\n")
    repo.gitexp("save", "-q", "-n", "one")
    lose(repo.path)  # as if it had been saved long ago
    with stopped(repo, *PRUNE, before=("openat", ".git/refs/gitexp/exps/")):
        repo.gitexp("remove", "-y", "-q", "one")
    assert sound(repo)
    repo.gitexp("undo", "-q")
    assert stored(repo, "refs/gitexp/exps/one^:new.py") == "new\n"
