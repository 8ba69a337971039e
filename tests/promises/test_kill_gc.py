"""A kill in the middle of gc and fsck: nothing that is in use is lost, and the next one ends the work."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import pytest

from gitexp.model import Artifact
from gitexp.objects.store import ObjectStore
from gitexp.project.project import Project
from gitexp.upkeep import fsck
from tests.support.kills import kill
from tests.support.stored import put_object, store_of, write_lock_of
from tests.support.workspace import Workspace

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL")

GC = ("gc:aside", "gc:removed")
FSCK = ("fsck:aside",)
POINTS = {*GC, *FSCK}


@pytest.fixture
def data(repo: Workspace) -> Artifact:
    """A folder in the store that an experiment refers to, and two objects that nobody does, all old."""
    artifact = put_object(repo, "data", {"a.txt": "alpha", "deep/b.txt": "beta"})
    for path in ("spare", "more"):
        put_object(repo, path, f"nobody wants {path}")
    write_lock_of(repo, artifact)
    repo.gitexp("save", "-q", "-n", "one")
    for path in ("data/a.txt", "data/deep/b.txt"):
        (repo.path / path).unlink()
    repo.guard.retake()
    return artifact


def hashes(repo: Workspace) -> set[str]:
    return {hash_ for hash_, _, _ in store_of(repo).hashes()}


@pytest.mark.parametrize("point", GC)
def test_gc(repo: Workspace, data: Artifact, point: str) -> None:
    wanted = set(store_of(repo).contents(data.hash))
    kill(repo, point, "gc", "--yes")
    assert hashes(repo) >= wanted
    repo.gitexp("gc", "--yes")
    assert hashes(repo) == wanted
    assert not list((store_of(repo).folder / "tmp").glob("gc-*"))


@pytest.mark.parametrize("point", GC)
def test_gc_of_a_remote(repo: Workspace, data: Artifact, point: str) -> None:
    """What a colleague has made fresh before the kill comes back with the next command that goes there."""
    remote = repo.path.parent / "remote"
    repo.write("gitexp.yaml", f"remotes:\n  team: {{url: '{remote.as_posix()}'}}\n")
    shutil.copytree(store_of(repo).folder, remote)
    wanted = set(store_of(repo).contents(data.hash))
    kill(repo, point, "gc", "--yes", "--data-remote", "team")
    for aside in (remote / "tmp").glob("gc-*"):
        os.utime(aside)
        wanted.add(aside.name.removeprefix("gc-"))
    repo.gitexp("gc", "--yes", "--data-remote", "team")
    assert {hash_ for hash_, _, _ in ObjectStore(remote).hashes()} == wanted
    assert len(wanted) == (4 if point == "gc:aside" else 3)
    assert not list((remote / "tmp").glob("gc-*"))


@pytest.mark.parametrize("point", FSCK)
def test_fsck(repo: Workspace, data: Artifact, point: str) -> None:
    store, remote = store_of(repo), repo.path.parent / "remote"
    for hash_ in store.contents(data.hash):
        target = remote / hash_[:2] / hash_[2:]
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(store.path(hash_).read_bytes())
    repo.write("gitexp.yaml", f"remotes:\n  team: {{url: '{remote.as_posix()}'}}\n")
    for file in (file.hash for file in store.manifest(data.hash).files):
        damage(store.path(file))
    kill(repo, point, "fsck")
    project = Project.open(repo.path)
    assert len([*(project.local.root / "broken").iterdir()]) == 1
    report = fsck.check(project)
    # What was moved aside before the kill is by now like anything else that only a remote has.
    assert (report.healthy, report.elsewhere) == (True, 1)
    assert [finding.mended for finding in report.findings] == ["the remote 'team'"]


def damage(file: Path) -> None:
    file.chmod(0o600)
    file.write_bytes(file.read_bytes()[:-1])
