"""The words of push, pull, import and other commands that talk to another repository."""

from __future__ import annotations

import contextlib
import sys
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence

import typer

from gitexp.cli.kit.terminal import render
from gitexp.cli.kit.terminal.meter import Meter
from gitexp.regex import regex
from gitexp.sharing.partner import Contact, Fate, Shared
from gitexp.words import shorten

_SHOWN = 10  # names
_PATIENCE = 0.5  # seconds; quicker work needs no line
_PROGRESS = regex(r"(?:remote: +)?(\w[^:]*: +[0-9]+%.*?)(?:, done\.)?\s*")  # of Git's


@contextlib.contextmanager
def contact(*, quiet: bool = False) -> Iterator[Contact]:
    """The way to reach the person meanwhile: progress in one line; on a terminal, Git's questions too."""
    if quiet:
        yield Contact()
        return
    began, drawn = time.monotonic(), False

    def tell(line: str) -> None:
        nonlocal drawn
        progress = _PROGRESS.fullmatch(line)
        if progress is not None and time.monotonic() - began > _PATIENCE:
            render.draw(progress[1])
            drawn = True

    prompts = render.is_terminal(sys.stdin) and render.is_terminal(sys.stderr)
    try:
        with Meter("Data") as meter:
            yield Contact(tell, prompts, meter)
    finally:
        if drawn:
            render.draw("")


def tell_taken(experiments: Sequence[Shared], where: str, verb: str) -> None:
    """Say which experiments came from elsewhere; `verb`: "Pulled"."""
    names: dict[Fate, list[str]] = defaultdict(list)
    for one in experiments:
        names[one.fate].append(one.here or one.there)
    if new := names[Fate.NEW]:
        render.say(f"{verb} {listed(new)}.")
    if updated := names[Fate.UPDATED]:
        render.say(f"{verb} what is new of {listed(updated)}.")
    if united := names[Fate.UNITED]:
        render.say(f"United with what was changed here: {listed(united)}.")
    for one in experiments:
        if one.fate is Fate.RENAMED:
            render.say(f"{one.there} of {where} is {one.here} here: {one.reason}.")
        elif one.fate in (Fate.UPDATED, Fate.UNITED) and one.reason:
            render.say(f"{one.here}: the newer note holds; {one.reason}")


def tell_known(experiments: Sequence[Shared]) -> None:
    """Say which experiments were here already, without change."""
    same = [one.here or one.there for one in experiments if one.fate is Fate.UP_TO_DATE]
    if same:
        render.say(f"Up to date: {one_or_many(same)}.", "dim")


def report(experiments: Sequence[Shared], remote: str, *, json: bool) -> None:
    """Name the refused experiments. If any, exit with status 1."""
    refused = [one for one in experiments if one.fate is Fate.REFUSED]
    if not json:
        _name(refused)
    if refused:
        raise typer.Exit(1)


def left_behind(sentences: Sequence[str]) -> None:
    """Name the experiments left where they were. If any, exit with status 1."""
    render.warn_all(sentences)
    if sentences:
        raise typer.Exit(1)


def _name(refused: Sequence[Shared]) -> None:
    shown = refused[:_SHOWN]
    for one in shown:
        render.warn(f"{one.there} was refused: {one.reason}.")
    if len(refused) > _SHOWN:
        render.warn(f"and {len(refused) - _SHOWN:,} more; all of them: --json")
    for hint in dict.fromkeys(one.hint for one in shown):
        if hint:
            render.hint(hint)


def listed(names: Sequence[str]) -> str:
    """The first names in a sentence, with the number of all: `12 experiments: a, b, … and 2 more`."""
    if len(names) == 1:
        return names[0]
    return f"{len(names):,} experiments: {shorten(names, _SHOWN)}"


def one_or_many(names: Sequence[str]) -> str:
    """The name of a single experiment, or the number of several: enough for experiments without change."""
    if len(names) == 1:
        return names[0]
    return f"{len(names):,} experiments"
