"""The promise that the working tree is the user's, as a check around every test.

A fingerprint is taken before and after; what differs and was not announced is gitexp's doing.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import stat
import subprocess
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Literal, TypeAlias, get_args

Kind: TypeAlias = Literal["files", "git", "refs", "reflogs"]
Fingerprint: TypeAlias = dict[Kind, dict[str, str]]

# Objects only ever come to be; a `worktrees` entry is gitexp's way of running elsewhere; refs and
# reflogs are looked at one by one.
_NOT_THE_USERS = frozenset({"objects", "refs", "logs", "packed-refs", "reftable", "gitexp", "worktrees"})

_TICK = 20_000_000  # ns; two changes within one tick of the system's clock have the same time


class Guard:
    """Knows what the repository at `path` looked like when the user last touched it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._allowed: defaultdict[Kind, list[str]] = defaultdict(list)
        self._read = _Read()
        self.retake()

    def allow(self, kind: Kind, *patterns: str) -> None:
        """Lets gitexp change what matches `patterns` (shell wildcards), until the test ends."""
        assert kind in get_args(Kind), f"{kind!r} is not one of {get_args(Kind)}"
        self._allowed[kind] += patterns

    def retake(self) -> None:
        self._before = fingerprint(self.path, self._read)

    def changes(self) -> list[str]:
        """What changed since the last look, each as `kind: name (how)`, less what is allowed."""
        after = fingerprint(self.path, self._read)
        return [
            f"{kind}: {name} ({_how(name in before, name in after[kind])})"
            for kind, before in self._before.items()
            for name in sorted(before.keys() | after[kind].keys())
            if before.get(name) != after[kind].get(name)
            and not any(fnmatchcase(name, pattern) for pattern in self._allowed[kind])
        ]

    def check(self) -> None:
        """Raises AssertionError where something of the user's has changed unannounced."""
        changes = self.changes()
        assert not changes, "gitexp changed what is the user's:\n  " + "\n  ".join(changes)


class _Read:
    """The files as last read: a file that has kept its time of change has kept its content."""

    def __init__(self) -> None:
        self._seen: dict[str, tuple[tuple[int, ...], str]] = {}

    def digest(self, file: str) -> str:
        now = time.time_ns()
        stats = os.lstat(file)
        stamp = (stats.st_mode, stats.st_size, stats.st_mtime_ns, stats.st_ctime_ns, stats.st_ino)
        seen = self._seen.get(file)
        if seen is not None and seen[0] == stamp:
            return seen[1]
        digest = _digest(file, stats.st_mode)
        if stats.st_ctime_ns < now - _TICK:
            self._seen[file] = (stamp, digest)
        return digest


def fingerprint(path: Path, read: _Read | None = None) -> Fingerprint:
    """All that is the user's in the repository at `path`: name -> mode and digest, by kind.

    `files` is the worktree (empty folders end in a slash), `git` HEAD, the index, config, hooks and
    whatever else stands in the Git directory, `refs` and `reflogs` those outside refs/gitexp.
    """
    read = read or _Read()
    tops = _git_folders(path)
    found: Fingerprint = {"files": _digests(path, {".git"}, read), "git": {}, "refs": {}, "reflogs": {}}
    for top in tops:
        found["git"].update(_digests(top, _NOT_THE_USERS, read))
        for name, digest in _digests(top / "logs", set(), read).items():
            if not name.startswith("refs/gitexp/"):
                found["reflogs"][name] = digest
    for name, value in _refs(tops).items():
        if not name.startswith("refs/gitexp/"):
            found["refs"][name] = value
    return found


def _git_folders(path: Path) -> list[Path]:
    """The folder that all worktrees share, and this one's own where that is another."""
    if (path / ".git").is_dir():
        return [path / ".git"]
    told = _git(path, "rev-parse", "--git-dir", "--git-common-dir").splitlines()
    git_dir, common_dir = ((path / part).resolve() for part in told)
    return list(dict.fromkeys([common_dir, git_dir]))


def _refs(tops: Sequence[Path]) -> dict[str, str]:
    """What each ref says. Read without Git, which takes longer to start than all else here takes."""
    if (tops[0] / "reftable").exists():
        told = _git(tops[-1], "for-each-ref", "--format=%(refname) %(objectname) %(symref)").splitlines()
        return dict(ref.split(" ", 1) for ref in told)
    refs = {}
    with contextlib.suppress(FileNotFoundError):
        for line in _text(f"{tops[0]}/packed-refs").splitlines():
            if line[0] not in "#^":
                value, name = line.split(" ", 1)
                refs[name] = value
    for top in tops:
        for name in _files(f"{top}/refs", set()):
            if not name.endswith((".lock", "/")):
                with contextlib.suppress(FileNotFoundError, PermissionError):
                    refs[f"refs/{name}"] = _text(f"{top}/refs/{name}").strip()
    return refs


def _text(file: str) -> str:
    with open(file, "rb") as stream:  # noqa: PTH123 - each test asks for thousands of files
        return stream.read().decode("utf-8", "surrogateescape")


def _digests(top: Path, skipped: set[str] | frozenset[str], read: _Read) -> dict[str, str]:
    found = {}
    for name in _files(str(top), skipped):
        if name.endswith("/"):
            found[name] = "folder"
            continue
        # Training scripts and Git come and go with temporary files while a run is being watched.
        with contextlib.suppress(FileNotFoundError):
            found[name] = read.digest(f"{top}/{name}")
    return found


def _files(top: str, skipped: set[str] | frozenset[str]) -> Iterator[str]:
    """The files and links below a folder, and the empty folders with a slash; not `skipped`, at the top."""
    folders = [""]
    while folders:
        folder = folders.pop()
        try:
            with os.scandir(f"{top}/{folder}") as listing:
                entries = list(listing)
        except OSError:
            continue
        if folder and not entries:
            yield folder
        for entry in entries:
            if not folder and entry.name in skipped:
                continue
            if entry.is_dir(follow_symlinks=False):
                folders.append(f"{folder}{entry.name}/")
            else:
                yield folder + entry.name


def _digest(file: str, mode: int) -> str:
    if stat.S_ISLNK(mode):
        return f"link to {os.readlink(file)}"  # noqa: PTH115 - see _text
    if not stat.S_ISREG(mode):
        return f"{mode:o}"
    try:
        with open(file, "rb") as stream:  # noqa: PTH123 - see _text
            content = stream.read()
    except PermissionError:
        return f"{mode:o} unreadable"
    return f"{mode:o} {hashlib.sha256(content).hexdigest()}"


def _how(before: bool, after: bool) -> str:
    return "changed" if before and after else "appeared" if after else "gone"


def _git(path: Path, *args: str) -> str:
    # Without the environment's GIT_DIR and without a refreshed index: looking must not change anything.
    env = {key: value for key, value in os.environ.items() if key not in ("GIT_DIR", "GIT_INDEX_FILE")}
    command = ["git", "--no-optional-locks", *args]
    out = subprocess.run(command, cwd=path, env=env, check=True, capture_output=True).stdout
    return out.decode("utf-8", "surrogateescape")
