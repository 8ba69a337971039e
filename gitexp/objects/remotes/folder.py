"""A folder as a remote: on this machine, or on a disk that is mounted here."""

from __future__ import annotations

import contextlib
import errno
import os
import shlex
import stat
import threading
from collections.abc import Collection, Iterator
from pathlib import Path

from gitexp import errors, nofollow
from gitexp.objects.disk import keep_apart
from gitexp.objects.hashing import WORKERS, OnBytes, Read, copied
from gitexp.objects.intake import READ_ONLY, TEMPORARY, Intake
from gitexp.objects.manifest import FOLDER
from gitexp.objects.remotes.failures import not_there
from gitexp.objects.remotes.remote import CHEAPLY, DataRemote
from gitexp.objects.store import ObjectStore, StoredObject, damaged
from gitexp.objects.sweep import put_back, remove_unused

_FULL = (errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC))


class FolderRemote(DataRemote):
    """A folder as a remote. Objects enter it like the store of this machine.

    Users of a group may share the folder: all its content has the permissions of the folder itself.
    """

    jobs = WORKERS
    stale_after = CHEAPLY

    def __init__(self, name: str, url: str, folder: Path) -> None:
        super().__init__(name, url)
        self._root = folder
        self._lock = threading.Lock()
        self._opened: Intake | None = None
        self._mode = 0  # of the folder itself, from the first object on
        self._fans: set[str] = set()  # folders of objects that are there for sure

    def require(self) -> None:
        """Raise RemoteUnreachable without the folder: its disk may not be mounted."""
        if not self._root.is_dir():
            raise errors.RemoteUnreachable(
                f"The folder of the remote '{self.name}' is not there: {self._root}",
                f"Is its disk mounted? A new one is made by: mkdir {shlex.quote(str(self._root))}",
            )

    def put(self, hash_: str, source: Path, on_bytes: OnBytes) -> None:
        self._put(hash_, source, on_bytes, verified=False)

    def send(self, hash_: str, source: Path, on_bytes: OnBytes) -> None:
        self._put(hash_, source, on_bytes, verified=True)

    def _put(self, hash_: str, source: Path, on_bytes: OnBytes, *, verified: bool) -> None:
        with self._translated():
            intake = self._intake()
            target, temporary = intake.new()
            try:
                # Nobody on this machine reads the copy next.
                read = copied(source, target, temporary, on_bytes, stays="source")
                if verified:
                    _require(hash_, read)
            except BaseException as error:
                Path(temporary).unlink(missing_ok=True)
                if isinstance(error, FileNotFoundError) and error.filename == source:
                    raise damaged(hash_) from error
                raise
            finally:
                os.close(target)
            if os.name != "nt":
                Path(temporary).chmod(READ_ONLY & self._mode | stat.S_IRUSR)
            with self._lock:
                if hash_[:2] not in self._fans:
                    self._make(hash_[:2])
                    self._fans.add(hash_[:2])
                intake.put(temporary, str(self._path(hash_)))

    def _make(self, name: str) -> bool:
        """Whether a folder is new; a new folder has the permissions of the remote's own folder."""
        folder = self._root / name
        try:
            folder.mkdir()
        except FileExistsError:
            return False
        folder.chmod(self._mode)  # not that of this user's umask
        return True

    def _intake(self) -> Intake:
        with self._lock:
            if self._opened is None:
                self._root.mkdir(parents=True, exist_ok=True)
                self._mode = stat.S_IMODE(self._root.stat().st_mode)
                if self._make(TEMPORARY):
                    keep_apart(self._root / TEMPORARY)
                self._opened = Intake(self._root).__enter__()
            return self._opened

    def flush(self) -> None:
        if self._opened is not None:
            with self._lock, self._translated():
                self._opened.flush()

    def close(self) -> None:
        if self._opened is not None:
            with self._translated():
                self._opened.__exit__(None, None, None)
            self._opened = None

    def get(self, hash_: str, target: Path, on_bytes: OnBytes) -> None:
        self._get(hash_, target, on_bytes)

    def receive(self, hash_: str, target: Path, on_bytes: OnBytes) -> None:
        _require(hash_, self._get(hash_, target, on_bytes))

    def _get(self, hash_: str, target: Path, on_bytes: OnBytes) -> Read:
        with self._translated(here=target):
            try:
                with target.open("wb", buffering=0) as writing:
                    return copied(self._path(hash_), writing.fileno(), target, on_bytes)
            except errors.UnstorableData:  # a pipe, a folder
                raise errors.NotOnRemote(f"{hash_[:8]} in the remote '{self.name}' is no file.") from None

    def renew(self, hash_: str) -> None:
        with self._translated():
            os.utime(self._path(hash_))

    def remove_unused(self, hash_: str, before: float) -> bool:
        with self._translated():
            self._intake()  # its folder for what is under way has the permissions of the remote
            return remove_unused(ObjectStore(self._root), hash_, before, linked=False)

    def recover(self) -> None:
        with contextlib.suppress(OSError):  # who may only read can put nothing back
            put_back(ObjectStore(self._root))

    def remove(self, hash_: str) -> None:
        with (
            self._translated(),
            contextlib.suppress(FileNotFoundError),
            nofollow.opened(self._root, hash_[:2]) as fan,
        ):
            fan.remove(hash_[2:])

    def _path(self, hash_: str) -> Path:
        return self._root / hash_[:2] / hash_[2:]

    def _look_at(self, hash_: str) -> StoredObject | None:
        with self._translated():
            try:
                of = self._path(hash_).stat()
            except (FileNotFoundError, NotADirectoryError):
                return None
        if not stat.S_ISREG(of.st_mode):
            return None
        return StoredObject(hash_, of.st_size, of.st_mtime)

    def _folders(self) -> Collection[str]:
        with self._translated(), contextlib.suppress(FileNotFoundError):
            return os.listdir(self._root)
        return ()

    def _entries(self, folder: str) -> Collection[tuple[str, int, float]]:
        if (self._root / folder).is_symlink():  # what is behind it is another's
            return ()
        with self._translated():
            try:
                entries = os.scandir(self._root / folder)
            except (FileNotFoundError, NotADirectoryError):
                return ()
            found = []
            with entries:
                for entry in entries:
                    with contextlib.suppress(FileNotFoundError):  # a gc removes it at this moment
                        if entry.is_file():
                            of = entry.stat()
                            found.append((entry.name, of.st_size, of.st_mtime))
        return found

    @contextlib.contextmanager
    def _translated(self, here: Path | None = None) -> Iterator[None]:
        """Raise OSErrors of the block as DataRemoteError, or as DiskFull if the block writes to `here`."""
        try:
            yield
        except FileNotFoundError as error:
            raise not_there(self.name) from error
        except OSError as error:
            if error.errno in _FULL and here is not None:
                raise errors.DiskFull("The disk is full.", f"Make room in {here.parent}.") from error
            hint = "Make room there." if error.errno in _FULL else "Check the folder and its permissions."
            raise errors.DataRemoteError(
                f"The remote '{self.name}' ({self._root}): {error.strerror or error}.",
                hint,
                code="data-remote-refused",
            ) from error


def _require(hash_: str, read: Read) -> None:
    if read.hash != hash_.removesuffix(FOLDER):
        raise damaged(hash_)
