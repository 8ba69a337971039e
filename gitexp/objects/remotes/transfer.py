"""Transfers between the local store and a remote: only missing objects, many at once, each verified.

An object that has arrived stays, whatever happens to the others: the next try begins there. A folder's
manifest is pushed after its files, so the files of a manifest on a remote are there, too.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from functools import partial
from itertools import chain
from pathlib import Path

from gitexp import errors
from gitexp.failpoints import failpoint
from gitexp.objects.hashing import OnBytes, large_first
from gitexp.objects.intake import Intake
from gitexp.objects.manifest import is_folder
from gitexp.objects.progress import OnProgress, Progress
from gitexp.objects.remotes.remote import DataRemote
from gitexp.objects.store import ObjectStore, StoredObject

TRIES = 4
_FIRST_WAIT = 0.2  # seconds; four times as long after each try
_GIVE_UP = 8  # objects in a row that the remote did not answer for
_TICK = 0.1  # seconds between two reports
_FLUSH = 2.0  # seconds after which arrived objects get their names
_ENDS_SOON = 1.0  # seconds that Ctrl-C waits for the threads
_LEFTOVER = 24 * 3600.0  # seconds; nobody uploads one object for a day
_LARGEST_MANIFEST = 1 << 30  # bytes; the same limit as in `manifest.parse`

_Action = Callable[[str, int | None, OnBytes], None]  # hash, size, counter of bytes


@dataclass(frozen=True, slots=True)
class Transferred:
    """The objects of a push or pull.

    Attributes:
        hashes: the transferred objects.
        bytes: the bytes sent or received.
        failed: for each object that failed, the reason.
    """

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
    dry_run: bool = False,
) -> Transferred:
    """Upload the objects of some artifacts that the remote lacks; of folders, all files.

    An object neither here nor there fails, and so does a folder with a failed file. Old objects on the
    remote are made fresh, because a gc there might be about to delete them. With `dry_run`, the objects
    that would go. Raises DataRemoteError if the remote cannot be asked at all.
    """
    contents, unreadable = _contents(store, hashes)
    wanted = dict.fromkeys(chain.from_iterable(contents.values()))
    there = remote.look_at([*wanted, *unreadable])
    stale: Set[str] = frozenset() if dry_run else _not_renewed(remote, there, jobs)
    failed = {hash_: error for hash_, error in unreadable.items() if hash_ not in there}
    to_send, absent = _to_send(store, wanted, there, stale)
    failed.update(absent)
    if not to_send:
        return Transferred(failed=failed)
    if dry_run:
        return Transferred(tuple(to_send), sum(to_send.values()), failed)
    remote.remove_leftovers(time.time() - _LEFTOVER)
    team = _Team(jobs or remote.jobs, to_send, on_progress)

    def send_all(hashes: Sequence[str]) -> None:
        team.work(partial(_send, store, remote), hashes, remote.flush)
        # A stale object is on the remote, and that may be all that is allowed; unless a gc has removed it.
        in_doubt = team.failed.keys() & stale
        still_there = remote.look_at(in_doubt) if in_doubt else {}
        for hash_, error in team.failed.items():
            if hash_ not in still_there:
                failed[hash_] = error

    send_all([hash_ for hash_ in to_send if not is_folder(hash_)])
    folders = filter(is_folder, to_send)
    # A folder with a failed file stays here: on a remote, a folder is there only if its files are.
    send_all([hash_ for hash_ in folders if failed.keys().isdisjoint(contents[hash_])])
    return Transferred(tuple(team.done), team.bytes, failed)


def _to_send(
    store: ObjectStore, wanted: Iterable[str], there: Mapping[str, StoredObject], stale: Set[str]
) -> tuple[dict[str, int], dict[str, errors.GitexpError]]:
    """The sizes of the objects to send; and for each object neither here nor there, the error."""
    to_send, absent = dict[str, int](), dict[str, errors.GitexpError]()
    for hash_ in wanted:
        size, on_remote = _size(store, hash_), there.get(hash_)
        if size is None:
            if on_remote is None:
                absent[hash_] = _nowhere(hash_)
        elif on_remote is None or hash_ in stale or _is_cut_off(on_remote, size):
            to_send[hash_] = size
    return to_send, absent


def _is_cut_off(there: StoredObject, size: int) -> bool:
    """Whether an object on a remote is half an upload, left by some servers. The size -1 means unknown."""
    return there.size not in (size, -1)


def _not_renewed(remote: DataRemote, there: Mapping[str, StoredObject], jobs: int | None) -> Set[str]:
    """Make the stale objects of a remote fresh. Returns the hashes to be sent again."""
    before = time.time() - remote.stale_after
    stale = [hash_ for hash_, each in there.items() if 0 < each.mtime < before]
    if not stale:
        return frozenset()
    team = _Team(jobs or remote.jobs, dict.fromkeys(stale))
    team.work(lambda hash_, size, on_bytes: remote.renew(hash_), stale, remote.flush)
    # A gc may have found an object stale before it was renewed, and have removed it since.
    still_there = remote.look_at(team.done) if team.done else ()
    return set(stale).difference(still_there)


def pull(
    store: ObjectStore,
    remote: DataRemote,
    hashes: Mapping[str, int | None],
    *,
    jobs: int | None = None,
    on_progress: OnProgress | None = None,
    dry_run: bool = False,
) -> Transferred:
    """Download the objects of some artifacts that the store lacks; of folders, all files.

    `hashes` has the size of each file, None if unknown; a larger download is ended. Content enters the store
    only if it has the hash. With `dry_run`, the objects that would come, as far as lists of folders are
    here; their bytes, as far as known. Raises DataRemoteError if the remote cannot be asked at all; DiskFull.
    """
    contents, unreadable = _contents(store, hashes)
    missing = [*unreadable, *store.missing(chain.from_iterable(contents.values()))]
    if not missing:
        return Transferred()
    # One question tells whether the remote answers: else every object would be tried several times.
    if dry_run:
        there = remote.has_many(missing)
        coming, size, failed = [], 0, dict[str, errors.GitexpError]()
        for hash_ in missing:
            if hash_ in there:
                coming.append(hash_)
                size += hashes.get(hash_) or 0
            else:
                failed[hash_] = _nowhere(hash_)
        return Transferred(tuple(coming), size, failed)
    remote.has_many(missing[:1])
    with store.intake() as intake:
        receive = partial(_receive, store, remote, intake)
        of_folders = list(filter(is_folder, hashes))
        manifests = _Team(jobs or remote.jobs, dict.fromkeys(of_folders, _LARGEST_MANIFEST))
        manifests.work(receive, store.missing(of_folders), intake.flush)
        contents, unreadable = _contents(store, [h for h in hashes if h not in manifests.failed])
        sizes: dict[str, int | None] = {h: size for h, size in hashes.items() if not is_folder(h)}
        for hash_ in filter(is_folder, contents):
            sizes |= {file.hash: file.size for file in store.manifest(hash_).files}
        to_receive = store.missing(sizes)
        files = _Team(jobs or remote.jobs, {h: sizes[h] for h in to_receive}, on_progress)
        files.work(receive, to_receive, intake.flush)
    return Transferred(
        (*manifests.done, *files.done),
        manifests.bytes + files.bytes,
        {**manifests.failed, **unreadable, **files.failed},
    )


def _contents(
    store: ObjectStore, hashes: Iterable[str]
) -> tuple[dict[str, Sequence[str]], dict[str, errors.GitexpError]]:
    """The objects of each artifact; and for each folder without a readable manifest, the error."""
    contents: dict[str, Sequence[str]] = {}
    unreadable: dict[str, errors.GitexpError] = {}
    for hash_ in dict.fromkeys(hashes):
        try:
            contents[hash_] = store.contents(hash_)
        except errors.DataError as error:
            unreadable[hash_] = error
    return contents, unreadable


def _size(store: ObjectStore, hash_: str) -> int | None:
    of = store.stat(hash_)
    return None if of is None else of.st_size


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
    """Threads that transfer objects of known `sizes`.

    A failed object does not stop the others, except for a full disk and a silent remote.

    Attributes:
        done: hashes of transferred objects.
        failed: for each other object, the reason.
        bytes: transferred so far.
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
        """Do `action` for each object. Raises DiskFull, and unexpected errors.

        `flush` gives arrived objects their names: every two seconds, and at the end, even after an error.
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
        """Transfer one object, with new tries where these may help. Raises the error of the last try."""
        waits = [_FIRST_WAIT * 4**n for n in range(TRIES - 1)]
        may_be_cut = True
        while True:
            counted = _Counted(self._count)
            try:
                action(hash_, self._sizes.get(hash_), counted)
            except BaseException as error:
                counted.take_back()
                if isinstance(error, errors.DamagedObject) and may_be_cut:
                    may_be_cut = False  # a broken connection looks the same: try once more
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
            if isinstance(error, errors.RemoteUnreachable):
                self._unanswered += 1
            else:
                self._unanswered = 0
            if self._unanswered >= _GIVE_UP:
                self._stop.set()

    def _end(self, error: BaseException) -> None:
        self._fatal = self._fatal or error
        self._stop.set()


class _Stopped(errors.Interrupted):
    """The end of all transfers: one of our errors, to pass through the code of packages."""


class _Counted:
    """Counts the bytes of one try, and can take them back before the next one."""

    def __init__(self, count: OnBytes) -> None:
        self._count = count
        self._bytes = 0

    def __call__(self, more: int) -> None:
        self._bytes += more
        self._count(more)

    def take_back(self) -> None:
        """Uncount the bytes of this try."""
        with contextlib.suppress(_Stopped):
            self._count(-self._bytes)
