"""A kill while data is stored or brought back: all files whole, nothing lost, and done when told again."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.experiments import copy_of
from tests.support.kills import assert_sound, copied, git, kill
from tests.support.stored import locked, store_of
from tests.support.workspace import Workspace

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL")

STORING = (
    *("objects:written@1", "objects:named@1", "objects:named@3", "objects:written@2", "objects:named@4"),
    "add:stored",
)
WRITING = (
    *("whole-file:written@1", "add:ignored", "lock:made", "whole-file:written@2", "lock:written"),
    *("add:locked", "whole-file:written@3"),
)
PLACING = (
    *("place:ready@1", "place:removed", "place:written@1", "place:written@2"),
    *("checkout:placed@1", "place:ready@2", "place:written@3", "checkout:placed@2"),
)
KEEPING = ("objects:written@1", "objects:named@1", "objects:written@2", "objects:named@2", "place:ready@1")

POINTS = {*STORING, *WRITING, *PLACING, *KEEPING}

OLD = {"sets/raw/a": "a", "sets/raw/b": "b", "sets/raw/deep/c": "c", "sets/more.csv": "old"}
NEW = {"sets/raw/a": "a", "sets/raw/b": "another b", "sets/raw/d": "d", "sets/more.csv": "new"}
ADD = ("add", "sets/raw", "sets/more.csv")
WRITTEN = ("gitexp.yaml", "gitexp.lock", "sets/.gitignore")


def fill(repo: Workspace, files: dict[str, str]) -> None:
    with repo.by_user():
        shutil.rmtree(repo.path / "sets" / "raw", ignore_errors=True)
    for name, content in files.items():
        repo.write(name, content)


def content(repo: Workspace) -> dict[str, str]:
    files = [file for file in (repo.path / "sets").rglob("*") if file.is_file() and file.name != ".gitignore"]
    return {file.relative_to(repo.path).as_posix(): file.read_text() for file in files}


def assert_whole(repo: Workspace) -> None:
    """No object is half there, no lock names what is not there, and a folder of the user's holds no rest."""
    store = store_of(repo)
    names = [hash_ for hash_, _, _ in store.hashes()]
    assert all(store.verify(hash_) for hash_ in names)
    assert not store.missing(part for hash_ in names for part in store.contents(hash_))
    assert not store.missing(artifact.hash for artifact in locked(repo).values())
    assert not [file for file in repo.path.rglob(".gitexp-*") if ".git" not in file.parts]
    assert_sound(repo)


@pytest.mark.parametrize("point", [*STORING, *WRITING])
def test_add(repo: Workspace, point: str) -> None:
    fill(repo, OLD)
    status = git(repo, "status", "--porcelain", "-uall")
    repo.allow("files", *WRITTEN)
    kill(repo, point, *ADD)
    assert_whole(repo)
    if point in STORING:
        assert git(repo, "status", "--porcelain", "-uall") == status
    repo.gitexp("list")
    repo.gitexp(*ADD)
    assert_whole(repo)
    assert sorted(locked(repo)) == ["sets/more.csv", "sets/raw"]
    assert repo.read("gitexp.yaml").count("sets/raw") == 1
    assert repo.read("sets/.gitignore").splitlines() == ["/raw", "/more.csv"]
    assert content(repo) == OLD
    shown = git(repo, "status", "--porcelain", "-uall").splitlines()
    assert shown == ["?? gitexp.lock", "?? gitexp.yaml", "?? sets/.gitignore"]


@pytest.fixture(scope="module")
def made(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data as in OLD, committed, and stored as in NEW too, which is how it is now."""
    repo = copy_of(template, tmp_path_factory.mktemp("made"))
    repo.allow("files", *WRITTEN, "sets/*")
    fill(repo, OLD)
    repo.gitexp(*ADD)
    repo.commit("old data")
    fill(repo, NEW)
    repo.gitexp(*ADD)
    repo.git("checkout", "-q", "gitexp.lock")
    return repo.path


@pytest.fixture
def changed(made: Path, tmp_path: Path) -> Iterator[Workspace]:
    with copied(made, tmp_path) as repo:
        repo.allow("files", *WRITTEN, "sets/*")
        yield repo


@pytest.mark.parametrize("point", PLACING)
def test_checkout(changed: Workspace, point: str) -> None:
    kill(changed, point, "checkout")
    assert_whole(changed)
    assert all(text in (OLD.get(name), NEW.get(name)) for name, text in content(changed).items())
    changed.gitexp("checkout")
    assert content(changed) == OLD
    assert git(changed, "status", "--porcelain") == ""


@pytest.mark.parametrize("point", KEEPING)
def test_what_is_overwritten_by_force_is_stored_before(changed: Workspace, point: str) -> None:
    changed.write("sets/more.csv", "work of an afternoon")
    changed.write("sets/raw/notes", "and of an evening")
    kill(changed, point, "checkout", "--force")
    assert_whole(changed)
    texts = {Path(store_of(changed).path(hash_)).read_bytes() for hash_, _, _ in store_of(changed).hashes()}
    for name, text in (("sets/more.csv", "work of an afternoon"), ("sets/raw/notes", "and of an evening")):
        assert content(changed).get(name) == text or text.encode() in texts
    changed.gitexp("checkout", "--force")
    assert content(changed) == OLD
    texts = {Path(store_of(changed).path(hash_)).read_bytes() for hash_, _, _ in store_of(changed).hashes()}
    assert {b"work of an afternoon", b"and of an evening"} <= texts
