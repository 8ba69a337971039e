"""What the entries of DVC's files mean in a workspace: files with the MD5 that DVC has written down."""

from __future__ import annotations

from pathlib import Path

from gitexp import errors
from gitexp.datasets.dvc_objects import DvcObjects
from gitexp.files.dvc_lock import DvcEntry
from gitexp.model import Artifact
from gitexp.objects import md5 as md5s
from gitexp.objects.manifest import File
from gitexp.stages.stage_data import UNSTORABLE, StageData


class WorkspaceContent:
    """The content in the workspace at `root`, and behind it DVC's caches."""

    def __init__(self, root: Path, standing: StageData, objects: DvcObjects) -> None:
        self._root = root
        self._standing = standing
        self._objects = objects

    def dep(self, entry: DvcEntry) -> Artifact | None:
        """The artifact with the content of an input; None without the content."""
        return self._present(entry.path, entry, read_only=True) or self._objects.artifact(entry)

    def content_of(self, entry: DvcEntry) -> Artifact | None:
        """The artifact with the content of an entry, in the workspace or in DVC's cache; None without it.

        Raises the errors of `ObjectStore.add`.
        """
        artifact = self._present(entry.path, entry)
        if artifact is None:
            return self._objects.artifact(entry)
        self._take_note(entry.path)
        return artifact

    def _take_note(self, path: str) -> None:
        scanned = self._standing.scanned(path)
        if scanned is not None:
            self._objects.take_note(self._root, scanned, self._standing.cache)

    def _present(self, path: str, entry: DvcEntry, *, read_only: bool = False) -> Artifact | None:
        """The artifact in the workspace if it has the MD5 of an entry."""
        for part in (read_only, False):
            found = self._standing.artifact(path, read_only=part)
            if found is None or found.hash == UNSTORABLE or found.is_folder != entry.is_folder:
                return None
            if self._has_md5(path, found, entry, read_only=part):
                return self._standing.artifact(path, read_only=read_only)
        return None

    def _has_md5(self, path: str, found: Artifact, entry: DvcEntry, *, read_only: bool) -> bool:
        if not entry.md5 or (entry.size is not None and entry.size != found.size and not entry.legacy):
            return False
        if not found.is_folder:
            return entry.md5 in self._md5s(path, found.hash)
        scanned = self._standing.scanned(path, read_only=read_only)
        if scanned is None or scanned.manifest is None:
            return False
        listed = [(file, self._md5s(f"{path}/{file.path}", file.hash)) for file in scanned.manifest.files]
        if any(not known or file.link for file, known in listed):
            return False
        ways = (0, -1) if entry.legacy else (0,)
        return any(_folder(listed, at) == entry.md5 for at in ways)

    def _md5s(self, path: str, hash_: str) -> tuple[str, ...]:
        """The MD5 of a file of the workspace with this SHA-256, and with plain line ends; () if it has
        changed."""
        known = self._objects.md5s(hash_)
        if known:
            return tuple(known)
        try:
            both = md5s.read_both(self._root / path)
        except (OSError, errors.UnstorableData):
            return ()
        if both.read.hash != hash_:
            return ()
        self._objects.note([both])
        return tuple(self._objects.md5s(hash_))


def _folder(listed: list[tuple[File, tuple[str, ...]]], at: int) -> str:
    return md5s.of_folder((file.path, known[at]) for file, known in listed)
