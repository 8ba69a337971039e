"""Artifacts between this machine and a data remote: which, from where, and what could not be had."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from gitexp import errors
from gitexp.datasets.remotes import remote_of
from gitexp.datasets.wanted import _locks
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

_SILENCE = 60.0  # seconds for which a remote that did not answer is not asked by `fetch`
# Those, with the time and the error: a run asks for the results of many stages, and must not wait for each.
_silent: dict[str, tuple[float, errors.GitexpError]] = {}


@dataclass(frozen=True, slots=True)
class TransferReport:
    """What a push or pull came to. `failed` has the path of each file that could not be transferred, or
    of the folder where its files are not known, with the reason."""

    remote: str
    objects: int
    bytes: int
    failed: Mapping[str, errors.GitexpError]

    def check(self) -> None:
        """Raise TransferFailed if something could not be transferred."""
        if self.failed:
            paths = list(self.failed)
            first = self.failed[paths[0]]
            files = "1 file" if len(paths) == 1 else f"{len(paths):,} files"
            raise errors.TransferFailed(
                f"{files} could not be transferred ({shorten(paths)}): {first.message}",
                first.hint,
                paths=paths,
            )


# -- which --------------------------------------------------------------------------------------------


# -- transfer -----------------------------------------------------------------------------------------


def push(
    project: Project,
    wanted: Sequence[Artifact],
    *,
    remote: str | None = None,
    jobs: int | None = None,
    on_progress: OnProgress | None = None,
) -> TransferReport:
    """Upload what the remote does not have of some artifacts.

    Raises what `remote_of` raises, and DataRemoteError if the remote cannot be asked; what becomes of single
    objects stands in the report.
    """
    store = ObjectStore(project.local.objects)
    with remote_of(project, remote) as at:
        hashes = [artifact.hash for artifact in wanted]
        done = transfer.push(store, at, hashes, jobs=jobs, on_progress=on_progress)
    return _report(store, at, wanted, done)


def pull(
    project: Project,
    wanted: Sequence[Artifact],
    *,
    remote: str | None = None,
    jobs: int | None = None,
    on_progress: OnProgress | None = None,
) -> TransferReport:
    """Download what this machine does not have of some artifacts into its store; raises as `push`.

    The workspace is left as it is: `checkout` brings the files into it.
    """
    store = ObjectStore(project.local.objects)
    with remote_of(project, remote) as at:
        project.local.prepare()
        done = transfer.pull(store, at, _sizes(wanted), jobs=jobs, on_progress=on_progress)
    return _report(store, at, wanted, done)


def fetch(
    project: Project,
    hashes: Iterable[str] | Mapping[str, int | None],
    on_progress: OnProgress | None = None,
) -> dict[str, errors.GitexpError]:
    """Have these artifacts in the store, folders with all their files: what is not, from the first remote.

    Returns those that could not be had, with the reason; raises nothing for a remote that cannot be used.
    Where nothing is missing, there is no remote, or it has not answered just now, it costs no more than
    looking. If sizes are given (a map), no download gets larger than that.
    """
    store = ObjectStore(project.local.objects)
    sizes = dict(hashes) if isinstance(hashes, Mapping) else dict.fromkeys(hashes)
    missing = {hash_: size for hash_, size in sizes.items() if not _is_whole(store, hash_)}
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
    return {h: why for h in missing if (why := _why_not_whole(store, h, failed)) is not None}


def _is_whole(store: ObjectStore, hash_: str) -> bool:
    try:
        return not store.missing(store.contents(hash_))
    except errors.DataError:
        return False


def _why_not_whole(
    store: ObjectStore, hash_: str, failed: Mapping[str, errors.GitexpError]
) -> errors.GitexpError | None:
    if hash_ in failed:
        return failed[hash_]
    if not is_folder(hash_):
        return None
    return next((failed[part] for part in store.contents(hash_) if part in failed), None)


def _sizes(wanted: Iterable[Artifact]) -> dict[str, int | None]:
    """Return the size of each object that is known; the size of a folder is that of its files."""
    return {each.hash: None if each.is_folder else each.size for each in wanted}


def _report(
    store: ObjectStore, at: DataRemote, wanted: Iterable[Artifact], done: Transferred
) -> TransferReport:
    failed: dict[str, errors.GitexpError] = {}
    for artifact in wanted if done.failed else ():
        if artifact.hash in done.failed:
            failed[artifact.path] = done.failed[artifact.hash]
        elif artifact.is_folder and store.has(artifact.hash):
            for file in store.manifest(artifact.hash).files:
                if file.hash in done.failed:
                    failed[f"{artifact.path}/{file.path}"] = done.failed[file.hash]
    return TransferReport(at.name, len(done.hashes), done.bytes, failed)


def lacking(project: Project, commits: Iterable[str]) -> dict[str, bool]:
    """Return those of some commits of whose artifacts the first remote has not all: True if this machine
    has the rest, so that it can be sent.

    The remote is asked once, for what the locks name: a folder's list is there only if its files are. A
    lock that cannot be read is passed over. Raises what `remote_of` raises, and DataRemoteError.
    """
    locks = _locks(project, list(dict.fromkeys(commits)))
    named = {
        commit: {artifact.hash for artifact in lock.artifacts}
        for commit, lock in locks.items()
        if isinstance(lock, Lock)
    }
    wanted = set[str]().union(*named.values())
    if not wanted:
        return {}
    with remote_of(project) as at:
        absent = wanted.difference(at.has_many(wanted))
    store = ObjectStore(project.local.objects)
    here = {hash_: _is_whole(store, hash_) for hash_ in absent}
    found = {commit: hashes & absent for commit, hashes in named.items()}
    return {commit: all(here[hash_] for hash_ in hashes) for commit, hashes in found.items() if hashes}


# -- status -------------------------------------------------------------------------------------------
