"""The contract of an engine: it is given jobs, says how far they are, and ends them when asked.

A job runs one queued experiment. It is a command of words and variables, so nothing is pickled, and any
scheduler can start it. What came of the run is read from the experiment, never from the engine: an engine is
only asked whether a job that should be at work still is. `gitexp.plugins` names the engines; a new one is
one file and one row there, or an entry point `gitexp.engine`. `gitexp.testing` has the tests for all.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from enum import StrEnum
from typing import Any, Protocol

from gitexp.named_tuple import NamedTuple

ENGINE = "GITEXP_ENGINE"  # variable of a job: the name of the engine
JOB = "GITEXP_JOB"  # variable of a job: its id, which the engine sets if it is known only to the job
ENDING = "GITEXP_JOB_ENDING"  # variable of a job: a file that is there once its time is nearly up
WITHOUT = "-"  # of `scratch`: workspaces stand in the repository
MADE_ROOM = "GITEXP_JOB_MADE_ROOM"  # variable of a job: set if an earlier start of it had to make room
AGAIN = 75  # exit status of a job that its engine may start again under the same id, as its run goes on later


class EngineSettings(NamedTuple):
    """An engine of gitexp.yaml, or an engine named by its kind alone.

    Attributes:
        name: the key under `engines:`, or the kind.
        kind: the name of the plugin.
        options: the engine's own options, checked by the engine.
        most: jobs at a time; 0: the engine decides.
        python: the interpreter with gitexp on the machines of the jobs; "" for the usual one.
        remote: the Git remote that gives jobs their runs; "" where jobs see this repository's folder.
        url: the URL of this remote for the machines of the jobs; "" for the URL used here.
        clones: where these machines keep their clones; "" for the usual place.
        scratch: a folder on these machines' own disk for the workspaces of runs; it may have variables of the
            machines. "" for the usual folder, WITHOUT for none.
        environment: the program for building the environments of runs, "uv"; "" for none.
        folder: for files of the engine, on the disk of this repository; the engine makes the folder.
    """

    name: str
    kind: str
    options: Mapping[str, Any] = {}
    most: int = 0
    python: str = ""
    remote: str = ""
    url: str = ""
    clones: str = ""
    scratch: str = ""
    environment: str = ""
    folder: str = ""


class Job(NamedTuple):
    """The command that runs one queued experiment.

    Attributes:
        name: the name of the experiment.
        words: the program and its arguments.
        folder: the working folder, an absolute path on the job's machine; "" for the home folder.
        variables: environment variables beside the machine's own.
        place: the only place for the job, from `Engine.places`; "" for any.
    """

    name: str
    words: Sequence[str]
    folder: str = ""
    variables: Mapping[str, str] = {}
    place: str = ""


class JobState(StrEnum):
    """Whether a job is at work. The results stand in its experiment."""

    WAITING = "waiting"
    RUNNING = "running"
    ENDED = "ended"


class JobReport(NamedTuple):
    """The engine's report on a job.

    Attributes:
        state: the state.
        reason: the cause of the wait or the end, in the engine's words, like `NODE_FAIL`; "" if unknown.
        is_stuck: whether the wait may never end, for example for a host without an answer.
        is_preempted: whether the engine itself has ended the job, for a limit or for others. The job may run
            again.
        made_room: whether the engine has ended the job for others. Then its run is not to blame.
    """

    state: JobState
    reason: str = ""
    is_preempted: bool = False
    is_stuck: bool = False
    made_room: bool = False


GONE = JobReport(JobState.ENDED)  # of a job that the engine does not know any more


class Engine(Protocol):
    """What runs jobs. Made by its plugin from `EngineSettings`; raises UsageError for a wrong option.

    Attributes:
        interval: seconds between two questions, at least.
        keeps_jobs: whether jobs that wait are begun though this process has ended.
    """

    interval: float
    keeps_jobs: bool

    def describe(self) -> str:
        """Where its jobs run and how many at a time, in a few words. Nothing is asked or started."""

    def places(self) -> Sequence[str]:
        """The hosts of the engine; () where a scheduler chooses the host. Raises EngineAway."""

    def capacity(self) -> int:
        """The largest number of jobs at work at a time; 0 for no limit. Raises EngineAway."""

    def submit(self, jobs: Sequence[Job]) -> Sequence[str]:
        """The ids of the jobs, in their order, now to be run. Raises EngineAway; then none is to run."""

    def poll(self, ids: Collection[str]) -> Mapping[str, JobReport]:
        """The reports on some jobs, from a single question. A job without a report has ended.

        Raises EngineAway if the engine cannot say now.
        """

    def cancel(self, ids: Collection[str]) -> None:
        """End some jobs: those at work by SIGTERM, so that their runs are stored. Raises EngineAway."""

    def log(self, id: str) -> str:
        """The output of a job, if still there: it may tell why the job did not begin."""

    def close(self) -> None:
        """Let go of connections; jobs at work go on."""


EngineMaker = Callable[[EngineSettings], Engine]
