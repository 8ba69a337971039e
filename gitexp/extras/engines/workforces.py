"""What waits for the jobs of an engine, as others wait for workers of this machine."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence

from gitexp.extras.engines.dispatcher import Dispatcher
from gitexp.model import Experiment
from gitexp.project.sections.engine_choice import BY_ENGINE
from gitexp.words import counted

_LOOK = 0.5  # seconds between two looks of who waits
_LAST_CTRL_C = 3


class EnginePool:
    """The workforce of an engine for experiments that are all queued."""

    def __init__(self, dispatcher: Dispatcher, pressed: Sequence[float]) -> None:
        self._dispatcher = dispatcher
        self._pressed = pressed
        self._told = ""
        self._reasons: set[str] = set()

    def wait(self, look: Callable[[], None], remark: Callable[[str], None]) -> bool:
        """Wait until all runs have ended; whether Ctrl-C was pressed. `look` is called twice a second.

        Ctrl-C lets the present runs finish, once more ends them, and once more waits for nothing.
        """
        answered, due = 0, 0.0
        while self._dispatcher.names and answered < _LAST_CTRL_C:
            if len(self._pressed) > answered:
                answered += 1
                self._answer(answered, remark)
            self._dispatcher.step()
            self._tell_of_engine(remark)
            if time.monotonic() >= due:
                look()
                due = time.monotonic() + _LOOK
            time.sleep(0.05)
        look()
        return len(self._pressed) > 0

    def _tell_of_engine(self, remark: Callable[[str], None]) -> None:
        """Say that the engine does not answer, or answers again, and why jobs cannot begin."""
        for reason, count in self._dispatcher.reasons.items():
            if reason not in self._reasons:
                self._reasons.add(reason)
                remark(f"{counted(count, 'job')} cannot begin yet: {reason}")
        if self._dispatcher.away == self._told:
            return
        self._told = self._dispatcher.away
        if self._told:
            remark(f"{self._told} It is asked again; Ctrl-C three times waits for nothing.")
        else:
            remark("The engine answers again.")

    def _answer(self, pressed: int, remark: Callable[[str], None]) -> None:
        """React to Ctrl-C, pressed for the first time or again."""
        if pressed == 1:
            self._dispatcher.let_finish()
            remark("The present runs are finished first; Ctrl-C again ends them now.")
        elif pressed < _LAST_CTRL_C:
            self._dispatcher.end_now()
            remark("The present runs are asked to end.")

    @property
    def running(self) -> Mapping[str, Experiment]:
        """The runs that go on, as they are where they run."""
        return self._dispatcher.running

    def require_well(self) -> None:
        """Raise GitexpError if no job could begin a run."""
        self._dispatcher.require_well()


class EngineCrew:
    """The workforce of an engine for experiments planned one after the other."""

    def __init__(self, dispatcher: Dispatcher, jobs: int, otherwise: int) -> None:
        self._dispatcher = dispatcher
        self._jobs = jobs
        self._otherwise = otherwise

    @property
    def is_busy(self) -> bool:
        """Whether a run goes on."""
        return bool(self._dispatcher.names)

    @property
    def has_room(self) -> bool:
        """Whether a run given now becomes a job at once. Raises EngineAway."""
        if self._jobs == BY_ENGINE:
            self._jobs = self._dispatcher.capacity or self._otherwise
        return len(self._dispatcher.names) < self._jobs

    def give(self, name: str) -> None:
        """Have a queued experiment run."""
        self._dispatcher.give([name])

    def wait(self, seconds: float) -> None:
        """Wait for some seconds, or until a run has ended."""
        before, until = len(self._dispatcher.names), time.monotonic() + seconds
        while time.monotonic() < until and len(self._dispatcher.names) == before:
            self._dispatcher.step()
            time.sleep(0.02)

    def dismiss(self) -> None:
        """Begin no further runs."""

    def end_now(self) -> None:
        """End the present runs, which are stored as interrupted."""
        self._dispatcher.end_now()

    @property
    def running(self) -> Mapping[str, Experiment]:
        """The runs that go on, as they are where they run."""
        return self._dispatcher.running

    def require_well(self) -> None:
        """Raise GitexpError if no job could begin a run."""
        self._dispatcher.require_well()
