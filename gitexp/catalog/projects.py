"""The experiments of the project in which the user stands, among those of other projects of the repository.

A record names the folder of its project. The files of today say which project has this folder now: a new
gitexp.yaml at the root takes over the folders below it. Where no file marks a project, the folders above and
below the present one count as the same project, and folders beside it do not. A record of an older gitexp
names no project: it counts in each one around its command or its files.
"""

from __future__ import annotations

import os
import posixpath
from collections.abc import Collection, Iterable
from functools import cache
from pathlib import Path

from gitexp.catalog import sources
from gitexp.catalog.rows import NO_FILES
from gitexp.model import Experiment, Record, Stored
from gitexp.objects.paths import lies_in
from gitexp.pipeline.paths import without_dot
from gitexp.project import config_loading
from gitexp.project.config import CONFIG_FILE
from gitexp.project.project import Project


def of_project(project: Project, experiments: Iterable[Stored]) -> list[Stored]:
    """The experiments of the user's project. Damaged ones, and other programs' experiments, always count."""
    root, own = project.repo.root.resolve(), project.config.folder
    is_marked = config_loading.marked_folder(root, root / own) is not None

    @cache
    def is_of(folder: str) -> bool:
        if is_marked:
            return _now(root, folder) == own
        return _in_line(folder, own)

    @cache  # thousands of records have the same few files
    def is_seen_here(folder: str, names: tuple[str, ...]) -> bool:
        seen = folder or _around(names)
        return lies_in(seen, own) or is_of(seen)

    def is_ours(record: Record) -> bool:
        if record.project is not None:
            return is_of(record.project)
        names = (*record.params, *record.metrics, *record.cut_params, *record.cut_metrics)
        return is_seen_here(record.folder, names)

    found = []
    for one in experiments:
        if not isinstance(one, Experiment) or not sources.is_own(one) or is_ours(one.record):
            found.append(one)
    return found


def files_of_others(project: Project, paths: Iterable[str], own: Collection[str]) -> set[str]:
    """The files of all projects but the ones with the folders `own`.

    A file belongs to the project of the nearest gitexp.yaml above it. A project around
    one of `own` does not count: its code serves all projects below.
    """
    root = project.repo.root.resolve()

    @cache
    def is_marked(folder: str) -> bool:
        return os.path.isfile(root / folder / CONFIG_FILE)  # noqa: PTH113 - a path may be too long to be

    found = set()
    for path in paths:
        folder = posixpath.dirname(path)
        while folder and not is_marked(folder):
            folder = posixpath.dirname(folder)
        if not any(lies_in(one, folder) for one in own):
            found.add(path)
    return found


def _around(names: Iterable[str]) -> str:
    """The folder around all these paths; paths of no file do not count."""
    folders = []
    for name in names:
        if not lies_in(name, NO_FILES):
            folders.append(posixpath.dirname(name) or ".")
    if not folders:
        return ""
    return without_dot(posixpath.commonpath(folders))


def _now(root: Path, folder: str) -> str:
    """The folder of the project around a folder today; a missing folder is its own project."""
    place = root / folder
    if not place.is_dir():
        return folder
    marked = config_loading.marked_folder(root, place)
    if marked is None:
        return folder
    return without_dot(marked.relative_to(root).as_posix())


def _in_line(one: str, other: str) -> bool:
    """Whether two folders are the same, or nested."""
    return lies_in(one, other) or lies_in(other, one)
