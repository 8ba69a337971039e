"""Pictures of many experiments in the terminal: fields of dots, bars, and tables of values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TypeAlias

from gitexp.cli.kit.cells import elide, elide_middle
from gitexp.cli.kit.render import Piece, cell_width
from gitexp.extras.plots.charts import Chart
from gitexp.extras.plots.contour_chart import measured
from gitexp.extras.plots.curves import XAxis
from gitexp.extras.plots.dots import DONE, Column, Dot, axes_of, column_of, told
from gitexp.extras.plots.field import Field
from gitexp.extras.plots.grid_chart import Measured, Side, cell_means, side_of
from gitexp.extras.plots.pareto_chart import front_of
from gitexp.extras.plots.progress_chart import progress as tries_of
from gitexp.words import clean, show_value

Lines: TypeAlias = Iterator[Sequence[Piece]]

_MOST_BAR = 50  # cells
_LONGEST = 32  # cells of a name
_EIGHTHS = "▏▎▍▌▋▊▉█"
_SHADES = ("blue", "cyan", "green", "yellow")  # from low to high
_MOST_STEPS = 20  # of the way to the best, in words
_DOT, _BEST, _FAILED = "•", "●", "\N{MULTIPLICATION SIGN}"


def scatter(
    dots: Sequence[Dot], keys: tuple[str, str], logarithmic: Sequence[str] | None, width: int
) -> Lines:
    """Yield a field with a dot for each experiment; a cross is one that is not done."""
    x, y = axes_of(dots, keys, logarithmic)
    field = Field(x, y, width)
    for dot in dots:
        across, up = x.value(dot), y.value(dot)
        if across is not None and up is not None:
            is_done = dot.state == DONE
            field.put(across, up, _DOT if is_done else _FAILED, "cyan" if is_done else "red")
    yield [(clean(f"{keys[1]} against {keys[0]}{_scales(x, y)}"), "bold")]
    yield from field.lines()


def _scales(x: Column, y: Column) -> str:
    """The remark on logarithmic scales."""
    found = [column.key for column in (x, y) if column.logarithmic]
    return f" (logarithmic: {', '.join(found)})" if found else ""


def progress(dots: Sequence[Dot], metric: str, direction: str, along: XAxis, width: int) -> Lines:
    """Yield a field with the best so far, and a line for each experiment that raised it."""
    tries = tries_of(dots, metric, direction, along)
    numbered = [Dot(one.dot.label, {"x": at, "y": one.value}) for at, one in enumerate(tries, start=1)]
    x, y = column_of(numbered, "x", logarithmic=False), column_of(numbered, "y", logarithmic=False)
    yield [(clean(f"best {metric} so far"), "bold")]
    field = Field(x, y, width)
    for across in range(field.size[0]):
        at = int(across / field.size[0] * len(tries))
        if tries and (best := tries[at].best) is not None:
            field.put(1 + across / max(field.size[0] - 1, 1) * (len(tries) - 1), best, "─", "green")
    for at, one in enumerate(tries, start=1):
        if one.value is not None:
            field.put(float(at), one.value, _BEST if one.better else _DOT, "green" if one.better else "dim")
    yield from field.lines()
    raised = [(at, one) for at, one in enumerate(tries, start=1) if one.better]
    if len(raised) > _MOST_STEPS:
        yield [(f"The last {_MOST_STEPS} of {len(raised)} steps:", "dim")]
    rows = []
    for at, one in raised[-_MOST_STEPS:]:
        rows.append([clean(one.dot.label), f"#{at}", told(one.dot, metric)])
    yield from _table(rows)


def pareto(dots: Sequence[Dot], objectives: Mapping[str, str], width: int) -> Lines:
    """Yield a field of the first two objectives, and the unbeaten experiments with all of them."""
    found = front_of(dots, objectives)
    metrics = list(objectives)
    x, y = axes_of(found.dots, (metrics[0], metrics[1]), ())
    field = Field(x, y, width)
    for dot in found.dots:
        _put(field, dot, (x, y), _DOT, "dim")
    for at in found.front:
        _put(field, found.dots[at], (x, y), _BEST, "green")
    of_each = ", ".join(f"{metric} ({objectives[metric]})" for metric in metrics)
    yield [(clean(f"Pareto front: {of_each}"), "bold")]
    yield from field.lines()
    rows = [["on the front", *(clean(metric) for metric in metrics)]]
    for at in found.front:
        dot = found.dots[at]
        rows.append([clean(dot.label), *(told(dot, metric) for metric in metrics)])
    yield from _table(rows)


def _put(field: Field, dot: Dot, columns: tuple[Column, Column], char: str, style: str) -> None:
    x, y = columns[0].value(dot), columns[1].value(dot)
    if x is not None and y is not None:
        field.put(x, y, char, style)


def histogram(chart: Chart, width: int) -> Lines:
    """Yield a bar for each value, or for each range of numbers."""
    values = chart.spec["data"]["values"]
    bars = [(value["text"], value["count"], str(value["count"])) for value in values]
    yield from _bars(chart, bars, width)


def importance(chart: Chart, width: int) -> Lines:
    """Yield a bar for each param, the most important one first."""
    values = chart.spec["data"]["values"]
    bars = [(value["param"], value["share"], value["text"]) for value in values]
    yield from _bars(chart, bars, width)


def _bars(chart: Chart, bars: Sequence[tuple[str, float, str]], width: int) -> Lines:
    yield [(clean(chart.title), "bold")]
    names = [elide_middle(clean(name), _LONGEST) for name, _, _ in bars]
    label = max(map(cell_width, names), default=0)
    most = max((size for _, size, _ in bars), default=0) or 1
    room = max(min(width - label - 10, _MOST_BAR), 8)
    for name, (_, size, text) in zip(names, bars, strict=True):
        gap = " " * (label - cell_width(name))
        yield [(f"{name}{gap}  ", "cyan"), (_bar(size / most * room), "green"), (f" {text}", "")]
    if remark := chart.spec["title"].get("subtitle"):
        yield [(clean(remark), "dim")]


def _bar(length: float) -> str:
    """A bar of some cells, to an eighth of one."""
    eighths = round(length * 8)
    whole, rest = divmod(eighths, 8)
    return "█" * whole + (_EIGHTHS[rest - 1] if rest else "")


def contour(
    dots: Sequence[Dot],
    keys: tuple[str, str],
    metric: str,
    logarithmic: Sequence[str] | None,
    width: int,
) -> Lines:
    """Yield a table of means for params with few values, else a field of dots, coloured from low to high."""
    counting = [dot for dot in dots if dot.result(metric) is not None]
    x, y = axes_of(counting, keys, logarithmic)
    found = measured(counting, x, y, metric)
    sides = (side_of(x, [one.x for one in found]), side_of(y, [one.y for one in found]))
    yield [(clean(f"{metric} by {keys[0]} and {keys[1]}"), "bold")]
    if (sides[0].is_grid or sides[1].is_grid) and found:
        table = _means(found, sides)
        if _width(table) > width:
            table = [list(row) for row in zip(*table, strict=True)]
            table[0][0] = clean(f"{keys[0]} \\ {keys[1]}")
        if _width(table) <= width:
            yield from _table(table)
            return
    yield from _shaded(found, (x, y), width)


def _means(found: Sequence[Measured], sides: tuple[Side, Side]) -> list[list[str]]:
    """The means of a grid as the rows of a table, the highest row first."""
    means = cell_means(found, sides)
    rows = [[clean(f"{sides[1].column.key} \\ {sides[0].column.key}"), *map(clean, sides[0].names)]]
    for name in reversed(sides[1].names):
        cells = [clean(name)]
        for across in sides[0].names:
            mean = means.get((across, name))
            cells.append("" if mean is None else show_value(mean.mean, 4))
        rows.append(cells)
    return rows


def _width(rows: Sequence[Sequence[str]]) -> int:
    """The cells that a table needs."""
    return sum(max(map(cell_width, column)) + 2 for column in zip(*rows, strict=True))


def _shaded(found: Sequence[Measured], columns: tuple[Column, Column], width: int) -> Lines:
    field = Field(*columns, width)
    order = sorted(found, key=lambda one: one.value)
    for at, one in enumerate(order):
        field.put(one.x, one.y, _BEST, _SHADES[at * len(_SHADES) // len(order)])
    yield from field.lines()
    legend: list[Piece] = []
    for at, style in enumerate(_SHADES):
        part = order[at * len(order) // len(_SHADES) : (at + 1) * len(order) // len(_SHADES)]
        if part:
            legend += [(f"{_BEST} ", style), (f"to {show_value(part[-1].value, 4)}   ", "dim")]
    yield legend


def values(dots: Sequence[Dot], keys: Sequence[str], width: int) -> Lines:
    """Yield a table of values: for a picture that no terminal shows."""
    rows = [["", *map(clean, keys)]]
    for dot in dots:
        rows.append([clean(dot.label), *(told(dot, key) for key in keys)])
    yield from _table(rows, width)
    yield [("The picture: --open in the browser, or -o FILE.svg", "dim")]


def _table(rows: Sequence[Sequence[str]], width: int = 0) -> Lines:
    """Rows in columns, the first one to the left; cut to the width, if one is given."""
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
