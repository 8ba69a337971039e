"""Transfers of artifacts between this machine and a data remote."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from gitexp import errors
from gitexp.datasets import dvc_supply
from gitexp.datasets.remotes import remote_of
from gitexp.datasets.wanted import locks
from gitexp.model import Artifact
from gitexp.objects.manifest import is_folder
from gitexp.objects.progress import OnProgress
from gitexp.objects.remotes import transfer
from gitexp.objects.remotes.remote import DataRemote
from gitexp.objects.remotes.transfer import Transferred
from gitexp.objects.store import ObjectStore
from gitexp.pipeline.lock import Lock
from gitexp.project.project import Project
from gitexp.words import shorten

_SILENCE = 60.0  # seconds for which `fetch` does not ask a silent remote again
# Silent remotes, with the time and the error: a run fetches for many stages, and must not wait for each.
_silent: dict[str, tuple[float, errors.GitexpError]] = {}


@dataclass(frozen=True, slots=True)
class DataTransfer:
    """A push or pull of data.

    Attributes:
        remote: the name of the data remote.
        objects: the number of transferred objects.
        bytes: the number of transferred bytes.
        failed: for each file that failed, by path, the reason. A folder with unknown files counts as a file.
    """

    remote: str
    objects: int
    bytes: int
    failed: Mapping[str, errors.GitexpError]

    def check(self) -> None:
        """Raise TransferFailed if a file has failed."""
        if self.failed:
            paths = list(self.failed)
            first = self.failed[paths[0]]
            files = "1 file" if len(paths) == 1 else f"{len(paths):,} files"
            raise errors.TransferFailed(
                f"{files} could not be transferred ({shorten(paths)}): {first.message}",
                first.hint,
                paths=paths,
            )


def push(
    project: Project,
    wanted: Sequence[Artifact],
    *,
    remote: str | None = None,
    jobs: int | None = None,
    on_progress: OnProgress | None = None,
) -> DataTransfer:
    """Upload the objects of artifacts that the remote lacks.

    Failures of single objects are in the result. Raises the errors of `remote_of`; DataRemoteError if the
    remote cannot be asked.
    """
    store = ObjectStore(project.local.objects)
    hashes = [artifact.hash for artifact in wanted]
    with remote_of(project, remote) as at:
        if not project.dry_run:
            dvc_supply.supply(project, hashes)
        done = transfer.push(store, at, hashes, jobs=jobs, on_progress=on_progress, dry_run=project.dry_run)
    return _by_path(store, at, wanted, done)


def pull(
    project: Project,
    wanted: Sequence[Artifact],
    *,
    remote: str | None = None,
    jobs: int | None = None,
    on_progress: OnProgress | None = None,
) -> DataTransfer:
    """Download the objects of artifacts that this machine lacks into its store. Raises like `push`.

    The workspace stays: `checkout` brings the files into it.
    """
    store = ObjectStore(project.local.objects)
    if not project.dry_run and not project.config.remotes and remote is None:
        copied = dvc_supply.supply(project, [artifact.hash for artifact in wanted])
        if all(_is_whole(store, artifact.hash) for artifact in wanted):
            return DataTransfer("DVC", copied.objects, copied.bytes, {})
    with remote_of(project, remote) as at:
        project.local.prepare()
        done = transfer.pull(
            store, at, sizes_of(wanted), jobs=jobs, on_progress=on_progress, dry_run=project.dry_run
        )
    return _by_path(store, at, wanted, done)


def fetch(
    project: Project,
    hashes: Iterable[str] | Mapping[str, int | None],
    on_progress: OnProgress | None = None,
) -> dict[str, errors.GitexpError]:
    """Fetch missing artifacts, folders with all their files, from the first remote into the store.

    A map gives the size of each artifact, None if unknown; a larger download is ended. The call returns at
    once if nothing is missing, without a remote, and if the remote was silent just now.

    Returns:
        For each artifact still missing, the reason: also for a remote that cannot be used.
    """
    store = ObjectStore(project.local.objects)
    sizes = dict(hashes) if isinstance(hashes, Mapping) else dict.fromkeys(hashes)
    missing = {hash_: size for hash_, size in sizes.items() if not _is_whole(store, hash_)}
    missing = _without_dvcs(project, store, missing)
    if not missing:
        return {}
    if not project.config.remotes:
        nowhere = errors.MissingData(
            "It is not on this machine, and there is no data remote to fetch it from.",
            "gitexp remote add NAME URL says where it is.",
        )
        return dict.fromkeys(missing, nowhere)
    place = f"{project.folder} {project.config.remotes}"
    asked, error = _silent.get(place, (0.0, None))
    if error is not None and time.monotonic() - asked < _SILENCE:
        return dict.fromkeys(missing, error)
    try:
        with remote_of(project) as at:
            project.local.prepare()
            failed = transfer.pull(store, at, missing, on_progress=on_progress).failed
    except (errors.DataError, errors.ConfigError) as why_not:
        if isinstance(why_not, errors.RemoteUnreachable):
            _silent[place] = time.monotonic(), why_not
        return dict.fromkeys(missing, why_not)
    left: dict[str, errors.GitexpError] = {}
    for hash_ in missing:
        if (reason := _failure(store, hash_, failed)) is not None:
            left[hash_] = reason
    return left


def _without_dvcs(
    project: Project, store: ObjectStore, missing: Mapping[str, int | None]
) -> dict[str, int | None]:
    """The artifacts still missing once DVC has given what it has."""
    if missing:
        dvc_supply.supply(project, missing)
    return {hash_: size for hash_, size in missing.items() if not _is_whole(store, hash_)}


def _is_whole(store: ObjectStore, hash_: str) -> bool:
    try:
        return not store.missing(store.contents(hash_))
    except errors.DataError:
        return False


def _failure(
    store: ObjectStore, hash_: str, failed: Mapping[str, errors.GitexpError]
) -> errors.GitexpError | None:
    """The error of an artifact, or of the first of its objects that failed."""
    if hash_ not in failed and is_folder(hash_):
        hash_ = next((part for part in store.contents(hash_) if part in failed), hash_)
    return failed.get(hash_)


def sizes_of(wanted: Iterable[Artifact]) -> dict[str, int | None]:
    """The size of the object of each artifact; None for a folder, whose size counts its files."""
    sizes: dict[str, int | None] = {}
    for artifact in wanted:
        sizes[artifact.hash] = None if artifact.is_folder else artifact.size
    return sizes


def _by_path(
    store: ObjectStore, at: DataRemote, wanted: Iterable[Artifact], done: Transferred
) -> DataTransfer:
    failed: dict[str, errors.GitexpError] = {}
    if done.failed:
        for artifact in wanted:
            for path, hash_ in _files(store, artifact, done.failed):
                if hash_ in done.failed:
                    failed[path] = done.failed[hash_]
    return DataTransfer(at.name, len(done.hashes), done.bytes, failed)


def _files(store: ObjectStore, artifact: Artifact, failed: Collection[str]) -> Iterable[tuple[str, str]]:
    """The files of an artifact, path and hash; the folder itself if its manifest failed or is absent."""
    if artifact.is_folder and artifact.hash not in failed and store.has(artifact.hash):
        for file in store.manifest(artifact.hash).files:
            yield f"{artifact.path}/{file.path}", file.hash
    else:
        yield artifact.path, artifact.hash


def lacking(project: Project, commits: Iterable[str]) -> dict[str, bool]:
    """The commits with artifacts that the first remote lacks: True if this machine can send them all.

    The remote is asked once, for the artifacts in the locks: a manifest on it means that its files are on
    it, too. Unreadable locks are passed over. Raises the errors of `remote_of`, and DataRemoteError.
    """
    named: dict[str, set[str]] = {}
    for commit, lock in locks(project, commits).items():
        if isinstance(lock, Lock):
            named[commit] = {artifact.hash for artifact in lock.artifacts}
    wanted = set[str]().union(*named.values())
    if not wanted:
        return {}
    with remote_of(project) as at:
        absent = wanted.difference(at.has_many(wanted))
    store = ObjectStore(project.local.objects)
    can_send = {hash_ for hash_ in absent if _is_whole(store, hash_)}
    found: dict[str, bool] = {}
    for commit, hashes in named.items():
        if not absent.isdisjoint(hashes):
            found[commit] = can_send.issuperset(hashes & absent)
    return found
