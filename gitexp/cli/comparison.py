"""A diff as sections of text, as Markdown, and as JSON."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from gitexp.cli.export import markdown_table
from gitexp.cli.render import Piece, cell_width
from gitexp.cli.values import PRECISION, clean, show_value
from gitexp.model import MISSING, Change
from gitexp.ops.diff import Diff, FileChange, change_of
from gitexp.ops.lookup import Point

_ADDED, _DELETED = "green", "red"

Cells = list[Piece]
Section = tuple[str, list[str], list[Cells]]  # title, heads, rows


def lines(diff: Diff, patch: bytes) -> list[list[Piece]]:
    """Return the comparison for a terminal; an empty section is left out."""
    out: list[list[Piece]] = []
    for title, heads, rows in _sections(diff):
        widths = [
            max(cell_width(row[at][0]) for row in ([(h, "") for h in heads], *rows))
            for at in range(len(heads))
        ]
        out += [[]] if out else []
        out.append(_row([(title if at == 0 else head, "bold") for at, head in enumerate(heads)], widths))
        out += [_row(row, widths) for row in rows]
    if patch:
        out += [[]] if out else []
        out += [[(line, "")] for line in _patch_lines(patch)]
    return out


def markdown(diff: Diff, patch: bytes) -> list[str]:
    """Return the comparison as Markdown tables under headings."""
    out: list[str] = []
    for title, heads, rows in _sections(diff):
        out += [f"### {title}", "", *markdown_table(heads, [[text for text, _ in row] for row in rows]), ""]
    if patch:
        fence = "```"
        while fence in patch.decode("utf-8", "replace"):
            fence += "`"
        out += [f"{fence}diff", *_patch_lines(patch), fence, ""]
    return out[:-1]


def as_json(diff: Diff, patch: bytes | None) -> dict[str, Any]:
    """Return the comparison as `diff --json` has it; a side where a key is missing has no value for it."""
    document: dict[str, Any] = {
        "a": _point(diff.old),
        "b": _point(diff.new),
        "params": [_change(change) for change in diff.params],
        "metrics": [],
        "code": [
            {
                "path": file.path,
                "added": file.added,
                "deleted": file.deleted,
                "renamed_from": file.renamed_from,
            }
            for file in diff.code
        ],
        "environment": [_change(change) for change in diff.environment],
    }
    for change in diff.metrics:
        difference, percent = change_of(change)
        document["metrics"].append({**_change(change), "change": difference, "percent": percent})
    if patch is not None:
        document["patch"] = patch.decode("utf-8", "replace")
    return document


def _point(point: Point) -> dict[str, Any]:
    kind = "workspace" if point.commit is None else "experiment" if point.experiment else "commit"
    return {"kind": kind, "name": point.label, "commit": point.commit}


def _change(change: Change) -> dict[str, Any]:
    sides = {"old": change.old, "new": change.new}
    return {"key": change.key} | {side: value for side, value in sides.items() if value is not MISSING}


def _sections(diff: Diff) -> Iterable[Section]:
    old, new = clean(diff.old.label), clean(diff.new.label)
    if diff.params:
        yield "Params", ["Params", old, new], [_values(change) for change in diff.params]
    if diff.metrics:
        yield "Metrics", ["Metrics", old, new, "Change", ""], [_metric(change) for change in diff.metrics]
    if diff.code:
        yield "Code", ["Code", "Added", "Deleted"], [_file(file) for file in diff.code]
    if diff.environment:
        rows = [_values(change) for change in diff.environment]
        yield "Environment", ["Environment", old, new], rows


def _values(change: Change, show: Callable[[Any], str] = show_value) -> Cells:
    return [(clean(change.key), ""), (show(change.old), _DELETED), (show(change.new), _ADDED)]


def _metric(change: Change) -> Cells:
    difference, percent = change_of(change)
    by = "" if difference is None else _signed(difference, show_value(difference, PRECISION))
    share = "" if percent is None else _signed(percent, f"{percent:.3g} %")
    return [*_values(change, lambda value: show_value(value, PRECISION)), (by, ""), (share, "dim")]


def _signed(number: float, text: str) -> str:
    return f"+{text}" if number > 0 else text


def _file(file: FileChange) -> Cells:
    name = f"{file.renamed_from} -> {file.path}" if file.renamed_from else file.path
    if file.added is None or file.deleted is None:
        return [(clean(name), ""), ("binary", ""), ("", "")]
    return [(clean(name), ""), (f"+{file.added}", _ADDED), (f"-{file.deleted}", _DELETED)]


def _row(cells: Sequence[Piece], widths: Sequence[int]) -> list[Piece]:
    line: list[Piece] = []
    for (text, style), width in zip(cells, widths, strict=True):
        line += [(text, style), (" " * (width - cell_width(text) + 2), "")]
    while line and not line[-1][0].strip():
        line.pop()
    return line


def _patch_lines(patch: bytes) -> list[str]:
    """Return Git's patch without anything that could steer the terminal; its own colours stay."""
    from gitexp.cli.output import printable

    return printable(patch, colors=True)
