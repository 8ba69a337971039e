"""Files of a live run as blobs, safe from a `git prune` beside this process, and whatever their size."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from gitexp import nofollow
from gitexp.project.project import Project

_LARGE = 8 * 1024 * 1024  # bytes; a larger file is read by Git, piece by piece


def store(project: Project, top: Path, names: Sequence[str]) -> dict[str, str]:
    """The blob of each plain file below a folder, by its name. Raises OSError, and NotPlain for a link."""
    found: dict[str, str] = {}
    large = []
    for name in names:
        if (top / name).lstat().st_size > _LARGE:
            large.append(name)
        else:
            found[name] = project.repo.write_blob(nofollow.read(top, name))
    if large:
        with project.local.scratch() as scratch:
            apart = project.repo.set_apart(scratch / "objects")
            blobs = apart.write_blobs([top / name for name in large])
            apart.keep(blobs)
        found |= zip(large, blobs, strict=True)
    return found
