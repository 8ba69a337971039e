"""The data and outs that DVC's files in a workspace name."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator

from gitexp import errors
from gitexp.files.dvc_lock import DvcEntry, read_pointer, read_stages
from gitexp.files.dvc_yaml import DVC_LOCK
from gitexp.files.limits import read_if_there
from gitexp.named_tuple import NamedTuple
from gitexp.objects.paths import lies_in
from gitexp.project.project import Project
from gitexp.project.tools import tool_files


class PointedData(NamedTuple):
    """The data of `.dvc` files.

    Attributes:
        entries: the file or folder, by the `.dvc` file.
        complaints: a sentence for each file that cannot be read.
    """

    entries: dict[str, tuple[DvcEntry, ...]]
    complaints: list[str]


def pointed(project: Project) -> PointedData:
    """The data of the `.dvc` files in a project's folder."""
    root, found = project.repo.root, PointedData({}, [])
    for name in sorted(tool_files.find(root).pointers):
        if not lies_in(name, project.config.folder):
            continue
        try:
            found.entries[name] = read_pointer(name, read_if_there(root / name) or b"")
        except OSError as error:
            found.complaints.append(f"{name} cannot be read: {error.strerror}")
        except errors.FileError as error:
            found.complaints.append(f"not used: {error.message}")
    return found


def named_in_workspace(project: Project) -> list[DvcEntry]:
    """All that the `.dvc` files and the dvc.lock of a workspace name; unreadable files are passed over."""
    found = list[DvcEntry]()
    for entries in pointed(project).entries.values():
        found += entries
    found += _outs(project)
    return [entry for entry in found if entry.md5]


def _outs(project: Project) -> Iterator[DvcEntry]:
    name = posixpath.join(project.config.folder, DVC_LOCK)
    try:
        stages = read_stages(name, read_if_there(project.repo.root / name) or b"")
    except (OSError, errors.FileError):
        return
    for stage in stages.values():
        try:
            # The folder of the stage does not matter: the content is asked for by its MD5.
            _, outs = stage.read(project.config.folder)
        except errors.ParseError:
            continue
        yield from outs.values()
