"""`gitexp diff`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from itertools import chain
from typing import Annotated

import typer

from gitexp import errors
from gitexp.catalog.lookup import Point
from gitexp.catalog.query import Query
from gitexp.catalog.value_pairs import change_of
from gitexp.cli.kit import options
from gitexp.cli.kit.help import again, registration
from gitexp.cli.kit.output import printable_patch
from gitexp.cli.kit.query_options import PLAIN, with_query
from gitexp.cli.kit.session import open_project
from gitexp.cli.kit.single_replicates import means_of
from gitexp.cli.kit.terminal import render
from gitexp.cli.kit.terminal.render import Piece
from gitexp.cli.kit.terminal.sections import Cells, side_by_side
from gitexp.model import MISSING, Artifact, Change, is_touched
from gitexp.project.project import Project
from gitexp.repo.known_records import KnownRecords
from gitexp.views import diff as ops
from gitexp.views import diff_json, markup
from gitexp.views.best import best, best_of
from gitexp.views.data_diff import DataChange
from gitexp.views.diff import Diff, FileChange
from gitexp.views.markup import BestText, TableFormat
from gitexp.views.uncertainty import LEGEND, MARK
from gitexp.words import PRECISION, clean, content, shorten, show_value

EPILOG = """Examples:
gitexp diff exp-333c9 exp-55e90
gitexp diff exp-333c9 --code    (against its baseline, with the patch)
gitexp diff                     (HEAD against the workspace)
gitexp diff exp-333c9 exp-55e90 --group replicates    (means)
gitexp diff --best acc          (the best experiment against its baseline)
gitexp diff main --best val_loss --filter "'paper' in tags"
"""

_ADDED, _DELETED = "green", "red"
_BEST = "bold green"  # the better one of two values
_LARGE = 10  # times as much: a factor reads better than percents
_CSV_HEADS = ("part", "key", "old", "new", "change", "percent")
_MOST_FILES = 20  # of a folder of data that are named; --json names them all
_DIGITS = 7  # of a hash, as Git shows ids

PointA = Annotated[str | None, options.argument("[A]", "Experiment, Git revision or 'workspace'.", "points")]
PointB = Annotated[str | None, options.argument("[B]", "The same, to compare with.", "points")]
Best = Annotated[
    str | None,
    options.option(metavar="METRIC", help="Compare the best experiment by this metric.", by="metrics"),
]
ExitCode = Annotated[
    bool, typer.Option("--exit-code", help="Exit with 1 if anything differs, as git diff does.")
]
Section = tuple[str, list[str], list[Cells]]  # title, heads, rows


@with_query
def diff(
    ctx: typer.Context,
    a: PointA = None,
    b: PointB = None,
    best: Best = None,
    lowest: options.Lowest = False,
    highest: options.Highest = False,
    query: Query = PLAIN,
    group: options.OfReplicates = "",
    each: options.Each = False,
    code: Annotated[bool, typer.Option("--code", help="Add the patch of the code.")] = False,
    form: options.AsTable = None,
    exit_code: ExitCode = False,
    reveal: options.Reveal = False,
    quiet: options.Quiet = False,
    json: options.Json = False,
) -> None:
    """Compare params, metrics, code, data, command and environment.

    One argument: an experiment with its baseline, a revision with the workspace. None: HEAD with the
    workspace. With --best: the best experiment with its baseline or with A; --min, --filter and -A choose it
    like those of gitexp best. With --group replicates, the metrics of a side are the means of its replicates.

    Where the project has replicates, a change of a metric that is no larger than their noise has the mark ≈.
    """
    options.only_one(json=json, format=form is not None)
    if code:
        _require_room_for_patch(form)
    low = options.best_is_lowest(lowest, highest)
    project = open_project(quiet=quiet, reveal=reveal)
    project.store.remember(KnownRecords())  # what is read of all experiments is asked for several times
    if best is not None:
        query = query._replace(replicates=options.replicates(group, each=each))
        a, b = _with_best(project, best, query, low, a, b, partial(again, ctx))
    elif low is not None or each or query != PLAIN:
        raise errors.UsageError(
            "Options that choose the best experiment go with --best.",
            f"Such as: {again(ctx, '--best', 'acc')}",
        )
    old, new = ops.points(project, a, b)
    if group:
        old, new = ops.with_replicates(project, old), ops.with_replicates(project, new)
    render.warn_all([*old.complaints, *new.complaints, *_of_touched(old, new)])
    found = ops.with_distances(project, ops.diff(project, old, new), means=bool(group))
    _print(project, found, form, code=code, json=json)
    if not (json or form or quiet):
        _say_remarks(found, old.label, new.label)
        if not (group or best):
            _say_means(project, old, new, partial(again, ctx))
    if exit_code and found:
        raise typer.Exit(1)


register = registration(diff, EPILOG)


def _of_touched(*points: Point) -> Iterator[str]:
    """A warning for each side that has changed protected files."""
    for point in points:
        if point.experiment is not None and is_touched(point.experiment):
            yield f"{point.label} has changed protected files: {shorten(point.experiment.record.touched)}"


def _require_room_for_patch(form: TableFormat | None) -> None:
    """Raise UsageError for a form that has no place for the patch of --code."""
    if form is not None and not markup.has_patches(form):
        known = " or ".join(each for each in TableFormat if markup.has_patches(each))
        raise errors.UsageError(
            "--code prints a patch, and no table.", f"With --code: --format {known}, or none."
        )


def _say_remarks(found: Diff, old: str, new: str) -> None:
    """Explain the mark of noise, and say so if nothing differs between two labels."""
    if ops.has_noise(found):
        render.say(LEGEND, "dim")
    if not found:
        render.say(f"Nothing differs between {old} and {new}.", "dim")


def _say_means(project: Project, old: Point, new: Point, hint: Callable[..., str]) -> None:
    """Say how to compare means, if a side has replicates."""
    line = means_of(project, (old, new), hint)
    if line:
        render.say(line, "dim")


def _print(project: Project, found: Diff, form: TableFormat | None, *, code: bool, json: bool) -> None:
    """Print the comparison; with `code`, the patch of the code too."""
    colors = render.colors() and not (json or form)
    patch = None
    if code:
        patch = ops.patch(project, found, color=colors)
    if json:
        render.as_json(diff_json.as_json(found, patch))
    elif form is not None:
        render.answer(written(form, found, patch or b""))
    else:
        render.answer(lines(found, patch or b"", width=render.width(), colors=colors))


def _with_best(
    project: Project,
    metric: str,
    query: Query,
    lowest: bool | None,
    a: str | None,
    b: str | None,
    again: Callable[..., str],
) -> tuple[str, str | None]:
    """The two sides of a comparison with the best experiment; the other side is `a`, if given."""
    if b is not None:
        raise errors.UsageError("--best takes one side of the comparison.", "Give one other at most.")
    name = best(project, metric, query, lowest, again).name
    if a is None:
        return name, None
    return a, name


def lines(diff: Diff, patch: bytes, *, width: int | None, colors: bool) -> list[list[Piece]]:
    """The comparison for a terminal of `width` cells, without empty sections."""
    out: list[list[Piece]] = []
    for title, heads, rows in _sections(diff):
        out += [[], *side_by_side([title, *heads[1:]], rows, width)]
    if patch:
        out.append([])
        for line in printable_patch(patch, colors=colors):
            out.append([(line, "")])
    return out[1:]


def written(form: TableFormat, diff: Diff, patch: bytes) -> list[str]:
    """The comparison in tables under headings; for CSV one table, with the part in the first column."""
    if form is TableFormat.CSV:
        return _as_csv(diff)
    language = markup.LANGUAGES[form]
    out: list[str] = []
    for title, heads, rows in _sections(diff):
        texts = list(map(_texts, rows))
        out += [language.heading(title), "", *markup.table(form, heads, texts), ""]
    if ops.has_noise(diff):
        out += [language.text(LEGEND), ""]
    if patch and language.patch is not None:
        out += [*language.patch(printable_patch(patch, colors=False)), ""]
    return out[:-1]


def _as_csv(diff: Diff) -> list[str]:
    """The comparison as CSV, with the part in the first column."""
    every = []
    for title, _, rows in _sections(diff, for_people=False):
        for row in rows:
            cells = [title.lower(), *_texts(row), "", ""]
            every.append(cells[: len(_CSV_HEADS)])
    return markup.table(TableFormat.CSV, _CSV_HEADS, every)


def _texts(cells: Cells) -> list[str]:
    """The texts of a row, with a mark for the better value."""
    found = list[str]()
    for text, style in cells:
        if style == _BEST:
            found.append(BestText(text))
        else:
            found.append(text)
    return found


def _sections(diff: Diff, *, for_people: bool = True) -> Iterable[Section]:
    """The parts with a difference.

    For programs, the change of a metric is always in percent, and a metric that was both written into a file
    and logged is there twice.
    """
    metrics = diff.told_metrics if for_people else diff.metrics
    old, new = clean(diff.old.label), clean(diff.new.label)
    if diff.params:
        yield "Params", ["Key", old, new], list(map(_values, diff.params))
    if metrics:
        yield (
            "Metrics",
            ["Key", old, new, "Change", ""],
            [_metric(change, diff, for_people) for change in metrics],
        )
    if diff.code:
        yield "Code", ["File", "Added", "Deleted"], list(map(_file, diff.code))
    if diff.results:
        yield "Results", ["File", "Added", "Deleted"], list(map(_file, diff.results))
    if diff.other_projects:
        yield "Other projects", ["File", "Added", "Deleted"], list(map(_file, diff.other_projects))
    if diff.data:
        yield "Data", ["File", old, new], list(chain.from_iterable(map(_data, diff.data)))
    if diff.command:
        yield "Command", ["", old, new], [_values(diff.command)]
    if diff.environment:
        yield "Environment", ["Package", old, new], list(map(_values, diff.environment))


def _values(change: Change, precision: int | None = None) -> Cells:
    old = show_value(change.old, precision, longest=None)
    new = show_value(change.new, precision, longest=None)
    if old == new and change.old != change.new:  # the difference lies behind the digits shown, or in the type
        old, new = repr(change.old), repr(change.new)
    return [(clean(change.key), ""), (clean(old), _DELETED), (clean(new), _ADDED)]


def _metric(change: Change, diff: Diff, for_people: bool) -> Cells:
    difference, percent = change_of(change)
    by = share = ""
    if difference is not None:
        by = _signed(difference, show_value(difference, PRECISION))
    if percent is not None and for_people:
        share = share_text(change.old, change.new, percent)
    elif percent is not None:
        share = _signed(percent, f"{percent:.3g} %")
    key, *sides = _values(change, PRECISION)
    distance = diff.distances.get(change.key)
    if distance is not None and distance.is_inside:
        sides = [(text, "") for text, _ in sides]  # neither is better
        if for_people:
            by = f"{by} {MARK}"
        return [key, *sides, (by, "dim"), (share, "dim")]
    best = best_of(change.key, (change.old, change.new), diff.directions)
    for at, value in enumerate((change.old, change.new)):
        if best is not MISSING and value == best:
            sides[at] = (sides[at][0], _BEST)
    return [key, *sides, (by, ""), (share, "dim")]


def share_text(old: float, new: float, percent: float) -> str:
    """The change of a number in percent, or as a factor if the percentage says little: `+11.1 %`, `x20`."""
    same_sign = new != 0 and (old > 0) == (new > 0)
    if same_sign and abs(new) >= _LARGE * abs(old):
        return f"x{_few_digits(new / old)}"
    if same_sign and abs(old) >= 100 * abs(new):
        return f"/{_few_digits(old / new)}"
    if abs(percent) >= 100 * _LARGE:
        return ""  # from one sign to the other: no factor either
    return _signed(percent, f"{_few_digits(percent)} %")


def _few_digits(number: float) -> str:
    """Three significant digits, without an exponent below a million."""
    if 1000 <= abs(number) < 1e6:
        return f"{float(f'{number:.3g}'):,.0f}"
    return f"{number:.3g}"


def _signed(number: float, text: str) -> str:
    if number > 0:
        return f"+{text}"
    return text


def _file(file: FileChange) -> Cells:
    name = clean(file.path)
    if file.renamed_from:
        name = clean(f"{file.renamed_from} -> {file.path}")
    if file.added is None or file.deleted is None:
        return [(name, ""), ("binary", ""), ("", "")]
    return [(name, ""), (f"+{file.added}", _ADDED), (f"-{file.deleted}", _DELETED)]


def _data(change: DataChange) -> Iterable[Cells]:
    """A row for the artifact, and below it a row for each of the first files that differ."""
    yield [(clean(change.path), ""), (_content(change.old), _DELETED), (_content(change.new), _ADDED)]
    if change.files is None:
        return
    files, told = change.files, []
    for mark, style, paths in (
        ("+", _ADDED, files.new),
        ("~", "", files.changed),
        ("-", _DELETED, files.gone),
    ):
        for path in paths:
            told.append((f"{mark} {clean(path)}", style))
    for text, style in told[:_MOST_FILES]:
        yield [(f"  {text}", style), ("", ""), ("", "")]
    if len(told) > _MOST_FILES:
        yield [(f"  … of {change.files.text}", "dim"), ("", ""), ("", "")]


def _content(artifact: Artifact | None) -> str:
    if artifact is None:
        return "-"
    return f"{content(artifact)} ({artifact.hash[:_DIGITS]})"
