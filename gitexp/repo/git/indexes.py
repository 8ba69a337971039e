"""Private indexes: copies of the user's in which Git can look, read and write as we need it.

A copy keeps the time stamp of its original. Git tells an entry that was changed in the index's own
clock tick by comparing the two: a newer copy would hide that change.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path, PurePosixPath

from gitexp import errors
from gitexp.repo.git.failures import failure
from gitexp.repo.git.repository import Repository, is_true

Entry = tuple[str, str]  # mode, blob id

_FEW = 200  # paths that may stand on a command line
_SUBMODULE = "160000"  # the mode of an entry that is another repository's commit
_IGNORED = "Ignoring path "  # said of .git, git~1 and the like, with an exit status of 0


class Listing:
    """The entries of an index, as `git ls-files -v --stage -z` has printed them."""

    def __init__(self, out: bytes) -> None:
        self._out = out

    def entry(self, path: str) -> Entry | None:
        """Mode and blob of a file; None if it is not there, or not merged, or a submodule."""
        end = b" 0\t" + os.fsencode(path) + b"\0"
        at = self._out.find(end)
        while at != -1:
            head = self._out[self._out.rfind(b"\0", 0, at) + 1 : at]
            if b"\t" not in head:  # else the path that was found is only the end of a path
                _, mode, blob = head.decode().split(" ")
                return None if mode == _SUBMODULE else (mode, blob)
            at = self._out.find(end, at + 1)
        return None

    def paths(self) -> list[str]:
        """Every path, once."""
        names = (entry.partition(b"\t")[2] for entry in self._out.split(b"\0")[:-1])
        return list(dict.fromkeys(map(os.fsdecode, names)))

    def flagged(self) -> list[tuple[bytes, bytes]]:
        """The tag and the path of each entry that Git is told to pass over."""
        plain = sum((b"\0" + self._out).count(b"\0%c " % tag) for tag in b"HM")
        if plain == self._out.count(b"\0"):
            return []
        entries = self._out.split(b"\0")[:-1]
        return [(e[0:1], e.partition(b"\t")[2]) for e in entries if e[0:1] not in (b"H", b"M")]


def copy(repo: Repository, index: Path) -> Listing:
    """Make the file `index` a copy of the user's, less what keeps Git from looking; return its entries."""
    try:
        with repo.index.open("rb") as source, index.open("wb") as target:
            shutil.copyfileobj(source, target, 1 << 20)
            of = os.fstat(source.fileno())
        os.utime(index, ns=(of.st_atime_ns, of.st_mtime_ns))
    except FileNotFoundError:
        repo.run("read-tree", "HEAD", index=index)
    return look_everywhere(repo, index)


def look_everywhere(repo: Repository, index: Path) -> Listing:
    """Let an index make Git look at files that it was told to pass over (assume-unchanged, skip-worktree).

    In a sparse checkout, a skip-worktree entry whose file is not on disk stays as it is: the file is
    part of the code, but was not wanted here. Returns the index's entries.
    """
    listing = Listing(repo.run("ls-files", "-v", "--stage", "-z", index=index))
    assumed, skipped = [], []
    for tag, path in listing.flagged():
        if tag.islower():
            assumed.append(path)
        if tag in (b"S", b"s"):
            skipped.append(path)
    if skipped and is_true(repo.config.get("core.sparsecheckout")):
        skipped = [path for path in skipped if os.path.lexists(repo.root / os.fsdecode(path))]
    for option, paths in (("--no-assume-unchanged", assumed), ("--no-skip-worktree", skipped)):
        if paths:
            text = b"".join(path + b"\0" for path in paths)
            repo.run("update-index", option, "-z", "--stdin", stdin=text, index=index)
    return listing


def update(
    repo: Repository,
    index: Path,
    add: Sequence[str],
    remove: Sequence[str],
    entries: Mapping[str, Entry] | None = None,
) -> None:
    """Read files into a private index, drop others from it, set a few `entries` whatever the disk has.

    Raises SnapshotRefused for files that Git cannot read or will not store.
    """
    if remove:
        repo.run("update-index", "--force-remove", "-z", "--stdin", stdin=_lines(remove), index=index)
    if add or entries:
        args = ["update-index", "--add", "--remove", "--replace"]
        for path, (mode, blob) in (entries or {}).items():
            args += ["--cacheinfo", f"{mode},{blob},{path}"]
        args += ["-z", "--stdin"]
        status, _, err = repo.call(*args, stdin=_lines(add), index=index, durable=True)
        if status != 0 or _IGNORED in err:
            raise refusal(args, status, err, _culprit(repo, index, add))


def put(repo: Repository, index: Path, entries: Mapping[str, Entry]) -> None:
    """Set entries of a private index, whatever stands on disk."""
    lines = (
        f"{mode} {blob}\t".encode() + os.fsencode(path) + b"\0" for path, (mode, blob) in entries.items()
    )
    if not entries:
        return
    args = ("update-index", "-z", "--index-info")
    status, _, err = repo.call(*args, stdin=b"".join(lines), index=index)
    if status != 0 or _IGNORED in err:  # `..` or .git, from a tree that Git did not make
        raise refusal(args, status, err)


def files(repo: Repository, index: Path, paths: Sequence[str]) -> dict[str, Entry]:
    """Return mode and blob of the files at or below `paths`, none of submodules."""
    if not paths:
        return {}
    asked = paths if len(paths) <= _FEW else ()
    wanted = {PurePosixPath(path) for path in paths}
    found = {}
    for entry in repo.run("ls-files", "--stage", "-z", "--", *asked, index=index).split(b"\0")[:-1]:
        meta, _, name = entry.partition(b"\t")
        mode, blob, _ = meta.decode().split()
        path = os.fsdecode(name)
        if mode != _SUBMODULE and (asked or not wanted.isdisjoint((at := PurePosixPath(path), *at.parents))):
            found[path] = (mode, blob)
    return found


def _culprit(repo: Repository, index: Path, paths: Sequence[str]) -> str:
    """Return the path that Git gives up at: the first of which it does not say that it is done.

    Only asked for after a failure: a Git that reports flushes each object to the disk by itself.
    """
    args = ("update-index", "--add", "--remove", "--replace", "--verbose", "-z", "--stdin")
    done = set(repo.call(*args, stdin=_lines(paths), index=index)[1].split(b"'\n"))
    told = ({b"add '" + os.fsencode(path), b"remove '" + os.fsencode(path)} for path in paths)
    return next((path for path, words in zip(paths, told, strict=True) if done.isdisjoint(words)), "")


def refusal(args: Sequence[str], status: int, err: str, path: str = "") -> errors.GitexpError:
    """Return the error for what Git said of files that it could not read or would not store.

    `path` is named if what Git said does not name it.
    """
    error = failure(args, status, err)
    if not isinstance(error, errors.GitFailed):
        return error
    lines = [line.replace(_IGNORED, "error: Git allows no such path: ") for line in err.splitlines()]
    said = [line.split(": ", 1)[-1] for line in lines if line.startswith(("error", "warn", "fatal"))]
    what = "; ".join(dict.fromkeys(said)) or err.strip()
    if path not in what:
        what = f"{path}: {what}"
    return errors.SnapshotRefused(
        f"The workspace cannot be stored exactly: {what}.",
        "Make the file readable, or fix or ignore it, then run.",
        paths=said,
    )


def _lines(paths: Iterable[str]) -> bytes:
    return b"".join(os.fsencode(path) + b"\0" for path in paths)
