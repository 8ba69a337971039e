"""Servers on which half an upload is visible: it goes to a temporary name and is then moved."""

from __future__ import annotations

import contextlib
import posixpath
import secrets
from abc import abstractmethod
from pathlib import Path

from gitexp.objects.hashing import OnBytes
from gitexp.objects.remotes.remote import TEMPORARY
from gitexp.objects.remotes.server import ServerRemote
from gitexp.regex import regex

CHUNK = 1 << 20  # bytes
# The name of an unfinished upload: `tmp` may hold files of other people, too.
_OURS = regex(r"[0-9a-f]{62}(\.dir)?\.[0-9a-f]{8}")


class MovingRemote(ServerRemote):
    """A server with visible uploads: they go to a temporary name and are then moved."""

    def _upload(self, source: Path, path: str, on_bytes: OnBytes) -> None:
        temporary = self._temporary(path)
        for folder in (posixpath.dirname(temporary), posixpath.dirname(path)):
            if folder not in self._made:
                self._make(folder)
                self._made.add(folder)
        try:
            self._write(source, temporary, on_bytes)
            self._move(temporary, path)
        except BaseException:
            with contextlib.suppress(Exception):
                self._fs().rm_file(temporary)
            raise

    def _temporary(self, path: str) -> str:
        return posixpath.join(self._base, TEMPORARY, f"{posixpath.basename(path)}.{secrets.token_hex(4)}")

    def remove_leftovers(self, before: float) -> None:
        with self._translated():
            for name, _, mtime in self._entries(TEMPORARY):
                if _OURS.fullmatch(name) and 0 < mtime < before:
                    with contextlib.suppress(FileNotFoundError):
                        self._fs().rm_file(posixpath.join(self._base, TEMPORARY, name))

    @abstractmethod
    def _make(self, folder: str) -> None:
        """Make a folder and its parents. A present folder is no error."""

    @abstractmethod
    def _write(self, source: Path, path: str, on_bytes: OnBytes) -> None:
        """Upload a file."""

    @abstractmethod
    def _move(self, temporary: str, path: str) -> None:
        """Give a file its name in one step, in place of a file of this name."""
