"""Watched runs as lines for a terminal, or a line each where there is none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase

from gitexp.cli.kit.alert_text import words
from gitexp.cli.kit.output import printable
from gitexp.cli.kit.summary import outcome
from gitexp.cli.kit.terminal.braille import curve
from gitexp.cli.kit.terminal.cells import elide
from gitexp.cli.kit.terminal.render import Piece, cell_width
from gitexp.files.lines.series_tail import LastLogged, finite
from gitexp.model import Status
from gitexp.runs.ongoing.watching import WatchedRun
from gitexp.times import show_duration
from gitexp.views.alert_list import of
from gitexp.words import PRECISION, clean, cut, human_size, show_value

Line = list[Piece]

_PLOT = 38  # columns of a curve, with the gap behind it
_TALL, _FLAT = 5, 2  # lines of a curve
_VALUE_LINES = (3, 1)  # for the values of a run: fewer where the terminal is too low for all runs
_MOST_ALERTS = 3
_MOST_VALUES = 8  # on a plain line
_BAR = 24  # columns
_STYLES = {Status.RUNNING: "cyan", Status.FAILED: "red", Status.INTERRUPTED: "yellow", Status.DONE: "green"}


def panels(runs: Sequence[WatchedRun], wanted: Sequence[str], width: int, height: int) -> list[Line]:
    """The runs below each other. What the height has room for is shown of the curves of each.

    Args:
        wanted: names and patterns of the metrics to draw; empty for those logged first.
    """
    for most in _VALUE_LINES:
        texts = [_head_lines(run, wanted, width, most) for run in runs]
        feet = [_foot_lines(run, width, with_output=most > 1) for run in runs]
        taken = sum(map(len, texts)) + sum(map(len, feet)) + len(runs)
        if taken <= height - 1:
            break
    else:
        return [[(elide(plain_line(run, wanted), width), "")] for run in runs]
    with_curves = sum(1 for run in runs if _drawn(run, wanted))
    room = max(height - 2 - taken, 0) // max(with_curves, 1)
    lines: list[Line] = []
    for run, head, foot in zip(runs, texts, feet, strict=True):
        lines += [*head, *_curves(run, wanted, width, room), *foot, []]
    return lines[:-1]


def plain_line(run: WatchedRun, wanted: Sequence[str] = ()) -> str:
    """A run in one line, for an output that is no terminal."""
    parts = [clean(run.name), outcome(run.record)]
    if run.record.status is Status.RUNNING and run.seconds is not None:
        parts.append(show_duration(run.seconds))
    if run.progress is not None:
        parts.append(clean(run.progress.text))
    elif run.step is not None and not run.record.status.ended:
        parts.append(f"step {run.step:,}")
    values = []
    for name, last in _in_order(run, wanted)[:_MOST_VALUES]:
        values.append(f"{clean(name)}={show_value(last.value, PRECISION)}")
    if values:
        parts.append(" ".join(values))
    return " · ".join(parts)


# -- the parts of a run -----------------------------------------------------------------------------


def _in_order(run: WatchedRun, wanted: Sequence[str]) -> list[tuple[str, LastLogged]]:
    """The last values by name, those wanted first."""
    return sorted(run.values.items(), key=lambda item: not _is_wanted(item[0], wanted))


def _is_wanted(name: str, wanted: Sequence[str]) -> bool:
    return not wanted or any(name == one or fnmatchcase(name, one) for one in wanted)


def _head_lines(run: WatchedRun, wanted: Sequence[str], width: int, most: int) -> list[Line]:
    """The name and state, how far it is, and the last values."""
    status = run.record.status
    state = outcome(run.record)
    if status is Status.RUNNING and run.seconds is not None:
        state = f"running for {show_duration(run.seconds)}"
    told = []
    if not status.ended and run.step is not None:
        told.append(f"step {run.step:,}")
    if not status.ended and run.pace is not None:
        told.append(f"{run.pace:.3g} steps a second")
    if status is Status.RUNNING and not run.is_here:
        told.append(f"on {clean(run.record.host) or 'another machine'}, whose values are not seen here")
    name = elide(clean(run.name), width // 2)
    room = width - cell_width(name) - len(state) - 4
    head: Line = [(name, "bold"), ("  ", ""), (state, _STYLES.get(status, "dim"))]
    if told:
        head += [("  ", ""), (elide(" · ".join(told), max(room, 0)), "dim")]
    return [head, *_progress(run, width), *_values(run, wanted, width, most)]


def _progress(run: WatchedRun, width: int) -> list[Line]:
    if run.progress is None or run.record.status.ended:
        return []
    full = round(run.progress.share * _BAR)
    text = f"  {run.progress.share:.0%} · {clean(run.progress.text)}"
    if run.left is not None:
        text += f" · about {show_duration(run.left)} left"
    return [[("━" * full, "cyan"), ("─" * (_BAR - full), "dim"), (elide(text, width - _BAR), "")]]


def _values(run: WatchedRun, wanted: Sequence[str], width: int, most: int) -> list[Line]:
    """The last value of each metric, in at most so many lines; of more, their number."""
    lines: list[Line] = []
    line: Line = []
    used, shown = 0, 0
    for name, last in _in_order(run, wanted):
        label, value = elide(clean(name), 40), show_value(last.value, PRECISION)
        size = cell_width(label) + cell_width(value) + 1
        if line and used + 3 + size > width:
            lines.append(line)
            line, used = [], 0
            if len(lines) == most:
                break
        if line:
            line.append(("   ", ""))
            used += 3
        line += [(label, "dim"), (" ", ""), (value, "bold")]
        used += size
        shown += 1
    if line:
        lines.append(line)
    if (left := len(run.values) - shown) and most > 1:
        lines.append([(f"and {left:,} more", "dim")])
    return lines


def _foot_lines(run: WatchedRun, width: int, *, with_output: bool) -> list[Line]:
    """The alerts, the machine, and the last line of the output."""
    lines: list[Line] = []
    alerts = run.alerts[-_MOST_ALERTS:] if with_output else run.alerts[-1:]
    for said in alerts:
        lines.append([(elide(f"! {words(of(run.name, said))}", width), "yellow")])
    if run.record.status.ended:
        return lines
    if text := machine(run.system):
        lines.append([(elide(text, width), "dim")])
    if run.output and with_output:
        printed = [line for line in printable(run.output, colors=False) if line.strip()]
        if printed:
            lines.append([(elide(f"> {cut(printed[-1].expandtabs(), 1000)}", width), "dim")])
    return lines


def machine(system: Mapping[str, float]) -> str:
    """The last numbers about the machine in words; "" for none."""
    told = []
    if "cpu" in system:
        told.append(f"CPU {system['cpu']:.0f} %")
    if "memory" in system:
        told.append(f"memory {human_size(system['memory'])}")
    if "machine.memory" in system:
        told.append(f"machine {system['machine.memory']:.0f} % full")
    for index in range(64):
        if (use := system.get(f"gpu.{index}.use")) is not None:
            told.append(_gpu(system, index, use))
    return " · ".join(told)


def _gpu(system: Mapping[str, float], index: int, use: float) -> str:
    text = f"GPU {index}: {use:.0f} %"
    if (memory := system.get(f"gpu.{index}.memory")) is not None:
        text += f", {human_size(memory)}"
    if (power := system.get(f"gpu.{index}.power")) is not None:
        text += f", {power:.0f} W"
    if (temperature := system.get(f"gpu.{index}.temperature")) is not None:
        text += f", {temperature:.0f} °C"
    return text


# -- curves -------------------------------------------------------------------------------------------


def _drawn(run: WatchedRun, wanted: Sequence[str]) -> list[str]:
    """The metrics with a curve to draw."""
    found = []
    for name, each in run.curves.items():
        if _is_wanted(name, wanted) and len(finite(each.all())) > 1:
            found.append(name)
    return found


def _curves(run: WatchedRun, wanted: Sequence[str], width: int, room: int) -> list[Line]:
    """The curves beside and below each other, in at most `room` lines."""
    names = _drawn(run, wanted)
    beside = max(width // _PLOT, 1)
    size = width // beside - 2
    tall = _FLAT
    if room >= 1 + _TALL:
        tall = _TALL
    rows = min(room // (1 + tall), -(-len(names) // beside))
    lines: list[Line] = []
    for row in range(rows):
        shown = names[row * beside : (row + 1) * beside]
        plots = [_plot(run, name, size, tall) for name in shown]
        for parts in zip(*plots, strict=True):
            line: Line = []
            for text, style in parts:
                line += [(text + " " * (size - cell_width(text)), style), ("  ", "")]
            lines.append(line)
    hidden = len(names) - rows * beside
    told = _remarks(run, wanted, has_curves=rows > 0, hidden=hidden)
    if told and len(lines) < room:
        lines.append([(elide(" · ".join(told), width), "dim")])
    return lines


def _remarks(run: WatchedRun, wanted: Sequence[str], *, has_curves: bool, hidden: int) -> list[str]:
    """The remarks below the curves: unknown names, the number of `hidden` curves, samples."""
    told = []
    if wanted and run.curves and not any(_is_wanted(name, wanted) for name in run.curves):
        told.append(f"no curve is called {' or '.join(wanted)}")
    if has_curves and hidden > 0:
        told.append(f"{hidden:,} more curves: --curves chooses")
    if has_curves and run.is_sampled:
        told.append("the curves are samples: the file is large")
    return told


def _plot(run: WatchedRun, name: str, width: int, height: int) -> list[Piece]:
    """The title of a curve, and the curve."""
    points = finite(run.curves[name].all())
    low, high = min(value for _, value in points), max(value for _, value in points)
    reach = f" {show_value(low, 3)}…{show_value(high, 3)}"
    title = elide(clean(name), max(width - len(reach), 4)) + reach
    drawn: list[Piece] = [(elide(title, width), "dim")]
    for line in curve(points, width, height):
        drawn.append((line, "cyan"))
    return drawn
