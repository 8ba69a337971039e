"""The records of a run of Weights & Biases, read: facts, points, and values of the machine."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gitexp.extras.integrations.file_formats import wandb_file
from gitexp.extras.integrations.file_formats.cut_short import CutShort
from gitexp.extras.integrations.file_formats.protobuf import Message
from gitexp.extras.integrations.file_formats.wandb_fields import (
    AlertField,
    ChangesField,
    HistoryField,
    ItemField,
    OutputField,
    RecordField,
    RunField,
    StatsField,
    StepField,
    TimeField,
)
from gitexp.extras.integrations.file_formats.wandb_machine import as_ours
from gitexp.files.lines.series import LoggedPoint

_MISSING = object()


@dataclass
class WandbFacts:
    """The facts of a run, without its points.

    Attributes:
        run: the record of the run; None if the file has none.
        config: the config, without wandb's own keys.
        summary: the items of the summary by path, of which the last one counts.
        environment: the records about program and machine.
        alerts: title, text and level of each alert.
        printed: pieces of the output.
        exit: the record of the end; None for a run that was killed or goes on.
        last_time: the time of the last look at the machine, in seconds since the epoch.
        cut: the end of the readable part of a file that was cut short.
    """

    run: Message | None = None
    config: dict[str, Any] = field(default_factory=dict)
    summary: dict[tuple[str, ...], Message] = field(default_factory=dict)
    environment: list[Message] = field(default_factory=list)
    alerts: list[dict[str, Any]] = field(default_factory=list)
    printed: list[str] = field(default_factory=list)
    exit: Message | None = None
    last_time: float | None = None
    cut: CutShort | None = None

    def numbers(self) -> tuple[dict[str, float], dict[str, Any]]:
        """The numbers of the summary by name, and all else in it."""
        summary: dict[str, Any] = {}
        for path, item in self.summary.items():
            _put(summary, path, _value(item))
        other = {}
        for name, value in summary.items():
            if name in ("_runtime", "_timestamp") or not isinstance(value, int | float):
                other[name] = value
        return numbers_in(summary), other


def read_facts(file: Path) -> WandbFacts:
    """The facts of a run. Raises NotWandb, BadMessage and OSError."""
    found = WandbFacts()
    for content in wandb_file.read(file):
        if isinstance(content, CutShort):
            found.cut = content
            break
        _take(found, Message(content))
    for name in ("_wandb", "wandb_version"):
        found.config.pop(name, None)
    return found


def _take(found: WandbFacts, record: Message) -> None:
    """Take in a record; records of the history hold points, and are left."""
    if RecordField.SUMMARY in record:
        _take_summary(found, record.message(RecordField.SUMMARY))
    elif RecordField.RUN in record:
        found.run = record.message(RecordField.RUN)
        _take_config(found, found.run.message(RunField.CONFIG))
    elif RecordField.CONFIG in record:
        _take_config(found, record.message(RecordField.CONFIG))
    elif RecordField.STATS in record:
        found.last_time = time_of(record.message(RecordField.STATS).message(StatsField.TIME))
    elif RecordField.OUTPUT in record:
        found.printed.append(record.message(RecordField.OUTPUT).text(OutputField.TEXT))
    elif RecordField.ALERT in record:
        alert = record.message(RecordField.ALERT)
        found.alerts.append(
            {
                "title": alert.text(AlertField.TITLE),
                "text": alert.text(AlertField.TEXT),
                "level": alert.text(AlertField.LEVEL),
            }
        )
    elif RecordField.ENVIRONMENT in record:
        found.environment.append(record.message(RecordField.ENVIRONMENT))
    elif RecordField.EXIT in record:
        found.exit = record.message(RecordField.EXIT)


def _take_config(found: WandbFacts, changes: Message) -> None:
    for item in changes.messages(ChangesField.UPDATE):
        _put(found.config, _path(item), _value(item))
    for item in changes.messages(ChangesField.REMOVE):
        _put(found.config, _path(item), _MISSING)


def _take_summary(found: WandbFacts, changes: Message) -> None:
    for item in changes.messages(ChangesField.UPDATE):
        found.summary[_path(item)] = item
    for item in changes.messages(ChangesField.REMOVE):
        found.summary.pop(_path(item), None)


def _path(item: Message) -> tuple[str, ...]:
    """The names of the maps that lead to an item, and its own."""
    return tuple(item.texts(ItemField.NESTED) or [item.text(ItemField.KEY)])


def _put(tree: dict[str, Any], path: tuple[str, ...], value: Any) -> None:
    """Set or take away the value at a path of maps."""
    for name in path[:-1]:
        inner = tree.get(name)
        if not isinstance(inner, dict):
            inner = tree[name] = {}
        tree = inner
    if value is _MISSING:
        tree.pop(path[-1], None)
    else:
        tree[path[-1]] = value


def _value(item: Message) -> Any:
    """The value of an item; since 0.31 numbers have fields of their own."""
    if ItemField.NUMBER in item:
        return item.double(ItemField.NUMBER)
    if ItemField.INTEGER in item:
        return item.zigzag(ItemField.INTEGER)
    if ItemField.BOOLEAN in item:
        return bool(item.unsigned(ItemField.BOOLEAN))
    if ItemField.TEXT in item:
        return item.text(ItemField.TEXT)
    if ItemField.NONE in item:
        return None
    text = item.text(ItemField.JSON) or item.text(ItemField.VALUE)
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def points(file: Path) -> Iterator[LoggedPoint]:
    """Yield the points of a run; other values stay in the summary and the files."""
    latest = -1
    for record in _records_with(file, RecordField.HISTORY):
        history = record.message(RecordField.HISTORY)
        step, at = latest + 1, 0.0
        if HistoryField.STEP in history:
            step = history.message(HistoryField.STEP).integer(StepField.NUMBER)
        logged: dict[str, Any] = {}
        for item in history.messages(HistoryField.ITEM):
            _put(logged, _path(item), _value(item))
        if isinstance(logged.get("_step"), int):
            step = logged["_step"]
        if isinstance(logged.get("_timestamp"), int | float):
            at = float(logged["_timestamp"])
        latest = step
        if values := numbers_in(logged):
            yield LoggedPoint(step, at, values)


def numbers_in(logged: Mapping[str, Any]) -> dict[str, float]:
    """The numbers in a map and its maps, by name; none in the map of a picture or a table."""
    values: dict[str, float] = {}
    for name in sorted(logged):
        if not name.startswith("_"):
            _collect(values, name, logged[name])
    return values


def _collect(values: dict[str, float], name: str, value: Any) -> None:
    """Add the numbers in a value, and in its maps unless they describe a picture or a table."""
    if isinstance(value, int | float):
        values[name] = float(value)
    elif isinstance(value, dict) and "_type" not in value:
        for key, inner in value.items():
            _collect(values, f"{name}.{key}", inner)


def system(file: Path) -> Iterator[LoggedPoint]:
    """Yield the points about the machine, under gitexp's names if it has any."""
    for step, record in enumerate(_records_with(file, RecordField.STATS)):
        stats = record.message(RecordField.STATS)
        values: dict[str, float] = {}
        for item in stats.messages(StatsField.ITEM):
            name, value = item.text(ItemField.KEY), _value(item)
            if isinstance(value, int | float) and not isinstance(value, bool):
                ours = as_ours(name, float(value))
                values[ours.name] = ours.value
        if values:
            yield LoggedPoint(step, time_of(stats.message(StatsField.TIME)), values)


def _records_with(file: Path, number: int) -> Iterator[Message]:
    for content in wandb_file.read(file):
        if isinstance(content, CutShort):
            return
        record = Message(content)
        if number in record:
            yield record


def time_of(stamp: Message) -> float:
    """The seconds since the epoch of a time stamp."""
    return stamp.integer(TimeField.SECONDS) + stamp.integer(TimeField.NANOSECONDS) / 1e9
