"""The promise that the working tree is the user's, as a check around every test.

A fingerprint is taken before and after; what differs and was not announced is gitexp's doing.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import stat
import subprocess
from collections import defaultdict
from collections.abc import Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Literal, TypeAlias, get_args

Kind: TypeAlias = Literal["files", "git", "refs", "reflogs"]
Fingerprint: TypeAlias = dict[Kind, dict[str, str]]

# Objects only ever come to be; a `worktrees` entry is gitexp's way of running elsewhere; refs and
# reflogs are looked at one by one.
_NOT_THE_USERS = frozenset({"objects", "refs", "logs", "packed-refs", "reftable", "gitexp", "worktrees"})


class Guard:
    """Knows what the repository at `path` looked like when the user last touched it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._allowed: defaultdict[Kind, list[str]] = defaultdict(list)
        self.retake()

    def allow(self, kind: Kind, *patterns: str) -> None:
        """Lets gitexp change what matches `patterns` (shell wildcards), until the test ends."""
        assert kind in get_args(Kind), f"{kind!r} is not one of {get_args(Kind)}"
        self._allowed[kind] += patterns

    def retake(self) -> None:
        self._before = fingerprint(self.path)

    def changes(self) -> list[str]:
        """What changed since the last look, each as `kind: name (how)`, less what is allowed."""
        after = fingerprint(self.path)
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


def fingerprint(path: Path) -> Fingerprint:
    """All that is the user's in the repository at `path`: name -> mode and digest, by kind.

    `files` is the worktree (empty folders end in a slash), `git` HEAD, the index, config, hooks and
    whatever else stands in the Git directory, `refs` and `reflogs` those outside refs/gitexp.
    """
    tops = _git_folders(path)
    return {
        "files": _digests(path, {".git"}),
        "git": {name: digest for top in tops for name, digest in _digests(top, _NOT_THE_USERS).items()},
        "refs": {name: value for name, value in _refs(tops).items() if not name.startswith("refs/gitexp/")},
        "reflogs": {
            name: digest
            for top in tops
            for name, digest in _digests(top / "logs", set()).items()
            if not name.startswith("refs/gitexp/")
        },
    }


def _git_folders(path: Path) -> list[Path]:
    """The folder that all worktrees share, and this one's own where that is another."""
    if (path / ".git").is_dir():
        return [(path / ".git").resolve()]
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
        for line in _text(tops[0] / "packed-refs").splitlines():
            if line[0] not in "#^":
                value, name = line.split(" ", 1)
                refs[name] = value
    for top in tops:
        for folder, _, files in os.walk(top / "refs"):
            for file in [Path(folder, name) for name in files if not name.endswith(".lock")]:
                with contextlib.suppress(FileNotFoundError, PermissionError):
                    refs[file.relative_to(top).as_posix()] = _text(file).strip()
    return refs


def _text(file: Path) -> str:
    return file.read_bytes().decode("utf-8", "surrogateescape")


def _digests(top: Path, skipped: set[str] | frozenset[str]) -> dict[str, str]:
    found = {}
    for folder, folders, files in os.walk(top):
        here = Path(folder)
        if here == top:
            folders[:] = [name for name in folders if name not in skipped]
            files = [name for name in files if name not in skipped]
        elif not folders and not files:
            found[here.relative_to(top).as_posix() + "/"] = "folder"
        links = [name for name in folders if (here / name).is_symlink()]
        for file in [here / name for name in files + links]:
            # Training scripts and Git come and go with temporary files while a run is being watched.
            try:
                found[file.relative_to(top).as_posix()] = _digest(file)
            except FileNotFoundError:
                continue
    return found


def _digest(file: Path) -> str:
    mode = file.lstat().st_mode
    if stat.S_ISLNK(mode):
        return f"link to {file.readlink()}"
    if not stat.S_ISREG(mode):
        return f"{mode:o}"
    try:
        content = file.read_bytes()
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
