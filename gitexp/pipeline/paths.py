"""Paths as people write them, made paths from the root of the repository; and the place of the lock."""

from __future__ import annotations

from pathlib import PurePosixPath

LOCK_FILE = "gitexp.lock"

# In any folder, these files rule what runs and what belongs into Git.
_RULES = (
    *("gitexp.yaml", LOCK_FILE, ".gitexpignore"),
    *("dvc.yaml", "dvc.lock", ".dvcignore"),
    *(".gitignore", ".gitattributes", ".gitmodules"),
)


def rule_in(path: str) -> str | None:
    """The part of a path with the name of a file of rules for gitexp or Git, if any."""
    return next((part for part in path.split("/") if part.casefold() in _RULES), None)


def lock_path(folder: str) -> str:
    """The path of the gitexp.lock of a project, from the root; `folder` is the project's folder."""
    return PurePosixPath(folder, LOCK_FILE).as_posix()


def without_dot(path: str) -> str:
    """The path; "" for ".", the root."""
    if path == ".":
        return ""
    return path


def inside(folder: str, path: str) -> str | None:
    """The path from the root for a path relative to a folder; "" for the root itself.

    None for a path that leaves the repository, is absolute, enters .git or .gitexp, or has control
    characters.
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
