"""Repositories, this one and others, and the experiments in them."""

from __future__ import annotations

from collections.abc import Sequence

from gitexp.errors.base import GitexpError


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
