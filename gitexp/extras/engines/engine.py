"""The contract of an engine: it is given jobs, says how far they are, and ends them when asked.

A job runs one queued experiment. It is a command of words and variables, so nothing is pickled, and any
scheduler can start it. What came of the run is read from the experiment, never from the engine: an engine is
only asked whether a job that should be at work still is. `gitexp.plugins` names the engines; a new one is
one file and one row there, or an entry point `gitexp.engine`. `gitexp.testing` has the tests for all.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from enum import StrEnum
from typing import Any, NamedTuple, Protocol

ENGINE = "GITEXP_ENGINE"  # variable of a job: the name of the engine
JOB = "GITEXP_JOB"  # variable of a job: its id, which the engine sets if it is known only to the job
ENDING = "GITEXP_JOB_ENDING"  # variable of a job: a file that is there once its time is nearly up
WITHOUT = "-"  # of `scratch`: workspaces stand in the repository
MADE_ROOM = "GITEXP_JOB_MADE_ROOM"  # variable of a job: set if an earlier start of it had to make room
AGAIN = 75  # exit status of a job that its engine may start again under the same id, as its run goes on later


class EngineSettings(NamedTuple):
    """An engine of gitexp.yaml, or one that is named by its kind alone.

    Attributes:
        name: the key under `engines:`, or the kind.
        kind: the name of the plugin.
        options: the engine's own options, checked by the engine.
        most: jobs at a time; 0: the engine decides.
        python: the interpreter with gitexp on the machines of the jobs; "" for the usual one.
        remote: the Git remote by which jobs get their runs; "" where they see this repository's folder.
        url: the URL of this remote as the machines of the jobs see it; "" for the one that is used here.
        clones: where these machines keep their clones; "" for the usual place.
        scratch: a folder on the own disk of these machines for the workspaces of runs; it may have variables
            of theirs. "" for the usual one, WITHOUT for none.
        environment: what builds the environments of runs there, "uv"; "" for none.
        folder: for files of the engine, on the disk of this repository; made by the engine itself.
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
        folder: where it starts, an absolute path on its machine; "" for the home there.
        variables: variables of its environment, beside those of the machine.
        place: the place of the engine, one of `Engine.places`, that it has to run at; "" for any.
    """

    name: str
    words: Sequence[str]
    folder: str = ""
    variables: Mapping[str, str] = {}
    place: str = ""


class JobState(StrEnum):
    """Whether a job is at work; what it has achieved stands in its experiment."""

    WAITING = "waiting"
    RUNNING = "running"
    ENDED = "ended"


class JobReport(NamedTuple):
    """What an engine says of a job.

    Attributes:
        state: the state.
        reason: why it waits or has ended, in the engine's words, such as `NODE_FAIL`; "" if that is unknown.
        is_stuck: whether it waits for what may never come, such as a host that does not answer.
        is_preempted: whether the engine itself has ended it, for a limit or for others: it may run again.
        made_room: whether that was for others: then its run is not to blame.
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
        """The hosts that it knows one by one; () where a scheduler chooses. Raises EngineAway."""

    def capacity(self) -> int:
        """How many jobs it would have at work at a time; 0: as many as it is given. Raises EngineAway."""

    def submit(self, jobs: Sequence[Job]) -> Sequence[str]:
        """The ids of the jobs, in their order, now to be run. Raises EngineAway; then none is to run."""

    def poll(self, ids: Collection[str]) -> Mapping[str, JobReport]:
        """What is known of some jobs, asked for all at once; a job that is left out has ended.

        Raises EngineAway if the engine cannot say now.
        """

    def cancel(self, ids: Collection[str]) -> None:
        """End some jobs: those at work by SIGTERM, so that their runs are stored. Raises EngineAway."""

    def log(self, id: str) -> str:
        """What a job itself has printed, if it can still be had: why it did not begin, say."""

    def close(self) -> None:
        """Let go of connections; jobs at work go on."""


EngineMaker = Callable[[EngineSettings], Engine]
