"""`protected:` of gitexp.yaml: files that an experiment must leave as its baseline has them.

The list is read at the baseline, so an experiment cannot take a path off the list. Names are compared
without regard to case: on some disks `Evaluate.py` is `evaluate.py`.
"""

from __future__ import annotations

import hashlib
import posixpath
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from gitexp import errors, files
from gitexp.model import Artifact, Record, Value, by_path
from gitexp.named_tuple import NamedTuple
from gitexp.objects.manifest import File
from gitexp.objects.paths import folded, lies_in_any, overlap, upward
from gitexp.objects.store import ObjectStore
from gitexp.pipeline.lock import Lock, read_lock
from gitexp.pipeline.paths import inside, lock_path
from gitexp.project import baseline_config, patterns
from gitexp.project.baseline_config import BaselineConfig
from gitexp.repo.git import trees
from gitexp.repo.git.repository import Repository
from gitexp.repo.git.values import TreeEntry
from gitexp.words import shorten

TOLD = "left out of best, judge, why and the choice of sweeps, for it has changed protected files: "
MOST = 100  # changed paths in a record
LINK = "120000"
_MOSTLINKS = 10  # from one link to the next
_POINTER = ".dvc"


class ProtectedPaths(NamedTuple):
    """The protected paths at a commit, from the root; links and their targets both.

    Attributes:
        at: the commit.
        folders: the folders of the projects whose gitexp.yaml has a list.
        paths: the paths and patterns.
    """

    at: str
    folders: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()

    def has(self, path: str) -> bool:
        """Whether a file is protected, or is in the place of a folder with protected files."""
        name = _plain(path)
        if name.endswith(_POINTER) and self.has(path[: -len(_POINTER)]):
            return True
        for protected in map(_plain, self.paths):
            if patterns.is_pattern(protected):
                expression = patterns.compiled(protected)
                if any(map(expression.fullmatch, upward(name))):
                    return True
            elif overlap(name, protected):
                return True
        return False


def at_commit(repo: Repository, commit: str, folder: str) -> ProtectedPaths:
    """The protected paths at a commit, of the project in a folder and of all folders around it."""
    return of_config(repo, baseline_config.read(repo, commit, folder, ("protected",)))


def of_config(repo: Repository, config: BaselineConfig) -> ProtectedPaths:
    """The protected paths in the gitexp.yaml files of a commit."""
    found, folders = dict[str, None](), list[str]()
    for folder, tree in config.trees:
        own = _listed(folder, tree.get("protected"))
        if own:
            folders.append(folder)
            found.update(dict.fromkeys(own))
    for path in list(found):
        found.update(dict.fromkeys(_targets(repo, config.at, path)))
    return ProtectedPaths(config.at, tuple(folders), tuple(found))


def _listed(folder: str, listed: Value) -> list[str]:
    found = list[str]()
    for item in [] if listed is None else files.as_list(listed):
        path = inside(folder, str(item))
        if path:
            found.append(path)
    return found


class Protection(NamedTuple):
    """The changes of an experiment in the protected files of its baseline.

    Attributes:
        at: the commit of the comparison.
        hash: over the protected files at that commit; only to be compared.
        changed: the protected files that differ, sorted.
    """

    at: str
    hash: str
    changed: Sequence[str]

    def as_json(self) -> dict[str, object]:
        """The field `protected` of a record."""
        told: dict[str, object] = {"at": self.at, "hash": self.hash}
        if self.changed:
            told["changed"] = list(self.changed[:MOST])
        return told


def protection(
    repo: Repository, objects: Path, folder: str, at: str, tree: str, more: Iterable[str] = ()
) -> Protection | None:
    """What the code and data of a tree have made of the protected files of a commit; None without a list.

    Args:
        objects: the folder of the object store, for the files in folders of data.
        folder: the folder of the project.
        at: the commit that has the list and the files.
        tree: the tree, or a commit with the tree.
        more: protected files that are known to have been changed in another way.
    """
    listed = at_commit(repo, at, folder)
    if not listed.paths:
        return None
    changed = set(more)
    for path in trees.differing(repo, at, tree):
        if listed.has(path):
            changed.add(path)
    store = ObjectStore(objects)
    for each in listed.folders:
        changed.update(_changed_data(repo, store, each, listed, tree))
    return Protection(at, digest(repo, listed), sorted(changed))


def digest(repo: Repository, listed: ProtectedPaths) -> str:
    """A hash over the protected files at their commit, tracked data too."""
    lines = list[str]()
    for path, entry in files_of(repo, listed).items():
        lines.append(f"{entry.mode} {entry.id} {path}\n")
    for folder in listed.folders:
        for artifact in _locked_before(repo, listed.at, folder).values():
            if listed.has(artifact.path):
                lines.append(f"{artifact.hash} {artifact.executable} {artifact.path}\n")
    return hashlib.sha256("".join(sorted(lines)).encode("utf-8", "surrogateescape")).hexdigest()


def files_of(repo: Repository, listed: ProtectedPaths) -> dict[str, TreeEntry]:
    """The protected files that Git has at the commit, by path; links and submodules too."""
    return trees.leaves(repo, listed.at, lambda path, is_folder: _is_wanted(listed, path, is_folder))


def data_of(repo: Repository, listed: ProtectedPaths) -> list[Artifact]:
    """The tracked data at the commit, protected or with protected files inside."""
    found = list[Artifact]()
    for folder in listed.folders:
        for artifact in _locked_before(repo, listed.at, folder).values():
            if listed.has(artifact.path):
                found.append(artifact)
    return found


def unknown(repo: Repository, listed: ProtectedPaths) -> list[str]:
    """The protected paths that are nothing at their commit: neither in Git nor tracked data."""
    there = [*files_of(repo, listed), *(artifact.path for artifact in data_of(repo, listed))]
    found = []
    for path in listed.paths:
        one = listed._replace(paths=(path,))
        if not any(map(one.has, there)):
            found.append(path)
    return found


def with_words(record: Record) -> tuple[str, ...]:
    """The warnings of a record, with the sentence about changed protected files, once."""
    kept = tuple(text for text in record.warnings if not text.startswith(TOLD))
    if not record.touched:
        return kept
    return (*kept, TOLD + shorten(record.touched))


# -- data -----------------------------------------------------------------------------------------------


def _changed_data(
    repo: Repository, store: ObjectStore, folder: str, listed: ProtectedPaths, tree: str
) -> set[str]:
    """The protected data of a project that a tree has otherwise."""
    path = lock_path(folder)
    before, after = repo.ids_of([f"{listed.at}:{path}", f"{tree}:{path}"])
    if before == after:
        return set()
    old = _locked_before(repo, listed.at, folder)
    try:
        new = _locked(repo, tree, folder)
    except errors.LockError:
        return {each for each in old if listed.has(each)}
    found = set[str]()
    for each in {*old, *new}:
        one, other = old.get(each), new.get(each)
        if not listed.has(each) or (one and one.content) == (other and other.content):
            continue
        try:
            found.update(changed_inside(listed, each, contents(store, one), contents(store, other)))
        except (errors.GitexpError, OSError):
            found.add(each)  # its list of files is not here
    return found


def changed_inside(
    listed: ProtectedPaths, path: str, before: Mapping[str, File], after: Mapping[str, File]
) -> list[str]:
    """The protected files that differ between two contents of an artifact; itself, if all is protected."""
    if lies_in_any(_plain(path), [*map(_plain, listed.paths)]):
        return [path]
    found = []
    for name in {*before, *after}:
        if before.get(name) != after.get(name) and listed.has(f"{path}/{name}"):
            found.append(f"{path}/{name}")
    return found


def contents(store: ObjectStore, artifact: Artifact | None) -> dict[str, File]:
    """The files of a folder of data, by their paths in it; raises the errors of `ObjectStore.manifest`."""
    if artifact is None or not artifact.is_folder:
        return {}
    return {file.path: file for file in store.manifest(artifact.hash).files}


def _locked_before(repo: Repository, commit: str, folder: str) -> Mapping[str, Artifact]:
    """The same of the baseline; nothing for a lock that cannot be read: its data is not known."""
    try:
        return _locked(repo, commit, folder)
    except errors.LockError:
        return {}


def _locked(repo: Repository, revision: str, folder: str) -> Mapping[str, Artifact]:
    """All artifacts of a project's lock in a commit or tree; raises LockError."""
    path = lock_path(folder)
    (data,) = repo.read_blobs([f"{revision}:{path}"])
    lock = Lock() if data is None else read_lock(path, data, folder, mixed=True)
    return by_path(lock.artifacts)


# -- paths ----------------------------------------------------------------------------------------------


def _targets(repo: Repository, commit: str, path: str) -> list[str]:
    """The target of a path at a commit, if the path or a folder above is a link in the repository."""
    found = list[str]()
    now = path
    for _ in range(_MOSTLINKS):
        followed = _followed(repo, commit, now)
        if followed is None:
            break
        now = followed
        found.append(now)
    return found


def _followed(repo: Repository, commit: str, path: str) -> str | None:
    """The path with its first link followed; None without a link, or if it leads out."""
    if patterns.is_pattern(path):
        return None
    for each in reversed([*upward(path)]):
        folder, _, name = each.rpartition("/")
        place = f"{commit}^{{tree}}"
        if folder:
            place = f"{commit}:{folder}"
        (tree,) = repo.find_objects([place])
        if tree is None or tree.kind != "tree":
            return None
        for entry in trees.entries(repo, tree.id):
            if entry.name == name.encode("utf-8", "surrogateescape") and entry.mode == LINK:
                (target,) = repo.read_blobs([entry.id])
                text = (target or b"").decode("utf-8", "surrogateescape")
                to = inside(folder, text)
                if not to:
                    return None
                return posixpath.join(to, path[len(each) + 1 :]).rstrip("/")
    return None


def _is_wanted(listed: ProtectedPaths, path: str, is_folder: bool) -> bool:
    if listed.has(path):
        return True
    return is_folder and any(map(patterns.is_pattern, listed.paths))


def _plain(path: str) -> str:
    """A path for comparison: without regard to case, and to the two ways of writing an accent."""
    return folded(path)
