"""Take experiments out of a bundle: all is checked before the first ref moves, and no network is asked."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import BinaryIO

from gitexp import errors
from gitexp.catalog import by_words
from gitexp.datasets import wanted
from gitexp.failpoints import failpoint
from gitexp.model import Artifact
from gitexp.named_tuple import NamedTuple
from gitexp.objects import manifest
from gitexp.objects.disk import translated
from gitexp.objects.intake import Intake
from gitexp.objects.manifest import FOLDER, is_folder
from gitexp.objects.progress import Count, OnProgress
from gitexp.objects.store import ObjectStore
from gitexp.pipeline.lock import Lock
from gitexp.project.project import Project
from gitexp.repo.experiments import check_name
from gitexp.sharing import pull
from gitexp.sharing.bundles import git_bundle
from gitexp.sharing.bundles.contents import BundleContents, object_member, open_members
from gitexp.sharing.bundles.members import BundleMember, MemberReader, damaged
from gitexp.sharing.partner import Fate, Shared
from gitexp.words import did_you_mean

_LARGEST_MANIFEST = 1 << 30  # bytes; the same limit as in `manifest.parse`


class TakenBundle(NamedTuple):
    """The result of taking in a bundle.

    Attributes:
        experiments: the fate of each experiment.
        objects: the number of objects of data that are new here.
        bytes: their bytes.
        missing: the paths of data that are neither here nor in the bundle.
    """

    experiments: Sequence[Shared]
    objects: int
    bytes: int
    missing: Sequence[str]


class _NewObjects(NamedTuple):
    """The number and the bytes of objects that came into the store."""

    number: int = 0
    bytes: int = 0


def take(
    project: Project,
    file: Path,
    words: Iterable[str] = (),
    name: str | None = None,
    on_data: OnProgress | None = None,
) -> TakenBundle:
    """Bring the experiments of a bundle, or those for some words (names, beginnings of names, patterns).

    Commits come first, then data, and then all refs move in one operation; a bundle that is damaged anywhere
    brings no experiment. `name` is another name for a single one. Raises SharingError for a damaged bundle,
    BadTransfer, UnknownExperiment, AmbiguousExperiment, InvalidName, NameTaken; StorageError, DiskFull.
    """
    where = file.name
    if name is not None:
        check_name(name)
        project.store.require_free(name)
    project.local.prepare()
    with translated(f"could not read {where}"), file.open("rb") as opened, project.local.scratch() as scratch:
        reader, contents = open_members(opened, where)
        if contents.object_format != project.repo.object_format:
            raise errors.SharingError(
                f"{where} is of a repository with {contents.object_format}, and this one has "
                f"{project.repo.object_format}.",
                "Import it into a repository of its kind: git init --object-format",
                code="damaged-bundle",
            )
        chosen = _chosen(contents, words, where)
        if name is not None and len(chosen) != 1:
            raise errors.UsageError("--name is for one experiment.", f"Say which: gitexp import {where} EXP")
        _take_git(project, reader, contents, scratch, where)
        failpoint("bundle:git")
        needed = None if len(chosen) == len(contents.experiments) else chosen.values()
        new = _ObjectsOfBundle(project, reader, contents, where, on_data).take(needed, scratch)
        failpoint("bundle:objects")
    if name is not None:
        chosen = {name: next(iter(chosen.values()))}
    told = pull.take(project, chosen, f"import {where}", even_removed=True)
    return TakenBundle(told, new.number, new.bytes, _missing(project, contents, told, chosen))


def _chosen(contents: BundleContents, words: Iterable[str], where: str) -> dict[str, str]:
    """The experiments for some words; all of them without words."""
    found, every = dict[str, str](), contents.experiments
    for word in words:
        names = [name for name in every if name == word]
        if not names and by_words.is_pattern(word):
            names = [name for name in every if by_words.fits(name, word)]
        elif not names:
            names = [name for name in every if name.lower().startswith(word.lower())]
            if len(names) > 1:
                raise errors.ExperimentError(
                    f"'{word}' may be several experiments of {where}.",
                    f"Give more of the name: {', '.join(names[:12])}",
                    code="ambiguous-experiment",
                )
        if not names:
            raise errors.ExperimentError(
                f"There is no experiment '{word}' in {where}.",
                did_you_mean(word, list(every), f"It has: {', '.join(list(every)[:12]) or 'none'}."),
                code="unknown-experiment",
            )
        found.update((name, every[name]) for name in names)
    return found or dict(every)


def _take_git(
    project: Project, reader: MemberReader, contents: BundleContents, scratch: Path, where: str
) -> None:
    """Store the commits."""
    member = reader.next()
    if member != contents.git:
        raise damaged(where, f"{contents.git.name} is not where it should be")
    file = scratch / contents.git.name
    with file.open("xb") as target:
        if _copied(reader, member, target) != contents.git_hash:
            raise damaged(where, f"{member.name} is not what was put there")
    git_bundle.take_in(project, file, contents.experiments, scratch, where)
    file.unlink()


def _copied(reader: MemberReader, member: BundleMember, target: BinaryIO) -> str:
    """The SHA-256 of a member, after writing it into an open file."""
    counted = hashlib.sha256()
    for piece in reader.content(member):
        counted.update(piece)
        target.write(piece)
    return counted.hexdigest()


class _ObjectsOfBundle:
    """Brings the objects of data of a bundle into the store, each checked by its hash."""

    def __init__(
        self,
        project: Project,
        reader: MemberReader,
        contents: BundleContents,
        where: str,
        on_data: OnProgress | None,
    ) -> None:
        self._project = project
        self._reader = reader
        self._objects = dict(contents.objects)
        self._where = where
        self._on_data = on_data
        self._store = ObjectStore(project.local.objects)

    def take(self, ids: Iterable[str] | None, scratch: Path) -> _NewObjects:
        """Store the objects of some record commits; None for all objects of the bundle."""
        needed = None
        if ids is not None:
            needed = {each.hash for each in _artifacts(self._project, ids)}
        absent = {hash_: size for hash_, size in self._objects.items() if not self._store.holds(hash_, size)}
        count = Count(self._on_data, len(absent), sum(absent.values()))
        found = _NewObjects()
        folders = list[tuple[Path, str]]()
        with self._store.intake() as intake:
            for hash_, member in self._members():
                if hash_ not in absent or (needed is not None and hash_ not in needed):
                    continue
                path = self._stored(intake, hash_, member, count)
                if is_folder(hash_):
                    if member.size > _LARGEST_MANIFEST:
                        raise damaged(self._where, f"the folder {hash_[:12]}… is too large")
                    folders.append((path, hash_))
                    inside = manifest.parse(path.read_bytes(), hash_).files
                    if needed is not None:
                        needed.update(file.hash for file in inside)
                else:
                    self._take_over(intake, path, hash_)
                found = _NewObjects(found.number + 1, found.bytes + member.size)
            intake.flush()  # a process that finds a folder must find the folder's files
            for path, hash_ in folders:
                self._take_over(intake, path, hash_)
        return found

    def _take_over(self, intake: Intake, path: Path, hash_: str) -> None:
        if not self._project.dry_run:
            self._store.take_over(intake, path, hash_)

    def _members(self) -> Iterable[tuple[str, BundleMember]]:
        """Yield the hash and the member of each object. Raises SharingError unless all of the list come."""
        for hash_, size in self._objects.items():
            member = self._reader.next()
            if member != object_member(hash_, size):
                raise damaged(self._where, f"the object {hash_[:12]}… is not where it should be")
            yield hash_, member
        if self._reader.next() is not None:
            raise damaged(self._where, "there is more in it than its list says")

    def _stored(self, intake: Intake, hash_: str, member: BundleMember, count: Count) -> Path:
        """A temporary file with an object. Raises DamagedObject for other content than the hash says."""
        fd, path = intake.new()
        with os.fdopen(fd, "wb") as target:
            found = _copied(self._reader, member, target)
        if found != hash_.removesuffix(FOLDER):
            raise damaged(self._where, f"the object {hash_[:12]}… is not what was put there")
        count.add(member.size)
        count.done()
        return Path(path)


def _artifacts(project: Project, ids: Iterable[str]) -> list[Artifact]:
    """The artifacts of some record commits; an unreadable lock has none."""
    found = list[Artifact]()
    for lock in wanted.locks(project, ids).values():
        if isinstance(lock, Lock):
            found += lock.artifacts
    return found


def _missing(
    project: Project, contents: BundleContents, told: Sequence[Shared], chosen: Mapping[str, str]
) -> list[str]:
    """The paths of data of the taken experiments that is not here."""
    taken = [chosen[one.there] for one in told if one.fate is not Fate.REFUSED]
    store = ObjectStore(project.local.objects)
    found = dict[str, None]()
    for each in _artifacts(project, taken):
        is_coming = project.dry_run and each.hash in contents.objects
        if not (is_coming or store.has(each.hash)):
            found[each.path] = None
    return list(found)
