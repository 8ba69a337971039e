"""The data of one workspace, compared with a lock: up to date, changed, missing, not added."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path

from gitexp import errors
from gitexp.model import Artifact
from gitexp.objects.scan import Scanned, scan
from gitexp.objects.stat_cache import StatCache
from gitexp.pipeline.lock import LOCK_FILE
from gitexp.project.project import Project

# These do not count in the inputs of stages: Python makes its caches again, with other bytes each time, and
# gitexp rewrites the lock after every stage.
MADE_AGAIN = (
    "__pycache__",
    ".pytest_cache",
    ".mypy_cache",
    ".ruff_cache",
    ".ipynb_checkpoints",
    LOCK_FILE,
)


class DataState(StrEnum):
    """How data in the workspace compares with the lock."""

    UP_TO_DATE = "up to date"
    CHANGED = "changed"
    MISSING = "missing"
    RESTORABLE = "restorable"  # missing, and a run brings it
    NOT_ADDED = "not added"


@contextmanager
def workspace_data(project: Project, root: Path | None = None) -> Iterator[WorkspaceData]:
    """Give the data of the user's workspace, or of the workspace at `root`."""
    with StatCache(project.local.stat_cache) as cache:
        yield WorkspaceData(root or project.repo.root, cache, project.repo.has_modes)


class WorkspaceData:
    """The data in the workspace at `root`. Each path is looked at once, until `forget`.

    `has_modes` tells whether the disk knows executable files. The question is put off until a file looks
    executable.
    """

    def __init__(self, root: Path, cache: StatCache, has_modes: Callable[[], bool]) -> None:
        self.cache = cache
        self._root = root
        self._has_modes = has_modes
        self._artifacts: dict[tuple[str, bool], Artifact | None] = {}

    def forget(self) -> None:
        """Look at all paths anew: a command has run, and may have written anywhere."""
        self._artifacts.clear()

    def artifact(self, path: str, *, read_only: bool = False) -> Artifact | None:
        """The artifact at a path; None if nothing is there. Raises UnstorableData.

        With `read_only`, for the inputs of stages, the files of `MADE_AGAIN` do not count.
        """
        asked = (path, read_only)
        if asked not in self._artifacts:
            found = self.scanned(path, read_only=read_only)
            self._artifacts[asked] = None if found is None else found.artifact
        return self._artifacts[asked]

    def scanned(self, path: str, *, read_only: bool = False) -> Scanned | None:
        """Like `artifact`, and with the files of a folder."""
        found = scan(self._root, path, self.cache, but=MADE_AGAIN if read_only else ())
        return self._as_seen(found)

    def _as_seen(self, found: Scanned | None) -> Scanned | None:
        if found is None:
            return None
        return found._replace(artifact=self.as_seen(found.artifact))

    def as_seen(self, artifact: Artifact) -> Artifact:
        """An artifact with the mode that the disk would show."""
        if artifact.executable and not self._has_modes():
            return artifact._replace(executable=False)
        return artifact

    def differs(self, now: Artifact, locked: Artifact) -> bool:
        """Whether an artifact of this workspace has other content, or another mode, than in the lock."""
        return now.content != self.as_seen(locked).content

    def state(self, path: str, locked: Artifact | None) -> DataState:
        """The state of a path whose artifact in the lock is `locked`. Raises UnstorableData."""
        if locked is None:
            return DataState.NOT_ADDED
        now = self.artifact(path)
        if now is None:
            return DataState.MISSING
        if self.differs(now, locked):
            return DataState.CHANGED
        return DataState.UP_TO_DATE

    def holds(self, locked: Artifact) -> bool:
        """Whether the content of a locked artifact is at its path, with any mode. False if unreadable."""
        try:
            if not locked.is_folder and (self._root / locked.path).lstat().st_size != locked.size:
                return False
            now = self.artifact(locked.path)
        except (OSError, errors.UnstorableData):
            return False
        return now is not None and now.hash == locked.hash
