"""Data and outs brought into the workspace as a gitexp.lock says: its own, or that of an experiment."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from gitexp import errors
from gitexp.catalog import lookup
from gitexp.catalog.stored import blob_ids, stored_versions
from gitexp.datasets import lock_file
from gitexp.datasets.sync import fetch
from gitexp.failpoints import failpoint
from gitexp.model import Artifact
from gitexp.objects.disk import COPIES
from gitexp.objects.manifest import is_folder, is_hash
from gitexp.objects.paths import lies_in
from gitexp.objects.place import Placed, carry_out
from gitexp.objects.plan import Placement, missing, plan, unsaved
from gitexp.objects.progress import Count, OnProgress
from gitexp.objects.stat_cache import StatCache
from gitexp.objects.store import ObjectStore
from gitexp.pipeline.lock import LOCK_FILE, Lock, read_lock
from gitexp.process.interrupts import held_back
from gitexp.project.hold import refuse_beside_orphan
from gitexp.project.ignore import advice
from gitexp.project.project import Project
from gitexp.repo import live
from gitexp.repo.git import indexes
from gitexp.words import did_you_mean, shorten


@dataclass(frozen=True, slots=True)
class CheckedOut:
    """What was done: `source` is the experiment, revision or hash, None for the workspace's own lock.

    `placed` are the artifacts that were not here as they should be; `same` those that were. `warnings` name
    what a commit would take into Git now.
    """

    source: str | None
    placed: Sequence[tuple[Artifact, Placed]]
    same: Sequence[Artifact]
    warnings: Sequence[str] = ()


def checkout(
    project: Project,
    words: Sequence[str] = (),
    *,
    force: bool = False,
    on_progress: OnProgress | None = None,
) -> CheckedOut:
    """Make data and outs be as a lock says, all of them or those at or below some paths.

    The first of the `words` may be an experiment or revision, whose lock then counts; it is a path if it is
    one of the workspace's lock. Two words may be the hash of what is in the store, and where to put that.
    Neither gitexp.lock nor anything of Git's is changed. Raises UsageError, UnknownExperiment, LockError;
    UnsavedChanges for files whose content is stored nowhere, unless `force`, which stores them; MissingData
    if some content is neither here nor on the remote; DamagedObject, UnsafePath, BadManifest; all of these
    with nothing changed. Raises WorkspaceBusy, DiskFull, StorageError.
    """
    source: str | None
    if len(words) == 2 and is_hash(words[0]):
        source, artifacts = words[0], [_of_store(project, *words)]
    else:
        source, lock, names = _understood(project, words)
        artifacts = _wanted(project, lock, names, source)
    project.local.prepare()
    try:
        with (
            live.workspace(project.local, project.repo.git_dir),
            StatCache(project.local.stat_cache) as cache,
        ):
            refuse_beside_orphan(project)
            return _Checkout(project, cache, on_progress).run(source, artifacts, force=force)
    except errors.WorkspaceBusy as error:
        raise errors.WorkspaceBusy(error.message, "Wait for it to end, then try again.") from error


# -- what is asked for --------------------------------------------------------------------------------


def _of_store(project: Project, hash_: str, name: str) -> Artifact:
    """Return a file or folder of the store as an artifact at a path that the user has named."""
    path = _path(project, name)
    if not path:
        raise errors.UsageError(f"{name} is no place in this repository.", "Name a file or folder in it.")
    store = ObjectStore(project.local.objects)
    files = len(store.manifest(hash_).files) if is_folder(hash_) and store.has(hash_) else 1
    return Artifact(path, hash_, 0, files if is_folder(hash_) else None)


def _understood(project: Project, words: Sequence[str]) -> tuple[str | None, Lock, Sequence[str]]:
    """Return whose lock counts (None: the workspace's), that lock, and the words that are paths."""
    root, config = project.repo.root, project.config
    if not words or _of(lock_file.read(root, config).artifacts, _path(project, words[0])):
        return None, lock_file.read(root, config), words
    point = lookup.find(project, words[0])
    if point.commit is None:
        return None, lock_file.read(root, config), words[1:]
    (data,) = project.repo.read_blobs([f"{point.commit}:{lock_file.path_of(config)}"])
    if data is None:
        raise errors.DataError(
            f"{point.label} has no {LOCK_FILE}: nothing of it is in the object store.",
            f"gitexp apply {point.label} brings its files.",
        )
    return (
        point.label,
        read_lock(f"{lock_file.path_of(config)} of {point.label}", data, config.folder),
        words[1:],
    )


def _path(project: Project, name: str) -> str | None:
    """Return a name relative to the root; None if it is outside of the repository."""
    full = os.path.normpath(os.path.join(project.here, name))  # noqa: PTH118
    path = os.path.relpath(full, project.repo.root.resolve()).replace(os.sep, "/")
    return None if path.startswith("../") or path == ".." else "" if path == "." else path


def _of(artifacts: Iterable[Artifact], path: str | None) -> list[Artifact]:
    """Return the artifacts at or below a path."""
    return [] if path is None else [each for each in artifacts if lies_in(each.path, path)]


def _wanted(project: Project, lock: Lock, names: Sequence[str], source: str | None) -> list[Artifact]:
    """Return the artifacts of a lock at or below some names; raises UsageError for one that has none."""
    found: dict[str, Artifact] = {}
    for name in names or [str(project.repo.root.resolve())]:
        path = _path(project, name)
        here = _of(lock.artifacts, path)
        if not here and names:
            raise _unknown(project, lock, name, path, source)
        found |= {artifact.path: artifact for artifact in here}
    return sorted(found.values(), key=lambda artifact: artifact.path)


def _unknown(
    project: Project, lock: Lock, name: str, path: str | None, source: str | None
) -> errors.UsageError:
    whose = LOCK_FILE if source is None else f"The {LOCK_FILE} of {source}"
    known = {
        os.path.relpath(project.repo.root.resolve() / each.path, project.here): each
        for each in lock.artifacts
    }
    around = [shown for shown, each in known.items() if path is not None and lies_in(path, each.path)]
    hint = (
        f"It has: {', '.join(known)}."
        if len(known) in range(1, 4)
        else "gitexp checkout without paths brings all."
    )
    hint = did_you_mean(name, known, hint, most=1)
    if around:
        hint = f"Did you mean {around[0]}?"
    return errors.UsageError(f"{whose} has no data or output '{name}'.", hint)


def _unfetched(paths: Sequence[str], why: Mapping[str, errors.GitexpError]) -> errors.MissingData:
    reason = next(iter(why.values()), None)
    if reason is None:  # somebody has removed it just now
        return missing(paths)
    return errors.MissingData(
        f"{shorten(paths)} cannot be brought here: {reason.message}", reason.hint, paths=paths
    )


# -- doing it -----------------------------------------------------------------------------------------


class _Checkout:
    """One checkout: first all is looked at, then all is fetched, then one artifact after the other placed."""

    def __init__(self, project: Project, cache: StatCache, on_progress: OnProgress | None) -> None:
        self._project = project
        self._on_progress = on_progress
        self._root = project.repo.root
        self._cache = cache
        self._store = ObjectStore(project.local.objects)
        self._tracked: Collection[str] = ()

    def run(self, source: str | None, artifacts: Sequence[Artifact], *, force: bool) -> CheckedOut:
        repo = self._project.repo
        self._tracked = indexes.files(repo, repo.index, [artifact.path for artifact in artifacts])
        self._fetch_manifests(artifacts)
        plans = [self._plan(artifact, links_stay=True) for artifact in artifacts]
        if any(each.write or each.remove for each in plans):  # that may be what links lead to: they go first
            no_links = [self._plan(each.artifact) for each in plans if each.linked]
            plans = [*no_links, *(each for each in plans if not each.linked)]
        if not force:
            plans = self._less_what_git_has(plans)
            self._refuse_losses(plans)
        self._fetch_contents(plans)
        objects, size = sum(len(each.write) for each in plans), sum(each.size for each in plans)
        count = Count(self._on_progress, objects, size)
        done = [(each.artifact, self._carry_out(each, count)) for each in plans]
        written = [artifact.path for artifact, placed in done if placed.written]
        return CheckedOut(
            source,
            [(artifact, placed) for artifact, placed in done if placed],
            [artifact for artifact, placed in done if not placed],
            advice(repo, [path for path in written if not self._is_in_git(path)]),
        )

    def _plan(self, artifact: Artifact, *, links_stay: bool = False) -> Placement:
        known = self._is_committed
        return plan(self._store, self._root, artifact, self._cache, known, links_stay=links_stay)

    def _less_what_git_has(self, plans: Sequence[Placement]) -> list[Placement]:
        """Return the plans without those unsaved files that stand so in HEAD or in an experiment."""
        in_git = self._project.config.results
        lost = [path for each in plans for path in each.unsaved]
        names = [path for path in lost if any(lies_in(path, result) for result in in_git)]
        saved = set().union(*stored_versions(self._project, blob_ids(self._project, names)))
        return [replace(each, unsaved=[path for path in each.unsaved if path not in saved]) for each in plans]

    def _refuse_losses(self, plans: Sequence[Placement]) -> None:
        """Raise UnsavedChanges if something would be lost."""
        losing = [each for each in plans if each.unsaved]
        if not losing:
            return
        names = [each.artifact.path for each in losing]
        added = [path for path in names if path in self._project.config.data]
        if added == names:
            way_out = f"Store it first (gitexp add {self._project.typed(*added)})"
        elif all(path in self._project.config.results for path in names):
            way_out = "Store it first (gitexp save)"
        else:
            way_out = "Move it away to keep it"
        raise unsaved([path for each in losing for path in each.unsaved], way_out)

    def _carry_out(self, todo: Placement, count: Count) -> Placed:
        placed = carry_out(
            self._store,
            self._root,
            todo,
            self._links(todo.artifact.path),
            self._cache,
            count=count,
            undisturbed=held_back,  # half of an artifact is no state to be left in
        )
        failpoint("checkout:placed")
        return placed

    def _fetch_manifests(self, artifacts: Sequence[Artifact]) -> None:
        why = self._fetch([artifact.hash for artifact in artifacts if is_folder(artifact.hash)])
        if gone := [artifact.path for artifact in artifacts if artifact.hash in why]:
            raise _unfetched(gone, why)

    def _fetch_contents(self, plans: Sequence[Placement]) -> None:
        why = self._fetch([hash_ for each in plans for hash_ in each.missing(self._store)])
        if gone := [path for each in plans for path in each.absent(self._store)]:
            raise _unfetched(gone, why)

    def _fetch(self, hashes: Sequence[str]) -> Mapping[str, errors.GitexpError]:
        """Fetch what is not here from the remote; return what could not be had, with the reason."""
        absent = self._store.missing(hashes)
        return fetch(self._project, absent, self._on_progress) if absent else {}

    def _links(self, path: str) -> Sequence[str]:
        return COPIES if self._is_in_git(path) else self._project.config.link

    def _is_in_git(self, path: str) -> bool:
        return path in self._project.config.results or any(lies_in(file, path) for file in self._tracked)

    def _is_committed(self, hash_: str) -> bool:
        return hash_ in self._committed

    @cached_property
    def _committed(self) -> set[str]:
        """The hashes of metrics and plots as they are in HEAD: these are safe, though not in the store."""
        repo, results = self._project.repo, self._project.config.results
        names = repo.files_in("HEAD", results) if repo.resolve("HEAD") is not None else []
        blobs = repo.read_blobs([f"HEAD:{name}" for name in names])
        return {hashlib.sha256(blob).hexdigest() for blob in blobs if blob is not None}
