"""Runs of TensorBoard, a folder with event files each. Scalars become curves, `hparams` params."""

from __future__ import annotations

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
from gitexp.folders import walk_folder
from gitexp.log_rules import LONGEST_STEP
from gitexp.model import Status
from gitexp.named_tuple import NamedTuple

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
        for run in _runs(place):
            if not isinstance(run, Unread):
                return tensorboard_file.begins_well(run.files[0])
        return False

    def read(self, place: Path) -> Iterator[Read]:
        """Yield the runs below a folder, in the order of their paths."""
        nothing = True
        for run in _runs(place):
            nothing = False
            yield run if isinstance(run, Unread) else _read(place, run)
        if nothing:
            raise errors.UsageError(f"{place} has no file of TensorBoard's.", f"Give {self.looks_for}.")


IMPORTER = TensorBoard()


class _BoardFolder(NamedTuple):
    """A folder with event files, in the order of their beginnings; `others` are links and pipes."""

    path: Path
    files: list[Path]
    others: list[str]


def _runs(place: Path) -> Iterator[_BoardFolder | Unread]:
    """Yield each folder with event files, and folders that cannot be listed."""
    if place.is_file():
        if tb.FILE_NAME in place.name:
            yield _BoardFolder(place.parent, [place], [])
        return
    unread: list[Unread] = []
    for folder in walk_folder(place, partial(folder_files.note_unlisted, unread=unread)):
        folder.folders.sort()
        files = [Path(folder.path, name) for name in sorted(folder.files) if name.startswith(tb.FILE_NAME)]
        plain = [path for path in files if path.is_file() and not path.is_symlink()]
        others = [path.name for path in files if path not in plain]
        if plain:
            yield _BoardFolder(Path(folder.path), plain, others)
        elif others:
            unread.append(Unread(folder.path, f"a link or the like: {others[0]}"))
    yield from unread


def _read(place: Path, run: _BoardFolder) -> Read:
    found, (folder, files, _) = _BoardFacts(), run
    if run.others:
        found.remarks.append(f"not imported, links and the like: {', '.join(run.others[:20])}")
    try:
        for file in files:
            for number, event in enumerate(_events(file, found)):
                _take(found, event, number)
    except BadMessage as error:
        return Unread(str(files[0]), f"it is damaged: {error}")
    except OSError as error:
        return Unread(str(files[0]), folder_files.reason(error))
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
