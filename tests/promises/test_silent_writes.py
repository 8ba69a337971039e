"""A write through mmap may change no time stamp: nothing is lost for a hash that was remembered."""

from __future__ import annotations

import mmap
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from gitexp.project.project import Project
from tests.support.workspace import Workspace

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="what the kernel does, and /proc")

SIZE = 3 * mmap.PAGESIZE


@contextmanager
def mapped(file: Path) -> Iterator[mmap.mmap]:
    """The file in memory, shared with all that read it; its page is here already, so a write is no fault."""
    with file.open("r+b") as stream, mmap.mmap(stream.fileno(), 0) as memory:
        assert memory[0] is not None
        yield memory


def settle(file: Path) -> None:
    """Let the time stamps of a file be old enough to be believed."""
    while time.time_ns() - max(file.stat().st_mtime_ns, file.stat().st_ctime_ns) < 50_000_000:
        time.sleep(0.01)


def silently(repo: Workspace, name: str, content: bytes) -> None:
    """Overwrites the beginning of a file through mmap."""
    with repo.by_user(), mapped(repo.path / name) as memory:
        memory[: len(content)] = content


@pytest.mark.parametrize("name", ["data/changed", "data/new"])
def test_checkout_reads_what_it_would_overwrite_or_remove(repo: Workspace, name: str) -> None:
    repo.allow("files", "*")
    for content, names in ((b"1", ["data/changed"]), (b"2", ["data/changed", "data/new"])):
        for each in names:
            repo.write(each, content * SIZE)
            settle(repo.path / each)
        repo.gitexp("add", "-q", "data")
        repo.commit()
    silently(repo, name, b"mine")
    refused = repo.gitexp("checkout", "HEAD~1", check=False)
    assert f"{name} would be lost" in refused.stderr
    assert repo.read(name).startswith("mine2")
    repo.gitexp("checkout", "-q", "HEAD~1", "--force")
    assert b"mine2" in kept(repo)


def kept(repo: Workspace) -> list[bytes]:
    """The beginning of each object in the store."""
    folder = Project.open(repo.path).local.objects
    return [file.read_bytes()[:5] for file in folder.rglob("*") if file.is_file()]


@pytest.mark.usefixtures("every_process")
def test_add_notices_a_file_that_is_mapped(repo: Workspace) -> None:
    repo.allow("files", "*")
    repo.write("data/a", b"1" * SIZE)
    settle(repo.path / "data/a")
    with mapped(repo.path / "data/a") as memory:
        repo.gitexp("add", "-q", "data")
        repo.guard.check()
        memory[:4] = b"mine"
        repo.guard.retake()
        assert "as before" not in repo.gitexp("add", "data").stderr
    assert "as before" in repo.gitexp("add", "data").stderr
    with repo.by_user():
        (repo.path / "data/a").unlink()
    repo.gitexp("checkout", "-q")
    assert repo.read("data/a").startswith("mine")


def test_apply_and_undo_read_what_they_would_overwrite(repo: Workspace) -> None:
    repo.write("big.txt", b"1" * SIZE)
    repo.gitexp("save", "-q", "-n", "one")
    repo.write("big.txt", b"2" * SIZE)
    settle(repo.path / "big.txt")
    repo.git("add", "big.txt")
    repo.gitexp("save", "-q", "-n", "two")
    silently(repo, "big.txt", b"mine")
    refused = repo.gitexp("apply", "one", check=False)
    assert "unsaved changes in big.txt" in refused.stderr
    repo.allow("files", "big.txt")
    repo.gitexp("apply", "-q", "one", "--force")
    repo.gitexp("undo", "-q")
    assert repo.read("big.txt").startswith("mine2")


def test_a_stage_keeps_what_it_replaces(repo: Workspace) -> None:
    repo.allow("files", "*")
    repo.write("gitexp.yaml", "stages:\n  make: {cmd: 'cp in out', deps: [in], outs: [out]}\n")
    repo.write("in", b"1" * SIZE)
    repo.write(".gitignore", "out\n")
    repo.commit()
    repo.gitexp("run", "-q")
    settle(repo.path / "out")
    repo.gitexp("status")
    silently(repo, "out", b"mine")
    repo.write("in", b"2" * SIZE)
    repo.gitexp("run", "-q")
    assert b"mine1" in kept(repo)


def test_hard_links_among_data_do_not_stop_a_checkout(repo: Workspace) -> None:
    repo.allow("files", "*")
    repo.write("data/a", "1")
    repo.write("data/b", "2")
    repo.gitexp("add", "-q", "data")
    repo.commit()
    with repo.by_user():
        for name in ("a", "b", "c"):
            (repo.path / "data" / name).unlink(missing_ok=True)
        (repo.path / "data/a").write_text("same")
        for name in ("b", "c"):
            os.link(repo.path / "data/a", repo.path / "data" / name)
    repo.gitexp("add", "-q", "data")
    repo.gitexp("checkout", "-q", "HEAD")
    assert {file.name: file.read_text() for file in (repo.path / "data").iterdir()} == {"a": "1", "b": "2"}
