"""Output that is printed while it comes in."""

from __future__ import annotations

import gc
from collections.abc import Iterable

from gitexp.cli import render
from gitexp.cli.cells import elide
from gitexp.cli.output import printable

_LONGEST = 64 * 1024  # bytes of a line that is waited for
_WIPE = "\r\x1b[K"


def follow(chunks: Iterable[bytes]) -> None:
    """Print each line when it is whole, as `log` would; on a terminal, what there is of the last one too.

    So a progress bar, which is one line drawn over itself, moves.
    """
    gc.enable()  # this may go on for days; `main` turned it off
    paint = render.colors()
    rest = drawn = b""
    try:
        for chunk in chunks:
            rest += chunk
            end = len(rest) if len(rest) > _LONGEST else rest.rfind(b"\n") + 1
            whole, rest = rest[:end], rest[end:]
            text = "".join(f"{line}\n" for line in printable(whole, colors=paint))
            unfinished = _unfinished(rest)
            render.write((_WIPE if drawn else "") + text + unfinished)
            drawn = rest if unfinished else b""
        if rest:
            text = "".join(f"{line}\n" for line in printable(rest, colors=paint))
            render.write((_WIPE if drawn else "") + text)
            drawn = b""
    finally:
        if drawn:  # Ctrl-C: what comes next begins a line of its own
            render.write("\n")


def _unfinished(rest: bytes) -> str:
    """Return what to show of a line that has no end yet: nothing where it cannot be taken back."""
    size = render.screen()
    if size is None or not rest:
        return ""
    return elide("".join(printable(rest, colors=False)), size[0] - 1)
