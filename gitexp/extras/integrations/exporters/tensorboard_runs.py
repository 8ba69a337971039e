"""Experiments for TensorBoard: a folder for each, with one file of events.

The name of a file says the experiment (its commit) and its state (its record), so a second export knows them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from gitexp.extras.integrations.exporters import run_curves, tensorboard_events
from gitexp.extras.integrations.exporters.exporter import ExportedRuns, OnRun, RunExporter
from gitexp.extras.integrations.exporters.runs_below import RunsBelow, export
from gitexp.extras.integrations.exporters.stored_run import StoredRun
from gitexp.extras.integrations.file_formats import tensorboard_file
from gitexp.extras.integrations.file_formats.tensorboard_fields import FILE_NAME, SessionStatus
from gitexp.files.lines.series_columns import Series
from gitexp.model import Experiment, Status
from gitexp.named_tuple import NamedTuple
from gitexp.project.project import Project
from gitexp.regex import regex
from gitexp.words import shorten

_OURS = regex(re.escape(FILE_NAME) + r".*\.gitexp-(?P<key>[0-9a-f]{16})-(?P<state>[0-9a-f]{16})")
_SHORT = 16  # digits of an id
_STATUSES: Mapping[Status, int] = {Status.DONE: SessionStatus.SUCCESS, Status.FAILED: SessionStatus.FAILURE}
_MACHINE = "system/"  # before the names of curves about the machine


class TensorBoardExporter(RunExporter):
    """The writer of TensorBoard's folders."""

    title = "TensorBoard"
    writes = "a folder for each experiment, with a file of events"
    place = "runs"

    def write(
        self, project: Project, experiments: Sequence[Experiment], place: str, on_run: OnRun
    ) -> ExportedRuns:
        there = _EventFiles(project, place)
        hint = f"To see them: tensorboard --logdir {place}"
        done = export(project, experiments, place, there, on_run, hint=hint)
        if not there.is_rounded:
            return done
        rounded = "TensorBoard has numbers of 32 bits in curves: some values are rounded."
        return done._replace(remarks=[*done.remarks, rounded])


EXPORTER = TensorBoardExporter()


class _FoundEvents(NamedTuple):
    """A file of an earlier export, and the state of its experiment."""

    path: Path
    state: str


class _EventFiles(RunsBelow):
    """The files of earlier exports in a folder, by the experiment.

    Attributes:
        is_rounded: whether a number of a new file has lost digits.
    """

    def __init__(self, project: Project, place: str) -> None:
        super().__init__(project, place)
        self.is_rounded = False
        self._found: dict[str, _FoundEvents] = {}
        for path in self.root.glob(f"*/{FILE_NAME}*"):
            match = _OURS.fullmatch(path.name)
            if match is not None and path.is_file() and not path.is_symlink():
                self._found[match["key"]] = _FoundEvents(path, match["state"])

    def has(self, run: StoredRun) -> bool:
        found = self._found.get(run.key[:_SHORT])
        return found is not None and found.state == run.state[:_SHORT]

    def earlier(self, run: StoredRun) -> Path | None:
        found = self._found.get(run.key[:_SHORT])
        return None if found is None else found.path

    def place_for(self, run: StoredRun) -> Path:
        """The place of the new file: in the folder of the earlier one, or in a folder of its own."""
        key, state = run.key[:_SHORT], run.state[:_SHORT]
        name = f"{FILE_NAME}{int(_start(run))}.{_plain(run.record.host)}.gitexp-{key}-{state}"
        earlier = self.earlier(run)
        if earlier is not None:
            folder = earlier.parent
        else:
            folder = self.root / run.name.replace("/", "-")
            if not _is_free(folder):  # of another experiment of this name, or of another program
                folder = self.root / f"{folder.name}-{key}"
        path = folder / name
        self._found[key] = _FoundEvents(path, state)
        return path

    def make(self, run: StoredRun, folder: Path) -> tuple[Path, Sequence[str]]:
        path, events = folder / "events", _EventStream(run)
        with path.open("xb") as file:
            for event in events:
                file.write(tensorboard_file.framed(event))
        self.is_rounded = self.is_rounded or events.is_rounded
        return path, list(events.remarks())


class _EventStream:
    """The events of a run.

    Attributes:
        is_rounded: whether a number has lost digits, once the events were read.
    """

    def __init__(self, run: StoredRun) -> None:
        self._run = run
        self._series = run_curves.curves(run)
        self.is_rounded = False

    def __iter__(self) -> Iterator[bytes]:
        """Yield the events: the facts, the curves, and the metrics without one."""
        run, start = self._run, _start(self._run)
        end = run.ended or start
        yield tensorboard_events.begin(start)
        yield tensorboard_events.params(run.params, start)
        for name, content in _texts(run).items():
            yield tensorboard_events.text(name, content, start)
        machine = {_MACHINE + name: one for name, one in run.system_series().items()}
        yield from self._scalars(self._series, start)
        yield from self._scalars(machine, start)
        single = run_curves.without_curve(run, self._series)
        if single:
            self._look(single)
            yield tensorboard_events.scalars(run_curves.last_step(self._series), end, single)
        yield tensorboard_events.end(_STATUSES.get(run.record.status, 0), end)

    def remarks(self) -> Iterator[str]:
        """Sentences about files, and about metrics that are shown otherwise."""
        if files := self._run.logged_names():
            yield f"{self._run.name}: TensorBoard has no place for files: {shorten(files)}"
        if beside := run_curves.beside_curve(self._run, self._series):
            yield (
                f"{self._run.name}: TensorBoard shows the end of a curve, and its text `metrics` has the "
                f"metric itself: {shorten(list(beside))}"
            )

    def _scalars(self, series: Mapping[str, Series], start: float) -> Iterator[bytes]:
        for point in run_curves.points(series, start):
            self._look(point.values)
            yield tensorboard_events.scalars(point.step, point.time, point.values)

    def _look(self, values: Mapping[str, float]) -> None:
        if not self.is_rounded:
            self.is_rounded = any(tensorboard_events.is_rounded(value) for value in values.values())


def _texts(run: StoredRun) -> dict[str, str]:
    """The texts about a run, in Markdown, by name."""
    record = run.record
    facts: dict[str, Any] = {
        "name": run.name,
        "status": record.status,
        "commit": record.commit,
        "baseline": record.baseline,
        "made from": run.parent,
        "tags": ", ".join(record.tags),
        "user": record.user,
        "host": record.host,
        "started": record.created,
        "exit status": record.exit_code,
    }
    found = {"experiment": _table({name: value for name, value in facts.items() if value not in ("", None)})}
    if record.note:
        found["note"] = record.note
    if record.command:
        found["command"] = "".join(f"    {line}\n" for line in record.command.splitlines())
    if run.metrics:
        found["metrics"] = _table(run.metrics)
    return found


def _table(values: Mapping[str, Any]) -> str:
    lines = ["| | |", "| --- | --- |"]
    for name, value in values.items():
        cell = value if isinstance(value, str) else repr(value)
        lines.append(f"| {_cell(name)} | {_cell(cell)} |")
    return "\n".join(lines)


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "\\|").split())


def _is_free(folder: Path) -> bool:
    """Whether there is nothing, or an empty folder."""
    if folder.is_symlink() or folder.is_file():
        return False
    return not folder.exists() or next(folder.iterdir(), None) is None


def _start(run: StoredRun) -> float:
    return run.started or 0.0


def _plain(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9_-]+", "-", text)[:64] or "host"
