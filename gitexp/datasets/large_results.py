"""Results that are too large for Git: their content is in the object store, their names in gitexp.lock.

Declared results of a command go into Git, up to `max_untracked` bytes a file. Larger files are listed under
`outs` of the lock; outs of stages are listed with their stage.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from pathlib import Path

from gitexp import errors
from gitexp.datasets import lock_file
from gitexp.datasets.workspace import DataState, WorkspaceData, workspace_data
from gitexp.failpoints import failpoint
from gitexp.model import Artifact
from gitexp.named_tuple import NamedTuple
from gitexp.objects.paths import lies_in_any
from gitexp.objects.stat_cache import StatCache
from gitexp.objects.store import ObjectStore
from gitexp.pipeline.lock import LOCK_FILE, Lock, check_lock, read_lock, write_lock
from gitexp.project.config import Config
from gitexp.project.project import Project


def locked(root: Path, config: Config) -> list[Artifact]:
    """The large results in the lock of a workspace that the config still declares.

    An unreadable lock has none: a command runs all the same, and reports the error at its end.
    """
    try:
        outs = lock_file.read(root, config).outs
    except errors.LockError:
        return []
    return [artifact for path, artifact in outs.items() if lies_in_any(path, config.results)]


def without_outs(text: bytes, config: Config) -> bytes:
    """The text of a lock without its large results; b"" if nothing else is in the lock."""
    try:
        lock = read_lock(LOCK_FILE, text, config.folder)._replace(outs={})
    except errors.LockError:
        return text
    if lock == Lock():
        return b""
    return write_lock(lock, config.folder)


def unchanged(project: Project, root: Path, artifacts: Iterable[Artifact]) -> list[Artifact]:
    """The artifacts whose content is in the workspace at `root`."""
    with workspace_data(project, root) as data:
        return [artifact for artifact in artifacts if data.holds(artifact)]


class Kept(NamedTuple):
    """Large results after a run.

    Attributes:
        before: the lock without the changes of the run.
        after: the lock with them.
        refused: a sentence for each result not stored.
    """

    before: Lock
    after: Lock
    refused: Sequence[str]

    def contents(self, config: Config) -> dict[str, bytes]:
        """The new text of the lock by its path; nothing if no large result was or is in the lock."""
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
    """Store the files of a workspace at `paths`, and put them into the lock of a tree: the large results.

    Large results at the paths `before`, which the run did not write, stay in the lock if they are
    unchanged. With `beside_stages`, for stages that have just run, files in their outs belong to the
    stages. The lock loses the entries of the stages `but`. The lock on disk stays. Raises StorageError and
    DiskFull; the files are unharmed then.
    """
    name = lock_file.path_of(config)
    (text,) = project.repo.read_blobs([f"{tree}:{name}"])
    try:
        lock = read_lock(name, text or b"", config.folder)
    except errors.LockError as error:
        return Kept(Lock(), Lock(), [_refused(path, error) for path in paths])
    if beside_stages:
        of_stages = list[str]()
        for stage in lock.stages.values():
            of_stages += [out.path for out in stage.outs]
        paths = [path for path in paths if not lies_in_any(path, of_stages)]
    taken, refused = _put(project, root, paths)
    same = unchanged(project, root, [lock.outs[path] for path in before if path in lock.outs])
    stages = {name: stage for name, stage in lock.stages.items() if name not in but}
    after, not_named = _with_outs(lock._replace(stages=stages), [*same, *taken], config)
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
    """The lock with these large results, and a sentence for each result left out, because no reader would
    accept its name."""
    whole = lock.with_outs(outs)
    if _fault(whole, config) is None:
        return whole, []
    lock, refused = lock._replace(outs={}), []
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


class EditedOuts(NamedTuple):
    """The outs of a workspace that differ from its lock.

    Attributes:
        paths: present outs without a fitting entry of a stage.
        stages: names of the entries that do not fit any more.
    """

    paths: Sequence[str] = ()
    stages: Collection[str] = ()


def find(project: Project, stored: Sequence[str]) -> EditedOuts:
    """The outs edited since the last run. `stored` are the paths of outs in the object store."""
    try:
        lock = lock_file.read(project.repo.root, project.config)
    except errors.LockError:  # the next writer of the lock says so
        lock = Lock()
    edited, known = set[str](), set[str]()
    with workspace_data(project) as data:
        for name, stage in lock.stages.items():
            if any(_is_edited(data, out) for out in stage.outs):
                edited.add(name)
            else:
                known.update(out.path for out in stage.outs)
        paths = [path for path in stored if path not in known and _is_any_there(data, path)]
    return EditedOuts(paths, edited)


def _is_edited(data: WorkspaceData, out: Artifact) -> bool:
    try:
        return data.state(out.path, out) is DataState.CHANGED
    except errors.UnstorableData:
        return True


def _is_any_there(data: WorkspaceData, path: str) -> bool:
    try:
        return data.artifact(path) is not None
    except errors.UnstorableData:  # it is there; to store it gives the reason
        return True
