"""What Git is asked and answers: heads, objects, lines of trees, and changes of refs."""

from __future__ import annotations

from dataclasses import dataclass

from gitexp import errors


class RefConflict(errors.GitFailed):
    """The ref is not where the caller thought: somebody else moved, made or removed it."""


@dataclass(frozen=True, slots=True)
class Head:
    """Where HEAD stands: a commit id, and the branch's full ref name or None when detached."""

    commit: str
    branch: str | None


@dataclass(frozen=True, slots=True)
class TreeEntry:
    """One line of a tree: mode as six octal digits, type, object id and name."""

    mode: str
    kind: str
    id: str
    name: bytes


@dataclass(frozen=True, slots=True)
class GitObject:
    """An object that is there: its type, its id and its size in bytes."""

    kind: str
    id: str
    size: int


@dataclass(frozen=True, slots=True)
class RefChange:
    """One ref from one commit to another; `old` None: it is made, `new` None: it is deleted."""

    ref: str
    old: str | None
    new: str | None

    def reversed(self) -> RefChange:
        """Return the change that takes this one back."""
        return RefChange(self.ref, self.new, self.old)
