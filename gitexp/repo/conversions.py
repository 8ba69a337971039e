"""Line endings, filters and encodings: what Git stores is not always what stands on disk.

Git converts a file when it stores it (core.autocrlf, `text`, `filter`, `ident`,
`working-tree-encoding`) and back when it checks it out. A snapshot is exact when checking it out
gives the bytes that were there. So each converted file is checked out in thought; if Git's own
conversion does not come back the same, the raw bytes are stored where those do; and where neither
does, the file is named.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Sequence
from pathlib import Path

from gitexp.repo.git import Repository

_ATTRIBUTES = ("text", "eol", "crlf", "filter", "ident", "working-tree-encoding")


def keep_exact(repo: Repository, index: Path, paths: Sequence[str]) -> list[str]:
    """Make the converted files among `paths` check out exactly; return warnings for those that cannot."""
    files = _converted(repo, index, _convertible(repo, index, paths))
    inexact = _not_restored(repo, files)
    if not inexact:
        return []
    raw = {path: (files[path][0], repo.write_blob((repo.root / path).read_bytes())) for path in inexact}
    hopeless = _not_restored(repo, raw)
    lines = [f"{mode} {blob}\t{path}" for path, (mode, blob) in raw.items() if path not in hopeless]
    if lines:
        text = b"".join(os.fsencode(line) + b"\0" for line in lines)
        repo.run("update-index", "-z", "--index-info", stdin=text, index=index)
    return [f"stored as Git's attributes convert it, not byte for byte: {path}" for path in hopeless]


def _convertible(repo: Repository, index: Path, paths: Sequence[str]) -> list[str]:
    """Return the regular files that some attribute or setting lets Git convert."""
    regular = [path for path in paths if _is_regular(repo.root / path)]
    if not regular:
        return []
    if repo.config.get("core.autocrlf", "false").lower() not in ("false", "0", "no", "off", ""):
        return regular
    names = b"".join(os.fsencode(path) + b"\0" for path in regular)
    out = repo.run("check-attr", "--stdin", "-z", *_ATTRIBUTES, stdin=names, index=index).split(b"\0")
    found = {path: None for path, value in zip(out[::3], out[2::3], strict=False) if value not in _NOTHING}
    return [os.fsdecode(path) for path in found]


_NOTHING = (b"unspecified", b"unset")


def _is_regular(path: Path) -> bool:
    try:
        return stat.S_ISREG(path.lstat().st_mode)
    except OSError:
        return False


def _converted(repo: Repository, index: Path, paths: Sequence[str]) -> dict[str, tuple[str, str]]:
    """Return path -> (mode, blob id) for the files whose stored bytes differ from those on disk."""
    if not paths:
        return {}
    wanted = set(paths)
    found = {}
    for entry in repo.run("ls-files", "--stage", "-z", index=index).split(b"\0"):
        meta, _, name = entry.partition(b"\t")
        if (path := os.fsdecode(name)) in wanted:
            mode, blob, _ = meta.decode().split()
            if blob != _blob_id(repo, repo.root / path):
                found[path] = (mode, blob)
    return found


def _blob_id(repo: Repository, path: Path) -> str:
    data = path.read_bytes()
    return hashlib.new(repo.object_format, b"blob %d\0" % len(data) + data).hexdigest()


def _not_restored(repo: Repository, files: dict[str, tuple[str, str]]) -> list[str]:
    """Return the paths whose blob, checked out, would not be the bytes that stand on disk."""
    return [
        path
        for path, (_, blob) in files.items()
        if repo.call("cat-file", "--filters", f"--path={path}", blob)[1] != (repo.root / path).read_bytes()
    ]
