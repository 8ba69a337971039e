"""Objects on their way into the store: an object gets its name when all of it is on the disk."""

from __future__ import annotations

import itertools
import os
import tempfile
import threading
import time
from contextlib import suppress
from pathlib import Path
from types import TracebackType

from gitexp import nofollow
from gitexp.failpoints import failpoint
from gitexp.folders import clear_away
from gitexp.objects.disk import keep_apart, sync
from gitexp.regex import regex

READ_ONLY = 0o444
_MODE = 0o666 if os.name == "nt" else READ_ONLY  # Windows flushes no file that is read-only
TEMPORARY = "tmp"  # a folder in the folder of the objects
OURS = "gitexp-"  # the prefix of our files in it: on a remote, `tmp` may hold files of other people

_OUR_FILE = regex(f"{OURS}[0-9a-f]{{16}}")
_STALE_AFTER = 24 * 3600.0  # seconds; nobody writes on one object for a day
_MANY = 4096  # objects that may wait, so that a kill has not lost hours of work
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)


def new_file(objects: Path) -> Path:
    """The path for a new file. If the file stays there, an intake removes it after a day."""
    return temporary_folder(objects) / f"{OURS}{os.urandom(8).hex()}"


class FileNames:
    """Names for new files below a folder. Each thread has its own subfolder: in one folder they would wait
    for each other."""

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self._own = threading.local()

    def new(self) -> str:
        """The path for a new file."""
        if not hasattr(self._own, "names"):
            folder = tempfile.mkdtemp(dir=self._folder)
            self._own.names = (os.path.join(folder, str(number)) for number in itertools.count())
        path: str = next(self._own.names)
        return path


class Intake:
    """A context manager that moves finished files into the store, at its end or at a `flush`.

    After an error nothing more gets in. Objects already named stay, and do no harm.
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
            clear_away(self._folder)

    def new(self) -> tuple[int, str]:
        """A descriptor to write an object to, and the path of the file."""
        path = self.new_path()
        return os.open(path, _NEW, _MODE), path

    def new_path(self) -> str:
        """The path for an object yet to be made."""
        return self._names.new()

    def put(self, temporary: str, target: str) -> None:
        """Take over a finished file, to be moved to `target`."""
        with self._lock:
            self._waiting.append((temporary, target))
            enough = len(self._waiting) >= _MANY
        if enough:
            self.flush()

    def flush(self) -> None:
        """Give all waiting objects their names."""
        with self._lock:  # or an object that another thread puts now would be lost
            waiting, self._waiting = self._waiting, []
        if not waiting:
            return
        sync([temporary for temporary, _ in waiting])
        failpoint("objects:written")
        by_fan = itertools.groupby(sorted(waiting, key=_target), lambda pair: os.path.split(pair[1])[0])
        for fan, pairs in by_fan:
            with nofollow.opened(self._objects, os.path.basename(fan), make=True) as folder:
                for temporary, target in pairs:
                    _name(folder, temporary, target)
                    failpoint("objects:named")
        sync({os.path.dirname(target) for _, target in waiting})


def _target(pair: tuple[str, str]) -> str:
    return pair[1]


def _name(fan: nofollow.Folder, temporary: str, target: str) -> None:
    """Give an object its name in its folder."""
    if _MODE != READ_ONLY:
        os.chmod(temporary, READ_ONLY)
    try:
        fan.put(temporary, os.path.basename(target))
    except PermissionError:
        # Windows replaces no file that is read-only. Somebody was quicker, with the same content.
        if not os.path.exists(target):
            raise


def temporary_folder(objects: Path) -> Path:
    """The folder for unfinished files. It is made. Raises OSError, also for a link in its place."""
    place = objects / TEMPORARY
    if not place.is_dir():
        place.mkdir(parents=True, exist_ok=True)
        keep_apart(place)
    nofollow.opened(objects, TEMPORARY).close()
    return place


def stale(place: Path) -> list[Path]:
    """The entries of a folder of temporary files that dead processes have left."""
    with suppress(OSError):
        return [path for path in place.iterdir() if _is_stale(path)]
    return []


def _remove(old: Path) -> None:
    if old.is_dir() and not old.is_symlink():
        clear_away(old)
    elif _OUR_FILE.fullmatch(old.name):
        with suppress(OSError):
            old.unlink()


def _is_stale(path: Path) -> bool:
    try:
        entries = [path]
        if path.is_dir():
            entries += path.iterdir()
        newest = max(each.stat().st_mtime for each in entries)
    except OSError:
        return False
    return time.time() - newest > _STALE_AFTER
