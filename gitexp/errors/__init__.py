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

from gitexp.errors.base import (
    CommandNotFound as CommandNotFound,
    DiskFull as DiskFull,
    EditorFailed as EditorFailed,
    GitexpError as GitexpError,
    InternalError as InternalError,
    Interrupted as Interrupted,
    NotStored as NotStored,
    NothingToUndo as NothingToUndo,
    StorageError as StorageError,
    UnsavedChanges as UnsavedChanges,
    WorkspaceBusy as WorkspaceBusy,
)
from gitexp.errors.data import (
    BackendMissing as BackendMissing,
    BadManifest as BadManifest,
    DamagedObject as DamagedObject,
    DataError as DataError,
    DataRemoteError as DataRemoteError,
    InvalidRemote as InvalidRemote,
    LockError as LockError,
    MissingData as MissingData,
    MissingDep as MissingDep,
    NoDataRemote as NoDataRemote,
    NotOnRemote as NotOnRemote,
    RemoteExists as RemoteExists,
    RemoteRefused as RemoteRefused,
    RemoteUnreachable as RemoteUnreachable,
    StageFailed as StageFailed,
    TrackedOut as TrackedOut,
    TransferFailed as TransferFailed,
    UnsafePath as UnsafePath,
    UnstorableData as UnstorableData,
    UseUnknown as UseUnknown,
)
from gitexp.errors.repository import (
    AmbiguousExperiment as AmbiguousExperiment,
    BadRecord as BadRecord,
    BadTransfer as BadTransfer,
    BareRepository as BareRepository,
    BranchExists as BranchExists,
    ChangedMeanwhile as ChangedMeanwhile,
    ExperimentError as ExperimentError,
    ForeignExperiment as ForeignExperiment,
    GitFailed as GitFailed,
    GitMissing as GitMissing,
    GitTooOld as GitTooOld,
    NameTaken as NameTaken,
    NoCommits as NoCommits,
    NoOutput as NoOutput,
    NoRemote as NoRemote,
    NoneFound as NoneFound,
    NotARepository as NotARepository,
    ReadOnlyRepository as ReadOnlyRepository,
    RemoteFailed as RemoteFailed,
    RepositoryError as RepositoryError,
    SharingError as SharingError,
    SnapshotRefused as SnapshotRefused,
    StillRunning as StillRunning,
    UnknownExperiment as UnknownExperiment,
    UnmergedPaths as UnmergedPaths,
    UntrustedRepository as UntrustedRepository,
)
from gitexp.errors.usage import (
    ConfigError as ConfigError,
    ConfigExists as ConfigExists,
    FileError as FileError,
    FilterError as FilterError,
    InvalidName as InvalidName,
    NoCommand as NoCommand,
    NoTerminal as NoTerminal,
    OverrideError as OverrideError,
    ParseError as ParseError,
    PatternError as PatternError,
    UnknownColumn as UnknownColumn,
    UnknownParam as UnknownParam,
    UnknownStage as UnknownStage,
    UnknownTag as UnknownTag,
    UsageError as UsageError,
)
