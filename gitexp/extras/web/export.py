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

_MARK = ".gitexp-dashboard"  # lists the files of an export: a folder with it may be written again
_NEW = ".gitexp-new"  # the file that is being written
_FOLDERS = ("documents", "experiments", "static")


def export(documents: Documents, folder: Path) -> int:
    """The number of pages, after writing all of them into a folder. Old files of earlier exports are removed.

    Raises UsageError for a folder with other files.
    """
    _check(folder)
    folder.mkdir(parents=True, exist_ok=True)
    into = _ExportFolder(folder)
    for name, content in pages.static_files().items():
        into.write(f"static/{name}", content)
    count = 0
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

    Each file is listed before the writing. So the next export can remove all old files, even after a kill.
    Links in the folder are never followed.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._checked: set[Path] = set()
        self._written: list[str] = []
        try:
            self._before = (root / _MARK).read_text("utf-8").splitlines()
        except (FileNotFoundError, UnicodeDecodeError):
            self._before = []
        self._list(self._before)

    def write(self, path: str, content: bytes) -> None:
        """Write a file, whole or not at all. Raises UsageError for a link in place of a folder."""
        file = self._root / path
        self._make(file.parent)
        with (self._root / _MARK).open("a", encoding="utf-8") as mark:
            mark.write(f"{path}\n")
        self._written.append(path)
        self._replace(file, content)

    def finish(self) -> None:
        """Remove the files of earlier exports missing in this export."""
        kept = {path.lower() for path in self._written}  # on some disks a name means another in small letters
        for path in self._before:
            if path.lower() not in kept and _is_of_export(path):
                self._remove(self._root / path)
        self._list(self._written)

    def _list(self, paths: Iterable[str]) -> None:
        self._replace(self._root / _MARK, "".join(f"{path}\n" for path in paths).encode())

    def _replace(self, file: Path, content: bytes) -> None:
        new = self._root / _NEW
        new.unlink(missing_ok=True)
        with new.open("xb") as opened:
            opened.write(content)
        new.replace(file)

    def _make(self, folder: Path) -> None:
        """Make a folder and its parents, up to the root."""
        if folder == self._root or folder in self._checked:
            return
        self._make(folder.parent)
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
    if folder.is_dir() and not (folder / _MARK).exists() and any(folder.iterdir()):
        raise errors.UsageError(
            f"{folder} has other files, which an export could overwrite.",
            "Name a folder that is new, or empty, or of an earlier export.",
        )
