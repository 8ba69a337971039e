"""`gitexp compare`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Annotated, Any

import typer

from gitexp.cli.kit import options, render
from gitexp.cli.kit.cells import elide, elide_middle
from gitexp.cli.kit.help import registration
from gitexp.cli.kit.render import Piece, cell_width
from gitexp.cli.kit.session import open_project
from gitexp.model import MISSING
from gitexp.views import compare as ops
from gitexp.views.compare import ComparedKey, ComparedPoints
from gitexp.views.diff import FileChange
from gitexp.views.fit import GAP, blocks, distinct_cuts
from gitexp.views.formats import markdown_table
from gitexp.views.numbers import column_texts
from gitexp.words import LONGEST, PRECISION, clean, show_value

EPILOG = """Examples:
gitexp compare exp-333c9 exp-55e90 exp-2b728
gitexp compare 'lr-*' --md
gitexp compare main last @{1} workspace
"""

_LONGEST_NAME = 24

Words = Annotated[
    list[str],
    options.argument("POINT...", "Experiments, commits, branches, the workspace; patterns too.", "points"),
]
Markdown = Annotated[bool, typer.Option("--md", help="Print Markdown tables.")]


def compare(words: Words, json: options.Json = False, md: Markdown = False) -> None:
    """Compare many experiments side by side: only what differs.

    Params and metrics that differ among them, and the code and results that differ from those of the first.
    More about two: gitexp diff.
    """
    options.only_one(json=json, md=md)
    found = ops.compare(open_project(), words)
    if json:
        render.as_json(as_json(found))
    elif md:
        render.answer(_markdown(found))
    elif not (found.params or found.metrics or found.code or found.results):
        render.say("No differences.", "dim")
    else:
        render.answer(_lines(found, render.width()))


register = registration(compare, EPILOG)


def as_json(found: ComparedPoints) -> dict[str, Any]:
    """The comparison as `compare --json` has it. A point without a key has no value for the key."""
    labels = [point.label for point in found.points]
    document: dict[str, Any] = {
        "points": [{"name": point.label, "commit": point.commit} for point in found.points]
    }
    for part, items in _parts(found):
        told = []
        for item in items:
            values = {}
            for label, value in zip(labels, item.values, strict=True):
                if isinstance(value, FileChange):
                    values[label] = {"added": value.added, "deleted": value.deleted}
                elif value is not MISSING:
                    values[label] = value
            told.append({"key": item.key, "values": values})
        document[part.lower()] = told
    return document


def _parts(found: ComparedPoints) -> list[tuple[str, Sequence[ComparedKey]]]:
    return [
        ("Params", found.params),
        ("Metrics", found.metrics),
        ("Code", found.code),
        ("Results", found.results),
    ]


def _texts(part: str, item: ComparedKey) -> list[str]:
    """The values of one key as text."""
    if part == "Metrics":
        return column_texts(item.values, PRECISION, LONGEST)
    return [_file(value) if isinstance(value, FileChange) else _text(part, value) for value in item.values]


def _text(part: str, value: object) -> str:
    if value is MISSING and part in ("Code", "Results"):
        return "="
    return show_value(value)


def _file(change: FileChange) -> str:
    if change.added is None or change.deleted is None:
        return "binary"
    return f"+{change.added} -{change.deleted}"


def _lines(found: ComparedPoints, width: int | None) -> Iterator[list[Piece]]:
    """The parts below each other; where the points do not fit side by side, in blocks."""
    names = [clean(point.label) for point in found.points]
    heads = distinct_cuts(names, _LONGEST_NAME, elide_middle) if width is not None else names
    first = True
    for part, items in _parts(found):
        if not items:
            continue
        keys = [part, *(clean(item.key) for item in items)]
        if width is not None:
            keys = distinct_cuts(keys, max(width // 3, 8), elide_middle)
        columns = _columns(part, items, heads)
        sizes = [max(map(cell_width, column)) for column in columns]
        label = max(map(cell_width, keys))
        room = sum(sizes) + GAP * len(sizes) if width is None else width - label
        for block in blocks(sizes, room):
            if not first:
                yield []
            first = False
            for row, key in enumerate(keys):
                cells = [columns[at][row] for at in block]
                yield _line(key, cells, [sizes[at] for at in block], label, width, is_head=row == 0)


def _columns(part: str, items: Sequence[ComparedKey], heads: Sequence[str]) -> list[list[str]]:
    """The text of each point's column, its head first; numbers stand at the right edge."""
    by_row = [_texts(part, item) for item in items]
    columns = []
    for at, head in enumerate(heads):
        column = [head, *(texts[at] for texts in by_row)]
        columns.append(column)
    return columns


def _line(
    key: str, cells: Sequence[str], sizes: Sequence[int], label: int, width: int | None, *, is_head: bool
) -> list[Piece]:
    text = key + " " * (label - cell_width(key))
    for cell, size in zip(cells, sizes, strict=True):
        text += " " * GAP + cell + " " * (size - cell_width(cell))
    text = text.rstrip()
    if width is not None:
        text = elide(text, width)
    return [(text, "bold" if is_head else "")]


def _markdown(found: ComparedPoints) -> Iterator[str]:
    heads = [point.label for point in found.points]
    for part, items in _parts(found):
        if items:
            yield from markdown_table([part, *heads], [[item.key, *_texts(part, item)] for item in items])
            yield ""
