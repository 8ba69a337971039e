"""Runs of TensorBoard, a folder with event files each. Scalars become curves, `hparams` params."""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from gitexp import errors
from gitexp.extras.integrations.file_formats import tensorboard_fields as tb
from gitexp.extras.integrations.file_formats import tensorboard_file
from gitexp.extras.integrations.file_formats.cut_short import CutShort
from gitexp.extras.integrations.file_formats.protobuf import BadMessage, Message
from gitexp.extras.integrations.importers import folder_files
from gitexp.extras.integrations.importers.foreign import ForeignRun, Importer, Read, Unread
from gitexp.files.lines.series import LoggedPoint
from gitexp.log_rules import LONGEST_STEP
from gitexp.model import Status

_STATUSES: dict[int, Status] = {
    tb.SessionStatus.SUCCESS: Status.DONE,
    tb.SessionStatus.FAILURE: Status.FAILED,
}
# The type of a tensor of one number -> the form of the number, and the field for it.
_FORMS: dict[int, tuple[str, tb.TensorField]] = {
    tb.TensorType.FLOAT: ("<f", tb.TensorField.FLOATS),
    tb.TensorType.DOUBLE: ("<d", tb.TensorField.DOUBLES),
}
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
    is_shared = True
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
        if tb.FILE_NAME in place.name:
            yield place.parent, [place]
        return
    for folder, folders, names in os.walk(place):
        folders.sort()
        files = [Path(folder, name) for name in sorted(names) if name.startswith(tb.FILE_NAME)]
        if plain := [path for path in files if not path.is_symlink()]:
            yield Path(folder), plain


def _read(place: Path, folder: Path, files: list[Path]) -> Read:
    found = _BoardFacts()
    try:
        for file in files:
            for number, event in enumerate(_events(file, found)):
                _take(found, event, number)
    except (BadMessage, OSError) as error:
        return Unread(str(files[0]), f"it is damaged: {folder_files.reason(error)}")
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
        points=partial(points_in, files),
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
    time = event.double(tb.EventField.TIME)
    if time > 0:
        found.first = time if found.first is None else min(found.first, time)
        found.last = time if found.last is None else max(found.last, time)
    if tb.EventField.SUMMARY not in event:
        return
    for value in event.message(tb.EventField.SUMMARY).messages(tb.SummaryField.VALUE):
        tag = value.text(tb.ValueField.TAG)
        plugin = value.message(tb.ValueField.METADATA).message(tb.MetadataField.PLUGIN)
        if tag == tb.PARAMS_TAG:
            found.params.update(_params(plugin))
        elif tag == tb.END_TAG:
            end = Message(plugin.content(tb.PluginField.CONTENT)).message(tb.HparamsField.END)
            found.status = _STATUSES.get(end.unsigned(tb.EndField.STATUS), Status.INTERRUPTED)
        elif _number(value) is not None:
            continue  # `points_in` reads it
        elif plugin.text(tb.PluginField.NAME) == tb.TEXTS and len(found.texts) < _MOST_TEXTS:
            texts = value.message(tb.ValueField.TENSOR).texts(tb.TensorField.TEXTS)
            found.texts[tag.removesuffix(tb.TEXT_ENDING)] = "".join(texts)[:_LONGEST_TEXT]
        else:
            found.other.add(tag)


def _params(plugin: Message) -> dict[str, Any]:
    """The hyperparameters in the words of the plugin: a number, a text or a truth value each."""
    found: dict[str, Any] = {}
    start = Message(plugin.content(tb.PluginField.CONTENT)).message(tb.HparamsField.START)
    for entry in start.messages(tb.StartField.PARAMS):
        value = entry.message(tb.MapField.VALUE)
        name = entry.text(tb.MapField.KEY)
        if tb.AnyField.NUMBER in value:
            number = value.double(tb.AnyField.NUMBER)
            found[name] = int(number) if number.is_integer() and abs(number) < 2**53 else number
        elif tb.AnyField.TRUTH in value:
            found[name] = bool(value.unsigned(tb.AnyField.TRUTH))
        else:
            found[name] = value.text(tb.AnyField.TEXT)
    return found


def _number(value: Message) -> float | None:
    """The number of a value; None for pictures, histograms, texts and tensors of many numbers."""
    if tb.ValueField.NUMBER in value:
        return value.single(tb.ValueField.NUMBER)
    plugin = value.message(tb.ValueField.METADATA).message(tb.MetadataField.PLUGIN)
    if tb.ValueField.TENSOR not in value or plugin.text(tb.PluginField.NAME) not in (tb.SCALARS, ""):
        return None
    tensor = value.message(tb.ValueField.TENSOR)
    known = _FORMS.get(tensor.unsigned(tb.TensorField.TYPE))
    if known is None:
        return None
    form, place = known
    content = tensor.content(tb.TensorField.CONTENT) or tensor.content(place)
    if len(content) != struct.calcsize(form):
        return None
    number: float = struct.unpack(form, content)[0]
    return number


def points_in(files: list[Path]) -> Iterator[LoggedPoint]:
    """Yield the numbers, neighbours of the same step together."""
    now = LoggedPoint(0, 0.0, {})
    for file in files:
        for event in _events(file, _BoardFacts()):
            if tb.EventField.SUMMARY not in event:
                continue
            step, time = event.integer(tb.EventField.STEP), event.double(tb.EventField.TIME)
            for value in event.message(tb.EventField.SUMMARY).messages(tb.SummaryField.VALUE):
                number, tag = _number(value), value.text(tb.ValueField.TAG)
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
