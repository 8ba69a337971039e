"""The Git processes of this machine, and whether one of them may hold a lock in a repository.

A lock file does not say who made it. It may be removed only if its owner is dead for sure: if all processes
that could have made it can be seen here, and none of them has the file open, or is a Git that may be at work
in the repository. A Git at work need not have the file open: it closes the file long before it removes it.
Everything is known on Linux alone, on a disk of this machine, outside of a container.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Collection, Iterator
from pathlib import Path, PurePath

from gitexp.named_tuple import NamedTuple
from gitexp.process.liveness import namespace
from gitexp.regex import regex
from gitexp.words import cut

_PROC = Path("/proc")
_FIRST_NAMESPACE = "pid:[4026531836]"  # of linux/proc_ns.h: whoever is in it sees all processes
_LOCAL = (
    *("ext2", "ext3", "ext4", "xfs", "btrfs", "zfs", "f2fs", "bcachefs", "tmpfs", "ramfs", "overlay"),
    *("vfat", "exfat", "ntfs3", "jfs", "reiserfs", "nilfs2", "erofs", "udf"),
)  # kinds of file systems that no other machine writes to
_WITH_VALUE = ("-c", "-C", "--git-dir", "--work-tree", "--namespace", "--exec-path", "--config-env")
_VARIABLES = (b"GIT_DIR", b"GIT_COMMON_DIR", b"GIT_WORK_TREE")
_OCTAL = regex(r"\\(\d{3})")  # how a mount point with a space is written
_WIDTH = 80  # characters of a command line
_OWN_READER = ("cat-file", "--batch-command")
# These lock no ref, and some of them stay for hours: in a pager, or as a server of another program.
_READERS = frozenset(
    (
        *("cat-file", "for-each-ref", "rev-parse", "rev-list", "log", "show", "diff", "diff-tree", "status"),
        *("diff-index", "diff-files", "ls-files", "ls-tree", "ls-remote", "hash-object", "check-attr"),
        *("check-ignore", "update-index", "write-tree", "read-tree", "pack-objects", "index-pack", "blame"),
        *("unpack-objects", "checkout-index", "merge-base", "var", "version", "grep", "describe", "shortlog"),
        *("fsck", "count-objects", "help", "fsmonitor--daemon", "credential-cache--daemon", "config"),
    )
)


_COLLECTORS = ("gc", "maintenance", "pack-objects", "prune", "repack")


class Holder(NamedTuple):
    """Whoever may hold a lock.

    Attributes:
        who: in words.
        is_seen: whether the holder is a living process, seen here.
    """

    who: str
    is_seen: bool


def holder(
    locks: Collection[Path], common_dir: Path, *, seen_then: str = "", readers: bool = False
) -> Holder | None:
    """The possible holder of a repository's lock files; None if every possible holder is dead.

    Args:
        locks: files in the repository's Git folder.
        common_dir: the Git folder.
        seen_then: the `namespace` where the locks were made; "" if unknown.
        readers: count a Git with a reading command too.
    """
    if (blind := _blind(common_dir, seen_then)) is not None:
        return blind
    files = {lock.parent.resolve() / lock.name for lock in locks}
    found = None
    for process in _processes():
        if process.has_open(files):
            return Holder(f"process {process.pid} ({process.name})", is_seen=True)
        if process.is_git(readers=readers) and (at_work := process.works_in(common_dir)) is not False:
            words = " ".join(process.words) or process.name
            found = Holder(f"process {process.pid} ({cut(words, _WIDTH)})", is_seen=bool(at_work))
            if found.is_seen:
                return found
    return found


def is_collecting(common_dir: Path) -> bool:
    """Whether a Git that deletes what no ref holds may be at work in a repository, as far as can be seen."""
    return any(
        process.is_collector() and process.works_in(common_dir) is not False for process in _processes(b"git")
    )


def _blind(common_dir: Path, seen_then: str) -> Holder | None:
    """Those who cannot be seen from here and may hold a lock; None where all can be seen."""
    who = None
    if not (seen := namespace()):
        who = "a process that this system does not show"
    elif seen not in (_FIRST_NAMESPACE, seen_then):
        who = "a process outside of this container"
    elif not is_local(common_dir):
        who = "a process on another machine"
    return Holder(who, is_seen=False) if who is not None else None


def is_local(folder: Path) -> bool:
    """Whether a folder is on a disk that no other machine writes to; False also where that is not known."""
    return _file_system(folder) in _LOCAL


def _file_system(path: Path) -> str:
    """The kind of the file system that holds a folder."""
    path = path.resolve()
    kind, longest = "", -1
    try:
        mounts = (_PROC / "self/mounts").read_text("utf-8", "replace").splitlines()
    except OSError:
        return ""
    for line in mounts:
        _, where, its_kind, *_ = line.split(" ")
        if "\\" in where:
            where = _OCTAL.sub(lambda found: chr(int(found[1], 8)), where)
        if path.is_relative_to(where) and len(where) >= longest:  # a later mount hides an earlier one
            kind, longest = its_kind, len(where)
    return kind


class _Process:
    """A process of this machine."""

    def __init__(self, pid: int, name: str, words: list[str]) -> None:
        self.pid = pid
        self.name = name  # of its program, at most 15 bytes
        self.words = words  # of its command line
        self._at = _PROC / str(pid)

    def has_open(self, files: Collection[Path]) -> bool:
        """Whether the process has one of these files open; False for another user's process."""
        with contextlib.suppress(OSError):
            for fd in (self._at / "fd").iterdir():
                with contextlib.suppress(OSError):
                    if fd.readlink() in files:
                        return True
        return False

    def is_git(self, *, readers: bool) -> bool:
        """Whether the process is a Git, or something in its place; with `readers`, one that reads too."""
        if not self.name.startswith("git") or self.name.startswith("gitexp"):
            return False
        command = self._command()
        if tuple(command[:2]) == _OWN_READER:
            return False
        return readers or not command or command[0] not in _READERS

    def is_collector(self) -> bool:
        """Whether the process is a Git that deletes what no ref holds, or that works for one."""
        return any(word in _COLLECTORS for word in self._command()[:1])

    def _command(self) -> list[str]:
        """The words of Git's command line from the name of its command on; none for any other program."""
        programs = [PurePath(word).name for word in self.words[:2]]  # the second, if the first reads a script
        if "git" not in programs:
            return []
        rest = self.words[programs.index("git") + 1 :]
        while rest and rest[0].startswith("-"):
            rest = rest[2 if rest[0] in _WITH_VALUE else 1 :]
        return rest

    def works_in(self, common_dir: Path) -> bool | None:
        """Whether the process is in the repository with this Git folder; None if that cannot be seen."""
        try:
            folders = [*self._told(), *self._around()]
        except OSError:
            return None if _process(self._at) is not None else False
        if any(_same(folder, common_dir) or _same(_shared(folder), common_dir) for folder in folders):
            return True
        return False if all(folder.is_dir() for folder in folders) else None

    def _told(self) -> Iterator[Path]:
        """The Git folders that the process was told of."""
        for variable in (self._at / "environ").read_bytes().split(b"\0"):
            name, _, value = variable.partition(b"=")
            if name in _VARIABLES:
                yield self._seen(self._at / "cwd", os.fsdecode(value))
        for word, after in zip(self.words, [*self.words[1:], ""], strict=True):
            if word == "--git-dir":
                yield self._seen(self._at / "cwd", after)
            elif word.startswith("--git-dir="):
                yield self._seen(self._at / "cwd", word.partition("=")[2])

    def _around(self) -> Iterator[Path]:
        """The Git folder of the repository where the process stands, if it stands in one."""
        folder, last = self._at / "cwd", None
        while (now := folder.stat()) and (now.st_dev, now.st_ino) != last:
            last = (now.st_dev, now.st_ino)
            if (folder / ".git").is_file():
                yield self._seen(folder, _line_of(folder / ".git").removeprefix("gitdir: "))
                return
            for at in (folder / ".git", folder):
                if (at / "HEAD").exists() and ((at / "objects").is_dir() or (at / "commondir").exists()):
                    yield at
                    return
            folder /= ".."

    def _seen(self, folder: Path, path: str) -> Path:
        """A path of the process, which may have another root, as seen from here."""
        return self._at / "root" / path[1:] if path.startswith("/") else folder / path


def _processes(word: bytes = b"") -> Iterator[_Process]:
    """The living processes with a word in their command lines, this one excepted."""
    own = str(os.getpid())
    for folder in _PROC.iterdir():
        if folder.name.isdecimal() and folder.name != own and (process := _process(folder, word)) is not None:
            yield process


def _process(folder: Path, word: bytes = b"") -> _Process | None:
    """The process with this folder in /proc; None for one that has ended, or is ending.

    None too for one without the word in its command line.
    """
    try:
        line = (folder / "cmdline").read_bytes()
        if word not in line:
            return None
        stat = (folder / "stat").read_text("utf-8", "replace")
    except OSError:
        return None
    head, _, rest = stat.rpartition(")")
    words = line.split(b"\0")[:-1]
    if not words or rest.split()[0] in ("Z", "X"):
        return None
    return _Process(int(folder.name), head.partition("(")[2], [os.fsdecode(word) for word in words])


def _shared(git_dir: Path) -> Path:
    """The Git folder that all worktrees share."""
    try:
        return git_dir / _line_of(git_dir / "commondir")
    except OSError:
        return git_dir


def _line_of(file: Path) -> str:
    """The path in one of Git's files, which may end in any white space."""
    return os.fsdecode(file.read_bytes()).removesuffix("\n")


def _same(one: Path, other: Path) -> bool:
    try:
        return one.samefile(other)
    except OSError:
        return False
