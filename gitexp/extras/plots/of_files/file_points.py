"""The points of a plot of files, from the rows of the files. No input or output."""

from __future__ import annotations

import math
import posixpath
from collections.abc import Mapping, Sequence
from typing import Any

from gitexp.files.plot_entries import PlotColumn, PlotEntry
from gitexp.files.plot_rows import Row
from gitexp.named_tuple import NamedTuple

INDEX = "step"  # the title of x where it is the number of the row, as at DVC

RowsByFile = Mapping[str, Sequence[Row]]


class NoPoints(Exception):
    """Files without the data of a plot; the message is a sentence."""


class PlotPoint(NamedTuple):
    """A point of a plot of files.

    Attributes:
        label: the name of the experiment.
        file: the file of y, without the folders shared by all files of the plot; "" for a single file.
        column: the column of y.
        x, y: the raw values of the file.
        row: the whole row of y.
    """

    label: str
    file: str
    column: str
    x: Any
    y: Any
    row: Row


class PlotPoints(NamedTuple):
    """The points of a plot of one experiment.

    Attributes:
        x_title, y_title: the titles of the axes, by default the names of the columns.
        x_key, y_key: the column of x and of y; "" for several.
        sources: the file and column of each y.
    """

    points: Sequence[PlotPoint]
    x_title: str
    y_title: str
    x_key: str
    y_key: str
    sources: Sequence[PlotColumn]


def points_of(entry: PlotEntry, label: str, files: RowsByFile) -> PlotPoints:
    """The points of a plot of one experiment; `files` has the rows of each file. Raises NoPoints."""
    ys = _of_y(entry, files)
    xs = _of_x(entry, ys)
    if len(xs) > 1 and len(xs) != len(ys):
        raise NoPoints(f"it has {len(xs)} columns of x for {len(ys)} of y")
    shown = _shown([y.file for y in ys])
    found: list[PlotPoint] = []
    sources = []
    for number, y in enumerate(ys):
        x = None
        if xs:
            x = xs[min(number, len(xs) - 1)]
        source = PlotColumn(shown[y.file], y.name)
        found += _of_column(label, files, x, y, source)
        sources.append(source)
    x_key, y_key = _only([x.name for x in xs] or [INDEX]), _only([y.name for y in ys])
    x_title, y_title = entry.x_label or x_key or "x", entry.y_label or y_key or "y"
    return PlotPoints(found, x_title, y_title, x_key, y_key, sources)


def _of_column(
    label: str, files: RowsByFile, x: PlotColumn | None, y: PlotColumn, source: PlotColumn
) -> list[PlotPoint]:
    """The points of a column y. Without a column x, x is the number of the row."""
    rows = _rows(files, y)
    places: Sequence[Any] = range(len(rows))
    if x is not None:
        places = [row.get(x.name) for row in _rows(files, x)]
        if len(places) != len(rows):
            raise NoPoints(f"'{x.name}' of {x.file} and '{y.name}' of {y.file} have not the same length")
    found = []
    for place, row in zip(places, rows, strict=True):
        if y.name in row:
            found.append(PlotPoint(label, source.file, source.name, place, row[y.name], row))
    return found


def _of_y(entry: PlotEntry, files: RowsByFile) -> list[PlotColumn]:
    if entry.ys:
        return [column._replace(file=column.file or entry.path) for column in entry.ys]
    rows = files.get(entry.path, ())
    if not rows or not rows[0]:
        raise NoPoints(f"{entry.path} has no rows")
    return [PlotColumn(entry.path, [*rows[0]][-1])]


def _of_x(entry: PlotEntry, ys: Sequence[PlotColumn]) -> list[PlotColumn]:
    """The columns of x: a single column, or a column for each y."""
    if len(entry.xs) == 1 and not entry.xs[0].file:
        found = [PlotColumn(y.file, entry.xs[0].name) for y in ys]
        if len(set(found)) == 1:
            return found[:1]
        return found
    return [column._replace(file=column.file or entry.path) for column in entry.xs]


def _rows(files: RowsByFile, column: PlotColumn) -> Sequence[Row]:
    """The rows of a column's file. Raises NoPoints for a file without the column."""
    rows = files.get(column.file, ())
    if rows and column.name not in rows[0]:
        known = ", ".join(map(str, [*rows[0]][:10]))
        raise NoPoints(f"{column.file} has no column '{column.name}'; it has {known}")
    return rows


def _shown(files: Sequence[str]) -> dict[str, str]:
    """Each file without the folders shared by all; "" for a single file."""
    if len(set(files)) < 2:
        return dict.fromkeys(files, "")
    common = posixpath.commonpath(files)
    return {file: file.removeprefix(common).strip("/") for file in files}


def _only(names: Sequence[str]) -> str:
    """The only name, or ""."""
    if len(set(names)) == 1:
        return names[0]
    return ""


def number_of(value: Any) -> float | None:
    """The number in a cell; None for anything else, NaN and infinity."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        found = float(value)
    except (ValueError, OverflowError):
        return None
    if math.isfinite(found):
        return found
    return None
