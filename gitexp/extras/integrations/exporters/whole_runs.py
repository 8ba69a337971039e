"""Files and folders of runs that appear at a place whole, or not at all."""

from __future__ import annotations

import contextlib
import secrets
from pathlib import Path
from typing import Self

from gitexp import errors
from gitexp.extras.integrations.exporters.stored_files import FileOfRun, copy
from gitexp.failpoints import failpoint
from gitexp.folders import clear_away, make_folder
from gitexp.objects.disk import sync
from gitexp.project.project import Project

_NEW = ".gitexp-new"  # the beginning of the names of unfinished folders


class WholeRuns:
    """The place of an export: a folder with a file or a folder for each run. A context manager.

    A killed export leaves whole runs; the next one clears away the rest.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self._new = root / f"{_NEW}-{secrets.token_hex(4)}"

    def __enter__(self) -> Self:
        make_folder(self.root)
        for left in self.root.glob(f"{_NEW}-*"):  # of an export that was killed
            if left.is_dir() and not left.is_symlink():
                clear_away(left)
        self._new.mkdir()
        return self

    def __exit__(self, *_: object) -> None:
        clear_away(self._new)

    def scratch(self) -> Path:
        """An empty folder for the next run."""
        made = self._new / "run"
        clear_away(made)
        made.mkdir()
        return made

    def put(self, made: Path, target: Path, *, instead_of: Path | None = None) -> None:
        """Move a finished file or folder to its place below the root, in place of an older one.

        Raises UnsafePath if a link stands above the place.
        """
        self._require_no_link(target)
        make_folder(target.parent)
        sync([str(made)])
        old = self._new / "old"
        failpoint("export:made")
        if instead_of is not None:
            clear_away(old)
            instead_of.rename(old)
        made.rename(target)
        failpoint("export:put")
        with contextlib.suppress(OSError):
            old.unlink()

    def _require_no_link(self, target: Path) -> None:
        above = target.parent
        while above != self.root:
            if above.is_symlink():
                raise errors.UnsafePath(f"{above} is a link.", "Name another place: -o PLACE")
            above = above.parent
        if target.is_symlink():
            raise errors.UnsafePath(f"{target} is a link.", "Name another place: -o PLACE")


def write_content(project: Project, content: FileOfRun | bytes, target: Path) -> str | None:
    """Write a new file with a content; why that is not possible, or None. Raises OSError for a full disk."""
    try:
        if isinstance(content, bytes):
            make_folder(target.parent)
            with target.open("xb") as file:
                file.write(content)
        else:
            copy(project, content, target)
    except (FileExistsError, NotADirectoryError, IsADirectoryError):
        return "another file has its name"
    except errors.DataError as error:
        target.unlink(missing_ok=True)
        return error.message
    return None
