"""A run that may begin: everything is checked, the code is stored, and nothing has begun."""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from typing import TYPE_CHECKING, TypeAlias

from gitexp.files.command_words.masked_arguments import masked
from gitexp.model import Artifact
from gitexp.named_tuple import NamedTuple
from gitexp.project.params import CommandLine, PreparedParams
from gitexp.project.project import Project
from gitexp.repo.git.conversions import USERS, Conversions
from gitexp.repo.git.repository import Repository
from gitexp.repo.scope import Scope
from gitexp.words import shorten

if TYPE_CHECKING:
    from gitexp.runs.resuming.resume import Resumed
    from gitexp.stages.plan import StagePlan


class PlainCommand(NamedTuple):
    """The work of a run without stages.

    Attributes:
        line: a line for the shell, or a list of arguments; `-S` has changed its options already.
    """

    line: CommandLine

    @property
    def argv(self) -> tuple[str, ...] | None:
        """The arguments; None for a line that goes through the shell."""
        return None if isinstance(self.line, str) else self.line

    @property
    def text(self) -> str:
        """The command for a shell."""
        return self.line if isinstance(self.line, str) else shlex.join(self.line)


Work: TypeAlias = "PlainCommand | StagePlan"


class StoredCommand(NamedTuple):
    """The command for the record, without secrets.

    Attributes:
        text: the line for a shell; None if nothing is started.
        argv: the arguments; None for a line that goes through the shell.
        warnings: a sentence about the parts left out.
    """

    text: str | None
    argv: tuple[str, ...] | None
    warnings: tuple[str, ...] = ()


class Ready(NamedTuple):
    """A run ready to begin.

    Attributes:
        code: the project of the code; with the config in force.
        params: the params with the overrides applied.
        work: the command or the stages to run.
        folder: where the command runs, relative to the root.
        baseline: the parent of the experiment's commit.
        branch: the branch of HEAD; None if HEAD is detached.
        workspace: the user's own worktree, or an isolated worktree.
        tree, commit: the start snapshot.
        scope: the run's own paths.
        identity: the same for two runs with the same start.
        group: the same for two runs with the same start but for the value of the seed.
        names: names for the experiment, to be tried in turn.
        lock: the text of gitexp.lock in the snapshot; b"" for its text on disk.
        warnings: sentences for the record.
        bring: artifacts for the work to read, absent from an isolated workspace.
        changed_data: data in the object store that differs from gitexp.lock.
        converting: how a checkout gives the bytes of the snapshot.
        resumed: what the run goes on from; None for a run from the start.
        against: the commit whose protected files count; "" for the baseline.
        beside_tree: files with other bytes on disk than the tree gives, and the ids of their bytes.
    """

    code: Project
    params: PreparedParams
    work: Work
    folder: str
    baseline: str
    branch: str | None
    workspace: Repository
    tree: str
    commit: str
    scope: Scope
    identity: str = ""
    group: str = ""
    names: Iterable[str] = ()
    lock: bytes = b""
    warnings: tuple[str, ...] = ()
    bring: tuple[Artifact, ...] = ()
    changed_data: tuple[Artifact, ...] = ()
    converting: Conversions = USERS
    resumed: Resumed | None = None
    against: str = ""
    beside_tree: tuple[tuple[str, str], ...] = ()

    @property
    def stored_command(self) -> StoredCommand:
        """The command for the record."""
        if not isinstance(self.work, PlainCommand):
            return StoredCommand(self.work.text, self.work.argv)
        if not self.work.line:
            return StoredCommand(None, None)
        command, names = masked(self.work.line)
        without = PlainCommand(command)
        if not names:
            return StoredCommand(without.text, without.argv)
        warning = f"not stored, it looks like a secret: the value of {shorten(names)}"
        return StoredCommand(without.text, without.argv, (warning,))
