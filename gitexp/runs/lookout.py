"""What looks at a run while it goes on: the machine, and the rules for alerts.

All observers share one thread, which sleeps between their looks. A run with nothing to look at has none.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from gitexp import plugins
from gitexp.named_tuple import NamedTuple
from gitexp.project.config import Config
from gitexp.repo.live import RunState
from gitexp.runs.begin import LiveRun
from gitexp.runs.request import RunRequest

_PATIENCE = 30.0  # seconds for what an observer still does when the run is over


class Sight(NamedTuple):
    """A run as its observers see it.

    Attributes:
        name: the name of the experiment.
        state: the run on this machine's disk, as it was at the start.
        root: the folder of the project.
        config: the settings of the code that runs.
        is_own: whether this process itself is the run; else it runs commands, and their output is logged.
        tell: shows a sentence to the person.
    """

    name: str
    state: RunState
    root: Path
    config: Config
    is_own: bool
    tell: Callable[[str], None]


class Observer(Protocol):
    """Looks at a run every so often. Whatever its methods raise, the run goes on.

    Attributes:
        first: seconds from the start of the run to the first look.
        every: seconds between two looks.
        warnings: sentences for the record.
        reason: why the run is to end now, for the record; "" if it is not.
        may_stop: whether it may have a reason.
    """

    first: float
    every: float
    warnings: list[str]
    reason: str
    may_stop: bool

    def look(self) -> None:
        """Look at the run."""

    def end(self) -> None:
        """Look at it for the last time: the work is over."""


class Lookout:
    """The observers of a run at work in a thread; a context manager."""

    def __init__(self, *observers: Observer) -> None:
        self._observers = list(observers)
        self._failures: list[str] = []
        self._over = threading.Event()
        self._thread: threading.Thread | None = None

    def __enter__(self) -> Lookout:
        if self._observers:
            self._thread = threading.Thread(target=self._go_round, name="gitexp-lookout", daemon=True)
            self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """End the observers: each has a last look."""
        self._over.set()
        thread, self._thread = self._thread, None
        if thread is not None:
            thread.join(_PATIENCE)
            if thread.is_alive():
                self._failures.append(f"not looked at to its end: that took longer than {_PATIENCE:.0f} s")

    @property
    def may_stop(self) -> bool:
        """Whether it may end the run."""
        return any(observer.may_stop for observer in self._observers)

    @property
    def reason(self) -> str:
        """Why the run is to end now; "" if it is not."""
        for observer in self._observers:
            if observer.reason:
                return observer.reason
        return ""

    @property
    def warnings(self) -> list[str]:
        """Sentences for the record."""
        told = list(self._failures)
        for observer in self._observers:
            told += observer.warnings
        return told

    def _go_round(self) -> None:
        now = time.monotonic()
        looking = list(self._observers)
        due = {observer: now + observer.first for observer in looking}
        while looking and not self._over.wait(max(min(due.values()) - time.monotonic(), 0.0)):
            for observer in list(looking):
                if due[observer] > time.monotonic():
                    continue
                due[observer] = time.monotonic() + observer.every
                if not self._does(observer.look):
                    looking.remove(observer)
                    del due[observer]
        for observer in looking:
            self._does(observer.end)

    def _does(self, work: Callable[[], None]) -> bool:
        """Whether some work of an observer was done; if it cannot be, the record says so."""
        try:
            work()
        except Exception as error:  # whatever it is, it must not cost a run
            self._failures.append(f"not watched any more: {error or type(error).__name__}")
            return False
        return True


def lookout(live: LiveRun, *, is_own: bool = False) -> Lookout:
    """The lookout for a run, not started yet."""
    config, request = live.ready.code.config, live.request
    root = live.ready.workspace.root / config.folder
    sight = Sight(live.experiment.name, live.state, root, config, is_own, request.on_alert)
    observers = list[Observer]()
    every = interval(config, request)
    if every and (make := plugins.find_installed("observer", "system", "psutil")) is not None:
        observers.append(make(sight, every))
    if config.alerts:
        observers.append(plugins.load("observer", "alerts")(sight))
    return Lookout(*observers)


def check(config: Config, request: RunRequest) -> None:
    """Raise ConfigError for a rule that nobody could look at."""
    if config.alerts:
        plugins.load("check", "alerts")(config, interval(config, request))


def interval(config: Config, request: RunRequest) -> float:
    """Seconds between two looks at the machine; 0 for none."""
    return config.system_interval if request.system_interval is None else request.system_interval
