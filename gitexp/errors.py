"""Every error that a user can meet, with one root.

    GitexpError                    exit 1
    |- UsageError                  exit 2   the command line is wrong
    |   |- InvalidName                      an experiment or branch name that cannot be
    |   `- OverrideError                    -S text that cannot be understood
    |- FileError                            a file of the user's, with line and column where known
    |   |- ParseError                       params, metrics or config that does not parse
    |   `- ConfigError                      gitexp.yaml says something that cannot be
    |- UnknownParam                         -S names a key that no params file has
    |- RepositoryError                      the repository cannot be used as it stands
    |   |- NotARepository, BareRepository, NoCommits, UnmergedPaths, ReadOnlyRepository
    |   |- GitMissing, GitTooOld
    |   `- GitFailed                        a Git process ended with an error nobody foresaw
    |- SnapshotRefused                      the workspace cannot be stored exactly
    |- ExperimentError
    |   |- UnknownExperiment, AmbiguousExperiment, NameTaken, BadRecord
    |- BranchExists
    |- UnsavedChanges                       files would be overwritten that are stored nowhere
    |- NothingToUndo                        no operation, or none that can be taken back now
    |- WorkspaceBusy                        another run is going on here
    |- CommandNotFound                      the program to run is not there
    `- StorageError                         the disk is full, or an input/output error

Each carries one sentence for the person (`message`), what to do next (`hint`), a stable `code`
for programs, and the exit status of the process. Nothing here knows the terminal.
"""

from __future__ import annotations

from collections.abc import Sequence


class GitexpError(Exception):
    """The root: one sentence that says what is wrong and, in `hint`, what to do about it."""

    code = "error"
    exit_code = 1

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class UsageError(GitexpError):
    """The command line asks for something that cannot be meant."""

    code = "usage"
    exit_code = 2


class InvalidName(UsageError):
    """A name that the storage format does not allow (DESIGN section 3)."""

    code = "invalid-name"


class OverrideError(UsageError):
    """An `-S` argument that is not `[file:]key=value`, `+key=value` or `~key`."""

    code = "invalid-override"


class FileError(GitexpError):
    """Something is wrong in a file; the message starts with `file:line:column` as far as known."""

    code = "bad-file"
    usual_hint: str | None = None

    def __init__(
        self,
        message: str,
        hint: str | None = None,
        *,
        file: str = "",
        line: int | None = None,
        column: int | None = None,
    ) -> None:
        place = file
        if place and line is not None:
            place += f":{line}" + (f":{column}" if column is not None else "")
        super().__init__(f"{place}: {message}" if place else message, hint or self.usual_hint)
        self.file = file
        self.line = line
        self.column = column


class ParseError(FileError):
    """The file is not what its ending says; line and column count from 1."""

    code = "parse-error"
    usual_hint = "Correct the file, then run the command again."


class ConfigError(FileError):
    """`gitexp.yaml` parses but says something that gitexp does not understand."""

    code = "config-error"


class UnknownParam(GitexpError):
    """A parameter was to be changed or removed that no params file has."""

    code = "unknown-param"


class RepositoryError(GitexpError):
    """The repository, or Git itself, cannot be used as it stands."""

    code = "repository"


class NotARepository(RepositoryError):
    code = "not-a-repository"


class BareRepository(RepositoryError):
    code = "bare-repository"


class NoCommits(RepositoryError):
    code = "no-commits"


class UnmergedPaths(RepositoryError):
    code = "unmerged-paths"


class ReadOnlyRepository(RepositoryError):
    code = "read-only"


class GitMissing(RepositoryError):
    code = "git-missing"


class GitTooOld(RepositoryError):
    code = "git-too-old"


class GitFailed(RepositoryError):
    """A Git process ended with an error; `status` is its exit status, `stderr` what it said."""

    code = "git-failed"

    def __init__(self, message: str, hint: str | None = None, *, status: int = 1, stderr: str = "") -> None:
        super().__init__(message, hint)
        self.status = status
        self.stderr = stderr


class SnapshotRefused(GitexpError):
    """The workspace cannot be stored exactly; `paths` are the reasons, as shown to the user."""

    code = "snapshot-refused"

    def __init__(self, message: str, hint: str | None = None, *, paths: Sequence[str] = ()) -> None:
        super().__init__(message, hint)
        self.paths = tuple(paths)


class ExperimentError(GitexpError):
    """Something about one named experiment."""

    code = "experiment"


class UnknownExperiment(ExperimentError):
    code = "unknown-experiment"


class AmbiguousExperiment(ExperimentError):
    code = "ambiguous-experiment"


class NameTaken(ExperimentError):
    code = "name-taken"


class BadRecord(ExperimentError):
    """The record of an experiment is damaged or of a format this version does not know."""

    code = "bad-record"


class BranchExists(GitexpError):
    code = "branch-exists"


class UnsavedChanges(GitexpError):
    """Files of the workspace would be overwritten; `paths` are these."""

    code = "unsaved-changes"

    def __init__(self, message: str, hint: str | None = None, *, paths: Sequence[str] = ()) -> None:
        super().__init__(message, hint)
        self.paths = tuple(paths)


class NothingToUndo(GitexpError):
    code = "nothing-to-undo"


class WorkspaceBusy(GitexpError):
    code = "workspace-busy"


class CommandNotFound(GitexpError):
    code = "command-not-found"


class StorageError(GitexpError):
    """The operating system refused to read or write: disk full, quota, input/output error."""

    code = "storage"
