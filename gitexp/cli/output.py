"""A command's recorded output, made fit for a screen."""

from __future__ import annotations

import re

from gitexp.cli.values import clean

# ECMA-48: CSI (ESC [ … final byte), OSC and other strings (ESC ] … BEL or ESC \), and two-character escapes.
_SEQUENCE = re.compile(
    r"(?P<color>\x1b\[[0-9;:]*m)"
    r"|\x1b\[[0-?]*[ -/]*[@-~]?"
    r"|\x1b[\]PX^_].*?(?:\x07|\x1b\\|$)"
    r"|\x1b[ -/]*[0-~]?"
    r"|\x9b[0-?]*[ -/]*[@-~]?"
)
_RESET = "\x1b[0m"


def printable(data: bytes, *, colors: bool) -> list[str]:
    """Return lines without any control sequence but colours, and these only if wanted.

    A progress bar that was drawn over itself by carriage returns is one line: as it stood last.
    """
    text = data.decode("utf-8", "replace").replace("\r\n", "\n")
    lines = text.split("\n")
    if lines and not lines[-1]:
        lines.pop()
    return [_line(line, colors=colors) for line in lines]


def _line(line: str, *, colors: bool) -> str:
    drawn = [part for part in line.split("\r") if part]
    line = drawn[-1] if drawn else ""
    parts, colored, at = [], False, 0
    for match in _SEQUENCE.finditer(line):
        parts.append(_text(line[at : match.start()]))
        at = match.end()
        if colors and match["color"]:
            parts.append(match["color"])
            colored = True
    parts.append(_text(line[at:]))
    return "".join(parts) + (_RESET if colored else "")


def _text(text: str) -> str:
    return "\t".join(clean(part) for part in text.split("\t"))
