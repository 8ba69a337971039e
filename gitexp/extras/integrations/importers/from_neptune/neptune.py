"""Runs of Neptune, from the Parquet files of its exporter: the service itself is closed.

A row holds an attribute of a run, or a value of a series: https://github.com/neptune-ai/neptune-exporter.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

from gitexp import errors, plugins
from gitexp.extras.integrations.importers import folder_files
from gitexp.extras.integrations.importers.foreign import Content, ForeignRun, Importer, Read, Unread
from gitexp.files.keys import nested
from gitexp.files.lines.series import LoggedPoint
from gitexp.model import Status
from gitexp.named_tuple import NamedTuple
from gitexp.project.sections import directions

_MONITORED = "monitoring/"
_MOST_DIGITS = 6  # behind the point of a step


class Neptune(Importer):
    """The reader of exported projects."""

    title = "Neptune"
    looks_for = "the folder with the *.parquet of neptune-exporter"

    def finds(self, place: Path) -> bool:
        """Whether the first Parquet file has the columns of the exporter."""
        files = _files(place, [])
        if not files:
            return False
        rows = plugins.find_installed("rows", "neptune", "polars")
        return rows is not None and bool(rows.is_export(files[0]))

    def read(self, place: Path) -> Iterator[Read]:
        """Yield the runs of all projects in a folder."""
        others: list[str] = []
        files = _files(place, others)
        for sentence in others:
            yield Unread(str(place), sentence)
        if not files and not others:
            raise errors.UsageError(f"{place} has no Parquet file.", f"Give {self.looks_for}.")
        rows = plugins.find_installed("rows", "neptune", "polars")
        if rows is None:
            raise errors.UsageError(
                "Parquet files need polars, which is not installed.",
                "Install it: pip install 'gitexp[parquet]'",
            )
        good = [file for file in files if rows.is_export(file)]
        for file in files:
            if file not in good:
                yield Unread(str(file), "it is no Parquet file of neptune-exporter, or damaged")
        if not good:
            return
        for (project, run), parts in rows.runs_in(good).items():
            try:
                yield _Exported(rows(parts, project, run), parts, project, run, place).run()
            except rows.ERRORS as error:
                yield Unread(str(parts[0]), f"run {run}: {error}")


IMPORTER = Neptune()


def _files(place: Path, others: list[str]) -> list[Path]:
    """The Parquet files; a sentence on links is added to `others`."""
    if place.is_file():
        return [each for each in [place] if each.suffix == ".parquet"]
    return [
        path for name, path in folder_files.plain_files(place, others).items() if name.endswith(".parquet")
    ]


class _Attributes(NamedTuple):
    """The attributes of a run by path, apart from series.

    Attributes:
        about: Neptune's own, without `sys/`.
        remarks: a sentence for each missing file.
    """

    about: dict[str, Any]
    params: dict[str, Any]
    metrics: dict[str, float]
    files: dict[str, Content]
    remarks: list[str]


class _Exported(NamedTuple):
    """A run in the files of an export; `rows` reads them."""

    rows: Any
    parts: list[Path]
    project: str
    id: str
    place: Path

    def run(self) -> ForeignRun:
        """The run."""
        known = self._attributes()
        kinds = self.rows.series_kinds()
        scale = self._scale()
        status = Status.DONE
        if known.about.get("failed") is True:
            status = Status.FAILED
        about = known.about
        return ForeignRun(
            id=f"{self.project}/{self.id}",
            status=status,
            state=str(sum(part.stat().st_size for part in self.parts)),
            name=self.id,
            created=_seconds(about.get("creation_time")),
            finished=_seconds(about.get("modification_time")),
            duration=_number(about.get("running_time")),
            params=nested({path.replace("/", "."): value for path, value in known.params.items()}),
            metrics=known.metrics,
            points=partial(self._points, scale, monitored=False),
            system=partial(self._points, scale, monitored=True),
            tags=tuple(about.get("tags") or ()),
            note=_text(about, "description"),
            group=_text(about, "name"),
            user=_text(about, "owner"),
            host=_text(about, "hostname"),
            commit=_text(known.params, "source_code/git/commit_id"),
            files=known.files,
            log=self._log(kinds),
            facts={"neptune": {"project": self.project, "sys": _plain(about)}},
            remarks=(*known.remarks, *_remarks(kinds, scale)),
        )

    def _attributes(self) -> _Attributes:
        """The attributes without series: params, metrics, files, and Neptune's own."""
        found = _Attributes({}, {}, {}, {}, [])
        for path, kind, value in self.rows.attributes():
            if path.startswith("sys/"):
                found.about[path.removeprefix("sys/")] = value
            elif kind == "file":
                self._add_file(path, value, found.files, found.remarks)
            elif kind in ("float", "int") and directions.direction(path, {}) is not None:
                found.metrics[path] = value
            else:
                found.params[path] = _for_json(value)
        return found

    def _add_file(self, path: str, value: Any, files: dict[str, Content], remarks: list[str]) -> None:
        """Add a file from the exporter's folder beside the data."""
        for top in (self.place / "files", self.place.parent / "files", self.place):
            file = top / str(value)
            if file.is_file() and file.resolve().is_relative_to(top.resolve()):
                files[path] = file.resolve()
                return
        remarks.append(f"a file is not among those of the export: {path}")

    def _scale(self) -> int:
        """The power of ten for whole numbers in place of all steps."""
        scale = 1
        for row in self.rows.series():
            while scale < 10**_MOST_DIGITS and abs(row.step * scale - round(row.step * scale)) > 1e-6:
                scale *= 10
        return scale

    def _points(self, scale: int, *, monitored: bool) -> Iterator[LoggedPoint]:
        """Yield the values of series, a point for each step."""
        now: LoggedPoint | None = None
        for row in self.rows.series():
            if row.path.startswith(_MONITORED) != monitored:
                continue
            step = round(row.step * scale)
            if now is None or step != now.step or row.path in now.values:
                if now is not None:
                    yield now
                now = LoggedPoint(step, row.time, {})
            now.values[row.path] = row.value
        if now is not None:
            yield now

    def _log(self, kinds: Mapping[str, str]) -> bytes:
        """The output of the program, from Neptune's series of texts."""
        lines: list[str] = []
        for path, kind in kinds.items():
            if kind == "string_series" and path.rsplit("/", 1)[-1] in ("stdout", "stderr"):
                lines += self.rows.texts(path)
        return "".join(line.removesuffix("\n") + "\n" for line in lines).encode()


def _seconds(value: Any) -> float | None:
    if isinstance(value, datetime):
        return value.timestamp()
    return None


def _number(value: Any) -> float | None:
    if isinstance(value, int | float):
        return float(value)
    return None


def _text(values: Mapping[str, Any], name: str) -> str:
    return str(values.get(name) or "")


def _plain(values: Mapping[str, Any]) -> dict[str, Any]:
    """The values for JSON."""
    return {name: _for_json(value) for name, value in values.items()}


def _for_json(value: Any) -> Any:
    """The value for JSON: a time as ISO 8601."""
    if isinstance(value, datetime):
        return value.isoformat()
    return value


def _remarks(kinds: Mapping[str, str], scale: int) -> Iterator[str]:
    """Yield sentences on series without numbers, and on steps with fractions."""
    odd = [path for path, kind in kinds.items() if kind not in ("float_series", "string_series")]
    if odd:
        yield f"not imported, series without numbers: {', '.join(odd[:20])}"
    if scale != 1:
        yield f"its steps have fractions: they are {scale:,} times as large here"
