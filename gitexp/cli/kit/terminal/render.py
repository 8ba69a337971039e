"""The screen: the one user of rich, and the one place that knows the terminal.

stdout is the answer, stderr is for people. Text is printed as text, never as markup; text from outside
goes through `words.clean` on its way here. A pipe or a file gets the whole answer: never cut, wrapped or
coloured, unless CLICOLOR_FORCE or FORCE_COLOR asks for colours.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any, TextIO

from gitexp import errors
from gitexp.cli.kit.terminal import json_output, pager
from gitexp.cli.kit.terminal.wrapping import wrapped
from gitexp.masks import without_credentials
from gitexp.words import clean, cut

Piece = tuple[str, str]  # text and style ("" for none)

_WIDTH, _HEIGHT = 80, 24  # of a terminal that does not say
_LONGEST = 2000  # characters of one message; a text that it quotes may be of any length
_rehearses = False  # whether the command is a dry run
_answered = False  # whether a part of the answer has been written to stdout
_STYLES = {
    "bold": "1",
    "dim": "2",
    "red": "31",
    "green": "32",
    "yellow": "33",
    "blue": "34",
    "magenta": "35",
    "cyan": "36",
    "bright_magenta": "95",
    "bright_cyan": "96",
}


def cell_width(text: str) -> int:
    """The number of terminal cells of a text."""
    if text.isascii():
        return len(text)
    from rich.cells import cell_len  # 20 ms, for text beyond ASCII alone

    return cell_len(text)


# -- the terminal -------------------------------------------------------------------------------------


def width() -> int | None:
    """The width to fit; None for a pipe or a file: their lines are not cut."""
    if not is_terminal(sys.stdout):
        return None
    return _size()[0]


def screen() -> tuple[int, int] | None:
    """Columns and lines of a terminal to draw over; None without a fit terminal."""
    if is_terminal(sys.stdout) and _knows_colors():
        return _size()
    return None


def is_terminal(stream: TextIO) -> bool:
    """Whether a person watches this stream."""
    return stream.isatty()


def colors(stream: TextIO | None = None) -> bool:
    """Whether a stream (default: stdout) takes colours.

    NO_COLOR, CLICOLOR and CLICOLOR_FORCE as on no-color.org and bixense.com/clicolors.
    """
    stream = stream or sys.stdout
    if os.environ.get("NO_COLOR"):
        return False
    forced = os.environ.get("CLICOLOR_FORCE") or os.environ.get("FORCE_COLOR") or "0"
    if forced != "0":
        return True
    return is_terminal(stream) and os.environ.get("CLICOLOR") != "0" and _knows_colors()


def _size() -> tuple[int, int]:
    """Columns and lines. The variables COLUMNS and LINES come before the terminal's own answer."""
    try:
        told = os.get_terminal_size(sys.stdout.fileno())
    except (OSError, ValueError):
        told = os.terminal_size((0, 0))
    columns = _asked_for("COLUMNS", told.columns)
    return columns or _WIDTH, _asked_for("LINES", told.lines) or _HEIGHT


def _asked_for(variable: str, otherwise: int) -> int:
    text = os.environ.get(variable, "")
    if text.isascii() and text.isdigit():
        return int(text[:5])
    return otherwise


@cache
def _knows_colors() -> bool:
    if os.environ.get("TERM") in ("dumb", "unknown"):
        return False
    if sys.platform == "win32":
        from rich.console import detect_legacy_windows  # 40 ms, on Windows alone

        return not detect_legacy_windows()
    return True


def styled(text: str, style: str, stream: TextIO | None = None) -> str:
    """The text with the escape codes of a style, if the stream (default: stdout) takes colours."""
    if not style or not text or not colors(stream):
        return text
    return _painted(text, style)


def _painted(text: str, style: str) -> str:
    codes = ";".join(_STYLES[word] for word in style.split())
    return f"\x1b[{codes}m{text}\x1b[0m"


# -- the answer ---------------------------------------------------------------------------------------


def answer(lines: Iterable[str | Sequence[Piece]], *, page: bool = True) -> None:
    """Print the answer to stdout; through the pager if it is longer than the terminal."""
    text = "".join(line + "\n" for line in as_text(lines))
    is_long = page and is_terminal(sys.stdout) and text.count("\n") >= _size()[1]
    if not (is_long and pager.show(text)):
        write(text)


def as_text(lines: Iterable[str | Sequence[Piece]]) -> list[str]:
    """The lines for stdout, with escape codes if it takes colours."""
    paint = colors()
    return [_line(line, paint) for line in lines]


def _line(line: str | Sequence[Piece], paint: bool) -> str:
    if isinstance(line, str):
        return line
    shown = []
    for text, style in line:
        shown.append(_painted(text, style) if paint and style and text else text)
    return "".join(shown)


def rehearse(is_dry_run: bool) -> None:
    """Mark the words and answers of a dry run from now on."""
    global _rehearses
    _rehearses = is_dry_run


def has_answered() -> bool:
    """Whether a part of the answer has been written to stdout."""
    return _answered


def write(text: str) -> None:
    """Write text to stdout; characters outside the stream's encoding are written as `\\u2026`."""
    _begin()
    try:
        sys.stdout.write(text)
    except UnicodeEncodeError:
        encoding = sys.stdout.encoding or "ascii"
        sys.stdout.write(text.encode(encoding, "backslashreplace").decode(encoding))
    sys.stdout.flush()


def can_write(text: str) -> bool:
    """Whether stdout has these characters."""
    try:
        text.encode(sys.stdout.encoding or "ascii")
    except UnicodeEncodeError:
        return False
    return True


def _begin() -> None:
    global _answered
    _answered = True


def write_bytes(chunks: Iterable[bytes]) -> None:
    """Write bytes to stdout, unchanged."""
    _begin()
    sys.stdout.flush()
    for chunk in chunks:
        sys.stdout.buffer.write(chunk)
        sys.stdout.buffer.flush()


def as_json(value: Any) -> None:
    """Print one JSON document, ASCII only: names and messages in it cannot steer a terminal."""
    write(json_output.document(_marked(value)) + "\n")


def as_json_list(items: Iterable[Any]) -> None:
    """Print a JSON list, an object a line, without holding the list in memory."""
    before = "["
    for item in items:
        text = json_output.line(_marked(item))
        _begin()
        sys.stdout.write(f"{before}\n{text}")
        before = ","
    if before == "[":
        write("[]\n")
    else:
        write("\n]\n")


def _marked(value: Any) -> Any:
    """The object with the mark of a dry run, in a dry run."""
    if _rehearses and isinstance(value, dict):
        return {**value, "dry_run": True}
    return value


# -- what people are told -----------------------------------------------------------------------------


def say(text: str, style: str = "") -> None:
    """Say something to the person, on stderr; in a dry run it would be so."""
    _tell("dry run: " if _rehearses else "", "cyan", text, style)


def draw(text: str) -> None:
    """Draw a line of stderr over the line before, on a terminal only; "" wipes the line."""
    if not is_terminal(sys.stderr) or not _knows_colors():
        return
    line = clean(text)
    while cell_width(line) >= os.get_terminal_size(sys.stderr.fileno()).columns:
        line = line[:-1]
    encoding = sys.stderr.encoding or "ascii"
    sys.stderr.write(f"\r{line.encode(encoding, 'replace').decode(encoding)}\x1b[K")
    sys.stderr.flush()


def warn(text: str) -> None:
    """Warn the person of something unexpected, on stderr."""
    _tell("warning: ", "yellow", text)


def warn_all(texts: Iterable[str]) -> None:
    """Warn of several things, one a line."""
    for text in texts:
        warn(text)


def fail(error: errors.GitexpError) -> None:
    """Say an error and its hint, on stderr."""
    if isinstance(error, errors.HookRefused):
        for line in error.said:
            say(line)
    _tell("error: ", "bold red", error.message)
    if error.hint:
        hint(error.hint)


def hint(text: str) -> None:
    """Suggest the next step to the person, on stderr."""
    _tell("hint: ", "cyan", text)


def _told_width() -> int:
    """The columns of the terminal at stderr."""
    try:
        told = os.get_terminal_size(sys.stderr.fileno()).columns
    except (OSError, ValueError):
        told = 0
    return _asked_for("COLUMNS", told) or _WIDTH


def _tell(label: str, label_style: str, text: str, style: str = "") -> None:
    text = clean(without_credentials(text[: _LONGEST + 1]))
    text = cut(text, _LONGEST)
    if is_terminal(sys.stderr):
        text = wrapped(text, _told_width(), len(label))
    line = styled(label, label_style, sys.stderr) + styled(text, style, sys.stderr)
    encoding = sys.stderr.encoding or "ascii"
    sys.stderr.write(line.encode(encoding, "backslashreplace").decode(encoding) + "\n")
    sys.stderr.flush()
