"""Tables, differences and curves as HTML, for people who look at them in a notebook.

All text is escaped, with control characters written out. Colors are those of the notebook, light or dark.
"""

from __future__ import annotations

import html
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from gitexp.catalog.fields import Row
from gitexp.files.lines.series_columns import Series
from gitexp.model import MISSING, Artifact, Change
from gitexp.times import show_time
from gitexp.views import formats
from gitexp.views.columns import Columns, titles
from gitexp.views.diff import Diff, FileChange
from gitexp.views.table import Table
from gitexp.views.table import choice as chosen
from gitexp.words import PRECISION, clean, content, counted, show_value

MOST_ROWS = 200  # of a table
_LONGEST = 60  # characters of a value
_MOST_POINTS = 400  # of a drawn curve
_MOST_CURVES = 12
_WIDTH, _HEIGHT, _EDGE = 360, 120, 6  # pixels of a curve
_CELL = "text-align:left;padding:2px 10px;white-space:pre"
_NUMBER = "text-align:right;padding:2px 10px;white-space:pre"
_BEST = "font-weight:bold;color:#2e9e4f"
_OLD, _NEW = "color:#d1453b", "color:#2e9e4f"
_DIM = "opacity:0.65"


def escaped(text: str) -> str:
    """A text for HTML, with special characters escaped."""
    return html.escape(clean(text))


# -- the table ----------------------------------------------------------------------------------------


def of_table(table: Table) -> str:
    """The table of experiments, the same as in the terminal; of very many rows, the first."""
    choice = chosen(table, Columns())
    rows, depths = [table.workspace], [0]
    for group in table.groups:
        if group.head is not None:
            rows.append(group.head)
            depths.append(0)
        rows += group.rows
        depths += [depth + 1 for depth in group.depths or [0] * len(group.rows)]
    shown, left = rows[:MOST_ROWS], len(rows) - MOST_ROWS
    columns = list(choice.columns)
    texts = [column.texts(shown, PRECISION, _LONGEST) for column in columns]
    heads = [_cell("th", each) for each in ("Experiment", "Created", "State", *titles(columns))]
    lines = [f"<tr>{''.join(heads)}</tr>"]
    for at, row in enumerate(shown):
        cells = [_name(row, depths[at]), _cell("td", show_time(row.created)), _state(row)]
        for column, values in zip(columns, texts, strict=True):
            is_best = column == table.sort and table.best is not MISSING and column.value(row) == table.best
            cells.append(_value(values[at], column.value(row), _BEST if is_best else ""))
        lines.append(f"<tr>{''.join(cells)}</tr>")
    parts = [f"<table>{''.join(lines)}</table>"]
    if left > 0:
        parts.append(_remark(f"{counted(left, 'more row')}: gitexp.Query(limit=…) chooses."))
    if same := formats.same_in_all(table, choice, PRECISION, _LONGEST):
        parts.append(_remark(f"Without a difference: {', '.join(same)}"))
    return "".join(parts)


def _name(row: Row, depth: int) -> str:
    name = row.name
    if row.commit and row.name != row.commit[:7] and row.kind != "workspace":
        name = f"{row.name}  {row.commit[:7]}"
    return _cell("td", "  " * depth + name, "" if depth else "font-weight:bold")


def _state(row: Row) -> str:
    return _cell("td", "" if row.status is None or row.status == "done" else str(row.status))


def _value(text: str, value: Any, style: str = "") -> str:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return _cell("td", text, style, of_number=is_number)


def _cell(tag: str, text: str, style: str = "", *, of_number: bool = False) -> str:
    base = _NUMBER if of_number else _CELL
    return f'<{tag} style="{base};{style}">{escaped(text)}</{tag}>'


def _remark(text: str) -> str:
    return f'<div style="{_DIM}">{escaped(text)}</div>'


# -- differences ----------------------------------------------------------------------------------------


def of_diff(diff: Diff) -> str:
    """The differences of two sides, a table for each part with differences."""
    old, new = diff.old.label, diff.new.label
    if not diff:
        return _remark(f"Nothing differs between {old} and {new}.")
    parts = []
    parts.append(_section(["Params", old, new], map(_change, diff.params)))
    parts.append(_section(["Metrics", old, new], map(_change_of_metric, diff.metrics)))
    for title, changed in (
        ("Code", diff.code),
        ("Results", diff.results),
        ("Other projects", diff.other_projects),
    ):
        parts.append(_section([title, "Added", "Deleted"], map(_file, changed)))
    data = []
    for change in diff.data:
        data.append([_cell("td", change.path), _artifact(change.old, _OLD), _artifact(change.new, _NEW)])
    parts.append(_section(["Data", old, new], data))
    command = [] if diff.command is None else [_change(diff.command)]
    parts.append(_section(["Command", old, new], command))
    parts.append(_section(["Environment", old, new], map(_change, diff.environment)))
    return "".join(parts)


def _section(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table with a head; "" without rows."""
    lines = [f"<tr>{''.join(row)}</tr>" for row in rows]
    if not lines:
        return ""
    head = "".join(_cell("th", each) for each in heads)
    return f"<table><tr>{head}</tr>{''.join(lines)}</table>"


def _change_of_metric(change: Change) -> list[str]:
    old, new = show_value(change.old, PRECISION), show_value(change.new, PRECISION)
    return _change(change, None if old == new else PRECISION)


def _change(change: Change, precision: int | None = None) -> list[str]:
    cells = [_cell("td", change.key)]
    for value, style in ((change.old, _OLD), (change.new, _NEW)):
        cells.append(_value(show_value(value, precision, longest=_LONGEST), value, style))
    return cells


def _file(file: FileChange) -> list[str]:
    name = f"{file.renamed_from} → {file.path}" if file.renamed_from else file.path
    if file.added is None or file.deleted is None:
        return [_cell("td", name), _cell("td", "binary"), _cell("td", "")]
    added = _cell("td", f"+{file.added}", _NEW, of_number=True)
    return [_cell("td", name), added, _cell("td", f"-{file.deleted}", _OLD, of_number=True)]


def _artifact(artifact: Artifact | None, style: str) -> str:
    return _cell("td", "-" if artifact is None else content(artifact), style)


# -- curves -------------------------------------------------------------------------------------------


def of_history(history: Mapping[str, Series]) -> str:
    """The curves of an experiment, side by side; of many curves, the first."""
    drawn = [of_series(history[name]) for name in list(history)[:_MOST_CURVES]]
    left = len(history) - _MOST_CURVES
    if left > 0:
        drawn.append(_remark(f"{counted(left, 'more curve')}: history[NAME] draws one."))
    if not drawn:
        return _remark("No series.")
    return f'<div style="display:flex;flex-wrap:wrap;gap:16px">{"".join(drawn)}</div>'


def of_series(series: Series) -> str:
    """A curve with its name, its last value, and the ranges of steps and values. NaN interrupts the curve."""
    finite = [value for value in series.values if math.isfinite(value)]
    if not finite:
        return _remark(f"{series.name}: no finite value.")
    low, high = min(finite), max(finite)
    first, last = series.steps[0], series.steps[-1]
    segments: list[list[str]] = [[]]
    for at in _drawn(series):
        value = series.values[at]
        if not math.isfinite(value):
            segments.append([])
            continue
        x = _EDGE + _share(series.steps[at], first, last) * (_WIDTH - 2 * _EDGE)
        y = _HEIGHT - _EDGE - _share(value, low, high) * (_HEIGHT - 2 * _EDGE)
        segments[-1].append(f"{x:.1f},{y:.1f}")
    lines = []
    for points in filter(None, segments):
        points = points if len(points) > 1 else points * 2  # a single point is a dot
        lines.append(f'<polyline points="{" ".join(points)}"/>')
    picture = (
        f'<svg width="{_WIDTH}" height="{_HEIGHT}" viewBox="0 0 {_WIDTH} {_HEIGHT}" fill="none" '
        f'stroke="#3b7dd8" stroke-width="1.5" stroke-linecap="round">{"".join(lines)}</svg>'
    )
    about = f"steps {first:,} to {last:,}; from {_short(low)} to {_short(high)}"
    head = f"<b>{escaped(series.name)}</b> {_short(series.values[-1])}"
    return f"<div><div>{head}</div>{picture}{_remark(about)}</div>"


def _drawn(series: Series) -> Iterable[int]:
    """The places of the values to draw: of very many the lowest and the highest of each part."""
    count = len(series)
    if count <= _MOST_POINTS:
        return range(count)
    found = set[int]()
    size = math.ceil(count / (_MOST_POINTS // 2))
    for start in range(0, count, size):
        part = range(start, min(start + size, count))
        found.add(min(part, key=series.values.__getitem__))
        found.add(max(part, key=series.values.__getitem__))
    return sorted(found | {0, count - 1})


def _share(value: float, low: float, high: float) -> float:
    """Where a value stands between two others, from 0 to 1; the middle if they are the same."""
    span = high - low
    if span == 0 or not math.isfinite(span):
        return 0.5
    return (value - low) / span


def _short(value: float) -> str:
    return escaped(show_value(value, PRECISION))
