"""What reaches the screen: the one user of rich, and the one place that knows the terminal.

stdout is the answer, stderr is for people. Text is printed as text, never as markup; everything that
came from outside goes through `values.clean` on its way here.
"""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from typing import IO, Any

from rich.cells import cell_len
from rich.console import Console
from rich.style import Style

from gitexp import errors
from gitexp.cli.values import clean
from gitexp.files import jsonable

Piece = tuple[str, str]


def cell_width(text: str) -> int:
    """Return how many cells of a terminal a text takes."""
    return len(text) if text.isascii() else cell_len(text)


@cache
def console(stderr: bool = False) -> Console:
    """Return rich's view of stdout or stderr: whether it is a terminal, and its colours."""
    return Console(stderr=stderr, markup=False, highlight=False, emoji=False, soft_wrap=True)


def width() -> int | None:
    """Return the width to fit, or None where output is not cut: a pipe or a file."""
    return console().width if console().is_terminal else None


def colors() -> bool:
    """Return whether stdout takes colours (a terminal, and NO_COLOR is not set)."""
    return console().is_terminal and not console().no_color


def styled(text: str, style: str, *, stderr: bool = False) -> str:
    """Return text with the escape codes of a style, where the stream takes colours."""
    if not style or not text:
        return text
    target = console(stderr)
    if not target.is_terminal or target.no_color:
        return text
    return _style(style).render(text, color_system=target._color_system)


@cache
def _style(name: str) -> Style:
    return Style.parse(name)


def answer(lines: Iterable[str | Sequence[Piece]], *, page: bool = False) -> None:
    """Print the answer to stdout; with `page`, through the pager if it is longer than the terminal."""
    text = "".join(
        (line if isinstance(line, str) else "".join(styled(*piece) for piece in line)) + "\n"
        for line in lines
    )
    if page and console().is_terminal and text.count("\n") >= console().height:
        _page(text)
    else:
        write(text)


def write(text: str) -> None:
    """Write text to stdout as it is; what the stream's encoding has not is written out."""
    try:
        sys.stdout.write(text)
    except UnicodeEncodeError:
        encoding = sys.stdout.encoding or "ascii"
        sys.stdout.write(text.encode(encoding, "backslashreplace").decode(encoding))
    sys.stdout.flush()


def write_bytes(chunks: Iterable[bytes]) -> None:
    """Write bytes to stdout as they are."""
    sys.stdout.flush()
    for chunk in chunks:
        sys.stdout.buffer.write(chunk)
    sys.stdout.buffer.flush()


def as_json(value: Any) -> None:
    """Print one JSON document, ASCII only: names and messages in it cannot steer a terminal."""
    write(json.dumps(jsonable(value), indent=2) + "\n")


def as_json_list(items: Iterable[Any]) -> None:
    """Print a JSON list, one object a line; the list may be long, so it is not held in memory."""

    def chunks() -> Iterator[str]:
        before = "["
        for item in items:
            yield before + "\n" + _dumps(item)
            before = ","
        yield "[]\n" if before == "[" else "\n]\n"

    for chunk in chunks():
        sys.stdout.write(chunk)
    sys.stdout.flush()


def _dumps(item: Any) -> str:
    try:
        return json.dumps(item, allow_nan=False)
    except ValueError:
        return json.dumps(jsonable(item))


def say(text: str, style: str = "") -> None:
    """Tell the person something on stderr."""
    _tell(styled(clean(text), style, stderr=True))


def warn(text: str) -> None:
    """Tell the person on stderr of something that they may not expect."""
    _tell(styled("warning: ", "yellow", stderr=True) + clean(text))


def fail(error: errors.GitexpError) -> None:
    """Say on stderr what is wrong, and what to do about it."""
    _tell(styled("error: ", "bold red", stderr=True) + clean(error.message))
    if error.hint:
        hint(error.hint)


def hint(text: str) -> None:
    """Tell the person on stderr what to do next."""
    _tell(styled("hint: ", "cyan", stderr=True) + clean(text))


def _tell(line: str) -> None:
    encoding = sys.stderr.encoding or "ascii"
    sys.stderr.write(line.encode(encoding, "backslashreplace").decode(encoding) + "\n")
    sys.stderr.flush()


def _page(text: str) -> None:
    command = next(
        (os.environ[n] for n in ("GITEXP_PAGER", "GIT_PAGER", "PAGER") if os.environ.get(n)), "less"
    )
    arguments = shlex.split(command)
    if arguments == ["cat"] or not arguments or shutil.which(arguments[0]) is None:
        return write(text)
    environment = {"LESS": "FRSX", **os.environ}
    process = subprocess.Popen(arguments, stdin=subprocess.PIPE, env=environment)
    assert process.stdin is not None
    feed: IO[bytes] = process.stdin
    try:
        feed.write(text.encode("utf-8", "backslashreplace"))
        feed.close()
    except BrokenPipeError:
        pass  # the person has seen enough
    process.wait()
    return None
