"""Private indexes: copies of the user's index, for Git to look, read and write in.

A copy keeps the time stamp of its original. Git compares the stamps of index and file to find a file changed
in the index's own clock tick: a newer copy would hide that change.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath

from gitexp import errors
from gitexp.regex import regex
from gitexp.repo.git.failures import failure, filter_failure
from gitexp.repo.git.git_calls import is_true
from gitexp.repo.git.git_text import in_lines
from gitexp.repo.git.repository import Repository
from gitexp.words import squeezed

Entry = tuple[str, str]  # mode, blob id

_FEW = 200  # paths that may stand on a command line
_MANY = 50  # questions to a listing, each of which looks through all of its text
_SUBMODULE = "160000"  # the mode of an entry that is another repository's commit
_IGNORED = "Ignoring path "  # Git's word on .git, git~1 and the like, with an exit status of 0
_FILTERED = regex(r"^(?:error|fatal): (.+): (?:clean|smudge) filter ", re.MULTILINE)


class Listing:
    """The entries of an index, as `git ls-files -v --stage -z` has printed them."""

    def __init__(self, out: bytes) -> None:
        self._out = out
        self._asked = 0
        self._entries: dict[bytes, Entry] = {}  # all of them, once many were asked for

    def entry(self, path: str) -> Entry | None:
        """Mode and blob of a file; None for a path that is unknown, unmerged or a submodule."""
        self._asked += 1
        if self._asked == _MANY:
            self._entries = self._all_entries()
        if self._asked >= _MANY:
            return self._entries.get(os.fsencode(path))
        end = b" 0\t" + os.fsencode(path) + b"\0"
        at = self._out.find(end)
        while at != -1:
            head = self._out[self._out.rfind(b"\0", 0, at) + 1 : at]
            if b"\t" not in head:  # else the path is only the end of another path
                _, mode, blob = head.decode().split(" ")
                return None if mode == _SUBMODULE else (mode, blob)
            at = self._out.find(end, at + 1)
        return None

    def _all_entries(self) -> dict[bytes, Entry]:
        found: dict[bytes, Entry] = {}
        for entry in self._out.split(b"\0")[:-1]:
            head, _, path = entry.partition(b"\t")
            _, mode, blob, stage = head.decode().split(" ")
            if stage == "0" and mode != _SUBMODULE:
                found[path] = (mode, blob)
        return found

    def paths(self) -> list[str]:
        """Every path, once."""
        names = (entry.partition(b"\t")[2] for entry in self._out.split(b"\0")[:-1])
        return list(dict.fromkeys(map(os.fsdecode, names)))

    def has_any(self, name: str) -> bool:
        """Whether a file of this name is in some folder."""
        end = os.fsencode(name) + b"\0"
        return b"\t" + end in self._out or b"/" + end in self._out

    def flagged(self) -> list[tuple[bytes, str]]:
        """The tag and the path of each entry that Git passes over."""
        plain = sum((b"\0" + self._out).count(b"\0%c " % tag) for tag in b"HM")
        if plain == self._out.count(b"\0"):
            return []
        found = []
        for entry in self._out.split(b"\0")[:-1]:
            tag, path = entry[:1], entry.partition(b"\t")[2]
            if tag not in (b"H", b"M"):
                found.append((tag, os.fsdecode(path)))
        return found


def copy(repo: Repository, index: Path) -> Listing:
    """Make the file `index` a copy of the user's index where Git looks at every file; its entries."""
    repo.ask_disk(index.parent)
    copy_as_it_is(repo, index)
    return look_everywhere(repo, index)


def copy_as_it_is(repo: Repository, index: Path) -> None:
    """Make the file `index` a copy of the user's index, flags and all."""
    try:
        with repo.index.open("rb") as source, index.open("wb") as target:
            shutil.copyfileobj(source, target, 1 << 20)
            of = os.fstat(source.fileno())
        os.utime(index, ns=(of.st_atime_ns, of.st_mtime_ns))
    except FileNotFoundError:
        start = "HEAD" if repo.resolve("HEAD") else "--empty"  # before the first commit
        repo.run("read-tree", start, index=index)


def put_in_place(repo: Repository, index: Path) -> None:
    """Make a finished index the user's, in one step. Raises GitFailed while a Git writes the user's index.

    A Git that writes it there and is killed leaves index.lock, and with that no Git does anything.
    """
    lock = repo.index.with_name(f"{repo.index.name}.lock")
    if os.path.lexists(lock):
        raise failure(("update-index",), 128, f"fatal: Unable to create '{lock}': File exists.")
    index.replace(repo.index)


def look_everywhere(repo: Repository, index: Path) -> Listing:
    """Have Git look at all files of an index; the index's entries.

    Files flagged assume-unchanged or skip-worktree lose their flag. Only in a sparse checkout, a
    skip-worktree entry without a file on disk keeps its flag: the file belongs to the code, but was not
    wanted here.
    """
    listed = listing(repo, index)
    assumed, skipped = [], []
    for tag, path in listed.flagged():
        if tag.islower():
            assumed.append(path)
        if tag in (b"S", b"s"):
            skipped.append(path)
    if skipped and is_true(repo.config.get("core.sparsecheckout")):
        skipped = [path for path in skipped if os.path.lexists(repo.root / path)]
    for option, paths in (("--no-assume-unchanged", assumed), ("--no-skip-worktree", skipped)):
        if paths:
            repo.run("update-index", option, "-z", "--stdin", stdin=in_lines(paths, b"\0"), index=index)
    return listed


def listing(repo: Repository, index: Path) -> Listing:
    """The entries of an index."""
    return Listing(repo.run("ls-files", "-v", "--stage", "-z", index=index))


def update(
    repo: Repository,
    index: Path,
    add: Sequence[str],
    remove: Sequence[str],
    entries: Mapping[str, Entry] | None = None,
) -> None:
    """Read files into a private index, drop other files, and set a few `entries` whatever the disk has.

    Raises SnapshotRefused for files that Git cannot read or will not store.
    """
    if remove:
        repo.run(
            "update-index", "--force-remove", "-z", "--stdin", stdin=in_lines(remove, b"\0"), index=index
        )
    if add or entries:
        args = ["update-index", "--add", "--remove", "--replace"]
        for path, (mode, blob) in (entries or {}).items():
            args += ["--cacheinfo", f"{mode},{blob},{path}"]
        args += ["-z", "--stdin"]
        status, _, err = repo.call(*args, stdin=in_lines(add, b"\0"), index=index)
        if status != 0 or _IGNORED in err:
            raise refusal(args, status, err, _culprit(repo, index, add))


def put(repo: Repository, index: Path, entries: Mapping[str, Entry]) -> None:
    """Set entries of a private index, whatever stands on disk."""
    if not entries:
        return
    lines = [f"{mode} {blob}\t".encode() + os.fsencode(path) for path, (mode, blob) in entries.items()]
    args = ("update-index", "-z", "--index-info")
    status, _, err = repo.call(*args, stdin=b"\0".join([*lines, b""]), index=index)
    if status != 0 or _IGNORED in err:  # `..` or .git, from a tree that Git did not make
        raise refusal(args, status, err)


def entries(repo: Repository, index: Path, paths: Sequence[str]) -> dict[str, Entry]:
    """Mode and blob of each of the paths that is a file."""
    if len(paths) <= _FEW:
        return files(repo, index, paths)
    listed, found = listing(repo, index), {}
    for path in paths:
        if (entry := listed.entry(path)) is not None:
            found[path] = entry
    return found


def files(repo: Repository, index: Path, paths: Sequence[str]) -> dict[str, Entry]:
    """Mode and blob of the files at or below `paths`, without submodules."""
    if not paths:
        return {}
    asked = paths if len(paths) <= _FEW else ()
    wanted = {PurePosixPath(path) for path in paths}
    found = {}
    for entry in repo.run("ls-files", "--stage", "-z", "--", *asked, index=index).split(b"\0")[:-1]:
        meta, _, name = entry.partition(b"\t")
        mode, blob, _ = meta.decode().split()
        path = os.fsdecode(name)
        if mode == _SUBMODULE:
            continue
        if asked or not wanted.isdisjoint((PurePosixPath(path), *PurePosixPath(path).parents)):
            found[path] = (mode, blob)
    return found


def _culprit(repo: Repository, index: Path, paths: Sequence[str]) -> str:
    """The path where Git gives up: the first without a report of success.

    Only asked for after a failure: with reports, Git flushes each object to the disk by itself.
    """
    args = ("update-index", "--add", "--remove", "--replace", "--verbose", "-z", "--stdin")
    done = set(repo.call(*args, stdin=in_lines(paths, b"\0"), index=index)[1].split(b"'\n"))
    for path in paths:
        name = os.fsencode(path)
        if done.isdisjoint((b"add '" + name, b"remove '" + name)):
            return path
    return ""


def refusal(args: Sequence[str], status: int, err: str, path: str = "") -> errors.GitexpError:
    """The error for files that Git could not read or would not store, with `path` if Git names no path."""
    error = failure(args, status, err)
    if not isinstance(error, errors.GitFailed):
        return error
    if (filtered := filter_failure(err)) is not None:
        message, hint = filtered
        paths = [found[1] for found in _FILTERED.finditer(err)]
        where = ""
        if not paths and path:
            paths, where = [path], f"{squeezed(path)}: "
        told = f"The workspace cannot be stored exactly: {where}{message[0].lower()}{message[1:]}."
        return errors.SnapshotRefused(told, hint, paths=paths)
    lines = [line.replace(_IGNORED, "error: Git allows no such path: ") for line in err.split("\n")]
    said = []
    for line in lines:
        if line.startswith(("error", "warn", "fatal")):
            said.append(line.split(": ", 1)[-1])
    what = "; ".join(dict.fromkeys(map(squeezed, said or [err.strip()])))
    if path not in err:
        what = f"{squeezed(path)}: {what}"
    return errors.SnapshotRefused(
        f"The workspace cannot be stored exactly: {what}.",
        "Make the file readable, or fix or ignore it, then run.",
        paths=said,
    )
