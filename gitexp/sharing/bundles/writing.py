"""Write experiments into a bundle: code, records and data in one file, whole or not at all."""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path

from gitexp import errors
from gitexp.catalog import sources
from gitexp.datasets import sync, wanted
from gitexp.failpoints import failpoint
from gitexp.model import Artifact, Experiment
from gitexp.named_tuple import NamedTuple
from gitexp.objects.disk import sync as flush
from gitexp.objects.manifest import is_folder
from gitexp.objects.progress import OnProgress
from gitexp.objects.store import ObjectStore, damaged
from gitexp.pipeline.lock import Lock
from gitexp.project.project import Project
from gitexp.repo.experiments import PREFIX
from gitexp.sharing.bundles import git_bundle
from gitexp.sharing.bundles.contents import (
    GIT,
    LIST,
    BundleContents,
    contents_of,
    is_bundle,
    object_member,
)
from gitexp.sharing.bundles.members import BundleMember, MemberWriter
from gitexp.times import now
from gitexp.version import __version__
from gitexp.words import shorten

_NEW = ".gitexp-new"  # the beginning of the name of an unfinished bundle
_PIECE = 1 << 20  # bytes


class WrittenBundle(NamedTuple):
    """The result of writing a bundle.

    Attributes:
        written: the number of experiments that are new in the file.
        known: the number of experiments that were in it already.
        remarks: a sentence for each omission.
    """

    written: int
    known: int = 0
    remarks: Sequence[str] = ()


class _Data(NamedTuple):
    """The data of experiments.

    Attributes:
        objects: the size of each object that is here, by hash; folders first.
        missing: the path of each artifact that is nowhere, by hash.
        remarks: a sentence for each omission.
    """

    objects: Mapping[str, int]
    missing: Mapping[str, str]
    remarks: Sequence[str]


def write(
    project: Project, experiments: Sequence[Experiment], file: Path, on_data: OnProgress | None = None
) -> WrittenBundle:
    """Write experiments into a file; those of an older bundle there stay in it.

    Data that is not here is fetched from the data remote. Raises UsageError for another file there, or for a
    bundle with experiments that are not here; SharingError; DamagedObject; OSError.
    """
    own, remarks = dict[str, str](), list[str]()
    for one in experiments:
        if sources.is_own(one):
            own[one.name] = one.id
        else:
            remarks.append(f"{one.name} is {sources.title(one)}'s, and left out: a bundle has gitexp's own.")
    before = _before(file)
    there = {} if before is None else before.experiments
    new = {name for name, oid in own.items() if there.get(name) != oid}
    known = len(own) - len(new)
    if project.dry_run or not (new or _is_found(project, before)):
        return WrittenBundle(len(new), known, remarks)
    names = [*own, *_kept(project, there, own, file)]
    with project.local.scratch() as scratch:
        made = scratch / GIT
        found = git_bundle.create(project, names, made)
        data = _data(project, list(found.values()), on_data)
        contents = BundleContents(
            project.repo.object_format,
            found,
            BundleMember(GIT, made.stat().st_size),
            _hash_of(made),
            data.objects,
            data.missing,
            now(),
            __version__,
        )
        failpoint("bundle:made")
        _write(file, contents, made, ObjectStore(project.local.objects))
    return WrittenBundle(len(new), known, [*remarks, *data.remarks])


def _before(file: Path) -> BundleContents | None:
    """The list of a bundle that is there; None for no file. Raises UsageError for another file."""
    if not os.path.lexists(file):
        return None
    if not is_bundle(file):
        raise errors.UsageError(
            f"{file} is there, and is no bundle of gitexp.", "Name another file: -o experiments.gitexp"
        )
    return contents_of(file, str(file))


def _is_found(project: Project, before: BundleContents | None) -> bool:
    """Whether data is here now that was missing for the older bundle."""
    if before is None:
        return False
    store = ObjectStore(project.local.objects)
    return any(store.has(hash_) for hash_ in before.missing)


def _kept(project: Project, before: Mapping[str, str], own: Collection[str], file: Path) -> list[str]:
    """The experiments of the older bundle to stay in it. Raises UsageError for one that is not here."""
    names = [name for name in before if name not in own]
    here = {ref.decode().removeprefix(PREFIX) for _, ref in project.repo.refs(PREFIX)}
    absent = [name for name in names if name not in here]
    if absent:
        raise errors.UsageError(
            f"{file} has experiments that are not here: {shorten(absent)}.",
            f"Bring them here first (gitexp import {file}), or name another file.",
        )
    return names


def _data(project: Project, ids: Sequence[str], on_data: OnProgress | None) -> _Data:
    """The data in the locks of some record commits."""
    artifacts, remarks = dict[str, Artifact](), list[str]()
    for lock in wanted.locks(project, ids).values():
        if isinstance(lock, Lock):
            artifacts.update((each.hash, each) for each in lock.artifacts)
        elif lock.message not in remarks:
            remarks.append(lock.message)
    failed = sync.fetch(project, sync.sizes_of(artifacts.values()), on_data)
    store, found, missing = ObjectStore(project.local.objects), dict[str, int](), dict[str, str]()
    for hash_, artifact in artifacts.items():
        if hash_ in failed:
            missing[hash_] = artifact.path
            remarks.append(f"{artifact.path} is left out: {failed[hash_].message}")
            continue
        for each in store.contents(hash_):
            of = store.stat(each)
            if of is not None:
                found[each] = of.st_size
    ordered = sorted(found, key=lambda hash_: (not is_folder(hash_), hash_))
    return _Data({hash_: found[hash_] for hash_ in ordered}, missing, remarks)


# -- the file -----------------------------------------------------------------------------------------


def _write(file: Path, contents: BundleContents, git: Path, store: ObjectStore) -> None:
    """Write the bundle beside its place, and move it there."""
    for left in file.parent.glob(f"{_NEW}-*-{file.name}"):  # of an export that was killed
        left.unlink(missing_ok=True)
    new = file.with_name(f"{_NEW}-{secrets.token_hex(4)}-{file.name}")
    try:
        with new.open("xb") as opened:
            writer, text = MemberWriter(opened), contents.text()
            writer.add(BundleMember(LIST, len(text)), [text])
            with git.open("rb") as source:
                writer.add(contents.git, iter(lambda: source.read(_PIECE), b""))
            for hash_, size in contents.objects.items():
                writer.add(object_member(hash_, size), _pieces(store, hash_))
            writer.end()
        flush([str(new)])
        failpoint("bundle:written")
        new.replace(file)
        failpoint("bundle:named")
    finally:
        with contextlib.suppress(OSError):
            new.unlink(missing_ok=True)


def _pieces(store: ObjectStore, hash_: str) -> Iterator[bytes]:
    """Yield the content of an object. Raises DamagedObject for other content than its hash says."""
    counted = hashlib.sha256()
    with store.opened(hash_) as fd, open(fd, "rb", closefd=False) as content:
        while piece := content.read(_PIECE):
            counted.update(piece)
            yield piece
    if counted.hexdigest() != hash_.removesuffix(".dir"):
        raise damaged(hash_)


def _hash_of(file: Path) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()
