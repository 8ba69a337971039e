"""`gitexp log`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

import typer

from gitexp.cli.kit import options
from gitexp.cli.kit.garbage import search_for_garbage
from gitexp.cli.kit.help import registration
from gitexp.cli.kit.output import printable
from gitexp.cli.kit.session import open_project
from gitexp.cli.kit.terminal import render
from gitexp.cli.kit.terminal.cells import elide
from gitexp.runs.ongoing import log as ops

EPILOG = """Examples:
gitexp log
gitexp log exp-333c9
gitexp log exp-333c9 --raw > output.log
gitexp log -f    (the one that runs)
"""


_LONGEST = 64 * 1024  # bytes of a line that is waited for
_WIPE = "\r\x1b[K"

Exp = Annotated[
    str, options.argument("[EXP]", "Name, unique prefix, commit id, last or @{1}.", "experiments")
]
Follow = Annotated[bool, typer.Option("--follow", "-f", help="Of a running one: go on until it ends.")]
Raw = Annotated[
    bool, typer.Option("--raw", help="The bytes as the command wrote them, escape sequences and all.")
]


def log(
    exp: Exp = "",
    follow: Follow = False,
    raw: Raw = False,
    quiet: options.Quiet = False,
    json: options.Json = False,
) -> None:
    """Print what an experiment's command printed.

    Without a name, of the last one, and with -f of the running one. Of a running one: the output so far, with
    -f all until its end; Ctrl-C ends the following, not the run. Colours are kept on a terminal; all other
    control sequences are left out.
    """
    options.only_one(follow=follow, json=json)
    project = open_project(quiet=quiet)
    exp = exp or ops.default(project, running=follow)
    if follow and raw:
        return render.write_bytes(ops.follow(project, exp))
    if follow:
        return _show_as_it_comes(ops.follow(project, exp))
    found = ops.log(project, exp)
    if json:
        output = found.output.decode("utf-8", "replace")
        return render.as_json({"experiment": found.name, "output": output})
    if raw:
        return render.write_bytes([found.output])
    return render.answer(printable(found.output, colors=render.colors()))


register = registration(log, EPILOG)


def _show_as_it_comes(chunks: Iterable[bytes]) -> None:
    """Print each whole line at once. A terminal shows the unfinished last line too.

    So a progress bar moves: the bar is a single line, drawn over itself.
    """
    search_for_garbage()  # this may go on for days
    rest = drawn = b""
    try:
        for chunk in chunks:
            rest += chunk
            end = rest.rfind(b"\n") + 1
            if len(rest) > _LONGEST:
                end = len(rest)
            whole, rest = rest[:end], rest[end:]
            unfinished = _unfinished(rest)
            _draw(_lines(whole) + unfinished, over=drawn)
            drawn = rest if unfinished else b""
        if rest:
            _draw(_lines(rest), over=drawn)
            drawn = b""
    finally:
        if drawn:  # Ctrl-C: the next output begins on a new line
            render.write("\n")


def _lines(output: bytes) -> str:
    return "".join(f"{line}\n" for line in printable(output, colors=render.colors()))


def _draw(text: str, *, over: bytes) -> None:
    render.write((_WIPE if over else "") + text)


def _unfinished(rest: bytes) -> str:
    """The text to show of a line without an end; nothing if the text could not be wiped again."""
    size = render.screen()
    if size is None or not rest:
        return ""
    return elide("".join(printable(rest, colors=False)), size[0] - 1)
