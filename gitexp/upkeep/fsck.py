"""Check the store: every object is read, and every object in a lock is looked for.

A damaged object is never handed out. But as long as it keeps its name, nobody stores it anew: so it is moved
aside. Then it is had again: from the workspace or from Git, if they have the same content, or from a data
remote.
"""

from __future__ import annotations

import errno
import hashlib
import os
import time
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import chain

from gitexp import errors
from gitexp.datasets.dvc_objects import DvcObjects
from gitexp.datasets.remotes import remote_of, require_remote
from gitexp.datasets.workspace import workspace_data
from gitexp.failpoints import failpoint
from gitexp.model import Artifact
from gitexp.nofollow import NotPlain
from gitexp.objects.hashing import hash_open, in_parallel
from gitexp.objects.manifest import FOLDER, File, is_folder
from gitexp.objects.progress import OnProgress, Progress
from gitexp.objects.remotes import transfer
from gitexp.objects.remotes.remote import DataRemote
from gitexp.objects.store import ObjectStore
from gitexp.project.project import Project
from gitexp.upkeep import in_use
from gitexp.upkeep.gc import fetch_manifests

_COMMITS = 3  # for an artifact, to look into for content that may be in Git too
_BLOBS = 100  # read at a time
_TICK = 0.1  # seconds between two reports

Places = list[tuple[str, str]]  # the hash of an artifact, and a path in the workspace


@dataclass(frozen=True, slots=True)
class BadObject:
    """A damaged object, or a missing object of a lock.

    Attributes:
        damaged: false for a missing object.
        path: the place in the workspace, if known.
        holders: experiments and the like with this object; without holders nothing is lost.
        mended: the place that had the object too; None if none had.
        unsure: unreadable locks may have further holders.
    """

    hash: str
    damaged: bool
    path: str | None = None
    holders: tuple[str, ...] = ()
    mended: str | None = None
    unsure: bool = False

    @property
    def problem(self) -> bool:
        """Whether data is lost."""
        return bool(self.holders) and self.mended is None


@dataclass(frozen=True, slots=True)
class FsckReport:
    """The result of a check; sizes are in bytes.

    Attributes:
        objects: how many objects were read.
        size: their bytes.
        elsewhere: how many objects only a remote has, to be fetched when wanted.
        findings: the bad objects.
        complaints: sentences about unreadable places.
    """

    objects: int
    size: int
    elsewhere: int
    findings: tuple[BadObject, ...]
    complaints: tuple[str, ...] = ()

    @property
    def healthy(self) -> bool:
        """Whether nothing is lost, and nothing was left unread."""
        return not self.complaints and not any(finding.problem for finding in self.findings)


def check(
    project: Project, *, remote: str | None = None, on_progress: OnProgress = lambda _: None
) -> FsckReport:
    """The report after reading every object, looking for all objects in locks, and mending.

    A dry run mends nothing. With `remote`, no other data remote is asked. Raises NoDataRemote.
    """
    if remote is not None:
        require_remote(project, remote)
    return _Check(project, [remote] if remote else list(project.config.remotes)).report(on_progress)


def damaged_in(
    store: ObjectStore, there: Mapping[str, int], on_progress: OnProgress = lambda _: None
) -> set[str]:
    """The objects (hashes with sizes in bytes) that differ from their names."""
    damaged, read, of_bytes = set[str](), 0, sum(there.values())
    began = told = time.monotonic()
    verified = zip(there.items(), in_parallel(store.verify, list(there)), strict=True)
    for number, ((hash_, size), good) in enumerate(verified, 1):
        if not good and os.path.lexists(store.path(hash_)):  # gc may have removed it meanwhile
            damaged.add(hash_)
        read += size
        if (now := time.monotonic()) - told > _TICK:
            on_progress(Progress(number, len(there), read, of_bytes, now - began))
            told = now
    return damaged


class _Check:
    """A single check. `_mended` has the places that objects were had from again."""

    def __init__(self, project: Project, remotes: Sequence[str]) -> None:
        self._project = project
        self._remotes = remotes
        self._store = ObjectStore(project.local.objects)
        self._used = in_use.find(project)
        self._complaints = [*self._used.complaints, *self._used.doubts]
        self._mended: dict[str, str] = {}
        self._unlisted = False  # whether the files of some folder are unknown

    def report(self, on_progress: OnProgress) -> FsckReport:
        there = {hash_: size for hash_, size, _ in self._store.hashes()}
        suspicious = damaged_in(self._store, there, on_progress)
        damaged = {hash_ for hash_ in suspicious if self._is_damaged(hash_)}
        if not self._project.dry_run:
            for hash_ in damaged:
                self._move_aside(hash_)
        # First the lists of folders: they name further objects.
        artifacts = self._used.promised
        folders = [hash_ for hash_ in damaged if is_folder(hash_) and hash_ in artifacts]
        if not self._project.dry_run:
            self._mend_from_workspace(folders, damaged)
            self._mend_from_remotes(folders)
        wanted = self._wanted(artifacts)
        dvc = DvcObjects(self._project)
        missing = [hash_ for hash_ in self._store.missing(wanted) if not dvc.has(hash_)]
        if not self._project.dry_run:
            self._mend_files(wanted, damaged, missing)
        still_missing = self._store.missing(missing)
        elsewhere = self._on_remotes([hash_ for hash_ in still_missing if hash_ not in damaged])
        wrong = [hash_ for hash_ in dict.fromkeys([*damaged, *missing]) if hash_ not in elsewhere]
        findings = self._findings(wrong, damaged, wanted)
        complaints = tuple(dict.fromkeys(self._complaints))
        return FsckReport(len(there), sum(there.values()), len(elsewhere), findings, complaints)

    def _mend_files(
        self, wanted: Mapping[str, Places], damaged: Collection[str], missing: Collection[str]
    ) -> None:
        artifacts = set[str]()
        for hash_ in missing:
            artifacts.update(of for of, _ in wanted[hash_])
        self._mend_from_workspace(artifacts, missing)
        self._mend_from_git({hash_: wanted[hash_] for hash_ in self._store.missing(missing)})
        self._mend_from_remotes([hash_ for hash_ in damaged if hash_ in wanted])

    # -- looking ----------------------------------------------------------------------------------

    def _is_damaged(self, hash_: str) -> bool:
        """Whether an object is damaged, at a second look: an unreadable object must not be moved aside."""
        try:
            with self._store.opened(hash_) as fd:
                return hash_open(fd) != hash_.removesuffix(FOLDER)
        except NotPlain:
            return True
        except FileNotFoundError:
            return False
        except OSError as error:
            if error.errno == errno.EIO:  # the disk has lost it
                return True
            self._cannot_read(hash_, error)
            return False

    def _cannot_read(self, hash_: str, error: OSError) -> None:
        self._complaints.append(f"The object {hash_} cannot be read: {error.strerror}.")

    def _wanted(self, artifacts: Mapping[str, Artifact]) -> Mapping[str, Places]:
        """Every object in locks, with the artifacts around it and its paths."""
        wanted: dict[str, Places] = defaultdict(list)
        for hash_, artifact in artifacts.items():
            wanted[hash_].append((hash_, artifact.path))
            if is_folder(hash_):
                for file in self._files_of(hash_):
                    wanted[file.hash].append((hash_, f"{artifact.path}/{file.path}"))
        return wanted

    def _files_of(self, folder: str) -> Sequence[File]:
        """The files of a folder; none if this machine does not know them."""
        try:
            return self._store.manifest(folder).files
        except errors.MissingData:
            pass
        except errors.DataError as error:  # a hostile one, or one that was damaged just now
            self._complaints.append(error.message)
        except OSError as error:
            self._cannot_read(folder, error)
        self._unlisted = True
        return ()

    def _findings(
        self, hashes: Collection[str], damaged: Collection[str], wanted: Mapping[str, Places]
    ) -> tuple[BadObject, ...]:
        artifacts = set[str]()
        for hash_ in hashes:
            artifacts.update(of for of, _ in wanted.get(hash_, ()))
        holders = self._used.holders(artifacts) if hashes else {}
        unsure = self._unlisted or bool(self._used.complaints or self._used.doubts)
        found = []
        for hash_ in hashes:
            path, who = None, dict[str, None]()  # a dict keeps the order
            for of, place in wanted.get(hash_, ()):
                path = path or place
                who.update(dict.fromkeys(holders.get(of, ())))
            mended = self._mended.get(hash_)
            bad = BadObject(hash_, hash_ in damaged, path, tuple(who), mended, unsure=unsure and not who)
            found.append(bad)
        return tuple(found)

    # -- mending ----------------------------------------------------------------------------------

    def _move_aside(self, hash_: str) -> None:
        local = self._project.local
        with (
            local.opened(local.broken, make=True) as broken,
            suppress(FileNotFoundError),
            self._store.fan(hash_) as fan,
        ):
            fan.rename(self._store.name(hash_), hash_, broken)
        failpoint("fsck:aside")

    def _mend_from_workspace(self, artifacts: Collection[str], missing: Collection[str]) -> None:
        """Store artifacts of this workspace again, if they are unchanged."""
        root = self._project.repo.root
        locks = self._used.present.get(in_use.HERE, [])
        with workspace_data(self._project) as data:
            for artifact in chain.from_iterable(lock.artifacts for lock in locks):
                if artifact.hash in artifacts and data.holds(artifact):
                    with suppress(errors.DataError, OSError):
                        self._store.add(root, artifact.path, data.cache)
        self._note(missing, in_use.HERE)

    def _mend_from_git(self, missing: Mapping[str, Places]) -> None:
        """Store files again that Git has too, like metrics and plots."""
        queue = self._blobs_for({hash_: of for hash_, of in missing.items() if not is_folder(hash_)})
        for at in range(0, len(queue), _BLOBS):
            some = queue[at : at + _BLOBS]
            contents = self._project.repo.read_blobs([oid for _, oid in some], most=None)
            for (hash_, _), data in zip(some, contents, strict=True):
                # The content may be another, or converted by Git.
                if data is not None and hashlib.sha256(data).hexdigest() == hash_:
                    (temporary := self._store.new_temp()).write_bytes(data)
                    self._store.adopt(temporary, hash_)
        self._note(missing, "Git")

    def _blobs_for(self, files: Mapping[str, Places]) -> list[tuple[str, str]]:
        """Hashes of files, each with a blob at one of its paths: perhaps the same content."""
        if not files:
            return []
        artifacts = {of for places in files.values() for of, _ in places}
        tips = self._used.tips_of(artifacts)
        hashes: dict[str, set[str]] = defaultdict(set)  # by the name of a blob for Git
        for hash_, places in files.items():
            for of, path in places:
                for tip in tips.get(of, ())[:_COMMITS]:
                    hashes[f"{tip}:{path}"].add(hash_)
        found = set[tuple[str, str]]()
        for name, blob in zip(hashes, self._project.repo.find_objects(list(hashes)), strict=True):
            if blob is not None:
                found.update((hash_, blob.id) for hash_ in hashes[name])
        return sorted(found)

    def _mend_from_remotes(self, hashes: Collection[str]) -> None:
        """Fetch objects from the remotes, if possible."""

        def fetch(remote: DataRemote) -> None:
            absent = self._store.missing(hashes)
            fetch_manifests(self._store, remote, absent)
            files = dict.fromkeys(hash_ for hash_ in self._store.missing(absent) if not is_folder(hash_))
            for error in transfer.pull(self._store, remote, files).failed.values():
                if not isinstance(error, errors.NotOnRemote):
                    self._complaints.append(error.message)
            self._note(absent, f"the remote '{remote.name}'")

        if hashes:
            self._ask_remotes(fetch)

    def _on_remotes(self, hashes: Collection[str]) -> set[str]:
        """The objects on any remote."""
        found: set[str] = set()
        if hashes:
            self._ask_remotes(lambda remote: found.update(remote.has_many(hashes)))
        return found

    def _ask_remotes(self, ask: Callable[[DataRemote], object]) -> None:
        """Ask each remote. A silent remote makes a complaint."""
        for name in self._remotes:
            try:
                with remote_of(self._project, name) as remote:
                    ask(remote)
            except errors.GitexpError as error:
                self._complaints.append(error.message)

    def _note(self, hashes: Collection[str], where: str) -> None:
        for hash_ in set(hashes).difference(self._store.missing(hashes)):
            self._mended.setdefault(hash_, where)
