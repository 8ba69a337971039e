"""Alerts as lines for people."""

from __future__ import annotations

from collections.abc import Sequence

from gitexp.cli.kit.terminal.cells import elide
from gitexp.cli.kit.terminal.render import Piece, cell_width
from gitexp.files.lines.alert_lines import sentence
from gitexp.times import show_moment
from gitexp.views.alert_list import Alert
from gitexp.words import clean

Line = list[Piece]

_STYLES = {"error": "red", "warning": "yellow"}
_GAP = "  "


def alert_lines(found: Sequence[Alert], width: int | None, *, named: bool = True) -> list[Line]:
    """The alerts, one a line, cut to the width; without the names of the experiments if not `named`."""
    name_width = max((cell_width(clean(alert.experiment)) for alert in found), default=0)
    lines: list[Line] = []
    for alert in found:
        time, level = show_moment(alert.time), clean(alert.level)
        line: Line = [(time + _GAP, "dim")]
        if named:
            name = clean(alert.experiment)
            line.append((name + " " * (name_width - cell_width(name)) + _GAP, "bold"))
        line.append((level.ljust(7) + _GAP, _STYLES.get(alert.level, "")))
        text = words(alert)
        if width is not None:
            text = elide(text, max(width - sum(cell_width(part) for part, _ in line), 20))
        line.append((text, ""))
        lines.append(line)
    return lines


def words(alert: Alert) -> str:
    """What happened, and what was done."""
    text = clean(sentence(alert.title, alert.text))
    done = []
    for action in alert.actions:
        word = clean(str(action.get("do", "")))
        done.append(word if action.get("ok") else f"{word} failed, {clean(str(action.get('told', '')))}")
    return f"{text} [{', '.join(done)}]" if done else text
