"""The border between the other tool's files, which may be unreadable, and gitexp's own disk."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from gitexp import errors
from gitexp.extras.integrations.importers import folder_files


class RunUnreadable(Exception):
    """A run cannot be read at its place, and is left out. A fault of gitexp's own disk is no such error."""


@contextlib.contextmanager
def reading() -> Iterator[None]:
    """Raise errors of the block as RunUnreadable. The block only reads what the other tool has."""
    try:
        yield
    except (OSError, errors.GitexpError) as error:
        raise RunUnreadable(folder_files.reason(error)) from error
