"""A table that is drawn again and again, on a screen of its own, until the person has seen enough."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from gitexp import errors
from gitexp.cli.kit.garbage import search_for_garbage
from gitexp.cli.kit.terminal import render
from gitexp.cli.kit.terminal.render import Piece

if sys.platform != "win32":
    import select
    import termios
    import tty

_MOST_KEYS = 64
_Lines = Sequence[str | Sequence[Piece]]

# The other screen of a terminal (xterm's control sequences): afterwards the first one comes back.
_ENTER, _LEAVE = "\x1b[?1049h\x1b[?25l", "\x1b[?25h\x1b[?1049l"
# Line by line over the old picture, each wiped behind its end: nothing flickers as it does when cleared.
_TOP, _END_OF_LINE, _REST, _BELOW = "\x1b[H", "\x1b[K\n", "\x1b[K\x1b[J", "\x1b[J"


@dataclass(frozen=True, slots=True)
class Picture:
    """The lines to show at one moment.

    Attributes:
        going_on: the number of unfinished runs.
        is_over: whether nothing is left to watch.
    """

    lines: _Lines
    going_on: int
    is_over: bool = False


def watch(draw: Callable[[], Picture], every: float) -> None:
    """Show the picture of `draw` every so many seconds, until q or Ctrl-C is pressed.

    The watching goes on after the end of a run: a loop begins the next run a moment later.

    Raises UsageError for an output other than a terminal, or a terminal without control sequences.
    """
    if render.screen() is None:
        raise errors.UsageError(
            "--watch draws the table again and again, and the output is no terminal that can do so.",
            "gitexp show prints it once; gitexp show --json is for programs.",
            code="no-terminal",
        )
    search_for_garbage()  # this may go on for days
    watch_all(draw, every)


def watch_all(draw: Callable[[], Picture], every: float) -> None:
    """The same, until nothing is left to watch; the output must be a terminal."""
    render.write(_ENTER)
    try:
        before = ""
        with _keys() as pressed:
            while True:
                picture = draw()
                text = _text(picture)
                if text != before:
                    render.write(text)
                before = text
                if picture.is_over or "q" in pressed(every):
                    break
    except KeyboardInterrupt:
        pass  # the way to stop watching; the runs have terminals of their own
    finally:
        render.write(_LEAVE)


class InPlace:
    """Lines drawn again and again where they stand, below what was said before."""

    def __init__(self) -> None:
        self._drawn = 0  # lines

    def draw(self, lines: _Lines) -> None:
        """Draw lines over the ones before; the terminal's height must have room for them."""
        text = "".join(line + _END_OF_LINE for line in render.as_text(lines))
        render.write(self._back() + text + _BELOW)
        self._drawn = len(lines)

    def clear(self) -> None:
        """Take the lines away."""
        render.write(self._back() + _BELOW)
        self._drawn = 0

    def _back(self) -> str:
        return f"\x1b[{self._drawn}F" if self._drawn else ""


@contextlib.contextmanager
def _keys() -> Iterator[Callable[[float], str]]:
    """Give a function to wait some seconds, or until keys are pressed; it returns the keys, or ""."""
    if sys.platform == "win32" or not render.is_terminal(sys.stdin):
        yield _waited
        return
    stdin = sys.stdin.fileno()
    before = termios.tcgetattr(stdin)

    def pressed(seconds: float) -> str:
        ready, _, _ = select.select([stdin], [], [], seconds)
        return os.read(stdin, _MOST_KEYS).decode("ascii", "replace") if ready else ""

    tty.setcbreak(stdin, termios.TCSANOW)  # keys come at once and are not shown; Ctrl-C is as ever
    try:
        yield pressed
    finally:
        termios.tcsetattr(stdin, termios.TCSANOW, before)


def _waited(seconds: float) -> str:
    time.sleep(seconds)
    return ""


def _text(picture: Picture) -> str:
    """The text of a picture, cut to the height of the terminal."""
    _, height = render.screen() or (0, 0)
    lines = render.as_text(picture.lines)
    foot = f"{picture.going_on:,} runs go on · q ends the watching"
    if picture.going_on == 1:
        foot = "1 run goes on · q ends the watching"
    room = max(height - 3, 1)
    hidden = len(lines) - room
    if hidden > 0:
        lines = lines[:room]
        foot = f"{hidden:,} more lines · {foot}"
    lines += ["", render.styled(foot, "dim")]
    return _TOP + "".join(line + _END_OF_LINE for line in lines[: height - 1]) + _REST
