"""Results that are too large for Git: their content in the object store, their names in gitexp.lock.

What a command writes, and the config declares, goes into Git up to `max_untracked` bytes a file. A larger
file stands under `outs` of the lock instead; those of stages stand with their stage.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from gitexp import errors
from gitexp.datasets import lock_file
from gitexp.datasets.workspace import WorkspaceData
from gitexp.failpoints import failpoint
from gitexp.model import Artifact
from gitexp.objects.scan import scan
from gitexp.objects.stat_cache import StatCache
from gitexp.objects.store import ObjectStore
from gitexp.pipeline.lock import LOCK_FILE, Lock, check_lock, read_lock, write_lock
from gitexp.project.config import Config
from gitexp.project.project import Project
from gitexp.repo.git.snapshot import is_below


def locked(root: Path, config: Config) -> list[Artifact]:
    """Return the large results that the lock of a workspace names and the config still declares.

    A lock that cannot be read names none: a command runs all the same, and its end says what is wrong.
    """
    try:
        outs = lock_file.read(root, config).outs
    except errors.LockError:
        return []
    return [artifact for path, artifact in outs.items() if is_below(path, config.results)]


def without_outs(text: bytes, config: Config) -> bytes:
    """Return a lock as it would be had no result ever been too large, b"" if nothing else is in it."""
    try:
        lock = replace(read_lock(LOCK_FILE, text, config.folder), outs={})
    except errors.LockError:
        return text
    return b"" if lock == Lock() else write_lock(lock, config.folder)


def unchanged(project: Project, root: Path, artifacts: Iterable[Artifact]) -> list[Artifact]:
    """Return those that stand in a workspace as the lock has them."""
    with StatCache(project.local.stat_cache) as cache:
        return [artifact for artifact in artifacts if _is_there(root, artifact, cache)]


def _is_there(root: Path, artifact: Artifact, cache: StatCache) -> bool:
    try:
        if (root / artifact.path).lstat().st_size != artifact.size:
            return False
        found = scan(root, artifact.path, cache)
    except (OSError, errors.UnstorableData):
        return False
    return found is not None and found.artifact.hash == artifact.hash


@dataclass(frozen=True, slots=True)
class Kept:
    """What became of large results: the lock as it is and as it is to be, and a sentence for each that is in
    no store."""

    before: Lock
    after: Lock
    refused: Sequence[str]

    def contents(self, config: Config) -> dict[str, bytes]:
        """Return what the lock is to say by its path; nothing if no large result is, or was, in it."""
        if self.after == self.before and not self.after.outs:
            return {}
        return {lock_file.path_of(config): write_lock(self.after, config.folder)}


def keep(
    project: Project,
    root: Path,
    config: Config,
    tree: str,
    paths: Sequence[str],
    *,
    before: Sequence[str] = (),
    beside_stages: bool = False,
    but: Collection[str] = (),
) -> Kept:
    """Put files of a workspace in the object store; return a tree's lock with these as its large results.

    Of those `before`, which nobody has written since, it has what it had if that is still so;
    `beside_stages` that have just run, what these name is theirs. The entries of the stages `but` do not
    hold any more. The lock on disk is not changed. Raises StorageError and DiskFull: then nothing is wrong
    with the files.
    """
    name = lock_file.path_of(config)
    (text,) = project.repo.read_blobs([f"{tree}:{name}"])
    try:
        lock = read_lock(name, text or b"", config.folder)
    except errors.LockError as error:
        return Kept(Lock(), Lock(), [_refused(path, error) for path in paths])
    fitting = replace(lock, stages={name: stage for name, stage in lock.stages.items() if name not in but})
    stages = lock.stages.values() if beside_stages else ()
    theirs = [out.path for stage in stages for out in stage.outs]
    taken, refused = _put(project, root, [path for path in paths if not is_below(path, theirs)])
    same = unchanged(project, root, [lock.outs[path] for path in before if path in lock.outs])
    after, not_named = _with_outs(fitting, [*same, *taken], config)
    return Kept(lock, after, [*refused, *not_named])


def _put(project: Project, root: Path, paths: Sequence[str]) -> tuple[list[Artifact], list[str]]:
    if not paths:
        return [], []
    store, taken, refused = ObjectStore(project.local.objects), list[Artifact](), list[str]()
    with StatCache(project.local.stat_cache) as cache:
        for path in paths:
            try:
                taken.append(store.add(root, path, cache))
            except (errors.UnsafePath, errors.UnstorableData) as error:
                refused.append(_refused(path, error))
            failpoint("large:put")
    return taken, refused


def _with_outs(lock: Lock, outs: Sequence[Artifact], config: Config) -> tuple[Lock, list[str]]:
    """Return the lock of a project with these large results, and a sentence for each that no reader of it
    would take: such a name is not written."""
    whole = lock.with_outs(outs)
    if _fault(whole, config) is None:
        return whole, []
    lock, refused = replace(lock, outs={}), []
    for out in outs:
        longer = lock.with_outs([*lock.outs.values(), out])
        if (fault := _fault(longer, config)) is None:
            lock = longer
        else:
            refused.append(_refused(out.path, fault))
    return lock, refused


def _fault(lock: Lock, config: Config) -> errors.LockError | None:
    try:
        check_lock(LOCK_FILE, lock, config.folder)
    except errors.LockError as error:
        return error
    return None


def _refused(path: str, error: errors.GitexpError) -> str:
    return f"not stored: {path}: {error.message.rstrip('.')}"


@dataclass(frozen=True, slots=True)
class EditedOuts:
    """The outs that no stage's entry in the lock stands for, and the entries that do not fit any more."""

    paths: Sequence[str] = ()
    stages: Collection[str] = ()


def find(project: Project, stored: Sequence[str]) -> EditedOuts:
    """Return what of the outs in a workspace is other than in its lock; `stored` are those that belong into
    the object store."""
    root = project.repo.root
    try:
        lock = lock_file.read(root, project.config)
    except errors.LockError:  # whoever writes the lock says so
        lock = Lock()
    with StatCache(project.local.stat_cache) as cache:
        standing = WorkspaceData(root, cache, lambda name: None, project.repo.has_modes)
        edited = {
            name
            for name, stage in lock.stages.items()
            if any(_is_edited(standing, out) for out in stage.outs)
        }
        known = {out.path for name, stage in lock.stages.items() if name not in edited for out in stage.outs}
        paths = [path for path in stored if path not in known and _is_any_there(standing, path)]
    return EditedOuts(paths, edited)


def _is_edited(standing: WorkspaceData, out: Artifact) -> bool:
    try:
        now = standing.artifact(out.path)
    except errors.UnstorableData:
        return True
    return now is not None and standing.differs(now, out)


def _is_any_there(standing: WorkspaceData, path: str) -> bool:
    try:
        return standing.artifact(path) is not None
    except errors.UnstorableData:  # whoever stores it says why not
        return True
