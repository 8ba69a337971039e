"""The recorded output of a command, and Git's patches, made safe for a screen."""

from __future__ import annotations

from gitexp.regex import regex
from gitexp.words import clean

# ECMA-48: CSI (ESC [ … final byte), OSC and other strings (ESC ] … BEL or ESC \), and two-character escapes.
_SEQUENCE = regex(
    r"\x1b\[(?P<color>[0-9;:]*)m"
    r"|\x1b\[[0-?]*[ -/]*[@-~]?"
    r"|\x1b[\]PX^_].*?(?:\x07|\x1b\\|$)"
    r"|\x1b[ -/]*[0-~]?"
    r"|\x9b[0-?]*[ -/]*[@-~]?"
)
_RESET = "\x1b[0m"
_CONCEAL = "8"  # of SGR: invisible text
_COLORS = {"38", "48", "58"}  # of SGR: a colour follows, `5;n` or `2;r;g;b`


def printable(data: bytes, *, colors: bool) -> list[str]:
    """The lines of a log, without control sequences; colours stay if wanted.

    Of a progress bar, drawn over itself by carriage returns, the last picture is left.
    """
    return [_line(_last_drawn(line), colors=colors) for line in _lines(data.replace(b"\r\n", b"\n"))]


def printable_patch(data: bytes, *, colors: bool) -> list[str]:
    """The lines of a patch like `printable`, but with nothing hidden: `\\r` is written out."""
    return [_line(line, colors=colors) for line in _lines(data)]


def _lines(data: bytes) -> list[str]:
    lines = data.decode("utf-8", "replace").split("\n")
    if not lines[-1]:
        lines.pop()
    return lines


def _last_drawn(line: str) -> str:
    if "\r" not in line:
        return line
    return line.rstrip("\r").rpartition("\r")[2]


def _line(line: str, *, colors: bool) -> str:
    if line.isprintable():
        return line
    parts, colored, at = [], False, 0
    for match in _SEQUENCE.finditer(line):
        parts.append(_text(line[at : match.start()]))
        at = match.end()
        if colors and match["color"] is not None and not _conceals(match["color"]):
            parts.append(match[0])
            colored = True
    parts.append(_text(line[at:]))
    if colored:
        parts.append(_RESET)
    return "".join(parts)


def _conceals(codes: str) -> bool:
    """Whether an SGR sequence hides text; the 8 of a colour (`38;5;8`) does not."""
    parts = iter(codes.split(";"))
    for part in parts:
        if part in _COLORS:
            for _ in range({"5": 1, "2": 3}.get(next(parts, ""), 0)):
                next(parts, "")
        elif part.lstrip("0") == _CONCEAL:
            return True
    return False


def _text(text: str) -> str:
    return "\t".join(map(clean, text.split("\t")))
