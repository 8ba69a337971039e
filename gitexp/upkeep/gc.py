"""Objects that nobody refers to: in the store of this repository, or on a data remote."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass

from gitexp import errors
from gitexp.objects.manifest import is_folder
from gitexp.objects.remotes.remote import DataRemote, ListedObject
from gitexp.objects.store import FRESH, ObjectStore
from gitexp.objects.sweep import is_unused, put_back, remove_unused
from gitexp.project.project import Project
from gitexp.repo import live
from gitexp.sharing.partner import Contact
from gitexp.times import parse_duration
from gitexp.upkeep import in_use
from gitexp.upkeep.in_use import InUse

AGE = 14 * 86400.0  # seconds that what nobody refers to is kept
# Between an object's being stored and the lock that names it there may be this long, less FRESH.
LEAST_AGE = 3 * FRESH
_DAY = 86400.0
_SHOWN = 3


@dataclass(frozen=True, slots=True)
class Garbage:
    """What one store holds, as gc sees it; sizes are in bytes.

    `unused` is what may go: nobody refers to it, and nobody has used it since `before`. What is `young`
    nobody refers to either, but it is too early to tell. `alone` says that for a data remote nobody else was
    asked: what others have is not known.
    """

    unused: tuple[ListedObject, ...]
    young: tuple[ListedObject, ...]
    used: tuple[ListedObject, ...]
    before: float
    alone: bool = False


@dataclass(frozen=True, slots=True)
class Removed:
    """What gc has removed, and what it could not, with the reason."""

    objects: tuple[ListedObject, ...]
    failed: tuple[tuple[str, str], ...] = ()


def size_of(objects: Iterable[ListedObject]) -> int:
    """Return the bytes of some objects together."""
    return sum(each.size for each in objects)


def parse_age(text: str) -> float:
    """Return the seconds that a text such as `14d` or `12 h` means; raises UsageError."""
    seconds = parse_duration(text)
    if seconds is None or text.strip().isdigit():
        raise errors.UsageError(f"'{text}' is no time.", "For example: --older-than 14d, or 12h.")
    return seconds


def find(
    project: Project,
    older_than: float = AGE,
    *,
    remote: DataRemote | None = None,
    history: bool = False,
    contact: Contact | None = None,
    force: bool = False,
) -> Garbage:
    """Return what is in use and what is not, in the store of the repository or on a remote.

    `older_than` is in seconds; with `history`, what earlier commits of branches and tags refer to is in
    use as well. For a remote the Git remotes are asked, unless with `force`: others use it, too. Raises
    UsageError for an age at which objects may be only half used yet; UseUnknown if anything that refers to
    objects cannot be read, or is at a Git remote and not here; what the remote raises.
    """
    # What a push finds there it leaves as it is for some days, though it is about to be used.
    least = LEAST_AGE if remote is None else remote.stale_after + _DAY
    if older_than < least:
        shown = f"{least / 3600:.0f}h" if least < _DAY else f"{least / _DAY:.0f}d"
        raise errors.UsageError(
            f"What was {'stored' if remote is None else 'pushed'} just now may be about to be used.",
            f"Give {shown} or more to --older-than.",
        )
    before = _time_before(project, older_than)
    store = ObjectStore(project.local.objects)
    if remote is None and (held := project.local.try_lock("gc")) is not None:
        put_back(store)  # from one that was killed
        held.release()
    # What is there is listed before it is asked what is in use: what comes meanwhile is not among it.
    there = [ListedObject(*each) for each in store.hashes()] if remote is None else list(remote.list())
    elsewhere = {} if remote is None or force else in_use.tips(project, contact)
    found = in_use.find(project, history=history, elsewhere=elsewhere)
    used = _in_use(project, found, store, remote)
    spare = [each for each in there if each.hash not in used]
    if remote is None:
        unused = [each for each in spare if _is_unused(store, each.hash, before)]
    else:
        unused = [each for each in spare if 0 < each.mtime < before]
    old = {each.hash for each in unused}
    young = tuple(each for each in spare if each.hash not in old)
    used_ones = tuple(each for each in there if each.hash in used)
    return Garbage(tuple(unused), young, used_ones, before, alone=remote is not None and not elsewhere)


def collect(project: Project, garbage: Garbage, *, remote: DataRemote | None = None) -> Removed:
    """Remove what is unused from the store of the repository, or from a remote, and return what that was.

    What somebody has begun to use since it was found is left; on a remote, so are uploads of the last days
    that are not finished. Raises WorkspaceBusy while another gc goes on.
    """
    if remote is not None:

        def remove(hash_: str) -> bool:
            there = remote.look_at([hash_]).get(hash_)
            if there is None or there.mtime >= garbage.before:
                return False
            remote.remove(hash_)
            return True

        removed = _removed(garbage.unused, remove)
        with suppress(errors.DataRemoteError):  # they are no harm
            remote.remove_leftovers(garbage.before)
        return removed
    store = ObjectStore(project.local.objects)
    with project.local.lock("gc"):
        return _removed(garbage.unused, lambda hash_: remove_unused(store, hash_, garbage.before))


def _removed(unused: Collection[ListedObject], remove: Callable[[str], bool]) -> Removed:
    """Remove all that can be removed: one file that fails must not keep the others."""
    removed: list[ListedObject] = []
    failed: list[tuple[str, str]] = []
    folders = [each for each in unused if is_folder(each.hash)]
    files = [each for each in unused if not is_folder(each.hash)]
    # One that is there has its files there: these go last, and not at all if a folder may need them.
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
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return error.message if isinstance(error, errors.GitexpError) else str(error)


def _time_before(project: Project, older_than: float) -> float:
    """Return when an object must have been used last, so that nobody can be about to use it."""
    begun = [run.started - LEAST_AGE for run in live.live_runs(project.local)]
    return min([time.time() - older_than, *begun])


def _is_unused(store: ObjectStore, hash_: str, before: float) -> bool:
    with suppress(FileNotFoundError):
        return is_unused(store.path(hash_), before)
    return False


# -- what is in use -----------------------------------------------------------------------------------


def _in_use(project: Project, found: InUse, store: ObjectStore, remote: DataRemote | None) -> set[str]:
    """Return the hashes of all that is in use, files in folders too; raises UseUnknown."""
    if found.complaints:
        raise _unknown(found.complaints, "Put that right, or remove what is broken, then try again.")
    artifacts = found.artifacts
    if remote is not None:
        fetch_manifests(store, remote, {*artifacts, *found.named})
    used, complaints = {*artifacts, *found.named}, []
    for hash_ in sorted(filter(is_folder, used)):
        try:
            used.update(store.contents(hash_))
        except errors.MissingData:
            # Its files may be anywhere, but nobody could put the folder together from them. Only where the
            # list was damaged here they may be all that is left, until it is had again.
            if (broken := project.local.broken / hash_).exists():
                what = artifacts[hash_].path if hash_ in artifacts else "a folder"
                complaints.append(f"What was in {what} stands in its damaged list alone, {broken}.")
        except (errors.DataError, OSError) as error:
            complaints.append(_reason(error))
    if complaints:
        raise _unknown(complaints, "gitexp fsck mends it, if it can be had from a remote.")
    return used


def fetch_manifests(store: ObjectStore, remote: DataRemote, artifacts: Collection[str]) -> None:
    """Bring those folders' lists of files that only the remote has: what they name must stay there."""
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
        yield complaint if complaint.endswith(".") else f"{complaint}."
    if len(complaints) > _SHOWN:
        yield f"There are {len(complaints) - _SHOWN:,} more."
