"""What must hold after a fault, whatever gitexp was doing: all that was there is there, and whole.

And what the same command must come to in the end, which is seen from one that nothing disturbs.
"""

from __future__ import annotations

import subprocess
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, fields
from fnmatch import fnmatchcase
from pathlib import Path

from gitexp.model import Experiment, Stored
from gitexp.objects.manifest import is_folder
from gitexp.objects.store import ObjectStore
from gitexp.project.project import Project
from gitexp.repo import trash
from tests.crash.on_data import REMOTE, hashes
from tests.crash.on_sharing import OTHER, SERVER
from tests.crash.scenario import Scenario
from tests.support.clones import assert_whole, refs_of
from tests.support.guard import Fingerprint, fingerprint
from tests.support.kills import git
from tests.support.workspace import Workspace

_STORES = (".git/gitexp/objects", REMOTE, f"{OTHER}/.git/gitexp/objects")
_REPOSITORIES = (SERVER, OTHER)  # besides the one that gitexp works in
_HOLDING = ("refs/gitexp/exps", "refs/gitexp/trash", "refs/gitexp/remotes")


@dataclass(frozen=True, slots=True)
class Before:
    """What was there: all of the user's, the records of experiments, here and in other repositories, and the
    objects of each store, with whether they are whole."""

    user: Fingerprint
    records: frozenset[str]
    records_there: frozenset[str]
    objects: Mapping[str, Mapping[str, bool]]

    @classmethod
    def of(cls, repo: Workspace) -> Before:
        objects = {place: _objects(store) for place, store in _stores(repo)}
        readable = Project.open(repo.path).store.readable()
        running = {each.id for each in readable if not each.record.status.ended}
        records = _records(repo.path, but=running), _records(*_others(repo))
        return cls(fingerprint(repo.path), *records, objects)

    def check(self, repo: Workspace, scenario: Scenario) -> None:
        """Raise AssertionError if anything is gone, or damaged, or half there."""
        assert self.records <= _records(repo.path), "an experiment that was here is gone"
        others = _others(repo)
        assert self.records_there <= _records(repo.path, *others), "an experiment that was there is gone"
        assert_whole(*others)
        for place, store in _stores(repo):
            before, now = self.objects.get(place, {}), _objects(store)
            kept = {hash_ for hash_, whole in before.items() if whole} - scenario.may_go
            assert all(now.get(hash_) for hash_ in kept), f"an object of {place} is gone, or damaged by now"
            damaged = [hash_ for hash_, whole in now.items() if not whole]
            assert all(before.get(hash_) is False for hash_ in damaged), f"{place} has half an object"
            assert not _strangers(store), f"{place} has what is no object, and that not below tmp"
            if place == REMOTE:  # here, the list of what is in a folder comes first
                folders = [hash_ for hash_ in now if is_folder(hash_)]
                lost = [part for hash_ in folders for part in store.missing(store.contents(hash_))]
                assert not lost, f"{place} has a folder without its files"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a command has come to, but for what is never twice the same: times, and so the ids of records."""

    experiments: Mapping[str, object]
    trash: Mapping[str, object]
    files: Mapping[str, str]
    refs: Mapping[str, str]
    there: Mapping[str, list[str]]
    objects: Mapping[str, frozenset[str]]

    @classmethod
    def of(cls, repo: Workspace) -> Outcome:
        project, user = Project.open(repo.path), fingerprint(repo.path)
        removed = [each.experiment for each in trash.contents(project.repo)]
        return cls(
            _said(repo, project.store.all()),
            _said(repo, removed),
            {name: how for name, how in user["files"].items() if not name.startswith(f"{REMOTE}/")},
            user["refs"],
            {path.name: sorted(refs_of(path)) for path in _others(repo)},
            {place: frozenset(hashes(store)) for place, store in _stores(repo)},
        )

    def check_steps(self, repo: Workspace, before: Before, scenario: Scenario) -> None:
        """Raise AssertionError if a file of the user's is neither as it was before nor as it is to be."""
        old, now = before.user["files"], fingerprint(repo.path)["files"]
        for name in now.keys() | old.keys():
            # A folder that is empty as yet is no harm.
            if not any(fnmatchcase(name, like) for like in ("*/", f"{REMOTE}/*", *scenario.in_steps)):
                assert now.get(name) in (old.get(name), self.files.get(name)), f"{name} is half done"

    def check(self, repo: Workspace) -> None:
        """Raise AssertionError if a repository has come to anything else."""
        now = Outcome.of(repo)
        for field in fields(self):
            wanted, found = getattr(self, field.name), getattr(now, field.name)
            assert found == wanted, f"{field.name}, undisturbed: {wanted}\n  and now: {found}"


def _said(repo: Workspace, experiments: Iterable[Stored]) -> dict[str, object]:
    trees: dict[str, str] = {}
    found: dict[str, object] = {}
    for one in experiments:
        assert isinstance(one, Experiment), one
        record = one.record
        if record.commit not in trees:
            trees[record.commit] = git(repo, "rev-parse", f"{record.commit}^{{tree}}")
        facts = (record.status, record.note, sorted(record.tags), record.overrides, record.metrics)
        found[one.name] = (trees[record.commit], *facts)
    return found


def _records(*places: Path, but: Collection[str] = ()) -> frozenset[str]:
    """Return the commits of experiments and what led to them, of those in the trash and of others too.

    Left out are some records (`but`): that of a run that goes on is no part of what it will come to.
    """
    found = set[str]()
    for path in places:
        tips = {oid for place in _HOLDING for oid in refs_of(path, place).values()}.difference(but)
        command = ["git", "-C", str(path), "rev-list", "--stdin"]
        found.update(subprocess.check_output(command, input="\n".join(tips), text=True).split())
    return frozenset(found)


def _others(repo: Workspace) -> list[Path]:
    return [path for name in _REPOSITORIES if (path := repo.path / name).exists()]


def _stores(repo: Workspace) -> Iterator[tuple[str, ObjectStore]]:
    for place in _STORES:
        if (folder := repo.path / place).exists():
            yield place, ObjectStore(folder)


def _objects(store: ObjectStore) -> dict[str, bool]:
    return {hash_: store.verify(hash_) for hash_ in hashes(store)}


def _strangers(store: ObjectStore) -> list[Path]:
    known = {store.path(hash_) for hash_ in hashes(store)}
    found = (file for file in store.folder.rglob("*") if not file.is_dir())
    return [file for file in found if file not in known and store.folder / "tmp" not in file.parents]
