"""Runs of Sacred, from the folders of its FileStorageObserver: run.json, config.json, metrics.json …"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any, TypeGuard

from gitexp import errors
from gitexp.extras.integrations.importers import folder_files, iso_times
from gitexp.extras.integrations.importers.foreign import Content, ForeignRun, Importer, Read, Unread
from gitexp.files.lines.series import LoggedPoint
from gitexp.log_rules import LONGEST_STEP
from gitexp.model import Status

_RUN, _CONFIG, _METRICS, _OUTPUT, _INFO = "run.json", "config.json", "metrics.json", "cout.txt", "info.json"
_OWN = frozenset({_RUN, _CONFIG, _METRICS, _OUTPUT, _INFO})
_SOURCES = "_sources"
_STATUSES = {"COMPLETED": Status.DONE, "FAILED": Status.FAILED}


class Sacred(Importer):
    """The reader of Sacred's folders."""

    title = "Sacred"
    looks_for = "the folder of a FileStorageObserver, with a folder for each run"

    def finds(self, place: Path) -> bool:
        """Whether the place has the folder of a run."""
        return any(_is_run(folder) for folder in _runs(place, []))

    def read(self, place: Path) -> Iterator[Read]:
        """Yield the runs of a folder, in the order of their numbers."""
        unread: list[Unread] = []
        folders = _runs(place, unread)
        yield from unread
        if not folders and not unread:
            raise errors.UsageError(f"{place} has no run of Sacred's.", f"Give {self.looks_for}.")
        for folder in folders:
            try:
                yield _read(place, folder)
            except (ValueError, RecursionError, OSError) as error:
                yield Unread(str(folder / _RUN), folder_files.reason(error))


IMPORTER = Sacred()


def _is_run(folder: Path) -> bool:
    try:
        return "experiment" in _object(folder / _RUN)
    except (ValueError, RecursionError, OSError):
        return False


def _runs(place: Path, unread: list[Unread]) -> list[Path]:
    """The folders of runs; folders of which nobody can tell are added to `unread`."""
    if not place.is_dir():
        return []
    found = []
    for folder in (place, *folder_files.folders_in(place, unread)):
        try:
            if folder_files.is_there(folder / _RUN) and folder_files.is_there(folder / _CONFIG):
                found.append(folder)
        except OSError as error:
            unread.append(Unread(str(folder), folder_files.reason(error)))
    return sorted(found, key=_number)


def _number(folder: Path) -> tuple[int, str]:
    number = 0
    if folder.name.isdecimal():
        number = int(folder.name)
    return number, folder.name


def _object(path: Path) -> dict[str, Any]:
    """The object in a file of JSON; {} for no file. Raises ValueError and OSError."""
    if not folder_files.is_there(path):
        return {}
    found = json.loads(folder_files.content(path))
    if isinstance(found, dict):
        return found
    raise ValueError(f"{path.name} is no object")


def _read(place: Path, folder: Path) -> ForeignRun:
    run, config = _object(folder / _RUN), _object(folder / _CONFIG)
    experiment, host, meta = _map(run, "experiment"), _map(run, "host"), _map(run, "meta")
    if not experiment:
        raise ValueError("it is no run of Sacred's")
    remarks: list[str] = []
    name, result = str(experiment.get("name", "")), run.get("result")
    metrics, facts = {}, {}
    if _is_number(result):
        metrics["result"] = result
    if folder_files.is_there(folder / _INFO):
        facts["sacred"] = {"info": _object(folder / _INFO)}
    finished = iso_times.seconds(run.get("stop_time")) or iso_times.seconds(run.get("heartbeat"))
    return ForeignRun(
        id=f"{name}/{folder.name}@{run.get('start_time', '')}",
        status=_STATUSES.get(str(run.get("status")), Status.INTERRUPTED),
        state=f"{run.get('status')} {run.get('heartbeat')}",
        name="-".join(filter(None, [name, folder.name])),
        created=iso_times.seconds(run.get("start_time")),
        finished=finished,
        params={key: value for key, value in config.items() if key != "__doc__"},
        metrics=metrics,
        points=partial(_points, _curves(folder, remarks)),
        note=_words(meta.get("comment")),
        group=name,
        command=_words(run.get("command")),
        host=_words(host.get("hostname")),
        platform=_words(host.get("os")),
        python=_words(host.get("python_version")),
        commit=_commit(experiment),
        code=_code(place, folder, experiment, remarks),
        files=_files(folder, remarks),
        log=folder_files.beginning(folder / _OUTPUT, remarks),
        environment="\n".join(map(str, experiment.get("dependencies", ()))),
        facts=facts,
        remarks=tuple(remarks),
    )


def _curves(folder: Path, remarks: list[str]) -> dict[str, Any]:
    """The curves in Sacred's form; adds a reason for none to `remarks`."""
    try:
        return _object(folder / _METRICS)
    except (ValueError, RecursionError) as error:
        remarks.append(f"its curves cannot be read: {error}")
    return {}


def _commit(experiment: Mapping[str, Any]) -> str:
    """The commit of the first repository; "" without any."""
    for repository in experiment.get("repositories", ()):
        if isinstance(repository, dict):
            return str(repository.get("commit") or "")
    return ""


def _words(value: Any) -> str:
    """A value as text: a list's parts with blanks between; "" for none."""
    if isinstance(value, list):
        return " ".join(map(str, value))
    return str(value or "")


def _map(values: Mapping[str, Any], key: str) -> dict[str, Any]:
    """The map at a key; {} for anything else there."""
    found = values.get(key)
    if isinstance(found, dict):
        return found
    return {}


def _is_number(value: Any) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _points(curves: Mapping[str, Any]) -> Iterator[LoggedPoint]:
    """Yield the values of all curves, a point for each step."""
    steps: dict[int, LoggedPoint] = {}
    for name, curve in sorted(curves.items()):
        if isinstance(curve, dict):
            _take_curve(name, curve, steps)
    for step in sorted(steps):
        yield steps[step]


def _take_curve(name: str, curve: Mapping[str, Any], steps: dict[int, LoggedPoint]) -> None:
    rows = zip(curve.get("steps", ()), curve.get("timestamps", ()), curve.get("values", ()), strict=False)
    for step, time, value in rows:
        if isinstance(value, dict):  # a number of numpy's, written by jsonpickle
            value = value.get("value")
        if isinstance(step, int) and abs(step) < LONGEST_STEP and _is_number(value):
            point = steps.setdefault(step, LoggedPoint(step, iso_times.seconds(time) or 0.0, {}))
            point.values[name] = float(value)


def _code(place: Path, folder: Path, experiment: Mapping[str, Any], remarks: list[str]) -> dict[str, Content]:
    """The source files kept by Sacred, in `_sources/` beside the runs; adds a remark on missing ones."""
    missing = 0
    found: dict[str, Content] = {}
    for source in experiment.get("sources", ()):
        if not (isinstance(source, list) and len(source) == 2):
            continue
        path, stored = map(str, source)
        for top in (folder.parent, place):
            file = top / stored
            if file.is_file() and file.resolve().is_relative_to((top / _SOURCES).resolve()):
                found[path] = file.resolve()
        missing += path not in found
    if missing:
        remarks.append(f"{missing} of its source files are missing")
    return found


def _files(folder: Path, remarks: list[str]) -> dict[str, Content]:
    """The artifacts: all other files of the folder."""
    found: dict[str, Content] = {}
    for name, path in folder_files.plain_files(folder, remarks).items():
        if name not in _OWN:
            found[name] = path
    return found
