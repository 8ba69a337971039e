"""The folder of a run that goes on: written line by line, read by whoever wants to know of it."""

from __future__ import annotations

import contextlib
import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from gitexp.extras.integrations.mlflow.run_facts import RunFacts, line_of, read_facts
from gitexp.extras.tracking.own_run import OwnRun
from gitexp.extras.tracking.run_log import RunLog
from gitexp.files.lines import series, timed_lines
from gitexp.files.lines.series import LoggedPoint
from gitexp.model import Experiment
from gitexp.named_tuple import NamedTuple
from gitexp.runs.logged_values.logged import ENDING

_STEM = "mlflow"
_STATE = "state.json"


class RunWriter:
    """Writes to a live run, from one process.

    Attributes:
        folder: the folder `logged/` of the live run.
        log: the writer of series, artifacts and gitexp's own facts.
        experiment: the running experiment.
        own: the run, if begun by this process.
        models: ids of the logged models written by this process.
    """

    def __init__(self, folder: Path, experiment: Experiment, own: OwnRun | None = None) -> None:
        self.folder = folder
        self.experiment = experiment
        self.log = RunLog(folder)
        self.own = own
        self.models: set[str] = set()
        self._lines = self.log.lines(_STEM)
        self._state = folder.parent / _STATE

    @property
    def is_live(self) -> bool:
        """Whether the run goes on: its end removes the folder."""
        return self._state.exists()

    @property
    def is_in_time(self) -> bool:
        """Whether the record will have all lines written before this call."""
        return self.is_live and not (self.folder / ENDING).exists()

    def say(self, **said: Any) -> None:
        """Write a line of facts, see `run_facts`."""
        self._lines.write(line_of(**said))
        self.models.update(said.get("models") or ())

    def close(self) -> None:
        """Close the files."""
        self.log.close()
        self._lines.close()


class LastValue(NamedTuple):
    """The last value of a metric by MLflow's rule: the value of the highest step, then the latest."""

    step: int
    time: int  # ms since 1970
    value: float

    def as_json(self) -> list[Any]:
        """The value for a line of facts: JSON has no NaN and no infinity."""
        return [self.step, self.time, self.value if math.isfinite(self.value) else str(self.value)]


def facts_in(folder: Path) -> RunFacts:
    """The facts from MLflow's clients about a run so far, from its folder `logged/`."""
    files = [content.split(b"\n") for content in _contents(folder, _STEM)]
    return read_facts(line.said for line in timed_lines.in_order(files))


def claim_in(folder: Path) -> dict[str, Any]:
    """The facts about MLflow for a run's own record; {} for a run without a client of MLflow."""
    found: dict[str, Any] = {}
    for content in _contents(folder, "facts"):
        for line in content.split(b"\n"):
            with contextlib.suppress(ValueError, RecursionError):
                said = json.loads(line)
                if isinstance(said, dict) and isinstance(said.get("mlflow"), dict):
                    found.update(said["mlflow"])
    return found


def points_in(folder: Path, metric: str = "") -> Iterator[LoggedPoint]:
    """Yield the points of a live run; with a metric, only the points of this metric."""
    files = []
    with contextlib.suppress(FileNotFoundError):
        for path in sorted(folder.iterdir()):
            if series.WRITERS.fullmatch(path.name):
                files.append(path)
    with contextlib.ExitStack() as held:
        yield from points_of([held.enter_context(path.open("rb")) for path in files], metric)


def points_of(files: list[Any], metric: str = "") -> Iterator[LoggedPoint]:
    """Yield the points in some files; with a metric, only the points of this metric."""
    for _, point in series.in_order_of_time(files):
        if point is not None and (not metric or metric in point.values):
            yield point


def take_in(last: dict[str, LastValue], point: LoggedPoint) -> None:
    """Bring the last values of metrics up to the next point."""
    time = round(point.time * 1000)
    for name, value in point.values.items():
        before = last.get(name)
        if before is None or _counts_before(LastValue(point.step, time, value), before):
            last[name] = LastValue(point.step, time, value)


def _counts_before(new: LastValue, old: LastValue) -> bool:
    """Whether a value replaces another; of two values of the same moment the higher counts."""
    if new[:2] != old[:2]:
        return new[:2] > old[:2]
    return new.value >= old.value or math.isnan(old.value)


def _contents(folder: Path, stem: str) -> list[bytes]:
    """The contents of the files of a kind, from all processes."""
    found = []
    with contextlib.suppress(FileNotFoundError):
        for path in sorted(folder.iterdir()):
            if path.name == f"{stem}.jsonl" or (path.name.startswith(f"{stem}-") and path.suffix == ".jsonl"):
                found.append(path.read_bytes())
    return found
