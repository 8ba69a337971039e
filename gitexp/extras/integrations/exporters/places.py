"""The place of an export on this machine: resolved, and refused if something else is there."""

from __future__ import annotations

from pathlib import Path

from gitexp import errors
from gitexp.objects.paths import OWN_FOLDERS
from gitexp.project.project import Project


def local_path(project: Project, place: str) -> Path:
    """The path of a place, from the folder of the command. Raises UsageError for a URL, or in Git's."""
    if "://" in place:
        raise errors.UsageError(f"{place} is a URL, and no path.", "Name a file or folder: -o PLACE")
    path = project.here / Path(place).expanduser()
    if any(part in OWN_FOLDERS for part in path.parts) or path.resolve().is_relative_to(project.repo.git_dir):
        raise errors.UsageError(f"{place} is in a folder of Git's own.", "Name another place: -o PLACE")
    return path


def require_folder(path: Path, place: str) -> None:
    """Raise UsageError for a file in place of a folder."""
    if path.exists() and not path.is_dir():
        raise errors.UsageError(f"{place} is a file, and no folder.", "Name another place: -o FOLDER")


def require_file(path: Path, place: str) -> None:
    """Raise UsageError for a folder, a pipe or another special file in place of a file."""
    if path.exists() and not path.is_file():
        raise errors.UsageError(f"{place} is there, and is no file.", "Name another place: -o FILE")


def is_in_workspace(project: Project, place: str) -> bool:
    """Whether a place is among the files of the user that Git does not ignore."""
    if "://" in place:
        return False
    path = (project.here / Path(place).expanduser()).resolve()
    if not path.exists() or not path.is_relative_to(project.repo.root.resolve()):
        return False
    return project.repo.call("check-ignore", "--quiet", "--", str(path))[0] != 0
