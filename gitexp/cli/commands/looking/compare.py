"""`gitexp compare`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Annotated, Any

import typer

from gitexp.catalog.lookup import Point
from gitexp.catalog.query import Query, matching
from gitexp.catalog.replicates import Replicates, spread_of
from gitexp.cli.kit import options
from gitexp.cli.kit.help import again, registration
from gitexp.cli.kit.query_options import PLAIN, with_query
from gitexp.cli.kit.session import open_project
from gitexp.cli.kit.single_replicates import means_of
from gitexp.cli.kit.terminal import render
from gitexp.cli.kit.terminal.cells import elide, elide_middle
from gitexp.cli.kit.terminal.render import Piece, cell_width
from gitexp.model import MISSING, Experiment, Mean
from gitexp.project.project import Project
from gitexp.repo.known_records import KnownRecords
from gitexp.views import compare as ops
from gitexp.views import markup
from gitexp.views.columns import Columns
from gitexp.views.compare import ComparedKey, ComparedPoints
from gitexp.views.diff import FileChange
from gitexp.views.fit import GAP, blocks, distinct_cuts
from gitexp.views.markup import BestText, TableFormat
from gitexp.views.numbers import column_texts
from gitexp.views.uncertainty import LEGEND, MARK
from gitexp.words import LONGEST, PRECISION, clean, show_value

EPILOG = """Examples:
gitexp compare exp-333c9 exp-55e90 exp-2b728
gitexp compare 'lr-*' --format md
gitexp compare main last @{1} workspace
gitexp compare --filter "acc > 0.9" --sort acc --desc --limit 5
"""

_LONGEST_NAME = 24
_MANY = 6  # experiments: more than are read side by side
_OTHERS = "Other projects"

Words = Annotated[
    list[str] | None,
    options.argument("[POINT]...", "Experiments, commits, branches, the workspace; patterns too.", "points"),
]


@with_query
def compare(
    ctx: typer.Context,
    words: Words = None,
    query: Query = PLAIN,
    limit: options.Limit = None,
    group: options.OfReplicates = "",
    each: options.Each = False,
    sort: options.Sort = None,
    desc: options.Descending = None,
    lowest: options.Lowest = False,
    highest: options.Highest = False,
    columns: options.Only = None,
    hide: options.Hide = None,
    form: options.AsTable = None,
    quiet: options.Quiet = False,
    json: options.Json = False,
) -> None:
    """Compare many experiments side by side: only what differs.

    Params and metrics that differ among them, and the code and results that differ from those of the first.
    Without names: the experiments of HEAD, and replicates as one, by their mean (--each: each by itself);
    --filter, --failed, -A, --limit choose others. Columns are params, metrics and files here; --sort is the
    order of the experiments; with --min or --max the best of its metric comes first. More about two: gitexp
    diff.
    """
    options.only_one(json=json, format=form is not None)
    low = options.best_of(lowest, highest, sort)
    descending = options.is_descending(desc, low)
    query = query._replace(limit=limit)
    options.names_or_query(words, query != PLAIN)
    drawn = options.replicates(group, each=each, otherwise=Replicates.EACH if words else Replicates.REPEATED)
    query = query._replace(replicates=drawn)
    project = open_project(quiet=quiet)
    project.store.remember(KnownRecords())  # what is read of all experiments is asked for several times
    points = words or [one.name for one in matching(project, query)]
    wanted = Columns(tuple(options.split(columns)), tuple(options.split(hide)))
    if sort is not None and low is not None:
        project = project.with_direction(sort, lowest=low)
    found = ops.compare(project, points, wanted, sort, descending=descending, drawn=query.drawn)
    if not (columns or json or form is TableFormat.CSV):
        found = found.without_echoes()
    if json:
        render.as_json(as_json(found))
    elif form is not None:
        render.answer(_written(form, found))
    else:
        render.answer(_lines(found, render.width()))
        if not quiet:
            _remark(project, found, partial(again, ctx), single=bool(words) and not (group or each))
            if sort is None and not hide:
                _say_picture(found, again(ctx, "--kind", "parallel"))


register = registration(compare, EPILOG)


def _remark(project: Project, found: ComparedPoints, again: Callable[..., str], *, single: bool) -> None:
    """Say that nothing differs, and where the means of single replicates are."""
    if not any(items for _, items in _parts(found)):
        render.say("No differences.", "dim")
    if _has_noise(found):
        render.say(_legend(found), "dim")
    if single and (line := means_of(project, found.points, again)):
        render.say(line, "dim")


def _has_noise(found: ComparedPoints) -> bool:
    return any(any(found.are_inside(item)) for item in found.metrics)


def _legend(found: ComparedPoints) -> str:
    return f"{LEGEND[:-1]}; beside {clean(found.points[0].label)}."


def _say_picture(found: ComparedPoints, command: str) -> None:
    """Say where so many experiments are seen at a glance."""
    is_all_experiments = all(isinstance(point.side, Experiment) for point in found.points)
    if len(found.points) >= _MANY and is_all_experiments and found.params and found.metrics:
        render.say(f"As a picture: {command.replace('compare', 'plots', 1)}", "dim")


def as_json(found: ComparedPoints) -> dict[str, Any]:
    """The comparison as `compare --json` has it. A point without a key has no value for the key."""
    labels = [point.label for point in found.points]
    document: dict[str, Any] = {"points": [_point(found, point) for point in found.points]}
    for part, items in _parts(found):
        told = list[dict[str, Any]]()
        for item in items:
            values, spreads = {}, {}
            for label, value in zip(labels, item.values, strict=True):
                if isinstance(value, Mean):
                    spreads[label] = spread_of(value)
                if isinstance(value, FileChange):
                    values[label] = {"added": value.added, "deleted": value.deleted}
                elif value is not MISSING:
                    values[label] = value
            told.append({"key": item.key, "values": values})
            if spreads:
                told[-1]["replicates"] = spreads
            if part == "Metrics" and (noise := _noise_json(found, item)):
                told[-1]["noise"] = noise
        document[part.lower().replace(" ", "_")] = told
    return document


def _noise_json(found: ComparedPoints, item: ComparedKey) -> dict[str, Any]:
    """How sure the differences of a metric from the first point are, by the name of the other point."""
    told = {}
    for point, distance in zip(found.points[1:], found.distances.get(item.key, ()), strict=False):
        if distance.is_inside is not None:
            told[point.label] = distance.as_json()
    return told


def _point(found: ComparedPoints, point: Point) -> dict[str, Any]:
    document: dict[str, Any] = {"name": point.label, "commit": point.commit}
    if members := found.members.get(point.label):
        document["members"] = members
    return document


def _parts(found: ComparedPoints) -> list[tuple[str, Sequence[ComparedKey]]]:
    return [
        ("Params", found.params),
        ("Metrics", found.metrics),
        ("Code", found.code),
        ("Results", found.results),
        (_OTHERS, found.other_projects),
    ]


def _texts(found: ComparedPoints, part: str, item: ComparedKey) -> list[str]:
    """The texts of one key's values, with a mark inside the noise of the first point."""
    if part == "Metrics":
        texts = column_texts(item.values, PRECISION, LONGEST)
        marked = []
        for text, is_inside in zip(texts, found.are_inside(item), strict=True):
            if is_inside:
                text += MARK
            marked.append(text)
        return marked
    return [_text(part, value) for value in item.values]


def _marked(found: ComparedPoints, part: str, item: ComparedKey) -> list[str]:
    """The texts of one key's values, with a mark for the best of a metric."""
    texts = _texts(found, part, item)
    if part != "Metrics":
        return texts
    best = found.best(item)
    if best is MISSING:
        return texts
    marked = []
    for value, text in zip(item.values, texts, strict=True):
        if value == best:
            text = BestText(text)
        marked.append(text)
    return marked


def _text(part: str, value: object) -> str:
    if isinstance(value, FileChange):
        return _file(value)
    if value is MISSING and part in ("Code", "Results", _OTHERS):
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
        keys = [part]
        for item in items:
            keys.append(clean(item.key))
        if width is not None:
            keys = distinct_cuts(keys, max(width // 3, 8), elide_middle)
        columns = _columns(found, part, items, heads)
        sizes = [max(map(cell_width, column)) for column in columns]
        label = max(map(cell_width, keys))
        room = sum(sizes) + GAP * len(sizes)
        if width is not None:
            room = width - label
        for block in blocks(sizes, room):
            if not first:
                yield []
            first = False
            for row, key in enumerate(keys):
                cells = [columns[at][row] for at in block]
                yield _line(key, cells, [sizes[at] for at in block], label, width, is_head=row == 0)


def _columns(
    found: ComparedPoints, part: str, items: Sequence[ComparedKey], heads: Sequence[str]
) -> list[list[str]]:
    """The text of each point's column, its head first; numbers stand at the right edge."""
    columns = [[head] for head in heads]
    for item in items:
        for column, text in zip(columns, _texts(found, part, item), strict=True):
            column.append(text)
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


def _written(form: TableFormat, found: ComparedPoints) -> Iterator[str]:
    """A table for each part; for CSV one table, with the part in the first column."""
    heads = [point.label for point in found.points]
    every = []
    for part, items in _parts(found):
        if form is TableFormat.CSV:
            for item in items:
                every.append([part.lower(), item.key, *_full(item)])
        elif items:
            rows = [[item.key, *_marked(found, part, item)] for item in items]
            yield from markup.table(form, [part, *heads], rows)
            yield ""
    if form is not TableFormat.CSV and _has_noise(found):
        yield markup.in_language(form, _legend(found))
    if form is TableFormat.CSV:
        yield from markup.table(form, ["part", "key", *heads], every)


def _full(item: ComparedKey) -> list[Any]:
    """The values of one key in full."""
    values = []
    for value in item.values:
        if isinstance(value, FileChange):
            value = _file(value)
        values.append(value)
    return values
