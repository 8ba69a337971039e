"""Runs of Weights & Biases, from the folders that it leaves on the disk; wandb itself is not needed.

wandb/run-<date>-<id>/ and wandb/offline-run-<date>-<id>/ have `run-<id>.wandb`, with all that was logged, and
`files/`: output.log, requirements.txt, diff.patch, code/, media/ and the files of the user. The numbers of
the fields below are those of wandb's own `wandb_internal.proto`, from version 0.12 to 0.31.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from gitexp import errors
from gitexp.extras.integrations.importers import wandb_file
from gitexp.extras.integrations.importers.cut_short import CutShort
from gitexp.extras.integrations.importers.foreign import Content, ForeignRun, Importer, Read, Unread
from gitexp.extras.integrations.importers.protobuf import BadMessage, Message
from gitexp.extras.integrations.importers.wandb_file import NotWandb
from gitexp.files.series import LoggedPoint
from gitexp.model import Status

# Fields of a record.
_HISTORY, _SUMMARY, _CONFIG, _STATS, _ALERT, _OUTPUT = 2, 3, 5, 7, 10, 13
_RUN, _EXIT, _ENVIRONMENT = 17, 18, 26
# Fields of an item of history, summary or config.
_KEY, _NESTED, _NONE, _BOOLEAN, _INTEGER, _NUMBER, _TEXT, _JSON, _VALUE = 1, 2, 3, 4, 5, 6, 7, 8, 16
_LONGEST_LOG = 64 * 1024 * 1024  # bytes
_MIB = 1024.0 * 1024.0
_OURS = {"cpu": "cpu", "proc.cpu": "cpu"}  # names of the machine's values, as gitexp has them
_APART = ("output.log", "requirements.txt", "diff.patch", "config.yaml", "wandb-metadata.json")
_SUMMARY_FILE = "wandb-summary.json"
_MISSING = object()


@dataclass
class _WandbFacts:
    """What a file says of its run; the points are read when they are needed."""

    run: Message | None = None
    config: dict[str, Any] = field(default_factory=dict)
    summary: dict[tuple[str, ...], Any] = field(default_factory=dict)
    environment: list[Message] = field(default_factory=list)
    alerts: list[dict[str, Any]] = field(default_factory=list)
    printed: list[str] = field(default_factory=list)
    exit: Message | None = None
    last_time: float | None = None
    points: int = 0
    cut: CutShort | None = None
    unknown: int = 0


class Wandb(Importer):
    """The reader of folders of wandb's."""

    title = "Weights & Biases"
    looks_for = "a folder `wandb`, a folder of one run, or a file run-*.wandb"

    def finds(self, place: Path) -> bool:
        """Whether a file or folder is of wandb's."""
        for file in _files(place):
            return wandb_file.begins_well(file)
        return False

    def read(self, place: Path) -> Iterator[Read]:
        """Yield the runs of a folder, the oldest first."""
        found = _files(place)
        if not found:
            raise errors.UsageError(
                f"{place} has no run of wandb's: no file run-<id>.wandb.", f"Give {self.looks_for}."
            )
        for file in found:
            yield _read(file)


IMPORTER = Wandb()


def _files(place: Path) -> list[Path]:
    """The files of runs, by the dates in the names of their folders."""
    if place.is_file():
        return [place]
    found = [
        *place.glob("run-*.wandb"),
        *place.glob("*run-*/run-*.wandb"),
        *place.glob("wandb/*run-*/run-*.wandb"),
    ]
    own = [path for path in found if path.is_file() and not path.parent.is_symlink()]  # latest-run is a link
    return sorted(own, key=lambda path: path.parent.name.removeprefix("offline-"))


def _read(file: Path) -> ForeignRun | Unread:
    try:
        found = _found(file)
        if found.run is None:
            return Unread(str(file), "it does not say which run it is of" + _cut_text(found.cut))
        return _as_run(file, found, found.run)
    except (NotWandb, BadMessage) as error:
        return Unread(str(file), str(error))
    except OSError as error:
        return Unread(str(file), error.strerror or str(error))


def _found(file: Path) -> _WandbFacts:
    """All but the points."""
    found = _WandbFacts()
    for content in wandb_file.read(file):
        if isinstance(content, CutShort):
            found.cut = content
            break
        record = Message(content)
        if _HISTORY in record:
            found.points += 1
        elif _SUMMARY in record:
            _take_summary(found, record.message(_SUMMARY))
        elif _RUN in record:
            found.run = record.message(_RUN)
            _take_config(found, found.run.message(4))
        elif _CONFIG in record:
            _take_config(found, record.message(_CONFIG))
        elif _STATS in record:
            found.last_time = _time(record.message(_STATS).message(2))
        elif _OUTPUT in record:
            found.printed.append(record.message(_OUTPUT).text(3))
        elif _ALERT in record:
            alert = record.message(_ALERT)
            found.alerts.append({"title": alert.text(1), "text": alert.text(2), "level": alert.text(3)})
        elif _ENVIRONMENT in record:
            found.environment.append(record.message(_ENVIRONMENT))
        elif _EXIT in record:
            found.exit = record.message(_EXIT)
    return found


def _take_config(found: _WandbFacts, changes: Message) -> None:
    for item in changes.messages(1):
        _put(found.config, _path(item), _value(item))
    for item in changes.messages(2):
        _put(found.config, _path(item), _MISSING)


def _take_summary(found: _WandbFacts, changes: Message) -> None:
    for item in changes.messages(1):
        found.summary[_path(item)] = item
    for item in changes.messages(2):
        found.summary.pop(_path(item), None)


def _path(item: Message) -> tuple[str, ...]:
    nested = item.texts(_NESTED)
    return tuple(nested) if nested else (item.text(_KEY),)


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
    """The value of an item; since 0.31 numbers of the history have fields of their own."""
    if _NUMBER in item:
        return item.double(_NUMBER)
    if _INTEGER in item:
        return item.zigzag(_INTEGER)
    if _BOOLEAN in item:
        return bool(item.unsigned(_BOOLEAN))
    if _TEXT in item:
        return item.text(_TEXT)
    if _NONE in item:
        return None
    text = item.text(_JSON) or item.text(_VALUE)
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def _points(file: Path) -> Iterator[LoggedPoint]:
    """Yield the points of a run; those that are no numbers stay in the summary and the files."""
    latest = -1
    for content in wandb_file.read(file):
        if isinstance(content, CutShort):
            return
        record = Message(content)
        if _HISTORY not in record:
            continue
        history = record.message(_HISTORY)
        step, at = latest + 1, 0.0
        if 2 in history:
            step = history.message(2).integer(1)
        logged: dict[str, Any] = {}
        for item in history.messages(1):
            _put(logged, _path(item), _value(item))
        if isinstance(logged.get("_step"), int):
            step = logged["_step"]
        if isinstance(logged.get("_timestamp"), int | float):
            at = float(logged["_timestamp"])
        latest = step
        if values := _numbers(logged):
            yield LoggedPoint(step, at, values)


def _numbers(logged: Mapping[str, Any]) -> dict[str, float]:
    """The numbers in a map and its maps, by name; a map that stands for a picture or a table has none."""
    values: dict[str, float] = {}
    for name in sorted(logged):
        if not name.startswith("_"):
            _collect(values, name, logged[name])
    return values


def _collect(values: dict[str, float], name: str, value: Any) -> None:
    """Add the numbers in a value; a map has more of them, unless it stands for a picture or a table."""
    if isinstance(value, int | float):
        values[name] = float(value)
    elif isinstance(value, dict) and "_type" not in value:
        for key, inner in value.items():
            _collect(values, f"{name}.{key}", inner)


def _system(file: Path) -> Iterator[LoggedPoint]:
    """Yield the points about the machine, as gitexp calls them where it knows them."""
    for step, record in enumerate(_records_with(file, _STATS)):
        stats = record.message(_STATS)
        values: dict[str, float] = {}
        for item in stats.messages(3):
            name, value = item.text(1), _value(item)
            if isinstance(value, int | float) and not isinstance(value, bool):
                values.update(_as_ours(name, float(value)))
        if values:
            yield LoggedPoint(step, _time(stats.message(2)), values)


def _records_with(file: Path, number: int) -> Iterator[Message]:
    for content in wandb_file.read(file):
        if isinstance(content, CutShort):
            return
        record = Message(content)
        if number in record:
            yield record


def _as_ours(name: str, value: float) -> dict[str, float]:
    words = name.split(".")
    if name == "proc.memory.rssMB":
        return {"memory": value * _MIB}
    if words[0] == "gpu" and len(words) == 3:
        if words[2] == "gpu":
            return {f"gpu.{words[1]}.use": value}
        if words[2] == "memoryAllocatedBytes":
            return {f"gpu.{words[1]}.memory": value}
    return {_OURS.get(name, name): value}


def _time(stamp: Message) -> float:
    return stamp.integer(1) + stamp.integer(2) / 1e9


def _as_run(file: Path, found: _WandbFacts, run: Message) -> ForeignRun:
    files = file.parent / "files"
    created = _time(run.message(17)) or None
    metrics, other = _summary(found)
    ended = found.exit is not None
    code = found.exit.integer(1) if found.exit is not None else None
    status = Status.INTERRUPTED if code is None else Status.DONE if code == 0 else Status.FAILED
    duration = _duration(created, other)
    remarks = []
    if found.cut is not None:
        remarks.append(f"its file ends too early{_cut_text(found.cut)}")
    elif not ended:
        remarks.append("its file has no end: the run was killed, or goes on")
    kept, left = _user_files(files)
    remarks += left
    about = _environment(files, found.environment)
    config = {key: value for key, value in found.config.items() if key not in ("_wandb", "wandb_version")}
    return ForeignRun(
        id=f"{run.text(3) or 'uncategorized'}/{run.text(1)}@{int(created or 0)}",
        status=status,
        state=str(file.stat().st_size),
        name=run.text(8),
        created=created,
        finished=created + duration if created is not None and duration is not None else found.last_time,
        duration=duration,
        params=config,
        metrics=metrics,
        points=partial(_points, file),
        system=partial(_system, file),
        tags=tuple(run.texts(10)),
        note=run.text(9),
        group=run.text(6) or run.text(12),
        command=about.get("command", ""),
        user=about.get("user", ""),
        host=run.text(13) or about.get("host", ""),
        platform=about.get("platform", ""),
        python=about.get("python", ""),
        exit_code=code,
        commit=run.message(21).text(2) or about.get("commit", ""),
        patch=_content(files / "diff.patch"),
        code=_code(files / "code"),
        files=kept,
        log=_content(files / "output.log") or "".join(found.printed).encode("utf-8", "replace"),
        environment=_content(files / "requirements.txt").decode("utf-8", "replace"),
        facts=_facts(found, run, other),
        remarks=tuple(remarks),
    )


def _duration(created: float | None, summary: Mapping[str, Any]) -> float | None:
    """Seconds from the start to the end, which wandb notes in whole seconds, or to the last point."""
    found = [summary.get("_runtime")]
    last = summary.get("_timestamp")
    if created is not None and isinstance(last, int | float):
        found.append(last - created)
    seconds = [float(each) for each in found if isinstance(each, int | float)]
    return max(seconds, default=None)


def _cut_text(cut: CutShort | None) -> str:
    return "" if cut is None else f": {cut.why} at byte {cut.at:,}"


def _summary(found: _WandbFacts) -> tuple[dict[str, float], dict[str, Any]]:
    """The numbers of the summary by name, and all else in it."""
    summary: dict[str, Any] = {}
    for path, item in found.summary.items():
        _put(summary, path, _value(item))
    other = {}
    for name, value in summary.items():
        if not isinstance(value, int | float):
            other[name] = value
    for name in ("_runtime", "_timestamp"):
        if name in summary:
            other[name] = summary[name]
    return _numbers(summary), other


def _facts(found: _WandbFacts, run: Message, other: Mapping[str, Any]) -> dict[str, Any]:
    facts: dict[str, Any] = {
        "run": run.text(1),
        "project": run.text(3),
        "entity": run.text(2),
        "group": run.text(6),
        "job_type": run.text(7),
        "sweep": run.text(12),
        "alerts": found.alerts,
        "summary": {key: value for key, value in other.items() if not key.startswith("_")},
    }
    return {"wandb": {key: value for key, value in facts.items() if value}}


def _environment(files: Path, said: list[Message]) -> dict[str, str]:
    """Program, machine and commit: from the records, else from `wandb-metadata.json` of older versions."""
    found: dict[str, str] = {}
    for message in said:
        _add(found, "platform", message.text(1))
        _add(found, "python", message.text(2))
        _add(found, "command", " ".join([message.text(7) or message.text(6), *message.texts(5)]).strip())
        _add(found, "host", message.text(12))
        _add(found, "user", message.text(13))
        _add(found, "commit", message.message(9).text(2))
    if not said:
        try:
            older = json.loads(_content(files / "wandb-metadata.json") or b"{}")
        except (ValueError, RecursionError):
            older = {}
        if isinstance(older, dict):
            args, git = older.get("args"), older.get("git")
            words = [older.get("program") or "", *(args if isinstance(args, list) else [])]
            _add(found, "platform", older.get("os"))
            _add(found, "python", older.get("python"))
            _add(found, "command", " ".join(map(str, words)).strip())
            _add(found, "host", older.get("host"))
            _add(found, "user", older.get("username"))
            _add(found, "commit", git.get("commit") if isinstance(git, dict) else None)
    if "python" in found:
        found["python"] = found["python"].removeprefix("CPython ")
    if "command" in found:
        found["command"] = f"python {found['command']}"
    return found


def _add(found: dict[str, str], key: str, value: Any) -> None:
    if isinstance(value, str) and value:
        found[key] = value


def _user_files(top: Path) -> tuple[dict[str, Content], list[str]]:
    """The files that the run has logged by name, and sentences on those that lead elsewhere.

    `wandb.save` leaves links to files of the project; a link to anywhere else is not followed.
    """
    found: dict[str, Content] = {}
    left = []
    allowed = top.parent.parent.parent.resolve()  # the folder that has the folder wandb
    for folder, _, names in os.walk(top):
        for name in names:
            path = Path(folder, name)
            short = path.relative_to(top).as_posix()
            if short in (*_APART, _SUMMARY_FILE) or short.startswith("code/"):
                continue
            real = path.resolve()
            if not real.is_file():
                left.append(f"a file is gone: {short}")
            elif path.is_symlink() and not real.is_relative_to(allowed):
                left.append(f"a link to outside is not followed: {short}")
            else:
                found[short] = real
    return dict(sorted(found.items())), left


def _code(top: Path) -> dict[str, Content]:
    """The files of code that wandb has kept."""
    found: dict[str, Content] = {}
    for folder, _, names in os.walk(top):
        for name in names:
            path = Path(folder, name)
            if path.is_file() and not path.is_symlink():
                found[path.relative_to(top).as_posix()] = path
    return found


def _content(path: Path) -> bytes:
    """The content of a file, cut to a size; b"" for none."""
    try:
        if path.is_symlink():
            return b""
        with path.open("rb") as file:
            return file.read(_LONGEST_LOG)
    except OSError:
        return b""
