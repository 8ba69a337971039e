"""Data, the stages that make it, and the remotes that keep it."""

from __future__ import annotations

from collections.abc import Sequence

from gitexp.errors.base import GitexpError
from gitexp.errors.usage import FileError, UsageError


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
