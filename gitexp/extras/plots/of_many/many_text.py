"""Pictures of many experiments in the terminal: fields of dots, bars, and tables of values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TypeAlias

from gitexp.cli.kit.terminal.cells import elide, elide_middle
from gitexp.cli.kit.terminal.render import Piece, cell_width
from gitexp.extras.plots.charts import Chart
from gitexp.extras.plots.curves import XAxis
from gitexp.extras.plots.of_many.contour_chart import contour_data
from gitexp.extras.plots.of_many.grid_chart import Measurement, Side, cell_means
from gitexp.extras.plots.of_many.pareto_chart import front_of
from gitexp.extras.plots.of_many.plotted_experiments import (
    DONE,
    AxisColumn,
    Experiments,
    PlottedExperiment,
    axes_of,
    column_of,
    told,
)
from gitexp.extras.plots.of_many.progress_chart import progress as tries_of
from gitexp.extras.plots.of_many.text_canvas import TextCanvas
from gitexp.words import clean, show_value

Lines: TypeAlias = Iterator[Sequence[Piece]]

_MOST_BAR = 50  # cells
_LONGEST = 32  # cells of a name
_EIGHTHS = "▏▎▍▌▋▊▉█"
_SHADES = ("blue", "cyan", "green", "yellow")  # from low to high
_MOST_STEPS = 20  # of the way to the best, in words
_DOT, _BEST, _FAILED = "•", "●", "\N{MULTIPLICATION SIGN}"


def scatter(
    experiments: Experiments,
    keys: tuple[str, str],
    logarithmic: Sequence[str] | None,
    width: int,
) -> Lines:
    """Yield a field with a dot for each done experiment and a cross for each other experiment."""
    x, y = axes_of(experiments, keys, logarithmic)
    canvas = TextCanvas(x, y, width)
    for experiment in experiments:
        across, up = x.value(experiment), y.value(experiment)
        if across is not None and up is not None:
            char, style = _FAILED, "red"
            if experiment.state == DONE:
                char, style = _DOT, "cyan"
            canvas.put(across, up, char, style)
    yield [(clean(f"{keys[1]} against {keys[0]}{_scales(x, y)}"), "bold")]
    yield from canvas.lines()


def _scales(x: AxisColumn, y: AxisColumn) -> str:
    """The remark on logarithmic scales."""
    found = [column.key for column in (x, y) if column.logarithmic]
    if not found:
        return ""
    return f" (logarithmic: {', '.join(found)})"


def progress(experiments: Experiments, metric: str, direction: str, along: XAxis, width: int) -> Lines:
    """Yield a field with the best so far, and a line for each improvement."""
    tries = tries_of(experiments, metric, direction, along)
    numbered = []
    for at, one in enumerate(tries, start=1):
        numbered.append(PlottedExperiment(one.experiment.label, {"x": at, "y": one.value}))
    x, y = column_of(numbered, "x", logarithmic=False), column_of(numbered, "y", logarithmic=False)
    yield [(clean(f"best {metric} so far"), "bold")]
    canvas = TextCanvas(x, y, width)
    for across in range(canvas.size[0]):
        at = int(across / canvas.size[0] * len(tries))
        if tries and (best := tries[at].best) is not None:
            canvas.put(1 + across / max(canvas.size[0] - 1, 1) * (len(tries) - 1), best, "─", "green")
    raised = []
    for at, one in enumerate(tries, start=1):
        if one.better:
            raised.append((at, one))
        if one.value is not None:
            char, style = _DOT, "dim"
            if one.better:
                char, style = _BEST, "green"
            canvas.put(float(at), one.value, char, style)
    yield from canvas.lines()
    if len(raised) > _MOST_STEPS:
        yield [(f"The last {_MOST_STEPS} of {len(raised)} steps:", "dim")]
    rows = []
    for at, one in raised[-_MOST_STEPS:]:
        rows.append([clean(one.experiment.label), f"#{at}", told(one.experiment, metric)])
    yield from _table(rows)


def pareto(experiments: Experiments, objectives: Mapping[str, str], width: int) -> Lines:
    """Yield a field of the first two objectives, and a table of the unbeaten experiments."""
    found = front_of(experiments, objectives)
    metrics = list(objectives)
    x, y = axes_of(found.experiments, (metrics[0], metrics[1]), ())
    canvas = TextCanvas(x, y, width)
    for experiment in found.experiments:
        _put(canvas, experiment, (x, y), _DOT, "dim")
    for at in found.front:
        _put(canvas, found.experiments[at], (x, y), _BEST, "green")
    of_each = ", ".join(f"{metric} ({objectives[metric]})" for metric in metrics)
    yield [(clean(f"Pareto front: {of_each}"), "bold")]
    yield from canvas.lines()
    rows = [["on the front", *map(clean, metrics)]]
    for at in found.front:
        experiment = found.experiments[at]
        rows.append([clean(experiment.label), *(told(experiment, metric) for metric in metrics)])
    yield from _table(rows)


def _put(
    canvas: TextCanvas,
    experiment: PlottedExperiment,
    columns: tuple[AxisColumn, AxisColumn],
    char: str,
    style: str,
) -> None:
    x, y = columns[0].value(experiment), columns[1].value(experiment)
    if x is not None and y is not None:
        canvas.put(x, y, char, style)


def histogram(chart: Chart, width: int) -> Lines:
    """Yield a bar for each value, or for each range of numbers."""
    bars = []
    for value in chart.spec["data"]["values"]:
        bars.append((value["text"], value["count"], str(value["count"])))
    yield from _bars(chart, bars, width)


def importance(chart: Chart, width: int) -> Lines:
    """Yield a bar for each param, the most important first."""
    bars = []
    for value in chart.spec["data"]["values"]:
        bars.append((value["param"], value["share"], value["text"]))
    yield from _bars(chart, bars, width)


def _bars(chart: Chart, bars: Sequence[tuple[str, float, str]], width: int) -> Lines:
    yield [(clean(chart.title), "bold")]
    names, most = [], 0.0
    for name, size, _ in bars:
        names.append(elide_middle(clean(name), _LONGEST))
        most = max(most, size)
    label, most = max(map(cell_width, names), default=0), most or 1
    room = max(min(width - label - 10, _MOST_BAR), 8)
    for name, (_, size, text) in zip(names, bars, strict=True):
        gap = " " * (label - cell_width(name))
        yield [(f"{name}{gap}  ", "cyan"), (_bar(size / most * room), "green"), (f" {text}", "")]
    if remark := chart.spec["title"].get("subtitle"):
        yield [(clean(remark), "dim")]


def _bar(length: float) -> str:
    """A bar of `length` cells, rounded to an eighth of a cell."""
    eighths = round(length * 8)
    whole, rest = divmod(eighths, 8)
    bar = "█" * whole
    if rest:
        bar += _EIGHTHS[rest - 1]
    return bar


def contour(
    experiments: Experiments,
    keys: tuple[str, str],
    metric: str,
    logarithmic: Sequence[str] | None,
    width: int,
) -> Lines:
    """Yield a table of means for params with few values, else a field of dots, coloured by the metric."""
    data = contour_data(experiments, keys, metric, logarithmic)
    yield [(clean(f"{metric} by {keys[0]} and {keys[1]}"), "bold")]
    if data.is_grid and data.found:
        table = _means(data.found, data.sides)
        if _width(table) > width:
            table = [list(row) for row in zip(*table, strict=True)]
            table[0][0] = clean(f"{keys[0]} \\ {keys[1]}")
        if _width(table) <= width:
            yield from _table(table)
            return
    yield from _shaded(data.found, data.axes, width)


def _means(found: Sequence[Measurement], sides: tuple[Side, Side]) -> list[list[str]]:
    """The means of a grid as the rows of a table, the highest row first."""
    means = cell_means(found, sides)
    rows = [[clean(f"{sides[1].column.key} \\ {sides[0].column.key}"), *map(clean, sides[0].names)]]
    for name in reversed(sides[1].names):
        cells = [clean(name)]
        for across in sides[0].names:
            mean = means.get((across, name))
            text = ""
            if mean is not None:
                text = show_value(mean.mean, 4)
            cells.append(text)
        rows.append(cells)
    return rows


def _width(rows: Sequence[Sequence[str]]) -> int:
    """The width of a table in cells."""
    return sum(max(map(cell_width, column)) + 2 for column in zip(*rows, strict=True))


def _shaded(found: Sequence[Measurement], columns: tuple[AxisColumn, AxisColumn], width: int) -> Lines:
    canvas = TextCanvas(*columns, width)
    order = sorted(found, key=lambda one: one.value)
    for at, one in enumerate(order):
        canvas.put(one.x, one.y, _BEST, _SHADES[at * len(_SHADES) // len(order)])
    yield from canvas.lines()
    legend: list[Piece] = []
    for at, style in enumerate(_SHADES):
        part = order[at * len(order) // len(_SHADES) : (at + 1) * len(order) // len(_SHADES)]
        if part:
            legend += [(f"{_BEST} ", style), (f"to {show_value(part[-1].value, 4)}   ", "dim")]
    yield legend


def values(experiments: Experiments, keys: Sequence[str], width: int) -> Lines:
    """Yield a table of values, in place of a chart for the browser."""
    rows = [["", *map(clean, keys)]]
    for experiment in experiments:
        rows.append([clean(experiment.label), *(told(experiment, key) for key in keys)])
    yield from _table(rows, width)
    yield [("The picture: --open in the browser, or -o FILE.svg", "dim")]


def _table(rows: Sequence[Sequence[str]], width: int = 0) -> Lines:
    """Yield the rows of a table, the first column to the left; cut to `width`, 0 for no limit."""
    if not rows:
        return
    shown = [[elide_middle(row[0], _LONGEST), *row[1:]] for row in rows]
    sizes = [max(map(cell_width, column)) for column in zip(*shown, strict=True)]
    for row in shown:
        name = row[0] + " " * (sizes[0] - cell_width(row[0]))
        cells = ""
        for cell, size in zip(row[1:], sizes[1:], strict=True):
            cells += "  " + " " * (size - cell_width(cell)) + cell
        if width:
            cells = elide(cells, max(width - sizes[0], 10))
        yield [(name, "cyan"), (cells, "")]
