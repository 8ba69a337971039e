"""Values of questions to Git and its answers: heads, objects, entries of trees, changes of refs."""

from __future__ import annotations

from collections.abc import Iterable

from gitexp import errors
from gitexp.named_tuple import NamedTuple

LARGEST = 64 << 20  # bytes of an object that may be somebody else's, and is read


class RefConflict(errors.GitFailed):
    """The ref has another value than expected: somebody else moved, made or removed the ref."""


class Head(NamedTuple):
    """The commit of HEAD, and the full ref name of its branch; None when HEAD is detached."""

    commit: str
    branch: str | None


class TreeEntry(NamedTuple):
    """An entry of a tree: six octal digits of the mode, type, object id and name."""

    mode: str
    kind: str
    id: str
    name: bytes


class GitObject(NamedTuple):
    """An object: its type, its id and its size in bytes."""

    kind: str
    id: str
    size: int


def in_commit(commit: str, paths: Iterable[str]) -> list[str]:
    """The files of a commit, as Git takes them."""
    return [f"{commit}:{path}" for path in paths]


class CommitFacts(NamedTuple):
    """The time of a commit in ISO 8601, and the first line of its message."""

    date: str
    subject: str


class RefChange(NamedTuple):
    """The way of a ref from one commit to another; `old` None: a new ref, `new` None: a deleted ref."""

    ref: str
    old: str | None
    new: str | None

    def reversed(self) -> RefChange:
        """The opposite change."""
        return RefChange(self.ref, self.new, self.old)
