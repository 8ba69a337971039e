"""Every error that a user can meet, with one root.

    GitexpError                    exit 1
    |- UsageError                  exit 2   the command line is wrong
    |   |- InvalidName                      an experiment, branch or tag that cannot be called that
    |   |- OverrideError                    -S text that cannot be understood
    |   |- PatternError                     a metric to be found in the output, and no way to find it
    |   |- FilterError                      a filter that cannot be understood, or names what nothing has
    |   |- UnknownColumn                    no experiment has such a param or metric
    |   |- UnknownTag                       the experiment has no such tag
    |   |- UnknownStage                     the pipeline has no such stage
    |   |- NoCommand                        nothing says what to run
    |   |- NoTerminal                       what was asked for needs a person at a terminal
    |   |- ConfigExists                     there is a gitexp.yaml, which is not overwritten
    |   |- InvalidRemote                    a data remote whose URL or options cannot be meant
    |   |- NoDataRemote                     there is no such data remote, or none at all
    |   `- RemoteExists                     there is a data remote of that name
    |- FileError                            a file of the user's, with line and column where known
    |   |- ParseError                       params, metrics or config that does not parse
    |   |- ConfigError                      gitexp.yaml says something that cannot be
    |   `- LockError                        a gitexp.lock that gitexp would not have written
    |- UnknownParam                         -S names a key that no params file has
    |- RepositoryError                      the repository cannot be used as it stands
    |   |- NotARepository, BareRepository, NoCommits, UnmergedPaths, ReadOnlyRepository
    |   |- UntrustedRepository              Git will not use it: somebody else owns it
    |   |- GitMissing, GitTooOld
    |   `- GitFailed                        a Git process ended with an error nobody foresaw
    |- SnapshotRefused                      the workspace cannot be stored exactly
    |- ExperimentError
    |   |- UnknownExperiment, AmbiguousExperiment, NameTaken, BadRecord
    |   |- StillRunning                     what was asked for is known when it has ended
    |   |- NoOutput                         it has none: it was not run, or not here
    |   |- ForeignExperiment                another program's, which gitexp only reads
    |   |- ChangedMeanwhile                 somebody else has changed or removed it just now
    |   `- NoneFound                        a question for one of them, and none is like that
    |- BranchExists
    |- UnsavedChanges                       files would be overwritten that are stored nowhere
    |- NothingToUndo                        no operation, or none that can be taken back now
    |- WorkspaceBusy                        another run is going on here
    |- CommandNotFound                      the program to run is not there
    |- EditorFailed                         the user's editor ended with an error
    |- StorageError                         the system would not read or write
    |   |- DiskFull
    |   `- NotStored                        a run has ended, and its results wait to be stored
    |- DataError                            data that cannot be stored, or brought into the workspace
    |   |- UnstorableData                   a pipe, a link to outside, what is always being written
    |   |- UnsafePath                       one that leads out of the workspace, or through a link
    |   |- BadManifest                      the list of a folder's files is damaged, or hostile
    |   |- DamagedObject                    what is in the store is not what was put there
    |   |- MissingData                      what is in no store that can be reached
    |   |- TrackedOut                       what belongs in the object store, and Git tracks
    |   |- MissingDep                       what a stage reads, and neither is there nor can be made
    |   |- StageFailed                      a stage has not written what it should, or cannot be stored
    |   |- UseUnknown                       it cannot be told which data is in use, so none is deleted
    |   `- DataRemoteError                  something about a data remote
    |       |- BackendMissing               the package that speaks its protocol is not installed
    |       |- RemoteRefused                it does not allow it, and will not next time either
    |       |- RemoteUnreachable            it does not answer, or not as it should
    |       |- NotOnRemote                  it does not have that object
    |       `- TransferFailed               some objects could not be pushed or pulled
    |- SharingError                         something about another Git repository
    |   |- NoRemote                         no such Git remote, or none at all
    |   |- RemoteFailed                     it cannot be reached, does not let us, or was cut off
    |   `- BadTransfer                      what it sent is damaged or hostile, and was not taken
    |- Interrupted                 exit 130 Ctrl-C, or no for an answer
    `- InternalError                        a bug in gitexp

Each carries one sentence for the person (`message`), what to do next (`hint`), a stable `code`
for programs, and the exit status of the process; `details` names what else a program may want to
know of it. Nothing here knows the terminal.
"""

from __future__ import annotations

from collections.abc import Sequence


class GitexpError(Exception):
    """The root: one sentence that says what is wrong and, in `hint`, what to do about it."""

    code = "error"
    exit_code = 1
    details: tuple[str, ...] = ()  # names of attributes

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def as_json(self) -> dict[str, object]:
        """Return the error as `--json` has it."""
        details = {name: getattr(self, name) for name in self.details}
        return {"code": self.code, "message": self.message, "hint": self.hint, **details}


class UnsavedChanges(GitexpError):
    """Files of the workspace would be overwritten; `paths` are these."""

    code = "unsaved-changes"
    details = ("paths",)

    def __init__(self, message: str, hint: str | None = None, *, paths: Sequence[str] = ()) -> None:
        super().__init__(message, hint)
        self.paths = tuple(paths)


class NothingToUndo(GitexpError):
    code = "nothing-to-undo"


class WorkspaceBusy(GitexpError):
    code = "workspace-busy"


class CommandNotFound(GitexpError):
    code = "command-not-found"


class EditorFailed(GitexpError):
    code = "editor-failed"


class StorageError(GitexpError):
    """The operating system refused to read or write: permissions, an input/output error."""

    code = "storage"


class DiskFull(StorageError):
    """There is no room left, or none under the user's quota."""

    code = "disk-full"


class NotStored(StorageError):
    """A run has ended, and its results are kept on this machine until the next command can store them."""

    code = "not-stored"


class Interrupted(GitexpError):
    """The user has stopped it; not for a run's own command, which is an experiment all the same."""

    code = "interrupted"
    exit_code = 130


class InternalError(GitexpError):
    """What nobody foresaw: a bug in gitexp."""

    code = "internal"


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


class PatternError(UsageError):
    """A `--metric` that is not `NAME=PATTERN`, or whose pattern is no regular expression."""

    code = "invalid-metric"


class FilterError(UsageError):
    """A filter that does not parse, compares what cannot be compared, or names what nothing has."""

    code = "invalid-filter"


class UnknownColumn(UsageError):
    code = "unknown-column"


class UnknownTag(UsageError):
    code = "unknown-tag"


class UnknownStage(UsageError):
    code = "unknown-stage"


class NoCommand(UsageError):
    code = "no-command"


class NoTerminal(UsageError):
    code = "no-terminal"


class ConfigExists(UsageError):
    code = "config-exists"


class FileError(GitexpError):
    """Something is wrong in a file; the message starts with `file:line:column` as far as known."""

    code = "bad-file"
    details = ("file", "line", "column")
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


class UntrustedRepository(RepositoryError):
    code = "untrusted-repository"


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
    details = ("paths",)

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


class StillRunning(ExperimentError):
    """What was asked for is there when the experiment has ended; or it cannot be done to one that runs."""

    code = "still-running"


class NoOutput(ExperimentError):
    code = "no-output"


class ForeignExperiment(ExperimentError):
    """An experiment that another program has stored: gitexp reads it, and changes nothing of it."""

    code = "foreign-experiment"


class ChangedMeanwhile(ExperimentError):
    code = "changed-meanwhile"


class NoneFound(ExperimentError):
    """One experiment was asked for by what it is like, and there is none."""

    code = "none-found"


class BranchExists(GitexpError):
    code = "branch-exists"


class SharingError(GitexpError):
    """Something about another Git repository, which experiments are pushed to or pulled from."""

    code = "sharing"


class NoRemote(SharingError):
    code = "no-remote"


class RemoteFailed(SharingError):
    """The other repository cannot be reached, does not let us, or the connection was cut."""

    code = "remote-failed"


class BadTransfer(SharingError):
    """Git's fsck refuses objects that another repository has sent."""

    code = "bad-transfer"


class InvalidRemote(UsageError):
    """The URL or an option of a data remote cannot be meant, or holds a password."""

    code = "invalid-remote"


class NoDataRemote(UsageError):
    code = "no-data-remote"


class RemoteExists(UsageError):
    code = "remote-exists"


class LockError(FileError):
    """A `gitexp.lock` that gitexp would not have written, or that a merge has left in two."""

    code = "bad-lock"
    usual_hint = "Take it from a commit (git checkout gitexp.lock), or remove it: gitexp run makes it."


class DataError(GitexpError):
    """Something about data: files and folders that are known by their content."""

    code = "data"


class UnstorableData(DataError):
    code = "unstorable-data"


class UnsafePath(DataError):
    """A path, perhaps from somebody else's lock, at which nothing is read or written."""

    code = "unsafe-path"


class BadManifest(DataError):
    code = "bad-manifest"


class DamagedObject(DataError):
    """An object is not what its name says; `hash` is its name."""

    code = "damaged-object"
    details = ("hash",)

    def __init__(self, message: str, hint: str | None = None, *, hash: str = "") -> None:
        super().__init__(message, hint)
        self.hash = hash


class MissingData(DataError):
    """Objects are in no store; `paths` are the files that want them."""

    code = "missing-data"
    details = ("paths",)

    def __init__(self, message: str, hint: str | None = None, *, paths: Sequence[str] = ()) -> None:
        super().__init__(message, hint)
        self.paths = tuple(paths)


class UseUnknown(DataError):
    """Something that refers to data cannot be read, so that nobody knows what may be deleted."""

    code = "use-unknown"


class DataRemoteError(DataError):
    """Something about a data remote."""

    code = "data-remote"


class BackendMissing(DataRemoteError):
    code = "backend-missing"


class RemoteRefused(DataRemoteError):
    """It does not allow what was asked: no rights, no credentials, no room. To try again is of no use."""

    code = "data-remote-refused"


class RemoteUnreachable(DataRemoteError):
    """It does not answer, the connection was cut, or it has an error of its own: that may pass."""

    code = "data-remote-unreachable"


class NotOnRemote(DataRemoteError):
    code = "not-on-data-remote"


class TransferFailed(DataRemoteError):
    """Some objects could not be pushed or pulled; `paths` are the files that want them."""

    code = "transfer-failed"
    details = ("paths",)

    def __init__(self, message: str, hint: str | None = None, *, paths: Sequence[str] = ()) -> None:
        super().__init__(message, hint)
        self.paths = tuple(paths)


class TrackedOut(DataError):
    code = "tracked-out"


class MissingDep(DataError):
    """What a stage reads is neither there, nor in the store, nor made by a stage that is to run."""

    code = "missing-dep"


class StageFailed(DataError):
    """A stage whose command ended well, or was not run, and whose outs are not what they should be."""

    code = "stage-failed"
