"""Runs of Sacred, from the folders of its FileStorageObserver: run.json, config.json, metrics.json …"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, TypeGuard

from gitexp import errors
from gitexp.extras.integrations.importers.foreign import Content, ForeignRun, Importer, Read, Unread
from gitexp.files.series import LoggedPoint
from gitexp.log_rules import LONGEST_STEP
from gitexp.model import Status

_RUN, _CONFIG, _METRICS, _OUTPUT, _INFO = "run.json", "config.json", "metrics.json", "cout.txt", "info.json"
_OWN = frozenset({_RUN, _CONFIG, _METRICS, _OUTPUT, _INFO})
_SOURCES = "_sources"
_STATUSES = {"COMPLETED": Status.DONE, "FAILED": Status.FAILED}
_LONGEST = 64 * 1024 * 1024  # bytes of one file


class Sacred(Importer):
    """The reader of Sacred's folders."""

    title = "Sacred"
    looks_for = "the folder of a FileStorageObserver, with a folder for each run"

    def finds(self, place: Path) -> bool:
        """Whether there is the folder of a run."""
        return any(_is_run(folder) for folder in _runs(place))

    def read(self, place: Path) -> Iterator[Read]:
        """Yield the runs of a folder, in the order of their numbers."""
        folders = _runs(place)
        if not folders:
            raise errors.UsageError(f"{place} has no run of Sacred's.", f"Give {self.looks_for}.")
        for folder in folders:
            try:
                yield _read(place, folder)
            except (ValueError, RecursionError, OSError) as error:
                yield Unread(str(folder / _RUN), str(error))


IMPORTER = Sacred()


def _is_run(folder: Path) -> bool:
    try:
        return "experiment" in _object(folder / _RUN)
    except (ValueError, RecursionError, OSError):
        return False


def _runs(place: Path) -> list[Path]:
    folders = [place, *place.iterdir()] if place.is_dir() else []
    found = [each for each in folders if (each / _RUN).is_file() and (each / _CONFIG).is_file()]
    return sorted((each for each in found if not each.is_symlink()), key=_number)


def _number(folder: Path) -> tuple[int, str]:
    return (int(folder.name) if folder.name.isdecimal() else 0, folder.name)


def _object(path: Path) -> dict[str, Any]:
    """The object in a file of JSON; {} for no file. Raises ValueError and OSError."""
    try:
        with path.open("rb") as file:
            found = json.loads(file.read(_LONGEST))
    except FileNotFoundError:
        return {}
    if isinstance(found, dict):
        return found
    raise ValueError(f"{path.name} is no object")


def _read(place: Path, folder: Path) -> ForeignRun:
    run, config = _object(folder / _RUN), _object(folder / _CONFIG)
    experiment, host, meta = _map(run, "experiment"), _map(run, "host"), _map(run, "meta")
    if not experiment:
        raise ValueError("it is no run of Sacred's")
    created, finished = _time(run.get("start_time")), _time(run.get("stop_time"))
    remarks = []
    try:
        curves = _object(folder / _METRICS)
    except (ValueError, RecursionError) as error:
        curves = {}
        remarks.append(f"its curves cannot be read: {error}")
    repositories = [each for each in experiment.get("repositories", ()) if isinstance(each, dict)]
    name = str(experiment.get("name", ""))
    result = run.get("result")
    return ForeignRun(
        id=f"{name}/{folder.name}@{run.get('start_time', '')}",
        status=_STATUSES.get(str(run.get("status")), Status.INTERRUPTED),
        state=f"{run.get('status')} {run.get('heartbeat')}",
        name=f"{name}-{folder.name}" if name else folder.name,
        created=created,
        finished=finished if finished is not None else _time(run.get("heartbeat")),
        params={key: value for key, value in config.items() if key != "__doc__"},
        metrics={"result": result} if _is_number(result) else {},
        points=partial(_points, curves),
        note=str(meta.get("comment") or ""),
        group=name,
        command=str(run.get("command") or ""),
        host=str(host.get("hostname") or ""),
        platform=_words(host.get("os")),
        python=str(host.get("python_version") or ""),
        commit=str(repositories[0].get("commit") or "") if repositories else "",
        code=_code(place, folder, experiment),
        files=_files(folder),
        log=_content(folder / _OUTPUT),
        environment="\n".join(map(str, experiment.get("dependencies", ()))),
        facts={"sacred": {"info": _object(folder / _INFO)}} if (folder / _INFO).is_file() else {},
        remarks=tuple(remarks),
    )


def _words(value: Any) -> str:
    return " ".join(map(str, value)) if isinstance(value, list) else str(value or "")


def _map(values: Mapping[str, Any], key: str) -> dict[str, Any]:
    found = values.get(key)
    return found if isinstance(found, dict) else {}


def _is_number(value: Any) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _points(curves: Mapping[str, Any]) -> Iterator[LoggedPoint]:
    """Yield the values of all curves, those of one step together."""
    steps: dict[int, LoggedPoint] = {}
    for name, curve in sorted(curves.items()):
        if not isinstance(curve, dict):
            continue
        rows = zip(curve.get("steps", ()), curve.get("timestamps", ()), curve.get("values", ()), strict=False)
        for step, time, value in rows:
            number = value.get("value") if isinstance(value, dict) else value  # as jsonpickle has numpy's
            if isinstance(step, int) and abs(step) < LONGEST_STEP and _is_number(number):
                point = steps.setdefault(step, LoggedPoint(step, _time(time) or 0.0, {}))
                point.values[name] = float(number)
    for step in sorted(steps):
        yield steps[step]


def _code(place: Path, folder: Path, experiment: Mapping[str, Any]) -> dict[str, Content]:
    """The source files that Sacred has kept, in `_sources/` beside the runs."""
    found: dict[str, Content] = {}
    for source in experiment.get("sources", ()):
        if not (isinstance(source, list) and len(source) == 2):
            continue
        path, stored = map(str, source)
        for top in (folder.parent, place):
            file = top / stored
            if file.is_file() and file.resolve().is_relative_to((top / _SOURCES).resolve()):
                found[path] = file
    return found


def _files(folder: Path) -> dict[str, Content]:
    """The artifacts: whatever else is in the folder."""
    found: dict[str, Content] = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if name not in _OWN and path.is_file() and not path.is_symlink():
            found[name] = path
    return found


def _content(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(_LONGEST)
    except OSError:
        return b""


def _time(text: Any) -> float | None:
    """Seconds since the epoch; Sacred writes times of UTC without saying so."""
    try:
        moment = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return (moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)).timestamp()
