"""Scenarios: data is stored, brought back, sent, received, deleted and mended."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Mapping
from hashlib import sha256
from pathlib import Path

from gitexp.datasets import lock_file
from gitexp.objects.manifest import File, Manifest
from gitexp.objects.store import ObjectStore
from gitexp.project.project import Project
from gitexp.upkeep import fsck
from tests.crash.scenario import Changes, Scenario, with_one
from tests.support.stored import age
from tests.support.workspace import Workspace

REMOTE = "remote.bin"  # a folder that Git ignores

ADD = ("add", "sets/raw", "sets/labels")
ADDED: Changes = tuple(("files", name) for name in ("gitexp.yaml", "gitexp.lock", "sets/.gitignore"))
SENT: Changes = (("files", f"{REMOTE}/*"),)

_OLD = {"sets/raw/1": "a" * 5000, "sets/raw/deep/2": "b", "sets/labels": "old"}
_NEW = {"sets/raw/1": "a" * 5000, "sets/raw/3": "c", "sets/labels": "new"}
_SPARE = ("nobody wants it", "nor this")


def stores(repo: Workspace) -> tuple[ObjectStore, ObjectStore]:
    """Return the store here, and the remote."""
    return ObjectStore(Project.open(repo.path).local.objects), ObjectStore(repo.path / REMOTE)


def hashes(store: ObjectStore) -> set[str]:
    """Return the names of all that is in a store."""
    return {hash_ for hash_, _, _ in store.hashes()}


def with_data_added(repo: Workspace) -> None:
    """A folder and a file in the store, and in the workspace."""
    for kind, name in ADDED:
        repo.allow(kind, name)
    _with_data(repo)
    repo.gitexp(*ADD, "-q")
    repo.guard.retake()


def with_a_remote(repo: Workspace) -> None:
    """The same, and a remote that has nothing yet."""
    with_data_added(repo)
    for kind, name in SENT:
        repo.allow(kind, name)
    repo.gitexp("remote", "add", "-q", "store", REMOTE)
    repo.guard.retake()


def on_both_sides(repo: Workspace) -> None:
    """All of it is here and on the remote."""
    here, there = stores(repo)
    assert hashes(here) == hashes(there) == _wanted(here)
    assert all(store.verify(hash_) for store in (here, there) for hash_ in hashes(store))


def _wanted(store: ObjectStore) -> set[str]:
    """What `_OLD` comes to."""
    raw = {name.removeprefix("sets/raw/"): text for name, text in _OLD.items() if "/raw/" in name}
    return {_hash(text) for text in _OLD.values()} | {_folder(raw).hash}


def _hash(text: str) -> str:
    return sha256(text.encode()).hexdigest()


def _folder(files: Mapping[str, str]) -> Manifest:
    return Manifest.of(File(name, _hash(text), len(text), False) for name, text in files.items())


def _with_data(repo: Workspace, files: Mapping[str, str] = _OLD) -> None:
    with repo.by_user():
        shutil.rmtree(repo.path / "sets" / "raw", ignore_errors=True)
    for name, text in files.items():
        repo.write(name, text)


def _with_older_data(repo: Workspace) -> None:
    """What the lock says and what is here are two versions, and both are stored."""
    with_data_added(repo)
    lock = repo.read("gitexp.lock")
    _with_data(repo, _NEW)
    repo.gitexp(*ADD, "-q")
    repo.write("gitexp.lock", lock)


def _data(repo: Workspace) -> dict[str, str]:
    top = repo.path / "sets"
    files = [file for file in top.rglob("*") if file.is_file() and file.name != ".gitignore"]
    return {file.relative_to(repo.path).as_posix(): file.read_text() for file in files}


def _added(repo: Workspace) -> None:
    project = Project.open(repo.path)
    store = ObjectStore(project.local.objects)
    found = lock_file.read(project.repo.root, project.config).data
    assert sorted(found) == sorted(project.config.data) == ["sets/labels", "sets/raw"]
    assert all(store.verify(part) for each in found.values() for part in store.contents(each.hash))
    assert repo.read("sets/.gitignore").splitlines() == ["/raw", "/labels"]
    assert _data(repo) == _OLD


def _brought_back(repo: Workspace) -> None:
    assert _data(repo) == _OLD


def _with_data_elsewhere(repo: Workspace) -> None:
    """It is on the remote alone."""
    with_a_remote(repo)
    repo.gitexp("data", "push", "-q")
    shutil.rmtree(Project.open(repo.path).local.objects)
    repo.guard.retake()


# -- gc and fsck ----------------------------------------------------------------------------------------

_GARBAGE = _folder(dict(zip("ab", _SPARE, strict=True)))
_UNUSED = frozenset({_GARBAGE.hash, *map(_hash, _SPARE)})


def _with_garbage(repo: Workspace, *places: ObjectStore) -> None:
    """Objects that nobody refers to, beside those of an experiment and of the workspace; all are old."""
    for store in places:
        for data, hash_ in ((_GARBAGE.text, _GARBAGE.hash), *((t.encode(), _hash(t)) for t in _SPARE)):
            (temporary := store.new_temp()).write_bytes(data)
            store.adopt(temporary, hash_)
        for hash_ in hashes(store):
            age(store.path(hash_))
    repo.guard.retake()


def _with_garbage_here(repo: Workspace) -> None:
    with_data_added(repo)
    with_one(repo)
    _with_garbage(repo, stores(repo)[0])


def _with_garbage_there(repo: Workspace) -> None:
    _with_data_elsewhere(repo)
    with_one(repo)
    _with_garbage(repo, stores(repo)[1])


def _collected(repo: Workspace) -> None:
    here, _ = stores(repo)
    assert hashes(here) == _wanted(here)
    assert not list((here.folder / "tmp").glob("gc-*"))


def _collected_there(repo: Workspace) -> None:
    _, there = stores(repo)
    assert hashes(there) == _wanted(there)


def _with_damage(repo: Workspace) -> None:
    """Three objects are damaged: one stands in the workspace as well, the others are on the remote alone."""
    with_a_remote(repo)
    repo.gitexp("data", "push", "-q")
    with_one(repo)
    here, _ = stores(repo)
    with repo.by_user():
        (repo.path / "sets" / "raw" / "1").unlink()
    raw = next(hash_ for hash_ in hashes(here) if hash_.endswith(".dir"))
    _damage(here.path(hash_) for hash_ in (raw, _hash(_OLD["sets/raw/1"]), _hash(_OLD["sets/labels"])))


def _damage(files: Iterable[Path]) -> None:
    for file in files:
        file.chmod(0o600)
        os.truncate(file, file.stat().st_size - 1)


def _mended(repo: Workspace) -> None:
    """Nothing that is damaged stands in the store, and all of it can be had."""
    here, there = stores(repo)
    assert all(here.verify(hash_) for hash_ in hashes(here))
    assert hashes(here) | hashes(there) == _wanted(here)
    assert fsck.check(Project.open(repo.path)).healthy


SCENARIOS = (
    Scenario("add", ADD, _with_data, ADDED, holds=_added),
    Scenario("checkout", ("checkout",), _with_older_data, (("files", "sets/*"),), holds=_brought_back),
    Scenario("data push", ("data", "push"), with_a_remote, SENT, holds=on_both_sides),
    Scenario("data pull", ("data", "pull"), _with_data_elsewhere, holds=on_both_sides),
    Scenario("gc", ("gc", "--yes"), _with_garbage_here, holds=_collected, may_go=_UNUSED, reports=True),
    Scenario(
        "gc of a remote",
        ("gc", "--data-remote", "store", "--yes"),
        _with_garbage_there,
        SENT,
        holds=_collected_there,
        may_go=_UNUSED,
        reports=True,
    ),
    # What was moved aside before a kill is by then like all that only the remote has.
    Scenario("fsck", ("fsck",), _with_damage, holds=_mended, same=False, reports=True),
)
