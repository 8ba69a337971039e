"""Objects that nobody refers to: in the store of this repository, or on a data remote."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass

from gitexp import errors
from gitexp.datasets.remotes import remote_of
from gitexp.named_tuple import NamedTuple
from gitexp.objects.manifest import is_folder
from gitexp.objects.remotes.remote import DataRemote
from gitexp.objects.store import FRESH, ObjectStore, StoredObject
from gitexp.objects.sweep import is_unused, put_back, remove_unused
from gitexp.project.project import Project
from gitexp.repo import live
from gitexp.sharing.partner import Contact
from gitexp.times import parse_duration
from gitexp.upkeep import in_use
from gitexp.upkeep.in_use import InUse

AGE = 14 * 86400.0  # seconds for which unused objects are kept
# Between the storing of an object and the lock that names it may pass so many seconds, less FRESH.
LEAST_AGE = 3 * FRESH
_DAY = 86400.0
_SHOWN = 3


@dataclass(frozen=True, slots=True)
class Garbage:
    """The objects of a store or remote, sorted by use; sizes are in bytes.

    Attributes:
        unused: objects to delete: nobody refers to them, and nobody has used them since `before`.
        young: objects without a reference, but too young to tell.
        used: all others.
        before: seconds since the epoch.
        remote: the name of the data remote; None for the store of this repository.
        alone: no Git remote was asked: the use by others is unknown.
    """

    unused: tuple[StoredObject, ...]
    young: tuple[StoredObject, ...]
    used: tuple[StoredObject, ...]
    before: float
    remote: str | None = None
    alone: bool = False


@dataclass(frozen=True, slots=True)
class Removed:
    """The removed objects; and the hashes of objects that could not be removed, with reasons."""

    objects: tuple[StoredObject, ...]
    failed: tuple[tuple[str, str], ...] = ()


class Cleanup(NamedTuple):
    """The outcome of a gc.

    Attributes:
        garbage: all objects, sorted by use.
        removed: what was deleted of the unused ones; None of a dry run.
    """

    garbage: Garbage
    removed: Removed | None


def gc(
    project: Project,
    *,
    older_than: str = "14d",
    remote: str | None = None,
    history: bool = False,
    contact: Contact | None = None,
    force: bool = False,
) -> Cleanup:
    """Delete the objects that nobody refers to, in the store of the repository or on a data remote.

    `older_than` is a text like `14d`: what was stored or used since stays. A dry run deletes nothing. The
    other arguments, and what is raised, are those of `find` and `collect`.
    """
    age = parse_age(older_than)
    garbage = find(project, age, remote=remote, history=history, contact=contact, force=force)
    return Cleanup(garbage, None if project.dry_run else collect(project, garbage))


def size_of(objects: Iterable[StoredObject]) -> int:
    """The bytes of some objects together."""
    return sum(each.size for each in objects)


def parse_age(text: str) -> float:
    """The seconds in a text like `14d` or `12 h`; raises UsageError."""
    seconds = parse_duration(text)
    if seconds is None or text.strip().isdigit():
        raise errors.UsageError(f"'{text}' is no time.", "For example: --older-than 14d, or 12h.")
    return seconds


def find(
    project: Project,
    older_than: float = AGE,
    *,
    remote: str | None = None,
    history: bool = False,
    contact: Contact | None = None,
    force: bool = False,
) -> Garbage:
    """The objects in the store of the repository, or on a data remote, sorted by use.

    `older_than` is in seconds. With `history`, earlier commits of branches and tags count too. Before a
    data remote is cleaned, all Git remotes are asked for the use by others, unless with `force`.

    Raises UsageError for an age at which an object may be stored, but not yet named in a lock; UseUnknown if
    a lock cannot be read, or if a Git remote has commits unknown here; the errors of the data remote.
    """
    if remote is None:
        return _find_here(project, older_than, history=history)
    with remote_of(project, remote) as at:
        # A push leaves an object that it finds there as it is for some days, though it is about to be used.
        _refuse_young(older_than, at.stale_after + _DAY, "pushed")
        before = _time_before(project, older_than)
        there = list(at.list())  # before the question of use: later arrivals are not in the list
        elsewhere: in_use.Tips = {}
        if not force:
            elsewhere = in_use.tips(project, contact)
        found = in_use.find(project, history=history, elsewhere=elsewhere)
        used = _in_use(project, found, ObjectStore(project.local.objects), at)
    unused = {each.hash for each in there if 0 < each.mtime < before}
    return _sorted_by_use(there, used, unused, before, remote, alone=not elsewhere)


def _find_here(project: Project, older_than: float, *, history: bool) -> Garbage:
    _refuse_young(older_than, LEAST_AGE, "stored")
    before = _time_before(project, older_than)
    store = ObjectStore(project.local.objects)
    if (held := project.local.try_lock("gc")) is not None:
        put_back(store)  # after the kill of another gc
        held.release()
    there = list(store.hashes())  # before the question of use, as on a remote
    used = _in_use(project, in_use.find(project, history=history), store, None)
    unused = set[str]()
    for each in there:
        if each.hash not in used and _is_unused(store, each.hash, before):
            unused.add(each.hash)
    return _sorted_by_use(there, used, unused, before)


def _refuse_young(older_than: float, least: float, verb: str) -> None:
    if older_than >= least:
        return
    shown = f"{least / 3600:.0f}h" if least < _DAY else f"{least / _DAY:.0f}d"
    raise errors.UsageError(
        f"What was {verb} just now may be about to be used.", f"Give {shown} or more to --older-than."
    )


def _time_before(project: Project, older_than: float) -> float:
    """The latest time of last use at which nobody can be about to use an object."""
    begun = [run.started - LEAST_AGE for run in live.live_runs(project.local)]
    return min([time.time() - older_than, *begun])


def _is_unused(store: ObjectStore, hash_: str, before: float) -> bool:
    with suppress(FileNotFoundError):
        return is_unused(store.path(hash_), before)
    return False


def _sorted_by_use(
    there: Iterable[StoredObject],
    used: Collection[str],
    old: Collection[str],
    before: float,
    remote: str | None = None,
    *,
    alone: bool = False,
) -> Garbage:
    busy, unused, young = [], [], []
    for each in there:
        if each.hash in used:
            busy.append(each)
        elif each.hash in old:
            unused.append(each)
        else:
            young.append(each)
    return Garbage(tuple(unused), tuple(young), tuple(busy), before, remote, alone)


def collect(project: Project, garbage: Garbage) -> Removed:
    """Remove the unused objects, unless somebody has begun to use them meanwhile.

    On a data remote, unfinished uploads go too, except uploads of the last days. Raises WorkspaceBusy while
    another gc goes on; the errors of the data remote.
    """
    before = garbage.before
    if garbage.remote is None:
        project.repo.kept_packs.release(small=True)
        store = ObjectStore(project.local.objects)
        with project.local.lock("gc"):
            return _removed(garbage.unused, lambda hash_: remove_unused(store, hash_, before))
    with remote_of(project, garbage.remote) as at:
        removed = _removed(garbage.unused, lambda hash_: at.remove_unused(hash_, before))
        with suppress(errors.DataRemoteError):  # unfinished uploads do no harm
            at.remove_leftovers(before)
    return removed


def _removed(unused: Collection[StoredObject], remove: Callable[[str], bool]) -> Removed:
    """Remove objects: a failure must not keep the others."""
    removed: list[StoredObject] = []
    failed: list[tuple[str, str]] = []
    folders, files = list[StoredObject](), list[StoredObject]()
    for each in unused:
        if is_folder(each.hash):
            folders.append(each)
        else:
            files.append(each)
    # A folder that is there has its files there: so files go last, and stay if a folder may need them.
    for some in (folders, files):
        if failed:
            break
        for each in some:
            try:
                if remove(each.hash):
                    removed.append(each)
            except (OSError, errors.GitexpError) as error:
                failed.append((each.hash, _reason(error)))
    return Removed(tuple(removed), tuple(failed))


def _reason(error: Exception) -> str:
    if isinstance(error, errors.GitexpError):
        return error.message
    return (error.strerror if isinstance(error, OSError) else None) or str(error)


# -- what is in use -----------------------------------------------------------------------------------


def _in_use(project: Project, found: InUse, store: ObjectStore, remote: DataRemote | None) -> set[str]:
    """The hashes of all objects in use, also of files in folders; raises UseUnknown."""
    if found.complaints:
        raise _unknown(found.complaints, "Put that right, or remove what is broken, then try again.")
    artifacts = found.artifacts
    used, complaints = {*artifacts, *found.named}, []
    if remote is not None:
        fetch_manifests(store, remote, used)
    for hash_ in sorted(filter(is_folder, used)):
        try:
            used.update(store.contents(hash_))
        except errors.MissingData:
            # Nobody could put the folder together from its files, wherever they are. But a list that was
            # damaged here may be had again; until then its files may be all that is left.
            broken = project.local.broken / hash_
            if broken.exists():
                what = artifacts[hash_].path if hash_ in artifacts else "a folder"
                complaints.append(f"What was in {what} stands in its damaged list alone, {broken}.")
        except (errors.DataError, OSError) as error:
            complaints.append(_reason(error))
    if complaints:
        raise _unknown(complaints, "gitexp fsck mends it, if it can be had from a remote.")
    return used


def fetch_manifests(store: ObjectStore, remote: DataRemote, artifacts: Collection[str]) -> None:
    """Bring lists of folders from a remote, so that all files in them count as used."""
    for hash_ in remote.has_many(store.missing(filter(is_folder, artifacts))):
        temporary = store.new_temp()
        try:
            remote.get(hash_, temporary, lambda _: None)
            store.adopt(temporary, hash_)
        finally:
            temporary.unlink(missing_ok=True)


def _unknown(complaints: Collection[str], hint: str) -> errors.DataError:
    shown = " ".join(_sentences(complaints))
    return errors.DataError(
        f"Nothing is deleted, since it cannot be told what is in use. {shown}", hint, code="use-unknown"
    )


def _sentences(complaints: Collection[str]) -> Iterator[str]:
    for complaint in sorted(complaints)[:_SHOWN]:
        yield f"{complaint.removesuffix('.')}."
    if len(complaints) > _SHOWN:
        yield f"There are {len(complaints) - _SHOWN:,} more."
