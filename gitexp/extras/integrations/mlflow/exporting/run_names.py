"""Names of params, metrics and tags within MLflow's rules."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator

from gitexp.regex import regex

LONGEST_NAME = 250  # characters
_NUMBER = 6  # characters kept free for a number
_FORBIDDEN = regex(r"[^/\w.\- :]")


class MlflowNames:
    """Gives each name of a run a name of its own within MLflow's rules.

    Args:
        are_paths: whether names are paths, as in MLflow's file store: where there is `a/b`, no file is `a`.

    Attributes:
        changed: the new names by the old ones, those that differ.
    """

    def __init__(self, *, are_paths: bool) -> None:
        self._are_paths = are_paths
        self.changed: dict[str, str] = {}
        self._taken = set[str]()
        self._folders = set[str]()

    def new(self, name: str) -> str:
        """The name, with `_` in place of forbidden letters; a taken name gets a number."""
        plain = posixpath.normpath("/" + _FORBIDDEN.sub("_", name)).lstrip("/")
        plain = plain[:LONGEST_NAME].rstrip("/ ") or "_"
        if self._are_paths and any(folder in self._taken for folder in _folders(plain)):
            plain = plain.replace("/", "_")
        found, number = plain, 1
        while found in self._taken or (self._are_paths and found in self._folders):
            number += 1
            found = f"{plain[: LONGEST_NAME - _NUMBER]}_{number}"
        self._taken.add(found)
        self._folders.update(_folders(found))
        if found != name:
            self.changed[name] = found
        return found


def _folders(name: str) -> Iterator[str]:
    while "/" in name:
        name = name.rpartition("/")[0]
        yield name
