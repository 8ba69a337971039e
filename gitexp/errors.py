"""Every error that a user can meet, on one page: the classes, then all codes with their meanings.

A class exists where somebody catches it, or where an error has more to tell than a message and a hint.
All other errors are raised as the nearest class with `code=`. Nothing here knows the terminal.
No error shows the password of a URL: an error may be printed, logged and stored in a record.

To add an error: raise the class that fits with a new `code`, and add that to `CODES`.
"""

from __future__ import annotations

from collections.abc import Sequence

from gitexp.masks import without_credentials


class GitexpError(Exception):
    """The root of all errors.

    Attributes:
        message: a sentence for a person about the fault.
        hint: the next step, if known.
        code: stable name for programs; `CODES` lists all.
        exit_code: exit status of the process.
        details: names of further attributes, for `--json`.
    """

    code = "error"
    exit_code = 1
    details: tuple[str, ...] = ()

    def __init__(self, message: str, hint: str | None = None, *, code: str = "") -> None:
        self.message = without_credentials(message)
        self.hint = hint and without_credentials(hint)
        super().__init__(self.message)
        if self.hint:
            self.add_note(f"hint: {self.hint}")  # for a traceback
        self.code = code or self.code

    def as_json(self) -> dict[str, object]:
        """The error for `--json`."""
        details = {name: getattr(self, name) for name in self.details}
        for name, value in details.items():
            if isinstance(value, str):
                details[name] = without_credentials(value)
        return {"code": self.code, "message": self.message, "hint": self.hint, **details}


class EngineAway(GitexpError):
    """An engine cannot be asked now; it may answer later."""

    code = "engine-away"


class ModelError(GitexpError):
    """Something about the registry of models."""

    code = "model"


class UnsavedChanges(GitexpError):
    """Files of the workspace, `paths`, would be overwritten."""

    code = "unsaved-changes"
    details = ("paths",)

    def __init__(self, message: str, hint: str | None = None, *, paths: Sequence[str] = ()) -> None:
        super().__init__(message, hint)
        self.paths = tuple(paths)


class WorkspaceBusy(GitexpError):
    code = "workspace-busy"


class StorageError(GitexpError):
    """The operating system refused to read or write: permissions, an input/output error."""

    code = "storage"


class DiskFull(StorageError):
    """No room is left on the disk, or none under the user's quota."""

    code = "disk-full"


class Interrupted(GitexpError):
    """The user has stopped gitexp. (An interrupted command of a run is an experiment, not an error.)"""

    code = "interrupted"
    exit_code = 130


class UsageError(GitexpError):
    """The command line asks for the impossible."""

    code = "usage"
    exit_code = 2


class InvalidName(UsageError):
    """The storage format does not allow the name (docs/format.md)."""

    code = "invalid-name"


class OverrideError(UsageError):
    """An `-S` argument is not `[file:]key=value`, `+key=value` or `~key`."""

    code = "invalid-override"


class UnknownStage(UsageError):
    code = "unknown-stage"


class FileError(GitexpError):
    """A fault in a file; the message starts with the known part of `file:line:column`. Both count from 1."""

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
        place = [file]
        if line is not None:
            place.append(str(line))
        if line is not None and column is not None:
            place.append(str(column))
        if file:
            message = f"{':'.join(place)}: {message}"
        super().__init__(message, hint or self.usual_hint)
        self.file = file
        self.line = line
        self.column = column


class ParseError(FileError):
    """The file is not in the format of its ending."""

    code = "parse-error"
    usual_hint = "Correct the file, then run the command again."


class ConfigError(FileError):
    """`gitexp.yaml` parses, but gitexp does not understand an entry."""

    code = "config-error"


class RepositoryError(GitexpError):
    """gitexp cannot use the repository, or Git itself."""

    code = "repository"


class SigningFailed(GitexpError):
    """A commit cannot be signed: no key, no agent, no program."""

    code = "not-signed"


class ReadOnlyRepository(RepositoryError):
    code = "read-only"


class GitFailed(RepositoryError):
    """A Git process ended with an error: its exit status is `status`, its words are `stderr`."""

    code = "git-failed"

    def __init__(self, message: str, hint: str | None = None, *, status: int = 1, stderr: str = "") -> None:
        super().__init__(message, hint)
        self.status = status
        self.stderr = stderr


class SnapshotRefused(GitexpError):
    """The workspace cannot be stored exactly, because of `paths`, as shown to the user."""

    code = "snapshot-refused"
    details = ("paths",)

    def __init__(self, message: str, hint: str | None = None, *, paths: Sequence[str] = ()) -> None:
        super().__init__(message, hint)
        self.paths = tuple(paths)


class ExperimentError(GitexpError):
    """A fault of one named experiment."""

    code = "experiment"


class AlreadyTaken(ExperimentError):
    """Another worker runs the queued experiment, or the experiment has left the queue."""

    code = "already-taken"


class NameTaken(ExperimentError):
    code = "name-taken"


class BadRecord(ExperimentError):
    """The record of an experiment is damaged, or of a later format."""

    code = "bad-record"


class SharingError(GitexpError):
    """A fault at another Git repository, during push or pull."""

    code = "sharing"


class BadTransfer(SharingError):
    """Git's fsck refuses objects of another repository."""

    code = "bad-transfer"


class HookRefused(SharingError):
    """A hook of this repository refused; `said` are its words, line by line."""

    code = "hook-refused"
    details = ("said",)

    def __init__(self, message: str, hint: str, *, said: Sequence[str]) -> None:
        super().__init__(message, hint)
        self.said = [without_credentials(line) for line in said]


class InvalidRemote(UsageError):
    """The URL or an option of a data remote is impossible, or holds a password."""

    code = "invalid-remote"


class LockError(FileError):
    """gitexp would not have written the `gitexp.lock`, or a merge has left its conflict there."""

    code = "bad-lock"
    usual_hint = "Take it from a commit (git checkout gitexp.lock), or remove it: gitexp run makes it."


class DataError(GitexpError):
    """A fault of data: files and folders known by their content."""

    code = "data"


class UnstorableData(DataError):
    code = "unstorable-data"


class UnsafePath(DataError):
    """Nothing gets read or written at the path: somebody else's lock may name the path."""

    code = "unsafe-path"


class DamagedObject(DataError):
    """The content of an object does not fit its name, `hash`."""

    code = "damaged-object"
    details = ("hash",)

    def __init__(self, message: str, hint: str | None = None, *, hash: str = "") -> None:
        super().__init__(message, hint)
        self.hash = hash


class MissingData(DataError):
    """Objects are in no store; the files `paths` want them."""

    code = "missing-data"
    details = ("paths",)

    def __init__(self, message: str, hint: str | None = None, *, paths: Sequence[str] = ()) -> None:
        super().__init__(message, hint)
        self.paths = tuple(paths)


class DataRemoteError(DataError):
    """A fault at a data remote."""

    code = "data-remote"


class RemoteUnreachable(DataRemoteError):
    """A fault that may pass: no answer, a cut connection, an error of the remote's own."""

    code = "data-remote-unreachable"


class NotOnRemote(DataRemoteError):
    code = "not-on-data-remote"


class TransferFailed(DataRemoteError):
    """Some objects could not be pushed or pulled; the files `paths` want them."""

    code = "transfer-failed"
    details = ("paths",)

    def __init__(self, message: str, hint: str | None = None, *, paths: Sequence[str] = ()) -> None:
        super().__init__(message, hint)
        self.paths = tuple(paths)


# code -> its class, and its meaning for the user
CODES: dict[str, tuple[type[GitexpError], str]] = {
    "error": (GitexpError, "Anything without a code of its own."),
    "usage": (UsageError, "The command line asks for something that cannot be meant."),
    "invalid-name": (InvalidName, "No experiment, branch or tag can be called that."),
    "invalid-override": (
        OverrideError,
        "An `-S` that is not `[file:]key=value`, `+key=value` or `~key`, or cannot be done.",
    ),
    "invalid-metric": (UsageError, "A `--metric` that is not `NAME=PATTERN` with a regular expression."),
    "invalid-filter": (
        UsageError,
        "A `--filter` that cannot be understood, or names what no experiment has.",
    ),
    "unknown-column": (UsageError, "There is no such param or metric to sort by, group by or show."),
    "template": (UsageError, "A template of a report asks for what it cannot have."),
    "unknown-tag": (UsageError, "The experiment has no such tag to take away."),
    "unknown-stage": (UnknownStage, "The pipeline has no such stage, and none that the pattern fits."),
    "no-command": (UsageError, "Nothing says what to run."),
    "history-rewritten": (
        ExperimentError,
        "The commits that a record names are gone, as after `git filter-branch`.",
    ),
    "secret-missing": (UsageError, "A repeated command needs a secret that is not stored."),
    "no-terminal": (UsageError, "What was asked for needs a person at a terminal: an editor, `--watch`."),
    "config-exists": (UsageError, "`init` does not overwrite the `gitexp.yaml` that is there."),
    "invalid-remote": (
        InvalidRemote,
        "A data remote's URL or option cannot be meant, or holds a password.",
    ),
    "no-data-remote": (UsageError, "There is no such data remote, or none at all."),
    "remote-exists": (UsageError, "There is a data remote of that name."),
    "bad-file": (FileError, "A file of yours cannot be read."),
    "parse-error": (
        ParseError,
        "A params, metrics or config file does not parse; `file:line:column` comes first.",
    ),
    "config-error": (
        ConfigError,
        "`gitexp.yaml` says something that gitexp does not understand. Only `run`, `save` and "
        "`init` mind; the others warn.",
    ),
    "bad-lock": (
        LockError,
        "A `gitexp.lock` that gitexp would not have written, or one with a merge's conflict in it.",
    ),
    "tracked-out": (DataError, "Git tracks an output, or data, that belongs in the object store."),
    "missing-dep": (DataError, "What a stage reads is not there, and no stage that is to run makes it."),
    "stage-failed": (
        DataError,
        "A stage has not written what it should, or it cannot be stored. From Python only: "
        "`run` says so, and ends with status 1.",
    ),
    "nothing-to-resume": (
        ExperimentError,
        "The experiment is done, or has stored no checkpoint: no run can go on from it.",
    ),
    "unknown-param": (GitexpError, "`-S` names a key or file that is not there."),
    "hydra": (GitexpError, "Hydra refuses an override or a configuration, or cannot be asked."),
    "repository": (RepositoryError, "gitexp cannot work where the repository is."),
    "not-a-repository": (RepositoryError, "The current folder is in no Git repository."),
    "bare-repository": (RepositoryError, "The repository has no workspace."),
    "no-commits": (RepositoryError, "The repository has no commit to be a baseline."),
    "untrusted-repository": (
        RepositoryError,
        "Git will not use the repository, because somebody else owns it.",
    ),
    "unmerged-paths": (RepositoryError, "A merge is not finished."),
    "read-only": (ReadOnlyRepository, "The repository cannot be written."),
    "git-missing": (RepositoryError, "There is no Git on the PATH."),
    "git-too-old": (RepositoryError, "Git is older than 2.30."),
    "git-failed": (GitFailed, "A Git process failed in a way nobody foresaw; the message has its words."),
    "snapshot-refused": (
        SnapshotRefused,
        "The workspace cannot be stored exactly; the message names the paths.",
    ),
    "experiment": (ExperimentError, "Something about one experiment that has no code of its own."),
    "unknown-experiment": (ExperimentError, "There is no such experiment, branch or commit."),
    "ambiguous-experiment": (ExperimentError, "A prefix that several experiments share."),
    "model": (ModelError, "Something about the registry of models that has no code of its own."),
    "unknown-model": (ModelError, "No tag says anything of such a model."),
    "unknown-version": (ModelError, "The model has no such version, or none in that stage."),
    "version-exists": (
        ModelError,
        "The version exists, the experiment is registered, or the version is in the stage already.",
    ),
    "not-queued": (ExperimentError, "The experiment is not in the queue, or cannot go back there."),
    "sweep-changed": (
        UsageError,
        "The space, the code or the config of a sweep have changed since its last trial.",
    ),
    "sweep-busy": (GitexpError, "Another process of this machine works on the sweep."),
    "no-search": (GitexpError, "A method of a search needs a package that is not installed."),
    "engine-away": (EngineAway, "An engine, such as Slurm, cannot be asked now."),
    "engine-failed": (GitexpError, "An engine does not take a job, or a job ends before its run begins."),
    "worker-failed": (GitexpError, "A worker of the queue has ended before its time."),
    "already-taken": (AlreadyTaken, "Another worker has taken the queued experiment."),
    "name-taken": (NameTaken, "There is an experiment of that name, in whatever case."),
    "bad-record": (BadRecord, "The experiment's record is damaged, or was written by a later gitexp."),
    "not-running": (ExperimentError, "`stop`: the run is over, or it is not on this machine."),
    "still-running": (
        ExperimentError,
        "It can be done when the experiment has ended; `run --once`: exactly that is running.",
    ),
    "no-output": (
        ExperimentError,
        "The experiment has no output: it was saved without being run, or DVC stored it.",
    ),
    "no-file": (ExperimentError, "The experiment has no such file. From Python only."),
    "foreign-experiment": (
        ExperimentError,
        "DVC stored the experiment: gitexp reads it, and changes nothing of it.",
    ),
    "changed-meanwhile": (ExperimentError, "Somebody else has just changed or removed it: look again."),
    "none-found": (ExperimentError, "`best`: there is no such experiment with a number for the metric."),
    "touched": (ExperimentError, "It has changed protected files, so its numbers compare with no others."),
    "not-reproducible": (
        ExperimentError,
        "`reproduce`: the experiment has no good end, no command, or nothing to compare.",
    ),
    "no-environment": (
        ExperimentError,
        "`reproduce`: no environment can be built: no uv, no network, or packages that cannot be had.",
    ),
    "reproduction-failed": (ExperimentError, "`reproduce`: the command that came to a good end now fails."),
    "not-signed": (SigningFailed, "Records are to be signed, and nothing can be signed now."),
    "branch-exists": (GitexpError, "There is a branch of that name, or one that is in its way."),
    "unsaved-changes": (UnsavedChanges, "Files would be overwritten whose content is stored nowhere."),
    "sheet-column": (
        UsageError,
        "Nobody can tell what a column of a sheet is, or there is no such column.",
    ),
    "nothing-to-import": (UsageError, "No run of another tool could be read there."),
    "nothing-to-undo": (GitexpError, "No operation can be taken back, or not the one that was named."),
    "workspace-busy": (WorkspaceBusy, "Another run is going on in this workspace."),
    "command-not-found": (GitexpError, "The program to run is not there."),
    "editor-failed": (GitexpError, "Your editor ended with an error; nothing was changed."),
    "storage": (StorageError, "The system would not read or write: permissions, an input/output error."),
    "disk-full": (DiskFull, "There is no room left on the disk, or none under your quota."),
    "data": (DataError, "Something about data that has no code of its own."),
    "unstorable-data": (
        UnstorableData,
        "A pipe, a link to outside, a file that cannot be read or is always being written.",
    ),
    "unsafe-path": (UnsafePath, "A path that leads out of the workspace, through a link, or into `.git`."),
    "bad-manifest": (
        DataError,
        "The list of a folder's files is damaged, or names what must not be written.",
    ),
    "damaged-object": (DamagedObject, "What is in the store is not what was put there; `hash` names it."),
    "data-remote": (DataRemoteError, "Something about a data remote that has no code of its own."),
    "backend-missing": (
        DataRemoteError,
        "The package for a data remote's protocol is not installed; the hint says which.",
    ),
    "data-remote-refused": (
        DataRemoteError,
        "The data remote does not allow it: no rights, no credentials, no room.",
    ),
    "data-remote-unreachable": (
        RemoteUnreachable,
        "The data remote does not answer, or not as it should: try again later.",
    ),
    "not-on-data-remote": (NotOnRemote, "The data remote does not have that object."),
    "transfer-failed": (
        TransferFailed,
        "Some objects could not be pushed or pulled; `paths` are the files that want them.",
    ),
    "missing-data": (MissingData, "Data is in no store that can be reached; `paths` are the files."),
    "use-unknown": (
        DataError,
        "`gc` cannot read all that refers to data, or a Git remote has more: nothing is deleted.",
    ),
    "not-stored": (
        StorageError,
        "A run has ended and could not be stored; the next command that can, does.",
    ),
    "sharing": (SharingError, "Something about another Git repository."),
    "no-remote": (SharingError, "There is no such Git remote, or none at all."),
    "hook-refused": (
        HookRefused,
        "A `pre-push` hook of this repository refused the push; `said` has its words.",
    ),
    "remote-failed": (
        SharingError,
        "The other repository cannot be reached, does not let you, or the connection was cut.",
    ),
    "damaged-bundle": (
        SharingError,
        "A bundle of experiments is damaged, or of another kind of repository; nothing of it was taken.",
    ),
    "server-failed": (
        SharingError,
        "A server of another tool cannot be reached, refuses, or answers with nonsense.",
    ),
    "bad-transfer": (
        BadTransfer,
        "What another repository sent is damaged or hostile; nothing of it was taken.",
    ),
    "interrupted": (
        Interrupted,
        "Ctrl-C, before there was an answer. A `run` has one: the experiment, interrupted. "
        "While gitexp is being loaded, in its first tenth of a second, there is the exit status "
        "alone.",
    ),
    "internal": (GitexpError, "A bug in gitexp."),
}
