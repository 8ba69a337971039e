"""Objects between the local store and a remote: only what is missing, many at once, each one verified.

What has arrived stays, whatever happens to the rest: the next try goes on with it. A folder's manifest is
pushed after its files, so one that is on a remote has its files there.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from gitexp import errors
from gitexp.failpoints import failpoint
from gitexp.objects.hashing import OnBytes, large_first
from gitexp.objects.intake import Intake
from gitexp.objects.manifest import is_folder
from gitexp.objects.progress import OnProgress, Progress
from gitexp.objects.remotes.remote import DataRemote, ListedObject
from gitexp.objects.store import ObjectStore

TRIES = 4
_FIRST_WAIT = 0.2  # seconds; four times as long after each try
_GIVE_UP = 8  # objects in a row that the remote did not answer for
_TICK = 0.1  # seconds between two reports
_FLUSH = 2.0  # seconds after which what has arrived gets its names
_ENDS_SOON = 1.0  # seconds that Ctrl-C waits for what is in the middle of something
_LEFTOVER = 24 * 3600.0  # seconds; nobody uploads one object for a day
_LARGEST_MANIFEST = 1 << 30  # bytes; as a manifest's reader has it

_Action = Callable[[str, int | None, OnBytes], None]  # hash, size, whom to tell of bytes


@dataclass(frozen=True, slots=True)
class Transferred:
    """What was transferred: hashes, how many bytes, and for each object that failed the reason."""

    hashes: tuple[str, ...] = ()
    bytes: int = 0
    failed: Mapping[str, errors.GitexpError] = field(default_factory=dict)


def push(
    store: ObjectStore,
    remote: DataRemote,
    hashes: Iterable[str],
    *,
    jobs: int | None = None,
    on_progress: OnProgress | None = None,
) -> Transferred:
    """Upload what the remote does not have of some artifacts, folders with their files.

    What is neither here nor there has failed, and so has a folder of which a file has. What is there and has
    been for days is made fresh, since a gc there might be about to delete it. Raises DataRemoteError if the
    remote cannot be asked at all.
    """
    contents, unreadable = _contents(store, hashes)
    wanted = dict.fromkeys(hash_ for parts in contents.values() for hash_ in parts)
    there = remote.look_at([*wanted, *unreadable])
    sizes = {hash_: size for hash_ in wanted if (size := _size(store, hash_)) is not None}
    stale = _not_renewed(remote, there, jobs)
    # One of another size is the rest of an upload that was cut off where nothing better than that is known.
    to_send = [h for h in sizes if h not in there or h in stale or there[h].size not in (sizes[h], -1)]
    failed = {hash_: error for hash_, error in unreadable.items() if hash_ not in there}
    failed |= {hash_: _nowhere(hash_) for hash_ in wanted if hash_ not in sizes and hash_ not in there}
    if not to_send:
        return Transferred(failed=failed)
    remote.remove_leftovers(time.time() - _LEFTOVER)
    team = _Team(jobs or remote.jobs, {hash_: sizes[hash_] for hash_ in to_send}, on_progress)
    send = partial(_send, store, remote)
    team.work(send, [hash_ for hash_ in to_send if not is_folder(hash_)], remote.flush)
    failed |= {hash_: error for hash_, error in team.failed.items() if hash_ not in stale}
    # The rest of the folders have failed by their files.
    whole = [h for h in to_send if is_folder(h) and failed.keys().isdisjoint(contents[h])]
    team.work(send, whole, remote.flush)
    failed |= {hash_: error for hash_, error in team.failed.items() if hash_ not in stale}
    return Transferred(tuple(team.done), team.bytes, failed)


def _not_renewed(remote: DataRemote, there: Mapping[str, ListedObject], jobs: int | None) -> Collection[str]:
    """Make fresh what is stale of the objects that are on a remote; return those with which that cannot be
    done. These are to be sent again, though to have them there may be all that is allowed."""
    before = time.time() - remote.stale_after
    stale = [hash_ for hash_, each in there.items() if 0 < each.mtime < before]
    team = _Team(jobs or remote.jobs, dict.fromkeys(stale))
    if stale:
        team.work(lambda hash_, size, on_bytes: remote.renew(hash_), stale, remote.flush)
    # A gc may have looked at one before, and have removed it since.
    return set(stale).difference(remote.look_at(team.done) if team.done else ())


def pull(
    store: ObjectStore,
    remote: DataRemote,
    hashes: Mapping[str, int | None],
    *,
    jobs: int | None = None,
    on_progress: OnProgress | None = None,
) -> Transferred:
    """Download what the store does not have of some artifacts, folders with their files.

    `hashes` has the size of each file, None where it is not known; a download that is larger is ended.
    Nothing enters the store that is not, byte for byte, what its hash says. Raises DataRemoteError if the
    remote cannot be asked at all, DiskFull.
    """
    contents, unreadable = _contents(store, hashes)
    missing = [*unreadable, *store.missing(part for parts in contents.values() for part in parts)]
    if not missing:
        return Transferred()
    # One question tells whether it answers, or each object would be tried until that is plain.
    remote.has_many(missing[:1])
    with store.intake() as intake:
        receive = partial(_receive, store, remote, intake)
        folders = _Team(jobs or remote.jobs, dict.fromkeys(filter(is_folder, hashes), _LARGEST_MANIFEST))
        folders.work(receive, store.missing(filter(is_folder, hashes)), intake.flush)
        contents, unreadable = _contents(store, [h for h in hashes if h not in folders.failed])
        sizes: dict[str, int | None] = {h: size for h, size in hashes.items() if not is_folder(h)}
        for hash_ in filter(is_folder, contents):
            sizes |= {file.hash: file.size for file in store.manifest(hash_).files}
        to_receive = store.missing(sizes)
        files = _Team(jobs or remote.jobs, {h: sizes[h] for h in to_receive}, on_progress)
        files.work(receive, to_receive, intake.flush)
    return Transferred(
        (*folders.done, *files.done),
        folders.bytes + files.bytes,
        {**folders.failed, **unreadable, **files.failed},
    )


def _contents(
    store: ObjectStore, hashes: Iterable[str]
) -> tuple[dict[str, Sequence[str]], dict[str, errors.GitexpError]]:
    """Return the objects of each artifact, and why a folder's are not known."""
    contents: dict[str, Sequence[str]] = {}
    unreadable: dict[str, errors.GitexpError] = {}
    for hash_ in dict.fromkeys(hashes):
        try:
            contents[hash_] = store.contents(hash_)
        except errors.DataError as error:
            unreadable[hash_] = error
    return contents, unreadable


def _size(store: ObjectStore, hash_: str) -> int | None:
    try:
        return store.path(hash_).stat().st_size
    except OSError:
        return None


def _send(store: ObjectStore, remote: DataRemote, hash_: str, size: int | None, on_bytes: OnBytes) -> None:
    remote.send(hash_, store.path(hash_), on_bytes)


def _receive(
    store: ObjectStore, remote: DataRemote, intake: Intake, hash_: str, size: int | None, on_bytes: OnBytes
) -> None:
    temporary = Path(intake.new_path())
    received = 0

    def count(more: int) -> None:
        nonlocal received
        received += more
        if size is not None and received > size:
            raise _spoilt(remote, hash_)
        on_bytes(more)

    try:
        remote.receive(hash_, temporary, count)
        failpoint("transfer:received")
        store.take_over(intake, temporary, hash_)
    except BaseException as error:
        temporary.unlink(missing_ok=True)
        if isinstance(error, errors.DamagedObject):
            raise _spoilt(remote, hash_) from error
        raise


def _spoilt(remote: DataRemote, hash_: str) -> errors.DamagedObject:
    full = f"{remote.url.rstrip('/')}/{hash_[:2]}/{hash_[2:]}"
    return errors.DamagedObject(
        f"The object {hash_[:12]} on the remote '{remote.name}' is damaged: it was not taken.",
        f"Remove {full}; then whoever has it whole: gitexp data push",
        hash=hash_,
    )


def _nowhere(hash_: str) -> errors.MissingData:
    return errors.MissingData(
        f"The object {hash_[:12]} is neither in the store nor on the remote.",
        "Whoever has it can push it: gitexp data push.",
    )


class _Team:
    """Threads that transfer objects, of which `sizes` says how large they are.

    What went through is in `done`, what did not in `failed`, with the reason. One that fails stops no
    other, but for a full disk, and a remote that does not answer any more.
    """

    def __init__(
        self, jobs: int, sizes: Mapping[str, int | None], on_progress: OnProgress | None = None
    ) -> None:
        self.done: list[str] = []
        self.failed: dict[str, errors.GitexpError] = {}
        self.bytes = 0
        self._jobs = jobs
        self._sizes = sizes
        self._of_bytes = sum(size or 0 for size in sizes.values())
        self._on_progress = on_progress
        self._began = self._flushed = time.monotonic()
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._fatal: BaseException | None = None
        self._unanswered = 0  # in a row

    def work(self, action: _Action, hashes: Sequence[str], flush: Callable[[], None]) -> None:
        """Do `action` to each object; raises DiskFull, and what nobody foresaw.

        `flush` gives what has arrived its names: now and then, and in the end, however that comes.
        """
        todo = iter(large_first(hashes, lambda hash_: self._sizes.get(hash_) or 0))
        threads = [
            threading.Thread(target=self._work, args=(action, todo), daemon=True)
            for _ in range(min(self._jobs, len(hashes)))
        ]
        try:
            for thread in threads:
                thread.start()
            for thread in threads:
                while thread.is_alive():
                    thread.join(_TICK)
                    self._tick(flush)
        except BaseException:  # Ctrl-C
            self._stop.set()
            for thread in threads:
                thread.join(_ENDS_SOON)
            raise
        finally:
            flush()
        if self._fatal is not None:
            raise self._fatal
        for hash_ in todo:  # after the remote was given up
            self.failed[hash_] = errors.RemoteUnreachable("Not tried: the remote does not answer any more.")
        self._report()

    def _tick(self, flush: Callable[[], None]) -> None:
        if time.monotonic() - self._flushed > _FLUSH:
            flush()
            self._flushed = time.monotonic()
        self._report()

    def _report(self) -> None:
        if self._on_progress is not None:
            done = len(self.done) + len(self.failed)
            elapsed = time.monotonic() - self._began
            self._on_progress(Progress(done, len(self._sizes), self.bytes, self._of_bytes, elapsed))

    def _work(self, action: _Action, todo: Iterator[str]) -> None:
        """What one thread does."""
        while not self._stop.is_set():
            with self._lock:
                hash_ = next(todo, None)
            if hash_ is None:
                return
            try:
                self._try(action, hash_)
            except _Stopped:
                return
            except errors.DiskFull as error:
                self._end(error)
            except errors.GitexpError as error:
                self._fail(hash_, error)
            except BaseException as error:
                self._end(error)

    def _try(self, action: _Action, hash_: str) -> None:
        """Transfer one object, again where that may help; raises what it ends with."""
        waits = [_FIRST_WAIT * 4**n for n in range(TRIES - 1)]
        may_be_cut = True
        while True:
            counted = _Counted(self._count)
            try:
                action(hash_, self._sizes.get(hash_), counted)
            except BaseException as error:
                counted.take_back()
                if isinstance(error, errors.DamagedObject) and may_be_cut:
                    may_be_cut = False  # a connection that broke looks the same, once
                elif not isinstance(error, errors.RemoteUnreachable) or not waits:
                    raise
                elif self._stop.wait(waits.pop(0)):
                    raise _Stopped("Stopped.") from error
            else:
                with self._lock:
                    self.done.append(hash_)
                    self._unanswered = 0
                return

    def _count(self, more: int) -> None:
        if self._stop.is_set():
            raise _Stopped("Stopped.")
        with self._lock:
            self.bytes += more

    def _fail(self, hash_: str, error: errors.GitexpError) -> None:
        with self._lock:
            self.failed[hash_] = error
            self._unanswered = self._unanswered + 1 if isinstance(error, errors.RemoteUnreachable) else 0
            if self._unanswered >= _GIVE_UP:
                self._stop.set()

    def _end(self, error: BaseException) -> None:
        self._fatal = self._fatal or error
        self._stop.set()


class _Stopped(errors.Interrupted):
    """The transfer is to end. As one of ours it comes through, where a package catches others on the way."""


class _Counted:
    """Tells of bytes, and can take that back when they are to come again."""

    def __init__(self, count: OnBytes) -> None:
        self._count = count
        self._bytes = 0

    def __call__(self, more: int) -> None:
        self._bytes += more
        self._count(more)

    def take_back(self) -> None:
        """Uncount what was told."""
        with contextlib.suppress(_Stopped):
            self._count(-self._bytes)
