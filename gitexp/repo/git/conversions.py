"""Line endings, filters and encodings: what Git stores is not always what stands on disk.

Git converts a file when it stores it (core.autocrlf, `text`, `filter`, `ident`,
`working-tree-encoding`) and back when it checks it out. A snapshot is exact when the blob has the
bytes that stood on disk, or a checkout of it gives them. So each file that was converted is checked
out to the side. Where that does not come back the same, the bytes are stored as they are, if those do.
What is left is for a warning, and so is what a filter lost (one that strips the outputs of
notebooks, say): the user wants it kept out of Git.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Collection, Sequence
from pathlib import Path

from gitexp.repo.git import indexes
from gitexp.repo.git.repository import Repository, is_true

_ATTRIBUTES = ("text", "eol", "crlf", "filter", "ident", "working-tree-encoding")
_NOTHING = (b"unspecified", b"unset")
_CHUNK = 1 << 20  # bytes read at a time: a tracked model may be larger than the memory


def keep_exact(
    repo: Repository, index: Path, scratch: Path, paths: Sequence[str], *, new_attributes: bool = False
) -> list[str]:
    """Make the converted files among `paths` exact; return those that cannot be.

    `index` is a private one in which they stand as Git has converted them; `scratch` is a folder to
    check files out to. With `new_attributes` all paths are looked at: what they were stored by may no
    longer be said of them.
    """
    convertible, filtered = _convertible(repo, index, paths)
    converted = _converted(repo, index, paths if new_attributes else convertible)
    lost = not_restored(repo, index, scratch, converted)
    mended = [path for path in lost if path not in filtered]
    if mended:
        blobs = repo.write_blobs([repo.root / path for path in mended])
        raw = {path: (converted[path][0], blob) for path, blob in zip(mended, blobs, strict=True)}
        indexes.put(repo, index, raw)
        hopeless = not_restored(repo, index, scratch, mended)
        indexes.put(repo, index, {path: converted[path] for path in hopeless})
        lost = [path for path in lost if path in filtered or path in hopeless]
    return lost


def _convertible(repo: Repository, index: Path, paths: Sequence[str]) -> tuple[list[str], set[str]]:
    """Return the regular files that some attribute or setting lets Git convert; those with a filter."""
    regular = [path for path in paths if _is_regular(repo.root / path)]
    if not regular:
        return [], set()
    names = b"".join(os.fsencode(path) + b"\0" for path in regular)
    out = repo.run("check-attr", "--stdin", "-z", *_ATTRIBUTES, stdin=names, index=index).split(b"\0")
    found = [
        (os.fsdecode(path), attribute)
        for path, attribute, value in zip(out[::3], out[1::3], out[2::3], strict=False)
        if value not in _NOTHING
    ]
    filtered = {path for path, attribute in found if attribute == b"filter"}
    autocrlf = repo.config.get("core.autocrlf", "")
    if is_true(autocrlf) or autocrlf.lower() == "input":
        return regular, filtered
    return list(dict.fromkeys(path for path, _ in found)), filtered


def _is_regular(path: Path) -> bool:
    return path.is_file() and not path.is_symlink()


def _converted(repo: Repository, index: Path, paths: Sequence[str]) -> dict[str, indexes.Entry]:
    """Return the entries of the files whose stored bytes differ from those on disk."""
    entries = indexes.files(repo, index, paths)
    return {
        path: entries[path] for path in paths if path in entries and _is_converted(repo, path, entries[path])
    }


def _is_converted(repo: Repository, path: str, entry: indexes.Entry) -> bool:
    blob = blob_of(repo, path)
    return blob is not None and blob != entry[1]


def blob_of(repo: Repository, path: str) -> str | None:
    """The id that the bytes of a file have in Git; None for a link, and for a file that cannot be read."""
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
    """Return the paths that, checked out, would not have the bytes that stand on disk."""
    if not paths:
        return []
    folder = scratch / "restored"
    names = b"".join(os.fsencode(path) + b"\0" for path in paths)
    # A filter that fails leaves its file out, which is an answer too.
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
