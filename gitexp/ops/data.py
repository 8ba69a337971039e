"""Artifacts between this machine and a data remote: which, from where, and what could not be had."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import PurePosixPath

from gitexp import errors
from gitexp.config import CONFIG_FILE
from gitexp.data import transfer
from gitexp.data.manifest import is_folder
from gitexp.data.objects import ObjectStore
from gitexp.data.progress import OnProgress
from gitexp.data.remote import Remote
from gitexp.data.remotes import open_remote
from gitexp.data.transfer import Transferred
from gitexp.model import Artifact
from gitexp.ops import lock_file, lookup
from gitexp.ops.project import Project
from gitexp.pipeline.lock import Lock, read_lock
from gitexp.words import shorten

_SILENCE = 60.0  # seconds for which a remote that did not answer is not asked by `fetch`
# Those, with the time and the error: a run asks for the results of many stages, and must not wait for each.
_silent: dict[str, tuple[float, errors.GitexpError]] = {}


@dataclass(frozen=True, slots=True)
class Report:
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


@dataclass(frozen=True, slots=True)
class Standing:
    """Where one artifact is: how many of its objects this machine and the remote do not have.

    A file is one object, a folder one for each different file and one for the list of them.
    `missing_there` is None where there is no remote.
    """

    artifact: Artifact
    missing_here: int
    missing_there: int | None


# -- which --------------------------------------------------------------------------------------------


def commits(project: Project, names: Sequence[str] = (), *, everything: bool = False) -> list[str | None]:
    """Return the commits whose data is meant: those of the experiments or revisions named, by default None,
    which is the workspace; with `everything` the workspace and all experiments.

    Raises UnknownExperiment, AmbiguousExperiment, BadRecord.
    """
    if not everything:
        return [lookup.find(project, name).commit for name in names] or [None]
    experiments = [experiment for experiment in project.store.all() if experiment.error is None]
    return [None, *(experiment.record.commit for experiment in experiments)]


def artifacts(project: Project, commits: Iterable[str | None]) -> list[Artifact]:
    """Return what the gitexp.lock of each commit names, None being the workspace; each content once.

    Raises LockError for one that cannot be read.
    """
    wanted = list(dict.fromkeys(commits))
    locks = _locks(project, [commit for commit in wanted if commit is not None])
    found: dict[str, Artifact] = {}
    for commit in wanted:
        lock = lock_file.read(project.repo.root, project.config) if commit is None else locks[commit]
        if isinstance(lock, errors.LockError):
            raise lock
        for artifact in lock.artifacts:
            found.setdefault(artifact.hash, artifact)
    return list(found.values())


def unreadable(project: Project, commits: Iterable[str]) -> dict[str, errors.LockError]:
    """Return those of some commits whose gitexp.lock cannot be read, with the reason: nobody knows what
    data is theirs, and they must not keep back the others."""
    locks = _locks(project, list(dict.fromkeys(commits)))
    return {commit: lock for commit, lock in locks.items() if isinstance(lock, errors.LockError)}


def _locks(project: Project, commits: Sequence[str]) -> dict[str, Lock | errors.LockError]:
    name, folder = lock_file.path_of(project.config), project.config.folder
    texts = project.repo.read_blobs([f"{commit}:{name}" for commit in commits]) if commits else []
    read: dict[bytes | None, Lock | errors.LockError] = {None: Lock()}
    for commit, text in zip(commits, texts, strict=True):
        if text is not None and text not in read:
            try:
                read[text] = read_lock(f"{name} ({commit[:7]})", text, folder)
            except errors.LockError as error:
                read[text] = error
    return {commit: read[text] for commit, text in zip(commits, texts, strict=True)}


def remote_of(project: Project, name: str | None = None) -> Remote:
    """Return the data remote of this name, by default the first one of the config.

    Raises NoDataRemote, ConfigError for one that the config does not describe, BackendMissing; and
    RemoteUnreachable for a folder that is not there.
    """
    remotes = project.config.remotes
    if not remotes:
        raise errors.NoDataRemote(
            "There is no data remote.", "Add one: gitexp remote add NAME URL, where URL may be a folder."
        )
    if name is not None and name not in remotes:
        near = get_close_matches(name, remotes, 1)
        hint = f"Did you mean {near[0]}?" if near else f"There is {', '.join(remotes)}."
        raise errors.NoDataRemote(f"There is no data remote '{name}'.", hint)
    chosen = name or next(iter(remotes))
    try:
        found = open_remote(chosen, remotes[chosen], project.folder)
    except errors.InvalidRemote as error:
        file = str(PurePosixPath(project.config.folder, CONFIG_FILE))
        raise errors.ConfigError(error.message, error.hint, file=file) from error
    found.require()
    return found


# -- transfer -----------------------------------------------------------------------------------------


def push(
    project: Project,
    wanted: Sequence[Artifact],
    *,
    remote: str | None = None,
    jobs: int | None = None,
    on_progress: OnProgress | None = None,
) -> Report:
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
) -> Report:
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


def _report(store: ObjectStore, at: Remote, wanted: Iterable[Artifact], done: Transferred) -> Report:
    failed: dict[str, errors.GitexpError] = {}
    for artifact in wanted if done.failed else ():
        if artifact.hash in done.failed:
            failed[artifact.path] = done.failed[artifact.hash]
        elif artifact.is_folder and store.has(artifact.hash):
            for file in store.manifest(artifact.hash).files:
                if file.hash in done.failed:
                    failed[f"{artifact.path}/{file.path}"] = done.failed[file.hash]
    return Report(at.name, len(done.hashes), done.bytes, failed)


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


def status(project: Project, wanted: Sequence[Artifact], *, remote: str | None = None) -> list[Standing]:
    """Return where each artifact is; the remote is not asked if there is none and none is named.

    Raises what `remote_of` raises, and DataRemoteError.
    """
    store = ObjectStore(project.local.objects)
    contents = {artifact.hash: _contents(store, artifact.hash) for artifact in wanted}
    there: Collection[str] | None = None
    if project.config.remotes or remote is not None:
        with remote_of(project, remote) as at:
            there = at.has_many({part for parts in contents.values() for part in parts})
    return [_standing(store, artifact, contents[artifact.hash], there) for artifact in wanted]


def _contents(store: ObjectStore, hash_: str) -> list[str]:
    try:
        return store.contents(hash_)
    except errors.DataError:
        return [hash_]


def _standing(
    store: ObjectStore, artifact: Artifact, parts: Sequence[str], there: Collection[str] | None
) -> Standing:
    here = len(store.missing(parts))
    if artifact.is_folder and len(parts) == 1 and here:  # only its list tells how many objects it has
        here += artifact.files or 0
    return Standing(artifact, here, None if there is None else sum(part not in there for part in parts))
