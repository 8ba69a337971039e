"""Line endings, filters and encodings: Git may store a file with other bytes than on disk.

Git converts a file on the way into the repository (core.autocrlf, `text`, `filter`, `ident`,
`working-tree-encoding`) and back on checkout. A snapshot must have the bytes of the disk in the blob, or
give them on checkout. So each converted file is checked out to the side. If the result differs from the
disk, the bytes are stored unconverted, and checked in the same way. Files without an exact form are for a
warning. So are files changed for good by a filter (without the outputs of notebooks, say): the user wants
these parts kept out of Git.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Collection, Sequence
from pathlib import Path

from gitexp.repo.git import indexes
from gitexp.repo.git.repository import Repository, in_lines, is_true

_ATTRIBUTES = ("text", "eol", "crlf", "filter", "ident", "working-tree-encoding")
_NOTHING = (b"unspecified", b"unset")
_CHUNK = 1 << 20  # bytes read at a time: a tracked file may be larger than the memory


def keep_exact(
    repo: Repository, index: Path, scratch: Path, paths: Sequence[str], *, new_attributes: bool = False
) -> list[str]:
    """Make the entries of converted files exact; returns the files for which that failed.

    Args:
        index: a private index, with the files after Git's conversions.
        scratch: a folder to check files out to.
        new_attributes: look at all paths; attributes that no longer hold may have converted a file.
    """
    convertible, filtered = _convertible(repo, index, paths)
    converted = _converted(repo, index, paths if new_attributes else convertible)
    lost = not_restored(repo, index, scratch, converted)
    mended = [path for path in lost if path not in filtered]
    if not mended:
        return lost
    blobs = repo.write_blobs([repo.root / path for path in mended])
    raw = {path: (converted[path][0], blob) for path, blob in zip(mended, blobs, strict=True)}
    indexes.put(repo, index, raw)
    hopeless = not_restored(repo, index, scratch, mended)
    indexes.put(repo, index, {path: converted[path] for path in hopeless})
    return [path for path in lost if path in filtered or path in hopeless]


def _convertible(repo: Repository, index: Path, paths: Sequence[str]) -> tuple[list[str], set[str]]:
    """The regular files that an attribute or a setting lets Git convert, and the files with a filter."""
    regular = [path for path in paths if _is_regular(repo.root / path)]
    if not regular:
        return [], set()
    names = in_lines(regular, b"\0")
    out = repo.run("check-attr", "--stdin", "-z", *_ATTRIBUTES, stdin=names, index=index).split(b"\0")
    convertible: dict[str, None] = {}
    filtered = set()
    for name, attribute, value in zip(out[::3], out[1::3], out[2::3], strict=False):
        if value in _NOTHING:
            continue
        path = os.fsdecode(name)
        convertible[path] = None
        if attribute == b"filter":
            filtered.add(path)
    autocrlf = repo.config.get("core.autocrlf", "")
    if is_true(autocrlf) or autocrlf.lower() == "input":
        return regular, filtered
    return list(convertible), filtered


def _is_regular(path: Path) -> bool:
    return path.is_file() and not path.is_symlink()


def _converted(repo: Repository, index: Path, paths: Sequence[str]) -> dict[str, indexes.Entry]:
    """The entries of the files with other bytes in Git than on disk."""
    entries = indexes.files(repo, index, paths)
    converted = {}
    for path in paths:
        if path in entries and blob_of(repo, path) not in (None, entries[path][1]):
            converted[path] = entries[path]
    return converted


def blob_of(repo: Repository, path: str) -> str | None:
    """The id in Git of the bytes of a file; None for a link, and for a file that cannot be read."""
    file = repo.root / path
    if not _is_regular(file):
        return None
    try:
        with file.open("rb") as content:
            header = b"blob %d\0" % os.fstat(content.fileno()).st_size
            digest = hashlib.new(repo.object_format, header)
            return hashlib.file_digest(content, lambda: digest).hexdigest()
    except OSError:
        return None


def not_restored(repo: Repository, index: Path, scratch: Path, paths: Collection[str]) -> list[str]:
    """The paths of which a checkout would not give the bytes on disk."""
    if not paths:
        return []
    folder = scratch / "restored"
    names = in_lines(paths, b"\0")
    # A filter that fails leaves its file out: the bytes are not given.
    repo.call("checkout-index", "-q", "-z", "--stdin", f"--prefix={folder}/", stdin=names, index=index)
    try:
        return [path for path in paths if not _same_bytes(folder / path, repo.root / path)]
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _same_bytes(one: Path, other: Path) -> bool:
    try:
        with one.open("rb") as left, other.open("rb") as right:
            while (chunk := left.read(_CHUNK)) == right.read(_CHUNK):
                if not chunk:
                    return True
    except OSError:
        pass
    return False
