"""Plots of files in the terminal: lines in braille, matrices and bars as text, images as lists of files."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

from gitexp.cli.kit.terminal.cells import elide
from gitexp.cli.kit.terminal.render import Piece, cell_width
from gitexp.extras.plots import terminal
from gitexp.extras.plots.curves import DrawnCurve
from gitexp.extras.plots.images import ImagePlot
from gitexp.extras.plots.of_files.plot_drawing import NamedChart
from gitexp.extras.plots.of_files.plots_of_files import FilePlots
from gitexp.extras.plots.tables import TablePlot
from gitexp.words import clean, human_size

Line = Sequence[Piece]

BLANK: Line = [("", "")]
_LINES = ("linear", "simple", "smooth")
_MATRICES = ("confusion", "confusion_normalized")
_BARS = ("bar_horizontal", "bar_horizontal_sorted")
_MOST_CLASSES = 12  # of a matrix as text
_MOST_BARS = 20
_WIDE = 30  # cells of the longest bar
_BLOCKS = " ▁▂▃▄▅▆▇█"
_MOST_ROWS = 5  # of a table
_LONGEST_CELL = 30
_LONGEST_NAME = 50  # of a bar
_PICTURE = "The picture: --open in the browser, or -o FILE.svg"


def lines(found: FilePlots, width: int | None, *, logarithmic: bool = False) -> Iterator[Line]:
    """Yield the lines of plots of files; each plot begins with a blank line."""
    yield from charts(found.charts, width, logarithmic=logarithmic)
    for table in found.tables:
        yield from _table(table)
    yield from images(found.images)


def charts(found: Sequence[NamedChart], width: int | None, *, logarithmic: bool = False) -> Iterator[Line]:
    """Yield the lines of charts. Charts of other kinds have a line with their title and experiments.

    `logarithmic`: the scale of the values of lines.
    """
    for named in found:
        yield BLANK
        if named.chart.is_foreign:
            yield [(clean(named.chart.title), "bold")]
            yield _summary(named, 0)
            continue
        values = named.chart.spec["data"]["values"]
        if named.template in _LINES and values and all(map(_is_point, values)):
            of_chart = {named.chart.title: _curves(values)}
            yield from terminal.curves(
                of_chart, width, logarithmic=logarithmic, with_last=not named.is_of_rates
            )
            continue
        yield [(clean(named.chart.title), "bold")]
        yield from _as_text(named, values)


def _as_text(named: NamedChart, values: Sequence[dict[str, Any]]) -> Iterator[Line]:
    """Yield the lines of a chart without curves."""
    if named.template in _MATRICES:
        axes = named.chart.spec["spec"]["encoding"]
        yield [(f"rows: {clean(axes['y']['title'])}, columns: {clean(axes['x']['title'])}", "dim")]
        yield from _matrices(values, is_share=named.template == _MATRICES[1])
    elif named.template in _BARS:
        if named.template == _BARS[1]:
            values = sorted(values, key=lambda value: -(value["x"] or 0))
        yield from _bars(values)
    elif named.template == "histogram":
        yield from _histograms(values)
    else:
        yield _summary(named, len(values))


def _summary(named: NamedChart, points: int) -> Line:
    """The number of points, if any, and the experiments of a chart."""
    count = ""
    if points:
        count = f"{points:,} points of "
    return [(f"{count}{clean(', '.join(named.labels))}. {_PICTURE}", "dim")]


def _is_point(value: dict[str, Any]) -> bool:
    return isinstance(value["x"], float) and isinstance(value["y"], float)


def _curves(values: Sequence[dict[str, Any]]) -> list[DrawnCurve]:
    """The lines of a chart: a line for each experiment and column."""
    has_sources = len({value["source"] for value in values}) > 1
    found: dict[str, DrawnCurve] = {}
    for value in values:
        label = str(value["label"])
        if has_sources:
            label += f" {value['source']}"
        curve = found.setdefault(label, DrawnCurve(label, [], []))
        for axis, to in (("x", curve.x), ("y", curve.y)):
            assert isinstance(to, list)
            to.append(value[axis])
    return list(found.values())


def _matrices(values: Sequence[dict[str, Any]], *, is_share: bool) -> Iterator[Line]:
    by_label: dict[str, list[dict[str, Any]]] = {}
    for value in values:
        by_label.setdefault(str(value["label"]), []).append(value)
    for label, cells in by_label.items():
        classes = list(dict.fromkeys(str(cell["x"]) for cell in cells))
        yield [(clean(label), "cyan"), (f"  {len(classes)} classes", "dim")]
        if len(classes) > _MOST_CLASSES:
            yield [(_PICTURE, "dim")]
            continue
        rows = [["", *map(clean, classes)]]
        for name in classes:
            row = [clean(name)]
            for cell in cells:
                if cell["y"] == name:
                    row.append(f"{cell['share']:.2f}" if is_share else f"{cell['count']}")
            rows.append(row)
        widths = [max(map(cell_width, column)) for column in zip(*rows, strict=True)]
        for row_of_texts in rows:
            padded = []
            for text, wide in zip(row_of_texts, widths, strict=True):
                padded.append(" " * (wide - cell_width(text)) + text)
            yield [("  " + "  ".join(padded), "")]


def _bars(values: Sequence[dict[str, Any]]) -> Iterator[Line]:
    numbers = [value["x"] for value in values if isinstance(value["x"], float)]
    longest = max(map(abs, numbers), default=0.0) or 1.0
    shown = values[:_MOST_BARS]
    texts = [elide(clean(f"{value['label']}  {value['y']}"), _LONGEST_NAME) for value in shown]
    wide = max(map(cell_width, texts), default=0)
    for value, text in zip(shown, texts, strict=True):
        number = value["x"]
        if isinstance(number, float):
            bar = "━" * round(abs(number) / longest * _WIDE)
            yield [(text + " " * (wide - cell_width(text)), ""), (f"  {bar}", "cyan"), (f" {number:.5g}", "")]
    if len(values) > len(shown):
        yield [(f"… and {len(values) - len(shown):,} more. {_PICTURE}", "dim")]


def _histograms(values: Sequence[dict[str, Any]]) -> Iterator[Line]:
    """Yield a line for each experiment: a block for each interval, and the ends of them all."""
    by_label: dict[str, list[int]] = {}
    for value in values:
        by_label.setdefault(clean(str(value["label"])), []).append(value["count"])
    most = max((value["count"] for value in values), default=0) or 1
    ends = ""
    if values:
        ends = f"  {values[0]['from']:.5g} to {values[-1]['to']:.5g}"
    wide = max(map(cell_width, by_label), default=0)
    for label, counts in by_label.items():
        blocks = ""
        for count in counts:
            blocks += _BLOCKS[math.ceil(count / most * (len(_BLOCKS) - 1))]
        yield [(label + " " * (wide - cell_width(label)), "cyan"), (f"  {blocks}", ""), (ends, "dim")]


def _table(table: TablePlot) -> Iterator[Line]:
    yield BLANK
    yield [(clean(table.title), "bold"), (f"  {clean(table.label)}, {table.total:,} rows", "dim")]
    rows = []
    for row_of_texts in (table.columns, *table.rows[:_MOST_ROWS]):
        rows.append([*map(clean, row_of_texts)])
    widths = [min(max(map(cell_width, column)), _LONGEST_CELL) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = []
        for text, wide in zip(row, widths, strict=True):
            text = elide(text, wide)
            cells.append(text + " " * (wide - cell_width(text)))
        yield [("  ".join(cells).rstrip(), "")]


def images(found: Sequence[ImagePlot]) -> Iterator[Line]:
    """Yield the files and sizes of images, a line an experiment."""
    for plot in found:
        yield BLANK
        yield [(clean(plot.title), "bold"), ("  image", "dim")]
        wide = max(cell_width(clean(label)) for label in plot.labels)
        for label in plot.labels:
            of = [version for version in plot.versions if version.label == label]
            told = f"{clean(of[-1].file)}, {human_size(of[-1].size)}"
            if of[-1].step is not None:
                steps = "1 step"
                if len(of) > 1:
                    steps = f"{len(of)} steps"
                told = f"{steps}, the last one {of[-1].step}: {told}"
            name = clean(label)
            yield [(name + " " * (wide - cell_width(name)), "cyan"), (f"  {told}", "")]
    if found:
        yield [("Side by side, with their difference: --open in the browser, or -o FILE.html", "dim")]
