"""The dashboard as a folder of files: the same pages and documents, which a browser opens from the disk."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from pathlib import Path

from gitexp import errors
from gitexp.extras.web import pages
from gitexp.extras.web.documents import Documents
from gitexp.extras.web.exported import scripts
from gitexp.extras.web.pages import PAGES
from gitexp.extras.web.read_ahead import read_ahead
from gitexp.failpoints import failpoint
from gitexp.folders import clear_away, remove_folder

_MARK = ".gitexp-dashboard"  # lists the files of an export: a folder with it may be written again
_NEW = ".gitexp-new"  # the folder with the new files, until all of them are written
_PART = ".gitexp-part"  # the file that is being written
_STATE = "documents/export.js"
_WHOLE = b"// This export is whole.\n"
_HALF = b"gitexp.tellHalfWritten?.();\n"
_FOLDERS = ("documents", "experiments", "static")


def export(documents: Documents, folder: Path) -> int:
    """The number of pages, after writing all of them into a folder. Old files of earlier exports are removed.

    Raises UsageError for a folder with other files.
    """
    _check(folder)
    folder.mkdir(parents=True, exist_ok=True)
    count = 0
    with _ExportFolder(folder) as into:
        for name, content in pages.static_files().items():
            into.write(f"static/{name}", content)
        for page in PAGES:
            for key in read_ahead(documents, page.keys(documents)):
                into.write(page.address(key), pages.html(page, documents, key).encode())
                count += 1
        for path, text in scripts(documents):
            into.write(f"documents/{path}", text.encode("ascii"))
        into.finish()
    return count


class _ExportFolder:
    """The folder of an export.

    All new files are written into a folder beside the old files, and then moved over them. So an export that
    is stopped while it writes leaves the old files. One that is stopped while it moves leaves old and new
    files, and a script that says so on every page. Links in the folder are never followed.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._new = root / _NEW
        self._checked: set[Path] = set()
        self._written: list[str] = []
        self._before: list[str] = []

    def __enter__(self) -> _ExportFolder:
        with contextlib.suppress(FileNotFoundError, UnicodeDecodeError):
            self._before = (self._root / _MARK).read_text("utf-8").splitlines()
        self._list(self._before)
        if self._new.is_dir() and not self._new.is_symlink():
            remove_folder(self._new)  # of an export that was killed
        self._new.unlink(missing_ok=True)
        self._new.mkdir()
        return self

    def __exit__(self, *_: object) -> None:
        clear_away(self._new)

    def write(self, path: str, content: bytes) -> None:
        """Write a new file, which is not in its place yet."""
        file = self._new / path
        self._make(file.parent, self._new)
        with file.open("xb") as opened:
            opened.write(content)
        self._written.append(path)

    def finish(self) -> None:
        """Move the new files to their places, and remove the files of earlier exports missing in this export.

        Raises UsageError for a link in place of a folder, with no file moved.
        """
        for path in (*self._written, _STATE):
            self._make((self._root / path).parent, self._root)
        failpoint("export:written")
        self._list(dict.fromkeys([*self._before, _STATE, *self._written]))  # for the next one, after a kill
        self._replace(_STATE, _HALF)
        failpoint("export:told")
        for path in self._written:
            (self._new / path).replace(self._root / path)
            failpoint("export:moved")
        self._remove_old()
        failpoint("export:removed")
        self._list([_STATE, *self._written])
        self._replace(_STATE, _WHOLE)

    def _remove_old(self) -> None:
        # On some disks a name means another in small letters.
        kept = {path.lower() for path in (_STATE, *self._written)}
        for path in self._before:
            if path.lower() not in kept and _is_of_export(path):
                self._remove(self._root / path)

    def _list(self, paths: Iterable[str]) -> None:
        self._replace(_MARK, "".join(f"{path}\n" for path in paths).encode())

    def _replace(self, path: str, content: bytes) -> None:
        """Write a file in its place, whole or not at all."""
        part = self._root / _PART
        part.unlink(missing_ok=True)
        with part.open("xb") as opened:
            opened.write(content)
        part.replace(self._root / path)

    def _make(self, folder: Path, top: Path) -> None:
        """Make a folder and its parents, up to a folder that is there."""
        if folder == top or folder in self._checked:
            return
        self._make(folder.parent, top)
        if folder.is_symlink():
            raise errors.UsageError(
                f"{folder} is a link, which an export does not write through.",
                "Remove it, or name another folder.",
            )
        folder.mkdir(exist_ok=True)
        self._checked.add(folder)

    def _remove(self, file: Path) -> None:
        above = file.parent
        while above != self._root:
            if above.is_symlink():
                return
            above = above.parent
        with contextlib.suppress(OSError):
            file.unlink()
            file.parent.rmdir()  # if it is empty now


def _is_of_export(path: str) -> bool:
    """Whether a line of the list can be a file of an export."""
    parts = path.split("/")
    return len(parts) > 1 and parts[0] in _FOLDERS and not {"", ".", ".."} & {*parts} and "\\" not in path


def _check(folder: Path) -> None:
    """Raise UsageError for a folder with files of somebody else."""
    if folder.exists() and not folder.is_dir():
        raise errors.UsageError(f"{folder} is not a folder.", "Name a folder that is new, or empty.")
    if not folder.is_dir() or (folder / _MARK).exists():
        return
    if {path.name for path in folder.iterdir()} - {_NEW, _PART}:
        raise errors.UsageError(
            f"{folder} has other files, which an export could overwrite.",
            "Name a folder that is new, or empty, or of an earlier export.",
        )
