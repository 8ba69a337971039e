"""The observer of a run that writes down, now and then, what the run takes of the machine."""

from __future__ import annotations

import json
import os
import time
from typing import TYPE_CHECKING

from gitexp import plugins
from gitexp.files.lines.series import SYSTEM
from gitexp.log_rules import STEP, TIME
from gitexp.repo.live import LOGGED
from gitexp.runs.lookout import Sight

if TYPE_CHECKING:  # psutil is imported when the run has gone on for a moment
    from gitexp.extras.system.sampler import Sampler

_FIRST = 2.0  # seconds from the start of the run to the first look


class SystemObserver:
    """Adds a line to `system.jsonl` of the live run every so many seconds."""

    reason = ""
    may_stop = False

    def __init__(self, sight: Sight, every: float) -> None:
        self.every = every
        self.first = min(_FIRST, every)
        self.warnings: list[str] = []
        self._sight = sight
        self._began = time.monotonic()
        self._cpu_before = _own_cpu() if sight.is_own else 0.0
        self._sampler: Sampler | None = None
        self._step = 0

    def look(self) -> None:
        """Write down the present numbers."""
        if self._sampler is None:
            mark = None if self._sight.is_own else self._sight.state.folder
            make = plugins.load("sampler", "system")
            self._sampler = make(mark, self._sight.root, self._began, self._cpu_before)
            assert self._sampler is not None
        values = self._sampler.sample()
        point = {STEP: self._step, TIME: round(time.time(), 3), **values}
        self._step += 1
        line = json.dumps(point, separators=(",", ":")) + "\n"
        with self._sight.state.opened() as run, run.folder(LOGGED, make=True) as folder:
            folder.append(SYSTEM, line.encode())

    def end(self) -> None:
        """Nothing: the processes are gone."""


def _own_cpu() -> float:
    """The seconds of CPU that this process and its ended children have had."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system
