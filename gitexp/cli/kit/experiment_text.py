"""Single experiments as a person reads them: facts, then small tables."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from gitexp.catalog import certificates
from gitexp.catalog.certificates import Certificate
from gitexp.catalog.fields import FACTS
from gitexp.catalog.rows import echoes
from gitexp.catalog.value_pairs import differs
from gitexp.cli.kit.alert_text import alert_lines
from gitexp.cli.kit.series_text import series_lines
from gitexp.cli.kit.summary import outcome
from gitexp.cli.kit.terminal.render import Piece, cell_width
from gitexp.cli.kit.terminal.sections import Cells, side_by_side
from gitexp.files import is_number
from gitexp.model import MISSING, Change, Mean, Status
from gitexp.times import show_duration, show_moment
from gitexp.views.alert_list import of
from gitexp.views.details import Details
from gitexp.words import clean, content, human_size, shorten, show_value

_MOST_ARTIFACTS = 20
_INDENT = 10  # of facts: the longest of their names, and a gap
_STYLE = {Status.DONE: "green", Status.FAILED: "red", Status.INTERRUPTED: "yellow", Status.RUNNING: "cyan"}

Line = list[Piece]


def lines(found: Sequence[Details], *, width: int | None, precision: int) -> list[Line]:
    """The experiments for a terminal of `width` cells, an empty line between two."""
    out: list[Line] = []
    for each in found:
        out += [[], *_one(each, width, precision)]
    return out[1:]


def _one(found: Details, width: int | None, precision: int) -> Iterator[Line]:
    record = found.record
    yield [
        (clean(found.row.name), "bold"),
        ("  ", ""),
        (clean(outcome(record)), _STYLE.get(record.status, "")),
    ]
    for name, value in _facts(found):
        parts = _wrapped(value, width)
        if name == "Command":
            parts = [clean(value)]  # for copying: the terminal may wrap it
        yield [(name, "dim"), (" " * (_INDENT - len(name)) + parts[0], "")]
        yield from _indented(parts[1:])
    for heads, rows in _sections(found, precision):
        yield []
        yield from side_by_side(heads, rows, width)
    if curves := series_lines(found, width, precision):
        yield []
        yield from curves
    if record.alerts:
        yield []
        yield [("Alerts", "bold")]
        yield from alert_lines([of(found.row.name, said) for said in record.alerts], width, named=False)
    if record.warnings:
        yield []
        yield [("Warnings", "bold")]
        for warning in record.warnings:
            first, *more = _wrapped(warning, width)
            yield [("- ".rjust(_INDENT) + first, "")]
            yield from _indented(more)


def _indented(parts: Iterable[str]) -> Iterator[Line]:
    for part in parts:
        yield [(" " * _INDENT + part, "")]


def _facts(found: Details) -> list[tuple[str, str]]:
    """The facts besides tables by name, in the order of the screen."""
    facts = []
    for fact in FACTS:
        if text := fact.text(found.row):
            facts.append((fact.title, text))
    if members := found.replicates:
        text = f"one of {len(members)} replicates: {shorten(members)}. The means: gitexp show"
        facts.append(("Group", text))
    return facts


def _wrapped(text: str, width: int | None) -> list[str]:
    """A text in lines that fit beside the names of facts. The lines of the text itself are kept."""
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
    """The heads and rows of each table with content."""
    if found.params:
        heads = ["Params", "", f"Baseline {found.baseline.label}"]
        yield heads, [_param(pair, found) for pair in found.params]
    metrics, stages, data = list[Cells](), list[Cells](), list[Cells]()
    of_run = found.row.metrics
    twice = echoes(of_run.keys(), [of_run])  # a metric of a file that was logged as well
    for key, value in of_run.items():
        if key in twice:
            continue
        row = _row(key, show_value(value, precision))
        if found.means:
            mean, text = found.means.get(key), ""
            if isinstance(mean, Mean):
                text = show_value(mean, precision)
            row.append((text, ""))
        metrics.append(row)
    for name, told in found.record.stages.items():
        stages.append(_row(name, _stage(told)))
    for artifact in found.data:
        data.append(_row(artifact.path, f"{content(artifact)} ({artifact.hash[:7]})"))
    certified = [_row(one.grade, _certificate(one)) for one in certificates.of(found.record)]
    sections = (
        *(("Metrics", metrics), ("Stages", stages), ("Data", data), ("Artifacts", _artifacts(found))),
        ("Certificates", certified),
    )
    for title, rows in sections:
        heads = [title, ""]
        if max(map(len, rows), default=0) > 2:
            heads.append("Mean of replicates")
        if rows:
            yield heads, rows


def _certificate(one: Certificate) -> str:
    """The person, place, time and run of a reproduction. Records may be anybody's."""
    how = "present"
    if one.environment == "built":
        how = "built"
    moment = show_moment(one.time)
    return clean(f"by {one.by or '?'} on {one.host or '?'}, {moment}, {how} environment, {one.experiment}")


def _artifacts(found: Details) -> list[Cells]:
    """The first artifacts: a run may log thousands of figures."""
    rows = [_row(each.name, human_size(each.size)) for each in found.artifacts[:_MOST_ARTIFACTS]]
    if more := len(found.artifacts) - len(rows):
        rows.append(_row(f"… and {more:,} more", f"gitexp artifacts {found.row.name}"))
    return rows


def _row(name: str, text: str) -> Cells:
    return [(clean(name), ""), (text, "")]


def _param(pair: Change, found: Details) -> Cells:
    """A param. A param that differs has the baseline's value beside its own."""
    if not found.baseline.params or not differs(pair):
        return [(clean(pair.key), ""), (show_value(pair.new, longest=None), ""), ("", "")]
    old, new = show_value(pair.old, longest=None), show_value(pair.new, longest=None)
    if old == new:  # the type differs
        old, new = clean(repr(pair.old)), clean(repr(pair.new))
    style = "dim" if pair.old is MISSING else "red"
    return [(clean(pair.key), "bold"), (new, "green"), (old, style)]


def _stage(told: Mapping[str, Any]) -> str:
    """The outcome of a stage in words. Records may have values of any type."""
    text = str(told.get("state"))
    if source := told.get("source"):
        text += f" from {source}"
    if is_number(seconds := told.get("seconds")):
        text += f" in {show_duration(seconds)}"
    reasons = told.get("reasons")
    why = told.get("error")
    if not why and isinstance(reasons, list):
        why = ", ".join(map(str, reasons))
    if why:
        text += f": {why}"
    return clean(text)


def complaints(found: Iterable[Details]) -> list[str]:
    """The complaints about unreadable data, each once."""
    texts: dict[str, None] = {}
    for each in found:
        texts.update(dict.fromkeys(each.complaints))
    return list(texts)
