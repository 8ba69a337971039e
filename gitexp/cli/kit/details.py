"""Single experiments as a person reads them: facts, then small tables."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from gitexp.catalog import sources
from gitexp.catalog.values import differs
from gitexp.cli.kit.render import Piece, cell_width
from gitexp.cli.kit.sections import Cells, side_by_side
from gitexp.cli.kit.summary import outcome
from gitexp.files import is_number
from gitexp.model import MISSING, Change, Status
from gitexp.times import show_duration, show_moment
from gitexp.views.details import Details
from gitexp.words import clean, content, show_value

_INDENT = 10  # of facts: the longest of their names, and a gap
_STYLE = {Status.DONE: "green", Status.FAILED: "red", Status.INTERRUPTED: "yellow", Status.RUNNING: "cyan"}

Line = list[Piece]


def lines(found: Sequence[Details], *, width: int | None, precision: int) -> list[Line]:
    """Return experiments for a terminal of `width` cells, an empty line between two."""
    out: list[Line] = []
    for each in found:
        out += [[]] if out else []
        out += _one(each, width, precision)
    return out


def _one(found: Details, width: int | None, precision: int) -> Iterator[Line]:
    record = found.record
    yield [
        (clean(found.row.name), "bold"),
        ("  ", ""),
        (clean(outcome(record)), _STYLE.get(record.status, "")),
    ]
    for name, value in _facts(found):
        # A command is for copying: it is the terminal's to wrap.
        parts = [clean(value)] if name == "Command" else _wrapped(value, width)
        for at, part in enumerate(parts):
            yield [("" if at else name, "dim"), (" " * (_INDENT - (0 if at else len(name))) + part, "")]
    for heads, rows in _sections(found, precision):
        yield []
        yield from side_by_side(heads, rows, width)
    if record.warnings:
        yield []
        yield [("Warnings", "bold")]
        for warning in record.warnings:
            first, *more = _wrapped(warning, width)
            yield [("- ".rjust(_INDENT) + first, "")]
            yield from ([(" " * _INDENT + part, "")] for part in more)


def _facts(found: Details) -> Iterator[tuple[str, str]]:
    """Yield what there is to say besides tables, in the order of the screen."""
    record, row = found.record, found.row
    if record.created:
        yield "Created", show_moment(record.created)
    if record.user or record.host:
        python = f", Python {record.python}" if record.python else ""
        yield "By", f"{record.user or '?'} on {record.host or '?'}{python}"
    if record.command is not None:
        yield "Command", record.command
    if record.folder:
        yield "Folder", record.folder
    if record.overrides:
        yield "Set", ", ".join(record.overrides)
    origin = record.baseline[:7] if row.parent is None else f"{record.baseline[:7]} [{row.parent.name}]"
    yield "Baseline", f"{origin} on {record.branch}" if record.branch else origin
    yield "Commit", record.commit
    if record.tags:
        yield "Tags", ", ".join(record.tags)
    if record.note:
        yield "Note", record.note
    if row.pushed:
        yield "Pushed", ", ".join(row.pushed)
    if found.row.experiment is not None and not sources.is_own(found.row.experiment):
        yield "Stored by", found.row.experiment.source


def _wrapped(text: str, width: int | None) -> list[str]:
    """Return a text in lines that stand beside the names of facts; where it has lines, these are kept."""
    out: list[str] = []
    for line in text.splitlines() or [""]:
        now = ""
        for word in clean(line).split(" "):
            longer = f"{now} {word}" if now else word
            if now and width is not None and cell_width(longer) > width - _INDENT:
                out.append(now)
                now = word
            else:
                now = longer
        out.append(now)
    return out


def _sections(found: Details, precision: int) -> Iterator[tuple[list[str], list[Cells]]]:
    if params := [_param(pair, found) for pair in found.params]:
        yield ["Params", "", f"Baseline {found.baseline.label}"], params
    if metrics := found.row.metrics:
        yield (
            ["Metrics", ""],
            [[(clean(key), ""), (show_value(value, precision), "")] for key, value in metrics.items()],
        )
    if stages := found.record.stages:
        yield ["Stages", ""], [[(clean(name), ""), (_stage(told), "")] for name, told in stages.items()]
    if found.data:
        yield (
            ["Data", ""],
            [[(clean(each.path), ""), (f"{content(each)} ({each.hash[:7]})", "")] for each in found.data],
        )


def _param(pair: Change, found: Details) -> Cells:
    """Return a param; of one that differs from the baseline, that one's value too."""
    if not found.baseline.params or not differs(pair):
        return [(clean(pair.key), ""), (show_value(pair.new, longest=None), ""), ("", "")]
    old, new = show_value(pair.old, longest=None), show_value(pair.new, longest=None)
    if old == new:  # it is the type that differs
        old, new = clean(repr(pair.old)), clean(repr(pair.new))
    return [(clean(pair.key), "bold"), (new, "green"), (old, "red" if pair.old is not MISSING else "dim")]


def _stage(told: Mapping[str, Any]) -> str:
    """Return what became of a stage; what records say may be of any type."""
    text = str(told.get("state"))
    if source := told.get("source"):
        text += f" from {source}"
    if is_number(seconds := told.get("seconds")):
        text += f" in {show_duration(seconds)}"
    reasons = told.get("reasons")
    why = told.get("error") or (", ".join(map(str, reasons)) if isinstance(reasons, list) else "")
    return clean(f"{text}: {why}" if why else text)


def complaints(found: Iterable[Details]) -> list[str]:
    """Return what could not be read, each once."""
    return list(dict.fromkeys(text for each in found for text in each.complaints))
