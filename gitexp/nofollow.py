"""Files and folders that are reached name by name from an open folder, and never through a link.

An archive of somebody else's may bring a `.git` with anything in it: links to files of the user's, pipes
to which nobody writes, other names of a file (hard links). And while gitexp changes a workspace, somebody
may put a link in the place of a folder. So every room opens here what stands below `.git/gitexp`, and puts
here what it puts into a workspace. A link, a pipe, a socket or a device is refused at once.

Where the system cannot open a file relative to a folder (Windows), each name is looked at before.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import suppress
from pathlib import PurePath

NEW = ".new"  # ends the name of a file that is being written
_CAN_OPEN_BELOW = {os.open, os.stat, os.mkdir, os.unlink, os.rmdir, os.rename, os.utime} <= os.supports_dir_fd
_LONGEST_LINE = 16 * 1024 * 1024  # bytes
_PIECE = 256 * 1024  # bytes
_SAFE = 0
for _flag in ("O_NOFOLLOW", "O_NONBLOCK", "O_CLOEXEC", "O_BINARY", "O_NOCTTY"):
    _SAFE |= getattr(os, _flag, 0)
_TOP = os.O_RDONLY | getattr(os, "O_DIRECTORY", 0) | getattr(os, "O_CLOEXEC", 0)
# What a system says of a link, and of a pipe or a socket that nobody has open. EMLINK: FreeBSD.
_OF_ANOTHER_KIND = (errno.ELOOP, errno.EMLINK, errno.ENOTDIR, errno.ENXIO, errno.EOPNOTSUPP)


class NotPlain(OSError):
    """A link, a pipe or the like stands where a plain file or a folder is wanted."""

    def __init__(self, path: str, wanted: str) -> None:
        super().__init__(errno.ELOOP, f"It is no {wanted} of its own, but a link or the like", path)


class Folder:
    """An open folder, and a context manager that closes it. Its methods take names of its entries.

    They raise NotPlain for an entry of another kind than is wanted, else the OSError of the system.

    Attributes:
        path: where it was when it was opened.
        fd: its descriptor; None where the system opens nothing relative to a folder.
    """

    def __init__(self, path: str, fd: int | None) -> None:
        self.path = path
        self.fd = fd

    def __enter__(self) -> Folder:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        if self.fd is not None:
            os.close(self.fd)
            self.fd = None

    # -- looking ----------------------------------------------------------------------------------

    def names(self) -> list[str]:
        """The names of all entries, sorted."""
        return sorted(os.listdir(self.path if self.fd is None else self.fd))

    def stat(self, name: str) -> os.stat_result:
        """The stat of an entry; of a link itself."""
        with self._named(name):
            return os.stat(self.at(name), dir_fd=self.fd, follow_symlinks=False)

    def folder(self, name: str, *, make: bool = False) -> Folder:
        """The folder of this name, opened; with `make`, it is made if missing."""
        path = f"{self.path}{os.sep}{name}"
        try:
            return Folder(path, self._opened(name, path))
        except FileNotFoundError:
            if not make:
                raise
        with suppress(FileExistsError), self._named(name):
            os.mkdir(self.at(name), dir_fd=self.fd)
        return Folder(path, self._opened(name, path))

    def _opened(self, name: str, path: str) -> int | None:
        if self.fd is None:
            if not stat.S_ISDIR(os.lstat(path).st_mode):
                raise NotPlain(path, "folder")
            return None
        with self._named(name, "folder"):
            return os.open(name, _TOP | _SAFE, dir_fd=self.fd)

    def read(self, name: str, most: int | None = None, *, shared: bool = False) -> bytes:
        """The content of a file, `shared` as for `open`. Raises OSError (EFBIG) for over `most` bytes."""
        fd = self.open(name, shared=shared)
        try:
            if most is not None and os.fstat(fd).st_size > most:
                raise OSError(errno.EFBIG, os.strerror(errno.EFBIG), os.path.join(self.path, name))
            with open(fd, "rb", closefd=False) as file:
                return file.read()
        finally:
            os.close(fd)

    def end_of(self, name: str, most: int) -> bytes:
        """The last bytes of a file, at most so many."""
        with os.fdopen(self.open(name), "rb") as file:
            file.seek(max(os.fstat(file.fileno()).st_size - most, 0))
            return file.read(most)

    def lines(self, name: str) -> Iterator[bytes]:
        """Yield the lines of a file; one of more than 16 MiB in parts, so that none fills the memory."""
        with os.fdopen(self.open(name), "rb") as file:
            while line := file.readline(_LONGEST_LINE):
                yield line

    def pieces(self, name: str) -> Iterator[bytes]:
        """Yield the lines of a file, some thousands together; of a line of more than 16 MiB, parts."""
        with os.fdopen(self.open(name), "rb") as file:
            while piece := file.read(_PIECE):
                if not piece.endswith(b"\n"):
                    piece += file.readline(_LONGEST_LINE)
                yield piece

    # -- changing ---------------------------------------------------------------------------------

    def open(self, name: str, flags: int = os.O_RDONLY, mode: int = 0o666, *, shared: bool = False) -> int:
        """A descriptor of a plain file.

        Args:
            flags: of `os.open`. O_TRUNC and O_EXCL are `create`'s.
            mode: of a new file.
            shared: the file may have other names, for instance in a workspace.
        """
        path = f"{self.path}{os.sep}{name}"
        if self.fd is None and os.path.lexists(path):
            _require_plain(os.lstat(path), path, shared=shared)
        with self._named(name):
            fd = os.open(self.at(name), flags | _SAFE, mode, dir_fd=self.fd)
        try:
            _require_plain(os.fstat(fd), path, shared=shared)
        except BaseException:
            os.close(fd)
            raise
        return fd

    def create(self, name: str, data: bytes = b"", *, mode: int = 0o666, durable: bool = False) -> None:
        """Make a new file, in place of a file or a link of this name. With `durable`, it reaches the disk."""
        with suppress(FileNotFoundError):
            self.remove(name)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | _SAFE
        with self._named(name):
            fd = os.open(self.at(name), flags, mode, dir_fd=self.fd)
        with open(fd, "wb") as file:
            file.write(data)
            if durable:
                file.flush()
                os.fsync(fd)

    def mark(self, name: str) -> None:
        """Have a file of this name, as a sign: an empty one if it is missing."""
        os.close(self.open(name, os.O_WRONLY | os.O_CREAT))

    def make(self, name: str, data: bytes) -> None:
        """Make a new file; raises FileExistsError, of several callers at once for all but one."""
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | _SAFE
        with self._named(name):
            fd = os.open(self.at(name), flags, 0o666, dir_fd=self.fd)
        try:
            with open(fd, "wb") as file:
                file.write(data)
        except BaseException:
            self.remove(name)
            raise

    def write(self, name: str, data: bytes) -> None:
        """Give a file this content: a reader sees the old content or the new one, whole."""
        self.create(name + NEW, data)
        self.rename(name + NEW, name)

    def append(self, name: str, data: bytes) -> None:
        """Write at the end of a file, which is made if missing."""
        fd = self.open(name, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        try:
            os.write(fd, data)
        finally:
            os.close(fd)

    def rename(self, name: str, new: str, to: Folder | None = None) -> None:
        """Move an entry, to another folder if one is given; a file or a link there is replaced."""
        to = to or self
        with self._named(name):
            os.replace(self.at(name), to.at(new), src_dir_fd=self.fd, dst_dir_fd=to.fd)

    def put(self, source: str, name: str) -> None:
        """Move the file at the path `source` here; a file, a link or an empty folder is replaced."""
        with self._named(name):
            os.replace(source, self.at(name), dst_dir_fd=self.fd)

    def touch(self, name: str) -> None:
        """Give an entry the present time; of a link, the link itself.

        By name: a descriptor would stay valid when somebody has moved or removed the file meanwhile.
        """
        with self._named(name):
            follow = os.utime not in os.supports_follow_symlinks
            os.utime(self.at(name), dir_fd=self.fd, follow_symlinks=follow)

    def remove(self, name: str) -> None:
        """Remove a file or a link."""
        with self._named(name):
            os.unlink(self.at(name), dir_fd=self.fd)

    def remove_folder(self, name: str) -> None:
        """Remove an empty folder."""
        with self._named(name):
            os.rmdir(self.at(name), dir_fd=self.fd)

    def at(self, name: str) -> str:
        """The path of an entry for calls of `os`, beside `dir_fd=self.fd`."""
        return os.path.join(self.path, name) if self.fd is None else name

    def _named(self, name: str, wanted: str = "plain file") -> _Naming:
        return _Naming(self, name, wanted)


class _Naming:
    """Raises OSErrors of a block with the whole path, and as NotPlain where that is what they mean.

    A class, for it is entered several times for each of 100,000 files: a generator takes three times as long.
    """

    __slots__ = ("_folder", "_name", "_wanted")

    def __init__(self, folder: Folder, name: str, wanted: str) -> None:
        self._folder = folder
        self._name = name
        self._wanted = wanted

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: object, where: object) -> None:
        if isinstance(error, OSError):
            error.filename = os.path.join(self._folder.path, self._name)
            if error.errno in _OF_ANOTHER_KIND:
                raise NotPlain(error.filename, self._wanted) from error


def opened(top: str | PurePath, inner: str = "", *, make: bool = False) -> Folder:
    """The folder at the path `inner` below `top`, of which no name is followed through a link.

    With `make`, missing folders below `top` are made. Raises as the methods of `Folder`.
    """
    names = inner.split("/") if inner else []
    if not {"", ".", ".."}.isdisjoint(names):
        raise NotPlain(os.path.join(top, inner), "folder")
    folder = Folder(os.fspath(top), os.open(top, _TOP) if _CAN_OPEN_BELOW else None)
    for name in names:
        with folder:
            inside = folder.folder(name, make=make)
        folder = inside
    return folder


def read(top: str | PurePath, inner: str, most: int | None = None, *, shared: bool = False) -> bytes:
    """The content of a plain file below `top`. Raises as `opened` and `Folder.read`."""
    outer, _, name = inner.rpartition("/")
    with opened(top, outer) as folder:
        return folder.read(name, most, shared=shared)


def opener(path: str | PurePath, flags: int) -> int:
    """The opener for `open`: neither the file nor its folder is reached through a link."""
    path = PurePath(path)
    with opened(path.parent.parent, path.parent.name) as folder:
        fd = folder.open(path.name, flags & ~os.O_TRUNC)
    if flags & os.O_TRUNC:
        os.ftruncate(fd, 0)
    return fd


def is_plain(of: os.stat_result) -> bool:
    """Whether a stat is that of a regular file with one name."""
    return stat.S_ISREG(of.st_mode) and of.st_nlink <= 1


def _require_plain(of: os.stat_result, path: str, *, shared: bool) -> None:
    if not is_plain(of) and not (shared and stat.S_ISREG(of.st_mode)):
        raise NotPlain(path, "plain file")
