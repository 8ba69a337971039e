"""The dashboard as a folder of files: the same pages and documents, which a browser opens from the disk."""

from __future__ import annotations

from pathlib import Path

from gitexp import errors
from gitexp.extras.web import pages
from gitexp.extras.web.documents import Documents
from gitexp.extras.web.exported import scripts
from gitexp.extras.web.pages import PAGES

_MARK = ".gitexp-dashboard"  # a file in every exported folder: such a folder may be written again


def export(documents: Documents, folder: Path) -> int:
    """Write all pages into a folder, and give their number.

    Raises UsageError for a folder with other files.
    """
    _check(folder)
    static = folder / "static"
    static.mkdir(parents=True, exist_ok=True)
    (folder / _MARK).write_bytes(b"")
    for name, content in pages.static_files().items():
        (static / name).write_bytes(content)
    count = 0
    for page in PAGES:
        for key in page.keys(documents):
            file = folder / page.address(key)
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(pages.html(page, documents, key).encode())
            count += 1
    for path, text in scripts(documents):
        file = folder / "documents" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="ascii")
    return count


def _check(folder: Path) -> None:
    """Raise UsageError for a folder with files that are not of an export."""
    if folder.exists() and not folder.is_dir():
        raise errors.UsageError(f"{folder} is not a folder.", "Name a folder that is new, or empty.")
    if folder.is_dir() and not (folder / _MARK).exists() and any(folder.iterdir()):
        raise errors.UsageError(
            f"{folder} has other files, which an export could overwrite.",
            "Name a folder that is new, or empty, or of an earlier export.",
        )
