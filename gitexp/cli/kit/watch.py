"""A table that is drawn again and again while runs go on, on a screen of its own."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from gitexp import errors
from gitexp.cli.kit import render
from gitexp.cli.kit.render import Piece

_Lines = Sequence[str | Sequence[Piece]]

# The other screen of a terminal (xterm's control sequences): afterwards the first one comes back.
_ENTER, _LEAVE = "\x1b[?1049h\x1b[?25l", "\x1b[?25h\x1b[?1049l"
# Line by line over the old picture, each wiped behind its end: nothing flickers as it does when cleared.
_TOP, _END_OF_LINE, _REST = "\x1b[H", "\x1b[K\n", "\x1b[K\x1b[J"


@dataclass(frozen=True, slots=True)
class Picture:
    """The lines to show at one time, and the number of runs that go on."""

    lines: _Lines
    going_on: int


def watch(draw: Callable[[], Picture], every: float) -> None:
    """Show the picture of `draw` every so many seconds, until no run goes on or Ctrl-C is pressed.

    Raises UsageError if the output is no terminal, or a terminal without control sequences.
    """
    if render.screen() is None:
        raise errors.UsageError(
            "--watch draws the table again and again, and the output is no terminal that can do so.",
            "gitexp show prints it once; gitexp show --json is for programs.",
            code="no-terminal",
        )
    gc.enable()  # this may go on for days; `main` turned it off
    render.write(_ENTER)
    try:
        before = ""
        while (picture := draw()).going_on:
            text = _text(picture)
            if text != before:
                render.write(text)
            before = text
            time.sleep(every)
    except KeyboardInterrupt:
        pass  # the way to stop watching; the runs have terminals of their own
    finally:
        render.write(_LEAVE)


def _text(picture: Picture) -> str:
    """A picture as one piece of output, cut to the height of the terminal."""
    _, height = render.screen() or (0, 0)
    lines = render.as_text(picture.lines)
    foot = f"{picture.going_on:,} runs go on · Ctrl-C ends the watching"
    if picture.going_on == 1:
        foot = "1 run goes on · Ctrl-C ends the watching"
    room = max(height - 3, 1)
    hidden = len(lines) - room
    if hidden > 0:
        lines = lines[:room]
        foot = f"{hidden:,} more lines · {foot}"
    lines += ["", render.styled(foot, "dim")]
    return _TOP + "".join(line + _END_OF_LINE for line in lines[: height - 1]) + _REST
