"""Objects on their way into the store: none has its name before all of it is on the disk."""

from __future__ import annotations

import itertools
import os
import re
import shutil
import tempfile
import threading
import time
from contextlib import suppress
from pathlib import Path
from types import TracebackType

from gitexp.failpoints import failpoint
from gitexp.objects.disk import keep_apart, sync

READ_ONLY = 0o444
_MODE = 0o666 if os.name == "nt" else READ_ONLY  # Windows flushes no file that is read-only
TEMPORARY = "tmp"  # the folder in that of the objects
OURS = "gitexp-"  # what is ours in there begins with this: on a remote it may be somebody's, with more in it

_OUR_FILE = re.compile(f"{OURS}[0-9a-f]{{16}}")
_STALE_AFTER = 24 * 3600.0  # seconds; nobody writes on one object for a day
_MANY = 4096  # objects that may wait, so that a kill has not lost hours of work
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)


def new_file(objects: Path) -> Path:
    """Return a path at which nothing is yet; the next intake removes what stands there a day later."""
    return temporary_folder(objects) / f"{OURS}{os.urandom(8).hex()}"


class FileNames:
    """Names for new files in a folder, for several threads: each has a folder of its own below it.

    In one folder they would wait for each other.
    """

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self._own = threading.local()

    def new(self) -> str:
        """Return a path at which nothing is."""
        if not hasattr(self._own, "names"):
            folder = tempfile.mkdtemp(dir=self._folder)
            self._own.names = (os.path.join(folder, str(number)) for number in itertools.count())
        path: str = next(self._own.names)
        return path


class Intake:
    """Use it as a context manager: what has been `put` is in the store at the end, or after `flush`.

    After an error nothing more gets in; what had its name by then stays, and does no harm.
    """

    def __init__(self, objects: Path) -> None:
        self._objects = objects
        self._folder = ""
        self._names = FileNames("")
        self._lock = threading.Lock()
        self._waiting: list[tuple[str, str]] = []

    def __enter__(self) -> Intake:
        place = temporary_folder(self._objects)
        for old in stale(place):
            if old.name.startswith(OURS):
                _remove(old)
        self._folder = tempfile.mkdtemp(prefix=OURS, dir=place)
        self._names = FileNames(self._folder)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        try:
            if error is None:
                self.flush()
        finally:
            shutil.rmtree(self._folder, ignore_errors=True)

    def new(self) -> tuple[int, str]:
        """Return a descriptor to write an object to, and the path of that file."""
        path = self.new_path()
        return os.open(path, _NEW, _MODE), path

    def new_path(self) -> str:
        """Return the path for an object that is still to be made."""
        return self._names.new()

    def put(self, temporary: str, target: str) -> None:
        """Take over a file that is complete, to be moved to `target`."""
        with self._lock:
            self._waiting.append((temporary, target))
            enough = len(self._waiting) >= _MANY
        if enough:
            self.flush()

    def flush(self) -> None:
        """Give all that waits its name."""
        with self._lock:  # or what another thread puts at this moment would be lost
            waiting, self._waiting = self._waiting, []
        if not waiting:
            return
        sync([temporary for temporary, _ in waiting])
        failpoint("objects:written")
        for temporary, target in waiting:
            _rename(temporary, target)
            failpoint("objects:named")
        sync({os.path.dirname(target) for _, target in waiting})


def temporary_folder(objects: Path) -> Path:
    """Return the folder of what is being written, which is made."""
    place = objects / TEMPORARY
    if not place.is_dir():
        place.mkdir(parents=True, exist_ok=True)
        keep_apart(place)
    return place


def stale(place: Path) -> list[Path]:
    """Return what processes have left in a folder of temporary files which must be gone."""
    with suppress(OSError):
        return [path for path in place.iterdir() if _is_stale(path)]
    return []


def _remove(old: Path) -> None:
    if old.is_dir():
        shutil.rmtree(old, ignore_errors=True)
    elif _OUR_FILE.fullmatch(old.name):
        with suppress(OSError):
            old.unlink()


def _is_stale(path: Path) -> bool:
    try:
        inside = list(path.iterdir()) if path.is_dir() else []
        newest = max(each.stat().st_mtime for each in (path, *inside))
    except OSError:
        return False
    return time.time() - newest > _STALE_AFTER


def _rename(temporary: str, target: str) -> None:
    if _MODE != READ_ONLY:
        os.chmod(temporary, READ_ONLY)
    try:
        os.replace(temporary, target)
    except FileNotFoundError:
        os.makedirs(os.path.dirname(target), exist_ok=True)
        os.replace(temporary, target)
    except PermissionError:
        # Windows replaces no file that is read-only. Somebody was quicker, with the same content.
        if not os.path.exists(target):
            raise
