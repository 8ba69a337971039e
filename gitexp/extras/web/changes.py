"""Whether a repository has changed, at the cost of a few looks at time stamps: nothing is read again."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from enum import IntEnum
from pathlib import Path
from typing import TypeAlias

from gitexp.project.project import Project
from gitexp.repo.live import LOGGED

_REFS = ("refs/gitexp", "refs/exps", "refs/heads", "refs/tags", "refs/remotes")
_RECENT = 200_000_000  # nanoseconds: of a file changed so lately, another change may have the same stamp
_Stamp: TypeAlias = tuple[int, int, int]


class Changed(IntEnum):
    """The extent of changes; LOGGED: only the logged values of live runs."""

    NOTHING = 0
    LOGGED = 1
    ANYTHING = 2


class Watcher:
    """A watcher of one project.

    Git replaces files by renaming, and so changes the time stamp of their folder. Folders of refs and the
    file of packed refs suffice to notice every ref, without looking at thousands of loose refs.
    """

    def __init__(self, project: Project) -> None:
        self._common = project.repo.common_dir
        self._files = [
            self._common / "packed-refs",
            self._common / "reftable/tables.list",
            self._common / "config",
            project.repo.git_dir / "HEAD",
        ]
        root = project.repo.root
        self._files += [root / name for name in (project.config_file, "dvc.yaml", *project.config.named)]
        self._runs = project.local.runs
        self._below: dict[str, tuple[_Stamp, list[str]]] = {}  # of a folder, its stamp and the folders in it
        self._seen = self._look()
        self._again = Changed.NOTHING
        if _is_recent(self._seen):
            self._again = Changed.ANYTHING

    def changed(self) -> Changed:
        """The changes since the last call."""
        found = self._look()
        before, self._seen = self._seen, found
        changed = Changed.NOTHING
        for path in found.keys() | before.keys():
            if found.get(path) != before.get(path):
                live = f"/{LOGGED}/" in path and path.startswith(str(self._runs))
                extent = Changed.ANYTHING
                if live:
                    extent = Changed.LOGGED
                changed = max(changed, extent)
        again, self._again = self._again, Changed.NOTHING
        if changed and _is_recent(found):
            self._again = changed
        return max(changed, again)

    def _look(self) -> dict[str, _Stamp]:
        found: dict[str, _Stamp] = {}
        for path in self._paths():
            stamp = _stamp(path)
            if stamp is not None:
                found[path] = stamp
        return found

    def _paths(self) -> Iterator[str]:
        yield from map(str, self._files)
        for name in _REFS:
            yield from self._folders(str(self._common / name))
        yield from self._live_files()

    def _folders(self, folder: str) -> Iterator[str]:
        """A folder and all folders inside; only a folder with a new time stamp is listed again."""
        stamp = _stamp(folder)
        if stamp is None:
            return
        yield folder
        if folder not in self._below or self._below[folder][0] != stamp:
            self._below[folder] = (stamp, _folders_in(folder))
        for name in self._below[folder][1]:
            yield from self._folders(name)

    def _live_files(self) -> Iterator[str]:
        """The files of live runs: their states and logged metrics."""
        yield str(self._runs)
        for run in _folders_in(str(self._runs)):
            yield f"{run}/state.json"
            logged = f"{run}/{LOGGED}"
            yield logged
            try:
                with os.scandir(logged) as entries:
                    yield from [entry.path for entry in entries]
            except OSError:
                continue


def _is_recent(found: dict[str, _Stamp]) -> bool:
    """Whether a file changed a moment ago, so another change may have the same stamp."""
    newest = max((stamp[0] for stamp in found.values()), default=0)
    return newest > time.time_ns() - _RECENT


def _folders_in(folder: str) -> list[str]:
    try:
        with os.scandir(folder) as entries:
            return [entry.path for entry in entries if entry.is_dir(follow_symlinks=False)]
    except OSError:
        return []


def _stamp(path: str) -> _Stamp | None:
    try:
        found = Path(path).stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino
