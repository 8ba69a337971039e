"""Whether the store holds what it should: every object read, everything that a lock refers to looked for.

What is damaged is never handed out, but as long as it is there under its name nobody stores it anew: so it is
moved aside. Then it is had from the workspace or from Git if these have the same, or from a data remote.
"""

from __future__ import annotations

import errno
import hashlib
import time
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

from gitexp import errors
from gitexp.datasets.remotes import remote_of
from gitexp.failpoints import failpoint
from gitexp.model import Artifact
from gitexp.objects.hashing import hash_file, in_parallel
from gitexp.objects.manifest import FOLDER, File, is_folder
from gitexp.objects.progress import OnProgress, Progress
from gitexp.objects.remotes import transfer
from gitexp.objects.remotes.remote import DataRemote
from gitexp.objects.scan import scan
from gitexp.objects.stat_cache import StatCache
from gitexp.objects.store import ObjectStore
from gitexp.project.project import Project
from gitexp.upkeep import in_use
from gitexp.upkeep.gc import fetch_manifests

_COMMITS = 3  # that are looked into for content that may stand in Git too
_BLOBS = 100  # that are read at a time
_TICK = 0.1  # seconds between two reports

Places = list[tuple[str, str]]  # an artifact, by its hash, and a path in the workspace


@dataclass(frozen=True, slots=True)
class DamageFinding:
    """One object that is damaged, or not there though a lock refers to it.

    `path` is where it belongs, and `holders` who refers to it: without any, nothing is lost, unless
    `unsure` says that not all could be read that may refer to it. `mended` says from where it was had again.
    """

    hash: str
    damaged: bool
    path: str | None = None
    holders: tuple[str, ...] = ()
    mended: str | None = None
    unsure: bool = False

    @property
    def problem(self) -> bool:
        """Whether something is lost as things are."""
        return bool(self.holders) and self.mended is None


@dataclass(frozen=True, slots=True)
class FsckReport:
    """What was looked at, and what was found.

    `elsewhere` counts what locks refer to and only a remote has: it is fetched when it is wanted.
    """

    objects: int
    size: int
    elsewhere: int
    findings: tuple[DamageFinding, ...]
    complaints: tuple[str, ...] = ()

    @property
    def healthy(self) -> bool:
        """Whether nothing is lost and nothing was left unread."""
        return not self.complaints and not any(finding.problem for finding in self.findings)


def check(project: Project, *, on_progress: OnProgress = lambda _: None) -> FsckReport:
    """Read every object of the store, look for all that is referred to, and mend what can be mended."""
    return _Check(project).report(on_progress)


def damaged_in(
    store: ObjectStore, there: Mapping[str, int], on_progress: OnProgress = lambda _: None
) -> set[str]:
    """Return those of some objects, given with their sizes, that are not what their names say."""
    damaged, read, of_bytes = set[str](), 0, sum(there.values())
    began = told = time.monotonic()
    verified = zip(there.items(), in_parallel(store.verify, list(there)), strict=True)
    for number, ((hash_, size), good) in enumerate(verified, 1):
        if not good and store.has(hash_):  # gc may have removed it meanwhile
            damaged.add(hash_)
        read += size
        if (now := time.monotonic()) - told > _TICK:
            on_progress(Progress(number, len(there), read, of_bytes, now - began))
            told = now
    return damaged


class _Check:
    """One look at everything; `_mended` says from where an object was had again."""

    def __init__(self, project: Project) -> None:
        self._project = project
        self._store = ObjectStore(project.local.objects)
        self._used = in_use.find(project)
        self._complaints = [*self._used.complaints, *self._used.doubts]
        self._mended: dict[str, str] = {}
        self._unlisted = False  # whether there is a folder of which nobody knows what is in it

    def report(self, on_progress: OnProgress) -> FsckReport:
        there = {hash_: size for hash_, size, _ in self._store.hashes()}
        suspicious = damaged_in(self._store, there, on_progress)
        damaged = {hash_ for hash_ in suspicious if self._is_damaged(hash_)}
        for hash_ in damaged:
            self._move_aside(hash_)
        artifacts = self._used.promised
        # First the lists of what is in the folders, which tell what else there should be.
        folders = [hash_ for hash_ in damaged if is_folder(hash_) and hash_ in artifacts]
        self._mend_from_workspace(folders, damaged)
        self._mend(folders)
        wanted = self._wanted(artifacts)
        missing = self._store.missing(wanted)
        self._mend_from_workspace({of for hash_ in missing for of, _ in wanted[hash_]}, missing)
        self._mend_from_git({hash_: wanted[hash_] for hash_ in self._store.missing(missing)})
        self._mend([hash_ for hash_ in damaged if hash_ in wanted])
        elsewhere = self._on_remotes(
            [hash_ for hash_ in self._store.missing(missing) if hash_ not in damaged]
        )
        wrong = [hash_ for hash_ in dict.fromkeys([*damaged, *missing]) if hash_ not in elsewhere]
        findings = self._findings(wrong, damaged, wanted)
        size = sum(there.values())
        return FsckReport(len(there), size, len(elsewhere), findings, tuple(dict.fromkeys(self._complaints)))

    # -- looking ----------------------------------------------------------------------------------

    def _is_damaged(self, hash_: str) -> bool:
        """Look at an object once more: one that only could not be read must not be moved away."""
        try:
            return hash_file(self._store.path(hash_))[0] != hash_.removesuffix(FOLDER)
        except errors.UnstorableData:
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
        """Return every object that locks refer to, with each artifact that it is in and its path there."""
        wanted: dict[str, Places] = defaultdict(list)
        for hash_, artifact in artifacts.items():
            wanted[hash_].append((hash_, artifact.path))
            for file in self._files_of(hash_) if is_folder(hash_) else ():
                wanted[file.hash].append((hash_, f"{artifact.path}/{file.path}"))
        return wanted

    def _files_of(self, folder: str) -> Sequence[File]:
        """Return what is in a folder, as far as this machine knows."""
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
    ) -> tuple[DamageFinding, ...]:
        places = {hash_: wanted.get(hash_, []) for hash_ in hashes}
        holders = self._used.holders({of for found in places.values() for of, _ in found}) if places else {}
        unsure = self._unlisted or bool(self._used.complaints or self._used.doubts)

        def finding(hash_: str) -> DamageFinding:
            who = dict.fromkeys(name for of, _ in places[hash_] for name in holders.get(of, ()))
            path = next((path for _, path in places[hash_]), None)
            mended = self._mended.get(hash_)
            return DamageFinding(hash_, hash_ in damaged, path, tuple(who), mended, unsure=unsure and not who)

        return tuple(map(finding, hashes))

    # -- mending ----------------------------------------------------------------------------------

    def _move_aside(self, hash_: str) -> None:
        folder = self._project.local.broken
        folder.mkdir(parents=True, exist_ok=True)
        with suppress(FileNotFoundError):
            self._store.path(hash_).replace(folder / hash_)
        failpoint("fsck:aside")

    def _mend_from_workspace(self, artifacts: Collection[str], missing: Collection[str]) -> None:
        """Store again what stands in this workspace as its lock says."""
        root = self._project.repo.root
        locks = self._used.present.get(in_use.HERE, [])
        with StatCache(self._project.local.stat_cache) as cache:
            for artifact in (artifact for lock in locks for artifact in lock.artifacts):
                if artifact.hash not in artifacts:
                    continue
                with suppress(errors.DataError, OSError):
                    scanned = scan(root, artifact.path, cache)
                    if scanned is not None and scanned.artifact.hash == artifact.hash:
                        self._store.add(root, artifact.path, cache)
        self._note(missing, in_use.HERE)

    def _mend_from_git(self, missing: Mapping[str, Places]) -> None:
        """Store again what stands in Git as well, as metrics and plots do."""
        tips = self._used.tips_of({of for places in missing.values() for of, _ in places}) if missing else {}
        asked = {
            hash_: [f"{tip}:{path}" for of, path in places for tip in tips.get(of, ())[:_COMMITS]]
            for hash_, places in missing.items()
            if not is_folder(hash_)
        }
        names = list(dict.fromkeys(name for found in asked.values() for name in found))
        blobs = dict(zip(names, self._project.repo.find_objects(names), strict=True))
        pairs = {(hash_, blob.id) for hash_ in asked for name in asked[hash_] if (blob := blobs[name])}
        queue = sorted(pairs)
        for some in (queue[at : at + _BLOBS] for at in range(0, len(queue), _BLOBS)):
            read = self._project.repo.read_blobs([oid for _, oid in some])
            for (hash_, _), data in zip(some, read, strict=True):
                # It may be other content, or have been converted by Git.
                if data is not None and hashlib.sha256(data).hexdigest() == hash_:
                    (temporary := self._store.new_temp()).write_bytes(data)
                    self._store.adopt(temporary, hash_)
        self._note(missing, "Git")

    def _mend(self, hashes: Collection[str]) -> None:
        """Fetch what the remotes have of some objects."""

        def fetch(remote: DataRemote) -> None:
            absent = self._store.missing(hashes)
            fetch_manifests(self._store, remote, absent)
            files = {hash_: None for hash_ in self._store.missing(absent) if not is_folder(hash_)}
            failed = transfer.pull(self._store, remote, files).failed.values()
            self._complaints += [e.message for e in failed if not isinstance(e, errors.NotOnRemote)]
            self._note(absent, f"the remote '{remote.name}'")

        if hashes:
            self._ask_remotes(fetch)

    def _on_remotes(self, hashes: Collection[str]) -> set[str]:
        """Return those of some objects that a remote has."""
        found: set[str] = set()
        if hashes:
            self._ask_remotes(lambda remote: found.update(remote.has_many(hashes)))
        return found

    def _ask_remotes(self, ask: Callable[[DataRemote], object]) -> None:
        """Ask each remote; one that cannot be asked is a complaint."""
        for name in self._project.config.remotes:
            try:
                with remote_of(self._project, name) as remote:
                    ask(remote)
            except errors.GitexpError as error:
                self._complaints.append(error.message)

    def _note(self, hashes: Collection[str], where: str) -> None:
        there = set(hashes).difference(self._store.missing(hashes))
        self._mended |= {hash_: where for hash_ in there if hash_ not in self._mended}
