"""A run of DVCLive, from its folder: metrics.json, params.yaml, plots/metrics/<name>.tsv, artifacts …"""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from gitexp import errors
from gitexp.extras.integrations.importers import folder_files
from gitexp.extras.integrations.importers.foreign import Content, ForeignRun, Importer, Read, Unread
from gitexp.files.lines.series import LoggedPoint
from gitexp.files.plain_values import measured

_METRICS, _PARAMS, _CURVES = "metrics.json", "params.yaml", "plots/metrics"
_OURS = (_METRICS, _PARAMS, "dvc.yaml", "report.html", "report.md")


class DvcLive(Importer):
    """The reader of DVCLive's folders."""

    title = "DVCLive"
    looks_for = "a folder `dvclive`"

    def finds(self, place: Path) -> bool:
        """Whether the place has a folder of DVCLive's."""
        return _folder(place) is not None

    def read(self, place: Path) -> Iterator[Read]:
        """Yield the run of a folder."""
        folder = _folder(place)
        if folder is None:
            raise errors.UsageError(
                f"{place} has no run of DVCLive's: no plots/metrics.", f"Give {self.looks_for}."
            )
        try:
            yield _read(folder)
        except (errors.GitexpError, OSError) as error:
            yield Unread(str(folder), folder_files.reason(error))


IMPORTER = DvcLive()


def _folder(place: Path) -> Path | None:
    for folder in (place, place / "dvclive"):
        if (folder / _CURVES).is_dir() and (folder / _METRICS).is_file():
            return folder
    return None


def _read(folder: Path) -> ForeignRun:
    told = ["DVCLive notes neither the end of a run nor, without DVC, its code"]
    curves: dict[str, Path] = {}
    files: dict[str, Content] = {}
    for name, path in folder_files.plain_files(folder, told).items():
        if name.startswith(f"{_CURVES}/"):
            curves[name.removeprefix(f"{_CURVES}/").removesuffix(".tsv")] = path
        elif name not in _OURS:
            files[name] = path
    metrics = folder_files.metrics(folder / _METRICS, told)
    metrics.pop("step", None)  # the count of DVCLive itself
    return ForeignRun(
        id=_id(folder, curves),
        state=hashlib.sha256(folder_files.content(folder / _METRICS)).hexdigest()[:16],
        created=min(filter(None, map(folder_files.changed, curves.values())), default=None),
        finished=folder_files.changed(folder / _METRICS),
        params=folder_files.tree(folder / _PARAMS, told),
        metrics=metrics,
        points=partial(_points, curves),
        files=files,
        remarks=tuple(told),
    )


def _id(folder: Path, curves: dict[str, Path]) -> str:
    """The key of a run: a hash over its params and the first values of its curves."""
    digest = hashlib.sha256(folder_files.content(folder / _PARAMS))
    for name, path in curves.items():
        first = b"\n".join(folder_files.content(path).split(b"\n", 2)[:2])
        digest.update(name.encode() + b"\0" + first + b"\0")
    return digest.hexdigest()[:16]


def _points(curves: dict[str, Path]) -> Iterator[LoggedPoint]:
    """Yield the values of all curves, a point for each step; times only if DVCLive has noted them."""
    steps: dict[int, LoggedPoint] = {}
    for name, path in curves.items():
        text = folder_files.content(path).decode("utf-8", "replace")
        for row in csv.DictReader(io.StringIO(text), delimiter="\t"):
            values = [value for key, value in row.items() if key not in ("step", "timestamp", None)]
            step, number = measured(row.get("step") or ""), measured(values[0] or "") if values else ""
            if type(step) is not int or not isinstance(number, int | float):
                continue
            time = measured(row.get("timestamp") or "")
            seconds = time / 1000 if isinstance(time, int | float) else 0.0
            point = steps.setdefault(step, LoggedPoint(step, seconds, {}))
            point.values[name.replace("/", ".")] = float(number)  # as metrics.json has it, in maps
    for step in sorted(steps):
        yield steps[step]
