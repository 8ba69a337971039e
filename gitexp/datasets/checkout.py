"""Checkout of data and outs: the workspace gets the artifacts of its own lock, or of an experiment's."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain

from gitexp import errors
from gitexp.catalog import lookup
from gitexp.catalog.stored import blob_ids, stored_versions
from gitexp.datasets import lock_file
from gitexp.datasets.dvc_objects import DvcObjects
from gitexp.datasets.sync import fetch
from gitexp.failpoints import failpoint
from gitexp.model import Artifact, by_path, paths_of
from gitexp.objects.disk import COPIES
from gitexp.objects.manifest import is_folder, is_hash
from gitexp.objects.paths import is_any_in, lies_in, lies_in_any
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
from gitexp.repo.git.trees import files_in
from gitexp.words import did_you_mean, shorten


@dataclass(frozen=True, slots=True)
class CheckedOut:
    """The result of a checkout.

    Attributes:
        source: the experiment, revision or hash; None for the workspace's own lock.
        placed: the artifacts missing or different, with the changed files.
        same: the artifacts that were right already.
        warnings: sentences about data ready for a commit to Git.
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
    """Bring the data and outs of a lock into the workspace: all, or the artifacts at and below some paths.

    The `words` are paths. The first word may also name an experiment or revision, whose lock then counts;
    a path in the workspace's lock goes first. Two words may be the hash of a stored object and a path. The
    lock and the files of Git stay.

    Raises, with nothing changed: UsageError, UnknownExperiment, LockError; UnsavedChanges for files with
    content stored nowhere, unless `force`, to store them; MissingData for content neither here nor on the
    remote; DamagedObject, UnsafePath, BadManifest. Raises WorkspaceBusy, DiskFull, StorageError.
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
    """The file or folder `hash_` of the store, as an artifact at the path `name`."""
    path = _path(project, name)
    if not path:
        raise errors.UsageError(f"{name} is no place in this repository.", "Name a file or folder in it.")
    if not is_folder(hash_):
        return Artifact(path, hash_, 0)
    store = ObjectStore(project.local.objects)
    files = len(store.manifest(hash_).files) if store.has(hash_) else 1
    return Artifact(path, hash_, 0, files)


def _understood(project: Project, words: Sequence[str]) -> tuple[str | None, Lock, Sequence[str]]:
    """The source of the lock (None: the workspace), the lock, and the words that are paths."""
    here = lock_file.read(project.repo.root, project.config)
    if not words or _below(here.artifacts, _path(project, words[0])):
        return None, here, words
    point = lookup.find(project, words[0])
    if point.commit is None:
        return None, here, words[1:]
    name = lock_file.path_of(project.config)
    (data,) = project.repo.read_blobs([f"{point.commit}:{name}"])
    if data is None:
        raise errors.DataError(
            f"{point.label} has no {LOCK_FILE}: nothing of it is in the object store.",
            f"gitexp apply {point.label} brings its files.",
        )
    lock = read_lock(f"{name} of {point.label}", data, project.config.folder)
    return point.label, lock, words[1:]


def _path(project: Project, name: str) -> str | None:
    """A name relative to the root; None if it is outside of the repository."""
    full = os.path.normpath(os.path.join(project.here, name))  # noqa: PTH118
    path = os.path.relpath(full, project.repo.root.resolve()).replace(os.sep, "/")
    if path == ".":
        return ""
    if path == ".." or path.startswith("../"):
        return None
    return path


def _below(artifacts: Iterable[Artifact], path: str | None) -> list[Artifact]:
    """The artifacts at or below a path."""
    if path is None:
        return []
    return [artifact for artifact in artifacts if lies_in(artifact.path, path)]


def _wanted(project: Project, lock: Lock, names: Sequence[str], source: str | None) -> list[Artifact]:
    """The artifacts of a lock at or below some names, by path. Raises UsageError for a name without any."""
    if not names:
        return sorted(lock.artifacts, key=lambda artifact: artifact.path)
    found: dict[str, Artifact] = {}
    for name in names:
        path = _path(project, name)
        artifacts = _below(lock.artifacts, path)
        if not artifacts:
            raise _unknown(project, lock, name, path, source)
        found |= by_path(artifacts)
    return sorted(found.values(), key=lambda artifact: artifact.path)


def _unknown(
    project: Project, lock: Lock, name: str, path: str | None, source: str | None
) -> errors.UsageError:
    root = project.repo.root.resolve()
    known, around = {}, []
    for artifact in lock.artifacts:
        shown = os.path.relpath(root / artifact.path, project.here)
        known[shown] = artifact
        if path is not None and lies_in(path, artifact.path):
            around.append(shown)
    if around:
        hint = f"Did you mean {around[0]}?"
    elif 1 <= len(known) <= 3:
        hint = did_you_mean(name, known, f"It has: {', '.join(known)}.", most=1)
    else:
        hint = did_you_mean(name, known, "gitexp checkout without paths brings all.", most=1)
    whose = LOCK_FILE if source is None else f"The {LOCK_FILE} of {source}"
    return errors.UsageError(f"{whose} has no data or output '{name}'.", hint)


def _unfetched(paths: Sequence[str], why: Mapping[str, errors.GitexpError]) -> errors.MissingData:
    reason = next(iter(why.values()), None)
    if reason is None:  # the content was removed just now
        return missing(paths)
    return errors.MissingData(
        f"{shorten(paths)} cannot be brought here: {reason.message}", reason.hint, paths=paths
    )


def _planned(source: str | None, plans: Sequence[Placement]) -> CheckedOut:
    """The outcome of a dry run."""
    placed, same = [], []
    for each in plans:
        if each.write or each.remove:
            placed.append((each.artifact, Placed(list(each.write), each.remove)))
        else:
            same.append(each.artifact)
    return CheckedOut(source, placed, same)


# -- doing it -----------------------------------------------------------------------------------------


class _Checkout:
    """One checkout in steps: plan all artifacts, fetch all content, place all."""

    def __init__(self, project: Project, cache: StatCache, on_progress: OnProgress | None) -> None:
        self._project = project
        self._on_progress = on_progress
        self._root = project.repo.root
        self._cache = cache
        self._store = ObjectStore(project.local.objects)
        self._tracked: Collection[str] = ()

    def run(self, source: str | None, artifacts: Sequence[Artifact], *, force: bool) -> CheckedOut:
        repo = self._project.repo
        self._tracked = indexes.files(repo, repo.index, paths_of(artifacts))
        self._fetch_manifests(artifacts)
        plans = self._plans(artifacts)
        if not force:
            plans = self._less_what_git_has(plans)
            self._refuse_losses(plans)
        if self._project.dry_run:
            return _planned(source, plans)
        self._fetch_contents(plans)
        return self._carry_out(source, plans)

    def _plans(self, artifacts: Sequence[Artifact]) -> list[Placement]:
        plans = [self._plan(artifact, links_stay=True) for artifact in artifacts]
        if not any(each.write or each.remove for each in plans):
            return plans
        # Links may lead to files that are about to change: they are replaced first.
        links, others = list[Placement](), list[Placement]()
        for each in plans:
            if each.linked:
                links.append(self._plan(each.artifact))
            else:
                others.append(each)
        return [*links, *others]

    def _plan(self, artifact: Artifact, *, links_stay: bool = False) -> Placement:
        known = self._is_committed
        return plan(self._store, self._root, artifact, self._cache, known, links_stay=links_stay)

    def _less_what_git_has(self, plans: Sequence[Placement]) -> list[Placement]:
        """The plans without unsaved files that HEAD or an experiment has with the same content."""
        lost = chain.from_iterable(each.unsaved for each in plans)
        names = [path for path in lost if lies_in_any(path, self._project.config.results)]
        here = {path: [blob] for path, blob in blob_ids(self._project, names).items()}
        saved = set().union(*stored_versions(self._project, here))
        left = list[Placement]()
        for each in plans:
            left.append(each._replace(unsaved=[path for path in each.unsaved if path not in saved]))
        return left

    def _refuse_losses(self, plans: Sequence[Placement]) -> None:
        """Raise UnsavedChanges if a file would be lost."""
        names, lost = list[str](), list[str]()
        for each in plans:
            if each.unsaved:
                names.append(each.artifact.path)
                lost += each.unsaved
        if not lost:
            return
        config = self._project.config
        if set(names) <= set(config.data):
            way_out = f"Store it first (gitexp add {self._project.typed(*names)})"
        elif set(names) <= set(config.results):
            way_out = "Store it first (gitexp save)"
        else:
            way_out = "Move it away to keep it"
        raise unsaved(lost, way_out)

    def _carry_out(self, source: str | None, plans: Sequence[Placement]) -> CheckedOut:
        files = sum(len(each.write) for each in plans)
        count = Count(self._on_progress, files, sum(each.size for each in plans))
        placed, same, not_in_git = list[tuple[Artifact, Placed]](), list[Artifact](), list[str]()
        for each in plans:
            artifact = each.artifact
            in_git = self._is_in_git(artifact.path)
            links = COPIES if in_git else self._project.config.link
            # Half of an artifact is no state to be left in: a Ctrl-C waits.
            done = carry_out(
                self._store, self._root, each, links, self._cache, count=count, undisturbed=held_back
            )
            failpoint("checkout:placed")
            if done:
                placed.append((artifact, done))
            else:
                same.append(artifact)
            if done.written and not in_git:
                not_in_git.append(artifact.path)
        return CheckedOut(source, placed, same, advice(self._project.repo, not_in_git))

    def _fetch_manifests(self, artifacts: Sequence[Artifact]) -> None:
        why = self._fetch([artifact.hash for artifact in artifacts if is_folder(artifact.hash)])
        if gone := [artifact.path for artifact in artifacts if artifact.hash in why]:
            raise _unfetched(gone, why)

    def _fetch_contents(self, plans: Sequence[Placement]) -> None:
        why = self._fetch(list(chain.from_iterable(each.missing(self._store) for each in plans)))
        if gone := list(chain.from_iterable(each.absent(self._store) for each in plans)):
            raise _unfetched(gone, why)

    def _fetch(self, hashes: Sequence[str]) -> Mapping[str, errors.GitexpError]:
        """Fetch missing objects from the remote; return the failed ones, with the reason."""
        return fetch(self._project, self._store.missing(hashes), self._on_progress)

    def _is_in_git(self, path: str) -> bool:
        return path in self._project.config.results or is_any_in(self._tracked, path)

    def _is_committed(self, hash_: str) -> bool:
        return hash_ in self._committed or self._dvc.has(hash_)

    @cached_property
    def _dvc(self) -> DvcObjects:
        """DVC's caches, where content is safe too."""
        return DvcObjects(self._project)

    @cached_property
    def _committed(self) -> set[str]:
        """The hashes of metrics and plots in HEAD: they are safe there, though not in the store."""
        repo, results = self._project.repo, self._project.config.results
        if repo.resolve("HEAD") is None:
            return set()
        names = files_in(repo, "HEAD", results)
        blobs = repo.read_blobs([f"HEAD:{name}" for name in names])
        return {hashlib.sha256(blob).hexdigest() for blob in blobs if blob is not None}
