"""A kill while data is pushed or pulled: no half object on either side, and the next try goes on."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from gitexp.model import Artifact
from gitexp.objects.store import ObjectStore
from tests.support.kills import assert_sound, kill
from tests.support.stored import put_object, store_of, write_lock_of
from tests.support.workspace import Workspace

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL")

# Into a folder: the files first, then the manifest.
PUSH = ("objects:written@1", "objects:named@1", "objects:named@3", "objects:written@2", "objects:named@4")
# From it: the manifest first.
PULL = (
    *("transfer:received@1", "objects:written@1", "objects:named@1"),
    *("transfer:received@3", "objects:written@2", "objects:named@3"),
)
POINTS = {*PUSH, *PULL, "whole-file:written"}


@pytest.fixture
def artifact(repo: Workspace, tmp_path: Path) -> Artifact:
    """A folder of three files in the store and in gitexp.lock, and a remote for it."""
    (tmp_path / "store").mkdir()
    repo.write("gitexp.yaml", f"remotes: {{store: '{tmp_path / 'store'}'}}\n")
    put = put_object(repo, "data", {"a": "1", "b": "22", "c": "333"})
    write_lock_of(repo, put)
    return put


def assert_only_whole(store: ObjectStore) -> None:
    """Each object is what its name says, and a manifest is there only with its files."""
    names = [hash_ for hash_, _, _ in store.hashes()]
    assert all(store.verify(hash_) for hash_ in names)


@pytest.mark.parametrize("point", PUSH)
def test_push(repo: Workspace, artifact: Artifact, tmp_path: Path, point: str) -> None:
    remote = ObjectStore(tmp_path / "store")
    kill(repo, point, "data", "push", "-j", "1")
    assert_only_whole(remote)
    if remote.has(artifact.hash):
        assert remote.missing(remote.contents(artifact.hash)) == []
    before = len(list(remote.hashes()))
    assert repo.json("data", "push")["objects"] == 4 - before
    assert remote.missing(store_of(repo).contents(artifact.hash)) == []
    assert_sound(repo)


@pytest.mark.parametrize("point", PULL)
def test_pull(repo: Workspace, artifact: Artifact, tmp_path: Path, point: str) -> None:
    repo.gitexp("data", "push", "-q")
    here = store_of(repo)
    for hash_ in [name for name, _, _ in here.hashes()]:
        here.remove(hash_)
    kill(repo, point, "data", "pull", "-j", "1")
    assert_only_whole(here)
    before = len(list(here.hashes()))
    assert repo.json("data", "pull")["objects"] == 4 - before
    assert here.missing(here.contents(artifact.hash)) == []
    assert_sound(repo)


def test_remote_add(repo: Workspace) -> None:
    before = "command: python train.py  # as ever\n"
    repo.write("gitexp.yaml", before)
    kill(repo, "whole-file:written", "remote", "add", "store", "/nowhere/store")
    assert repo.read("gitexp.yaml") == before
    repo.gitexp("list")
    repo.allow("files", "gitexp.yaml")
    repo.gitexp("remote", "add", "store", "/nowhere/store")
    assert repo.read("gitexp.yaml") == before + "remotes:\n  store: /nowhere/store\n"
