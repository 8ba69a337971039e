"""One change to the repository for `gitexp undo` to take back: refs that move together, or workspace files.

`repo.operations` stores such a change. Every command that makes one does it through a `Transaction`.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TypeVar

from gitexp import errors
from gitexp.failpoints import failpoint
from gitexp.files.limits import read_if_there
from gitexp.named_tuple import NamedTuple
from gitexp.process.interrupts import held_back
from gitexp.project.project import Project
from gitexp.repo import live, operations
from gitexp.repo.git import checkout, trees
from gitexp.repo.git.repository import Repository
from gitexp.repo.git.values import RefChange, RefConflict
from gitexp.repo.local import LocalState
from gitexp.repo.operations import Operation, WorkspaceChange
from gitexp.times import now

_ATTEMPTS = 10

_Result = TypeVar("_Result")


class Transaction(NamedTuple):
    """One change for `gitexp undo` to take back; `begin` makes one.

    Attributes:
        summary: the user's request: `rename a b`.
        undoes: the number of the operation taken back by the change; None for any other change.
    """

    project: Project
    summary: str
    undoes: int | None = None

    @classmethod
    def begin(cls, project: Project, summary: str, undoes: int | None = None) -> Transaction:
        """A new transaction; raises ReadOnlyRepository before anything is written."""
        project.local.prepare()
        return cls(project, summary, undoes)

    def move(self, *changes: RefChange) -> Operation:
        """Move refs, all of them or none; raises RefConflict if a ref is not at its old commit."""
        operation = Operation(self.summary, now(), changes, undoes=self.undoes)
        if self.project.dry_run:
            return operation
        return operations.carry_out(self.project.repo, self.project.local, operation)

    def note(self, beyond: str) -> Operation:
        """Record a change nobody can take back; `beyond` says why."""
        operation = Operation(self.summary, now(), beyond=beyond)
        if self.project.dry_run:
            return operation
        return operations.carry_out(self.project.repo, self.project.local, operation)

    def planned(self, workspace: WorkspaceChange) -> Operation:
        """The operation of `replace_files`, for a dry run."""
        return Operation(self.summary, now(), workspace=workspace, undoes=self.undoes)

    @contextlib.contextmanager
    def replace_files(self, workspace: WorkspaceChange) -> Iterator[Operation]:
        """Store the workspace before and after the change; the block then changes the files.

        Ctrl-C waits for the end of the block. After a crash or an error in the block, the operation is one
        of `unfinished`.
        """
        repo, local = self.project.repo, self.project.local
        operation = operations.carry_out(repo, local, self.planned(workspace), files_follow=True)
        failpoint("takeover:stored")
        with held_back():
            yield operation
        operations.files_done(local, operation)


@contextlib.contextmanager
def editing(repo: Repository, local: LocalState, summary: str, paths: Sequence[str]) -> Iterator[None]:
    """Let `gitexp undo` take back the block's changes to a few small files of the workspace.

    `paths` are relative to the root. A failure here stops nobody: the change itself happens.
    """
    before = _contents(repo, paths)
    yield
    after = _contents(repo, paths)
    if before != after:
        with contextlib.suppress(errors.GitexpError, OSError):
            operation = Operation(summary, now(), workspace=edited_files(repo, before, after))
            operations.carry_out(repo, local, operation)


def edited_files(
    repo: Repository, before: Mapping[str, bytes | None], after: Mapping[str, bytes | None]
) -> WorkspaceChange:
    """The change of some files from one content to another; None for a missing file."""
    paths = [path for path in before if before[path] is not None]
    with repo.writing_together():
        old, new = _tree(repo, before), _tree(repo, after)
    modes = checkout.permissions(repo.root, paths)
    return WorkspaceChange(operations.worktree_of(repo), old, new, modes=modes, filtered=())


def _contents(repo: Repository, paths: Sequence[str]) -> dict[str, bytes | None]:
    """The content of each file; None for a missing one. A link counts as missing."""
    found: dict[str, bytes | None] = {}
    for path in paths:
        file = repo.root / path
        if not file.is_symlink():
            with contextlib.suppress(OSError):
                found[path] = read_if_there(file)
    return found


def _tree(repo: Repository, files: Mapping[str, bytes | None]) -> str:
    """The id of a tree with these files alone."""
    entries: dict[str, trees.Change] = {}
    for path, content in files.items():
        if content is not None:
            entries[path] = "100644", repo.write_blob(content)
    return trees.changed(repo, None, entries)


def complete_pending(project: Project) -> list[Operation]:
    """The operations interrupted by a crash between two refs, now finished."""
    with contextlib.suppress(errors.GitexpError, OSError):  # the next command tries again
        return operations.complete(project.repo, project.local)
    return []


def unfinished(project: Project) -> list[Operation]:
    """The operations here that were stopped before all their files were changed, the newest first."""
    repo, local = project.repo, project.local
    with contextlib.suppress(errors.GitexpError, OSError):
        if operations.unfinished(repo, local):
            with live.workspace(local, repo.git_dir):  # else somebody may be at it now
                return operations.unfinished(repo, local)
    return []


@contextlib.contextmanager
def names_held(project: Project) -> Iterator[None]:
    """Keep other processes from naming experiments, so that a free name stays free in the block."""
    project.local.prepare()
    with project.local.lock("names"):
        yield


def retried(change: Callable[[], _Result], subject: str) -> _Result:
    """The result of `change`, called again while another process moves the same refs.

    Raises GitFailed after ten attempts; `subject` begins its message: "The experiments keep".
    """
    for _ in range(_ATTEMPTS):
        with contextlib.suppress(RefConflict):
            return change()
    raise errors.GitFailed(f"{subject} changing under us.", "Run the command again in a moment.")
