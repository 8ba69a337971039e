"""`gitexp log`."""

from __future__ import annotations

import gc
from collections.abc import Iterable
from typing import Annotated

import typer

from gitexp.cli.kit import options, render
from gitexp.cli.kit.cells import elide
from gitexp.cli.kit.help import Command
from gitexp.cli.kit.output import printable
from gitexp.cli.kit.session import open_project
from gitexp.runs import log as ops

EPILOG = """Examples:
gitexp log exp-333c9
gitexp log exp-333c9 --raw > output.log
gitexp log -f exp-333c9
"""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(cls=Command, epilog=EPILOG)(log)


def log(
    exp: options.Exp,
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Of a running one: go on until it ends.")
    ] = False,
    raw: Annotated[
        bool, typer.Option("--raw", help="The bytes as the command wrote them, escape sequences and all.")
    ] = False,
    json: options.Json = False,
) -> None:
    """Print what an experiment's command printed.

    Of a running one: what there is so far, with -f all until it ends; Ctrl-C ends the following, not the
    run. Colours are kept on a terminal; all other control sequences are left out.
    """

    options.only_one(follow=follow, json=json)
    project = open_project()
    if follow:
        chunks = ops.follow(project, exp)
        return render.write_bytes(chunks) if raw else _show_as_it_comes(chunks)
    found = ops.log(project, exp)
    data = found.output
    if json:
        return render.as_json({"experiment": found.name, "output": data.decode("utf-8", "replace")})
    if raw:
        return render.write_bytes([data])
    return render.answer(printable(data, colors=render.colors()), page=True)


_LONGEST = 64 * 1024  # bytes of a line that is waited for


_WIPE = "\r\x1b[K"


def _show_as_it_comes(chunks: Iterable[bytes]) -> None:
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
