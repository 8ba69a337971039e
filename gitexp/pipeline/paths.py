"""Paths as people write them, made paths from the root of the repository; and where the lock stands."""

from __future__ import annotations

from pathlib import PurePosixPath

LOCK_FILE = "gitexp.lock"

# They say what runs and what belongs into Git, in whatever folder they stand.
_RULES = (
    *("gitexp.yaml", LOCK_FILE, ".gitexpignore"),
    *("dvc.yaml", "dvc.lock", ".dvcignore"),
    *(".gitignore", ".gitattributes", ".gitmodules"),
)


def rule_in(path: str) -> str | None:
    """Return the part of a path that is a file by whose rules gitexp or Git works, None if none is."""
    return next((part for part in path.split("/") if part.casefold() in _RULES), None)


def lock_path(folder: str) -> str:
    """Return where the gitexp.lock of the project in a folder stands, relative to the root."""
    return PurePosixPath(folder, LOCK_FILE).as_posix()


def inside(folder: str, path: str) -> str | None:
    """Return a path relative to a folder made relative to the root; "" is the root itself.

    None if it leaves the repository, is absolute, enters .git or .gitexp, or has control characters.
    """
    parts: list[str] = []
    for part in PurePosixPath(folder, path.replace("\\", "/")).parts:
        if part != "..":
            parts.append(part)
        elif parts:
            parts.pop()
        else:
            return None
    if not parts:
        return ""
    if any(char < " " for char in path) or parts[0].startswith("/") or ":" in parts[0]:
        return None
    if parts[0].lower() == ".gitexp" or any(part.lower() == ".git" for part in parts):
        return None
    return "/".join(parts)
