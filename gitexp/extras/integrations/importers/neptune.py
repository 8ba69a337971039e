"""Runs of Neptune, from the Parquet files that its exporter has left: the service itself is closed.

A row is an attribute of a run, or one value of a series: https://github.com/neptune-ai/neptune-exporter.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from gitexp import errors, plugins
from gitexp.extras.integrations.importers.foreign import Content, ForeignRun, Importer, Read, Unread
from gitexp.files.keys import nested
from gitexp.files.series import LoggedPoint
from gitexp.model import Status
from gitexp.project import directions

_MONITORED = "monitoring/"
_MOST_DIGITS = 6  # behind the point of a step


class Neptune(Importer):
    """The reader of exported projects."""

    title = "Neptune"
    looks_for = "the folder with the *.parquet of neptune-exporter"

    def finds(self, place: Path) -> bool:
        """Whether a Parquet file there has the columns of the exporter."""
        files = _files(place)
        if not files:
            return False
        rows = plugins.find_installed("rows", "neptune", "polars")
        return rows is not None and bool(rows.is_export(files[0]))

    def read(self, place: Path) -> Iterator[Read]:
        """Yield the runs of all projects in a folder."""
        files = _files(place)
        if not files:
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


def _files(place: Path) -> list[Path]:
    if place.is_file():
        return [place] if place.suffix == ".parquet" else []
    return sorted(path for path in place.rglob("*.parquet") if path.is_file() and not path.is_symlink())


class _Exported(NamedTuple):
    """One run in the files of an export; `rows` reads them."""

    rows: Any
    parts: list[Path]
    project: str
    id: str
    place: Path

    def run(self) -> ForeignRun:
        """The run."""
        about: dict[str, Any] = {}
        params: dict[str, Any] = {}
        metrics: dict[str, float] = {}
        files: dict[str, Content] = {}
        remarks: list[str] = []
        for path, kind, value in self.rows.attributes():
            if path.startswith("sys/"):
                about[path.removeprefix("sys/")] = value
            elif kind == "file":
                self._add_file(path, value, files, remarks)
            elif kind in ("float", "int") and directions.direction(path, {}) is not None:
                metrics[path] = value
            else:
                params[path] = value.isoformat() if isinstance(value, datetime) else value
        kinds = self.rows.series_kinds()
        odd = [path for path, kind in kinds.items() if kind not in ("float_series", "string_series")]
        if odd:
            remarks.append(f"not imported, series without numbers: {', '.join(odd[:20])}")
        scale = self._scale()
        if scale != 1:
            remarks.append(f"its steps have fractions: they are {scale:,} times as large here")
        failed = about.get("failed") is True
        return ForeignRun(
            id=f"{self.project}/{self.id}",
            status=Status.FAILED if failed else Status.DONE,
            state=str(sum(part.stat().st_size for part in self.parts)),
            name=self.id,
            created=_seconds(about.get("creation_time")),
            finished=_seconds(about.get("modification_time")),
            duration=_number(about.get("running_time")),
            params=nested({path.replace("/", "."): value for path, value in params.items()}),
            metrics=metrics,
            points=partial(self._points, scale, monitored=False),
            system=partial(self._points, scale, monitored=True),
            tags=tuple(about.get("tags") or ()),
            note=str(about.get("description") or ""),
            group=str(about.get("name") or ""),
            user=str(about.get("owner") or ""),
            host=str(about.get("hostname") or ""),
            commit=str(params.get("source_code/git/commit_id") or ""),
            files=files,
            log=self._log(kinds),
            facts={"neptune": {"project": self.project, "sys": _plain(about)}},
            remarks=tuple(remarks),
        )

    def _add_file(self, path: str, value: Any, files: dict[str, Content], remarks: list[str]) -> None:
        """Add a file, which the exporter has put beside the data."""
        for top in (self.place / "files", self.place.parent / "files", self.place):
            file = top / str(value)
            if file.is_file() and file.resolve().is_relative_to(top.resolve()):
                files[path] = file
                return
        remarks.append(f"a file is not among those of the export: {path}")

    def _scale(self) -> int:
        """The power of ten that makes whole numbers of all steps."""
        scale = 1
        for row in self.rows.series():
            while scale < 10**_MOST_DIGITS and abs(row.step * scale - round(row.step * scale)) > 1e-6:
                scale *= 10
        return scale

    def _points(self, scale: int, *, monitored: bool) -> Iterator[LoggedPoint]:
        """Yield the values of series, those of one step together."""
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
        """What the program has printed, which Neptune keeps as series of texts."""
        lines: list[str] = []
        for path, kind in kinds.items():
            if kind == "string_series" and path.rsplit("/", 1)[-1] in ("stdout", "stderr"):
                lines += self.rows.texts(path)
        return "".join(line if line.endswith("\n") else line + "\n" for line in lines).encode()


def _seconds(value: Any) -> float | None:
    return value.timestamp() if isinstance(value, datetime) else None


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) else None


def _plain(values: Mapping[str, Any]) -> dict[str, Any]:
    """Values for JSON."""
    found = {}
    for name, value in values.items():
        found[name] = value.isoformat() if isinstance(value, datetime) else value
    return found
