"""Files laid over the code of a commit before it runs: an edit tried out without a checkout."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Sequence
from pathlib import Path

from gitexp import errors, nofollow
from gitexp.named_tuple import NamedTuple
from gitexp.project.project import Project
from gitexp.repo.git.repository import Repository

_HINT = "Write --with train.py, or --with train.py=/path/to/another.py"


class Laid(NamedTuple):
    """One file: its path relative to the root, and its source."""

    path: str
    source: Path


def parse(project: Project, texts: Sequence[str]) -> list[Laid]:
    """The files named by `FILE` (from the workspace) and `FILE=SOURCE`, from the user's folder.

    Raises UsageError for a path outside the repository, FileError for a missing source.
    """
    top = project.repo.root.resolve()
    found = []
    for text in texts:
        name, _, other = text.partition("=")
        path = Path(os.path.normpath(project.here / name))
        inside = path.relative_to(top) if name and path.is_relative_to(top) else Path()
        if not inside.parts or inside.parts[0].lower() in (".git", ".gitexp"):
            raise errors.UsageError(f"'{text}' names no file of the repository.", _HINT)
        source = project.here / (other or name)
        if not source.is_file():
            raise errors.FileError("there is no such file to take", _HINT, file=other or name)
        found.append(Laid(inside.as_posix(), source))
    return found


def lay(worktree: Repository, files: Sequence[Laid]) -> list[str]:
    """Put files into a worktree, each with its executable bit; return their paths.

    Raises UsageError where the code has a link or a file in place of one of their folders.
    """
    for file in files:
        outer, _, name = file.path.rpartition("/")
        try:
            with nofollow.opened(worktree.root, outer, make=True) as folder:
                is_executable = file.source.stat().st_mode & stat.S_IXUSR
                folder.create(name, mode=0o777 if is_executable else 0o666)
                with (
                    file.source.open("rb") as reading,
                    os.fdopen(folder.open(name, os.O_WRONLY), "wb") as writing,
                ):
                    shutil.copyfileobj(reading, writing)
        except (nofollow.NotPlain, NotADirectoryError, FileExistsError, IsADirectoryError) as error:
            raise errors.UsageError(
                f"{file.path} cannot be there: the code has something else in its place.", _HINT
            ) from error
    return [file.path for file in files]
