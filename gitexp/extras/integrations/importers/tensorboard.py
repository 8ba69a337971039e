"""Runs of TensorBoard, a folder with event files each. Scalars become curves, `hparams` params.

The numbers of the fields are those of TensorFlow's `event.proto`, `summary.proto`, `tensor.proto` and of the
plugin for hyperparameters.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from gitexp import errors
from gitexp.extras.integrations.importers import tensorboard_file
from gitexp.extras.integrations.importers.cut_short import CutShort
from gitexp.extras.integrations.importers.foreign import ForeignRun, Importer, Read, Unread
from gitexp.extras.integrations.importers.protobuf import BadMessage, Message
from gitexp.files.series import LoggedPoint
from gitexp.log_rules import LONGEST_STEP
from gitexp.model import Status

_NAME = "events.out.tfevents."
_PARAMS, _END = "_hparams_/session_start_info", "_hparams_/session_end_info"
_STATUSES = {1: Status.DONE, 2: Status.FAILED}
_FLOAT, _DOUBLE = 1, 2  # types of tensors
_LONGEST_TEXT = 64 * 1024  # characters of a text kept as a fact
_MOST_TEXTS = 100


@dataclass
class _BoardFacts:
    """The facts of a run beside its curves; times in seconds since the epoch."""

    first: float | None = None
    last: float | None = None
    params: dict[str, Any] = field(default_factory=dict)
    status: Status = Status.DONE
    texts: dict[str, str] = field(default_factory=dict)
    other: set[str] = field(default_factory=set)
    remarks: list[str] = field(default_factory=list)


class TensorBoard(Importer):
    """The reader of TensorBoard's folders."""

    title = "TensorBoard"
    looks_for = "a folder with event files, events.out.tfevents.*"

    def finds(self, place: Path) -> bool:
        """Whether the place has a file of events."""
        for _, files in _runs(place):
            return tensorboard_file.begins_well(files[0])
        return False

    def read(self, place: Path) -> Iterator[Read]:
        """Yield the runs below a folder, in the order of their paths."""
        nothing = True
        for folder, files in _runs(place):
            nothing = False
            yield _read(place, folder, files)
        if nothing:
            raise errors.UsageError(f"{place} has no file of TensorBoard's.", f"Give {self.looks_for}.")


IMPORTER = TensorBoard()


def _runs(place: Path) -> Iterator[tuple[Path, list[Path]]]:
    """Yield each folder with event files, and its files in the order of their beginnings."""
    if place.is_file():
        if _NAME in place.name:
            yield place.parent, [place]
        return
    for folder, folders, names in os.walk(place):
        folders.sort()
        files = [Path(folder, name) for name in sorted(names) if name.startswith(_NAME)]
        if plain := [path for path in files if not path.is_symlink()]:
            yield Path(folder), plain


def _read(place: Path, folder: Path, files: list[Path]) -> Read:
    found = _BoardFacts()
    try:
        for file in files:
            for number, event in enumerate(_events(file, found)):
                _take(found, event, number)
    except (BadMessage, OSError) as error:
        return Unread(str(files[0]), f"it is damaged: {error}")
    if found.first is None:
        return Unread(str(files[0]), "; ".join(found.remarks) or "it has no events")
    relative = folder.relative_to(place) if folder.is_relative_to(place) else Path(folder.name)
    if found.other:
        found.remarks.append(f"not imported, no numbers: {', '.join(sorted(found.other)[:20])}")
    return ForeignRun(
        id=f"{files[0].name}@{found.first!r}",  # the name has whole seconds: two runs may have the same
        status=found.status,
        state=str(sum(file.stat().st_size for file in files)),
        name="-".join(relative.parts) or folder.resolve().name,
        created=found.first,
        finished=found.last,
        params=found.params,
        points=partial(_points, files),
        facts={"tensorboard": {"texts": found.texts}} if found.texts else {},
        remarks=tuple(found.remarks),
    )


def _events(file: Path, found: _BoardFacts) -> Iterator[Message]:
    for content in tensorboard_file.read(file):
        if isinstance(content, CutShort):
            found.remarks.append(f"{file.name} ends too early: {content.why} at byte {content.at:,}")
            return
        yield Message(content)


def _take(found: _BoardFacts, event: Message, number: int) -> None:
    """Take in the facts of an event beside its numbers."""
    time = event.double(1)
    if time > 0:
        found.first = time if found.first is None else min(found.first, time)
        found.last = time if found.last is None else max(found.last, time)
    if 5 not in event:
        return
    for value in event.message(5).messages(1):
        tag = value.text(1)
        plugin = value.message(9).message(1)
        if tag == _PARAMS:
            found.params.update(_params(plugin))
        elif tag == _END:
            found.status = _STATUSES.get(
                Message(plugin.content(2)).message(4).unsigned(1), Status.INTERRUPTED
            )
        elif _number(value) is not None:
            continue  # `_points` reads it
        elif plugin.text(1) == "text" and len(found.texts) < _MOST_TEXTS:
            texts = value.message(8).texts(8)
            found.texts[tag.removesuffix("/text_summary")] = "".join(texts)[:_LONGEST_TEXT]
        else:
            found.other.add(tag)


def _params(plugin: Message) -> dict[str, Any]:
    """The hyperparameters in the words of the plugin: a number, a text or a truth value each."""
    found: dict[str, Any] = {}
    for entry in Message(plugin.content(2)).message(3).messages(1):
        value = entry.message(2)
        name = entry.text(1)
        if 2 in value:
            number = value.double(2)
            found[name] = int(number) if number.is_integer() and abs(number) < 2**53 else number
        elif 4 in value:
            found[name] = bool(value.unsigned(4))
        else:
            found[name] = value.text(3)
    return found


def _number(value: Message) -> float | None:
    """The number of a value; None for pictures, histograms, texts and tensors of many numbers."""
    if 2 in value:
        return value.single(2)
    if 8 not in value or value.message(9).message(1).text(1) not in ("scalars", ""):
        return None
    tensor = value.message(8)
    kind, content = tensor.unsigned(1), tensor.content(4)
    form = {_FLOAT: "<f", _DOUBLE: "<d"}.get(kind)
    if form is None:
        return None
    content = content or tensor.content(5 if kind == _FLOAT else 6)
    if len(content) != struct.calcsize(form):
        return None
    number: float = struct.unpack(form, content)[0]
    return number


def _points(files: list[Path]) -> Iterator[LoggedPoint]:
    """Yield the numbers, neighbours of the same step together."""
    now = LoggedPoint(0, 0.0, {})
    for file in files:
        for event in _events(file, _BoardFacts()):
            if 5 not in event:
                continue
            step, time = event.integer(2), event.double(1)
            for value in event.message(5).messages(1):
                number, tag = _number(value), value.text(1)
                if number is None or not tag or abs(step) >= LONGEST_STEP:
                    continue
                if now.values and (step != now.step or tag in now.values):
                    yield now
                    now = LoggedPoint(step, time, {})
                elif not now.values:
                    now = LoggedPoint(step, time, {})
                now.values[tag] = number
    if now.values:
        yield now
