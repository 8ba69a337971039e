"""The root of all errors, and those that belong to no one part of gitexp."""

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
