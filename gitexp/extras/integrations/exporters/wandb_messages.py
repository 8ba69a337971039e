"""The records of a run for Weights & Biases, each as a message. Times are in seconds since 1970.

Values are JSON in the one field that each version of wandb reads.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from gitexp.extras.integrations.file_formats import protobuf_writer as pb
from gitexp.extras.integrations.file_formats.wandb_fields import (
    AboutField,
    ChangesField,
    ExitField,
    FileField,
    FilesField,
    GitField,
    HeaderField,
    HistoryField,
    ItemField,
    OutputField,
    RecordField,
    RunField,
    StatsField,
    StepField,
    TimeField,
    VersionField,
)
from gitexp.extras.integrations.file_formats.wandb_machine import as_theirs
from gitexp.files.lines.series import LoggedPoint
from gitexp.named_tuple import NamedTuple

_OLDEST_READER = "0.70.0"  # of the readers that look for it
_STDOUT = 1
_AT_THE_END = 1
_NANOSECONDS = 1_000_000_000


class WandbOfflineRun(NamedTuple):
    """The facts of a run at its start."""

    id: str
    project: str
    name: str
    config: Mapping[str, Any]
    started: float
    note: str = ""
    tags: Sequence[str] = ()
    group: str = ""
    host: str = ""
    commit: str = ""


class WandbProgram(NamedTuple):
    """The program of a run, and its machine."""

    words: Sequence[str]
    platform: str
    python: str
    host: str
    user: str
    commit: str


def header(producer: str) -> bytes:
    """The record before all others; `producer` is the version of the writer."""
    version = pb.text(VersionField.PRODUCER, producer), pb.text(VersionField.OLDEST_READER, _OLDEST_READER)
    return pb.message(RecordField.HEADER, pb.message(HeaderField.VERSION, *version))


def run(facts: WandbOfflineRun) -> bytes:
    """The record of the run itself."""
    texts = {
        RunField.ID: facts.id,
        RunField.PROJECT: facts.project,
        RunField.GROUP: facts.group,
        RunField.NAME: facts.name,
        RunField.NOTE: facts.note,
        RunField.HOST: facts.host,
    }
    fields = _texts(texts)
    fields += [pb.text(RunField.TAGS, tag) for tag in facts.tags]
    config = [pb.message(ChangesField.UPDATE, _item(name, value)) for name, value in facts.config.items()]
    fields.append(pb.message(RunField.CONFIG, *config))
    fields.append(_time(RunField.STARTED, facts.started))
    if facts.commit:
        fields.append(pb.message(RunField.GIT, pb.text(GitField.COMMIT, facts.commit)))
    return pb.message(RecordField.RUN, *fields)


def program(about: WandbProgram, started: float) -> bytes:
    """The record of the program and its machine; of a command of Python's the script and its words."""
    script, *words = about.words or ("",)
    fields = _texts(
        {
            AboutField.PLATFORM: about.platform,
            AboutField.PYTHON: f"CPython {about.python}" if about.python else "",
            AboutField.PROGRAM: script,
            AboutField.CODE_PATH: script,
            AboutField.HOST: about.host,
            AboutField.USER: about.user,
        }
    )
    fields += [pb.text(AboutField.WORDS, word) for word in words]
    fields.append(_time(AboutField.STARTED, started))
    fields.append(pb.message(AboutField.GIT, *_texts({GitField.COMMIT: about.commit})))
    return pb.message(RecordField.ENVIRONMENT, *fields)


def history(point: LoggedPoint, started: float) -> bytes:
    """The record of a point."""
    items = [_item(name, value) for name, value in point.values.items()]
    items.append(_item("_step", point.step))
    items.append(_item("_timestamp", point.time))
    items.append(_item("_runtime", max(point.time - started, 0.0)))
    step = pb.message(HistoryField.STEP, pb.integer(StepField.NUMBER, point.step))
    return pb.message(RecordField.HISTORY, *[pb.message(HistoryField.ITEM, item) for item in items], step)


def summary(values: Mapping[str, Any]) -> bytes:
    """The record of the last values."""
    items = [pb.message(ChangesField.UPDATE, _item(name, value)) for name, value in values.items()]
    return pb.message(RecordField.SUMMARY, *items)


def stats(point: LoggedPoint) -> bytes:
    """The record of a look at the machine."""
    items = []
    for name, value in point.values.items():
        theirs = as_theirs(name, value)
        items.append(pb.message(StatsField.ITEM, _item(theirs.name, theirs.value)))
    return pb.message(RecordField.STATS, _time(StatsField.TIME, point.time), *items)


def output(text: str, time: float) -> bytes:
    """The record of a piece of the output."""
    stream = pb.integer(OutputField.STREAM, _STDOUT)
    return pb.message(
        RecordField.OUTPUT, stream, _time(OutputField.TIME, time), pb.text(OutputField.TEXT, text)
    )


def files(paths: Iterable[str], kind: int) -> bytes:
    """The record of files to be uploaded; `kind` is a `FileKind`."""
    found = []
    for path in paths:
        policy = pb.integer(FileField.POLICY, _AT_THE_END)
        found.append(
            pb.message(
                FilesField.FILE, pb.text(FileField.PATH, path), policy, pb.integer(FileField.KIND, kind)
            )
        )
    return pb.message(RecordField.FILES, *found)


def exit_of(code: int, seconds: float) -> bytes:
    """The record of the end, with the exit status of the program."""
    return pb.message(
        RecordField.EXIT, pb.integer(ExitField.CODE, code), pb.integer(ExitField.SECONDS, int(seconds))
    )


def numbered(record: bytes, number: int) -> bytes:
    """A record with its number in the file."""
    return pb.integer(RecordField.NUMBER, number) + record


def _item(name: str, value: Any) -> bytes:
    return pb.text(ItemField.KEY, name) + pb.text(ItemField.VALUE, json.dumps(value, default=str))


def _texts(values: Mapping[Any, str]) -> list[bytes]:
    """The fields of the texts that are there."""
    return [pb.text(number, text) for number, text in values.items() if text]


def _time(number: int, seconds: float) -> bytes:
    whole = math.floor(seconds)
    rest = min(round((seconds - whole) * _NANOSECONDS), _NANOSECONDS - 1)
    return pb.message(number, pb.integer(TimeField.SECONDS, whole), pb.integer(TimeField.NANOSECONDS, rest))
