"""The contract of an executor: where, and how, the work of a run is done.

An executor is given a run that has begun and says how it ended. Everything before (checks, snapshot, ref) and
after (results, record, ref) is the same for all executors. `gitexp.plugins` names them: a new one is one file
and one row there. `gitexp.testing` has the tests that each must pass.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Protocol

from gitexp import plugins
from gitexp.named_tuple import NamedTuple
from gitexp.repo.live import RunState
from gitexp.runs.begin import LiveRun

if TYPE_CHECKING:
    from gitexp.pipeline.state import StageResult


class Circumstances(NamedTuple):
    """The circumstances of the work, for the record.

    Attributes:
        python: the version of the command's interpreter; None if it has none.
        gpus: the names of the GPUs.
        environment: the content of environment.txt.
        warnings: sentences for the record.
    """

    python: str | None = None
    gpus: tuple[str, ...] = ()
    environment: bytes = b""
    warnings: tuple[str, ...] = ()


class Ended(NamedTuple):
    """The end of the work of a run.

    Attributes:
        state: the state of the run on this machine's disk, by now.
        exit_code: like a shell's: 128+N for death by signal N.
        interrupted: whether Ctrl-C or its like reached gitexp, or a limit was hit.
        signal: the number of that signal.
        duration: seconds, by a monotonic clock.
        killed_by: the signal that the command died of.
        reason: why gitexp has ended the work: "timeout", "memory", "pruned" or "alert"; "" if it has not.
        stages: the result of each stage, in the order of their ends.
        circumstances: asked after the end is written down, because the answer may take a moment.
    """

    state: RunState
    exit_code: int
    interrupted: bool
    signal: int | None
    duration: float
    killed_by: int | None = None
    reason: str = ""
    stages: Sequence[StageResult] = ()
    circumstances: Callable[[], Circumstances] = Circumstances

    @property
    def is_exact(self) -> bool:
        """Whether the work read exactly the files of the start snapshot and the lock."""
        return all(stage.exact for stage in self.stages)


class Executor(Protocol):
    """Where the work of a run is done."""

    def execute(self, live: LiveRun) -> Ended:
        """Do the work to its end, with its output shown and logged.

        An error ends the experiment as not run; KeyboardInterrupt ends it as interrupted.
        """


def executor(name: str) -> Executor:
    """The executor with a name; raises UsageError for an unknown name."""
    found: Executor = plugins.load("executor", name)()
    return found
