"""What push, pull, import and the like say to a person while they talk to another repository, and after."""

from __future__ import annotations

import contextlib
import re
import sys
import time
from collections.abc import Iterator, Sequence

import typer

from gitexp.cli.kit import render
from gitexp.cli.kit.progress import Meter
from gitexp.sharing.partner import Contact, Fate, Shared

_SHOWN = 10  # names
_PATIENCE = 0.5  # seconds; what is quicker needs no line
_PROGRESS = re.compile(r"(?:remote: +)?(\w[^:]*: +[0-9]+%.*?)(?:, done\.)?\s*")  # of Git's


@contextlib.contextmanager
def contact(*, quiet: bool = False) -> Iterator[Contact]:
    """Give how the person is reached meanwhile: progress in one line, and Git's questions, where a
    terminal is."""

    if quiet:
        yield Contact()
        return
    began = time.monotonic()

    def tell(line: str) -> None:
        progress = _PROGRESS.fullmatch(line)
        if progress is not None and time.monotonic() - began > _PATIENCE:
            render.draw(progress[1])

    prompts = render.is_terminal(sys.stdin) and render.is_terminal(sys.stderr)
    with Meter("Data") as meter:
        yield Contact(tell, prompts, meter)


def report(experiments: Sequence[Shared], remote: str, *, json: bool) -> None:
    """Name the experiments that were refused, if any, and end with exit code 1 then."""

    refused = [one for one in experiments if one.fate is Fate.REFUSED]
    if not json:
        for one in refused[:_SHOWN]:
            render.warn(f"{one.there} was refused: {one.reason}.")
        if len(refused) > _SHOWN:
            render.warn(f"and {len(refused) - _SHOWN:,} more; all of them: --json")
        for hint in dict.fromkeys(one.hint for one in refused[:_SHOWN] if one.hint):
            render.hint(hint)
    if refused:
        raise typer.Exit(1)


def listed(names: Sequence[str]) -> str:
    """Return names in a sentence; of many, how many, and the first ones."""
    first = ", ".join(names[:_SHOWN])
    more = f" and {len(names) - _SHOWN:,} more" if len(names) > _SHOWN else ""
    many = "" if len(names) == 1 else f"{len(names):,} experiments: "
    return f"{many}{first}{more}"


def one_or_many(names: Sequence[str]) -> str:
    """The name of a single experiment, or the number of several: enough for experiments without change."""
    return names[0] if len(names) == 1 else f"{len(names):,} experiments"
