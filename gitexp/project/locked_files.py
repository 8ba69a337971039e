"""Files of commits that Git does not have: the commit's lock says what their content is."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath

from gitexp import errors
from gitexp.files.dvc_yaml import DEFAULT_PARAMS, DVC_LOCK, DVC_YAML
from gitexp.pipeline.paths import lock_path


class LockedFiles:
    """Looks for files of commits in the object store `objects`, and in DVC's cache.

    Attributes:
        needs: the files of a commit that tell where others are, by their paths from the root.
    """

    def __init__(self, root: Path, objects: Path, folder: str) -> None:
        self._root = root
        self._objects = objects
        self._folder = folder
        self._lock = lock_path(folder)
        self._dvc_lock = posixpath.join(folder, DVC_LOCK)
        self.needs: tuple[str, ...] = (self._lock,)
        if (root / folder / DVC_YAML).is_file():
            beside = (posixpath.join(folder, name) for name in (DVC_YAML, DEFAULT_PARAMS))
            self.needs = (self._lock, self._dvc_lock, *beside)

    def find(
        self, commit: Mapping[str, bytes | None], missing: Iterable[str]
    ) -> tuple[dict[str, bytes], list[str]]:
        """The content of each missing file named by a lock, and a sentence for each content not found.

        `commit` has the content of the files `needs`, None for a missing file.
        """
        found, absent = dict[str, bytes](), list[str]()
        for lock in (self._lock, self._dvc_lock):
            text = commit.get(lock) or b""
            names = []
            for name in missing:
                if name not in found and self._may_name(text, name):
                    names.append(name)
            if not names:
                continue
            from gitexp.project import stored_content  # hardly any commit has metrics outside of Git

            try:
                if lock == self._lock:
                    stored = stored_content.by_lock(self._objects, lock, text, names)
                else:
                    stored = stored_content.by_dvc_lock(self._root, self._folder, commit, names)
            except errors.GitexpError:  # a lock with a conflict, say: whoever runs its stages complains
                continue
            found |= stored.found
            absent += stored.absent
        return found, absent

    def _may_name(self, lock: bytes, name: str) -> bool:
        """Whether the text of a lock may have this file, or a folder above it."""
        path = PurePosixPath(posixpath.relpath(name, self._folder or "."))
        return any(part.encode("utf-8", "surrogateescape") in lock for part in path.parts if part != "..")
