"""Command lines of gitexp, run in this process: the start of Python is paid for once."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from gitexp import errors
from gitexp.cli.kit.failures import in_our_words
from gitexp.cli.kit.output import printable
from gitexp.named_tuple import NamedTuple


class CommandAnswer(NamedTuple):
    """The answer of a command line.

    Attributes:
        document: the document of --json on stdout; None for no output.
        said: the lines of stderr for people: warnings, mostly.
    """

    document: Any
    said: Sequence[str]


class CommandLines(NamedTuple):
    """Runs command lines, one after the other.

    Attributes:
        root: the group of all commands.
    """

    root: Any

    def answer(self, words: Sequence[str]) -> CommandAnswer:
        """The answer to a command line, for any exit status; raises GitexpError."""
        with _captured() as (out, said):
            try:
                self.root.main(args=list(words), prog_name="gitexp", standalone_mode=False)
            except errors.GitexpError:
                raise
            except Exception as error:
                raise in_our_words(error) from error
        document, printed = None, _text(out)
        if printed:
            document = json.loads(printed)
        return CommandAnswer(document, _text(said).splitlines())

    def printed_lines(self, output: str) -> list[str]:
        """The lines of a log, without control sequences."""
        return printable(output.encode("utf-8", "replace"), colors=False)


@contextmanager
def _captured() -> Iterator[tuple[io.TextIOWrapper, io.TextIOWrapper]]:
    """Streams in place of stdout and stderr."""
    before = sys.stdout, sys.stderr
    made = io.TextIOWrapper(io.BytesIO(), "utf-8"), io.TextIOWrapper(io.BytesIO(), "utf-8")
    sys.stdout, sys.stderr = made
    try:
        yield made
    finally:
        sys.stdout, sys.stderr = before


def _text(stream: io.TextIOWrapper) -> str:
    stream.flush()
    stream.seek(0)
    return stream.read()
