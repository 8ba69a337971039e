"""The answer of `why` as texts and for a program."""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterator, Sequence
from typing import Any

from gitexp.extras.inference import verdict
from gitexp.extras.inference.attribution import Attribution, UnitFinding
from gitexp.extras.inference.comparison import GroupComparison
from gitexp.extras.inference.question import Question
from gitexp.extras.inference.units import HunkUnit, with_hunks
from gitexp.extras.inference.verdict import Verdict
from gitexp.extras.inference.why import RestEffect, WhyAnswer
from gitexp.times import show_duration
from gitexp.views import markup
from gitexp.views.markup import TableFormat
from gitexp.words import clean, counted, shorten

HEADS = ("unit", "effect on first", "effect on second", "finding")
_CSV_HEADS = (
    "unit",
    *("effect on first", "low on first", "high on first"),
    *("effect on second", "low on second", "high on second"),
    "finding",
)
_REST = "what cannot be tried"
_MOST_LEFT = 6  # labels of what cannot be tried


def question_lines(question: Question, jobs: int) -> list[str]:
    """The question for people: the differences, and the number of runs for an answer."""
    first, second = clean(question.first.name), clean(question.second.name)
    least, most = question.runs
    line = f"{counted(len(question.units), 'unit')} from {first} to {second}"
    if not question.units:
        line = f"Nothing that can be tried differs between {first} and {second}"
    if most:
        runs = f"{most:,}"
        if least != most:
            runs = f"{least:,} to {most:,}"
        line += f"; about {runs} runs"
        if question.seconds is not None:
            line += f", {show_duration(most * question.seconds / max(jobs, 1))} at most"
    found = [f"{line}.", *(f"  {unit.label}" for unit in question.units)]
    if question.seeds:
        found.append(
            f"Each of the hybrids is run with {counted(len(question.seeds), 'seed')} that both have."
        )
    if question.left:
        found.append(f"Differs too, and cannot be tried: {shorten(question.left, _MOST_LEFT)}.")
    return found


def tables(found: WhyAnswer) -> Iterator[list[tuple[str, ...]]]:
    """The table of the units, and the table of a guilty file's hunks; each with its heads."""
    labels = [unit.label for unit in found.question.units]
    if found.attribution is not None or found.rest is not None:
        rows: list[tuple[str, ...]] = [HEADS]
        if found.attribution is not None:
            rows += _rows(labels, found.attribution)
        if found.rest is not None:
            rest = found.rest
            rows.append((_REST, _told(rest.on_first), _told(rest.on_second), str(rest.finding)))
        yield rows
    if found.of_hunks is not None:
        yield [HEADS, *_rows([hunk.label for hunk in found.hunks], found.of_hunks)]


def interactions(found: WhyAnswer) -> Iterator[str]:
    """A line for each of the largest interactions."""
    if found.attribution is None:
        return
    for one in found.attribution.interactions[:3]:
        names = " and ".join(found.question.units[unit].label for unit in one.units)
        yield f"together, beyond their sum: {names}: {one.effect:+.3g}"


def written(form: TableFormat, found: WhyAnswer) -> Iterator[str]:
    """The tables of the answer, as CSV in full; with the sentence and the guilty hunk, if there is room."""
    if form is TableFormat.CSV:
        yield from markup.table(form, _CSV_HEADS, _in_full(found))
        return
    language = markup.LANGUAGES[form]
    if language.patch is None:
        for rows in tables(found):
            yield from markup.table(form, rows[0], rows[1:])
        return
    yield language.text(f"{sentence(found)}.")
    for rows in tables(found):
        yield ""
        yield from markup.table(form, rows[0], rows[1:])
    if lines := patch_lines(found):
        yield from ("", *language.patch(lines))
    for line in (*interactions(found), found.stopped):
        if line:
            yield ""
            yield language.text(line)


def _in_full(found: WhyAnswer) -> Iterator[list[Any]]:
    """A row of numbers for each unit, for each hunk of a guilty file, and for the rest."""
    labels = [unit.label for unit in found.question.units]
    lines = [*_effects(labels, found.attribution)]
    lines += _effects([hunk.label for hunk in found.hunks], found.of_hunks)
    if (rest := _rest(found.rest)) is not None:
        lines.append({"unit": _REST, **rest})
    for line in lines:
        cells = [line["unit"]]
        for side in ("on_first", "on_second"):
            numbers = line[side] or {}
            cells += [numbers.get(name) for name in ("effect", "low", "high")]
        yield [*cells, str(line["finding"])]


def sentence(found: WhyAnswer) -> str:
    """The answer in one sentence."""
    question = found.question
    told = verdict.sentence(found.judgement)
    if found.judgement.verdict is Verdict.NO_TELLING:
        return f"{told}: there is nothing to explain"
    left = shorten(question.left, _MOST_LEFT)
    if not question.units:
        told += "; nothing that differs can be tried alone"
        return f"{told}: {left}" if question.left else told
    if len(question.units) == 1 and not question.left:
        return f"{told}; {question.units[0].label} is all that differs"
    if found.rest is not None and found.rest.finding == UnitFinding.MAKES_IT:
        return f"{told}; what can be tried does not make it, which leaves {left}"
    if found.attribution is None:
        return f"{told}; why is not known yet"
    told += _because(found, found.attribution)
    if found.rest is not None and found.rest.finding == UnitFinding.PART:
        return f"{told}; a part of it is made by what cannot be tried: {left}"
    return told


def _because(found: WhyAnswer, attribution: Attribution) -> str:
    """The cause of the difference: the second part of the sentence."""
    guilty = [found.question.units[number].label for number in sorted(attribution.guilty)]
    if not guilty:
        return "; no unit alone makes it"
    hunks = [hunk.label for hunk in guilty_hunks(found)]
    words = " and ".join(hunks or guilty)
    if len(hunks or guilty) > 1:
        return f", because of {words} together"
    (number,) = attribution.guilty
    if attribution.effects[number].finding is UnitFinding.TOGETHER:
        return f"; it takes {words}, which does nothing without the others"
    return f", because of {words}"


def guilty_hunks(found: WhyAnswer) -> list[HunkUnit]:
    """The hunks behind the difference; [] without a single guilty file."""
    if found.of_hunks is not None:
        return [found.hunks[number] for number in sorted(found.of_hunks.guilty)]
    if len(found.hunks) == 1:
        return list(found.hunks)
    return []


def patch_lines(found: WhyAnswer) -> list[str]:
    """The guilty hunks as a patch."""
    lines = list[str]()
    for hunk in guilty_hunks(found):
        path = hunk.label.rpartition(":")[0]
        before = hunk.before.decode("utf-8", "replace").splitlines()
        after = with_hunks(hunk.before, [hunk.hunk]).decode("utf-8", "replace").splitlines()
        for line in difflib.unified_diff(before, after, f"a/{path}", f"b/{path}", lineterm=""):
            lines.append(clean(line))
    return lines


def _rows(labels: Sequence[str], found: Attribution) -> list[tuple[str, ...]]:
    rows = list[tuple[str, ...]]()
    for effect in found.effects:
        cells = (labels[effect.unit], _told(effect.on_first), _told(effect.on_second), str(effect.finding))
        rows.append(cells)
    return rows


def _told(found: GroupComparison | None) -> str:
    return "-" if found is None else verdict.signed(found)


def question_json(question: Question) -> dict[str, Any]:
    """The question for a program."""
    least, most = question.runs
    return {
        "first": question.first.name,
        "second": question.second.name,
        "metric": question.metric,
        "units": [unit.label for unit in question.units],
        "not_tried": list(question.left),
        "seeds": list(question.seeds),
        "runs": {"least": least, "most": most},
    }


def as_json(found: WhyAnswer) -> dict[str, Any]:
    """The answer for a program."""
    labels = [unit.label for unit in found.question.units]
    document = {
        **question_json(found.question),
        "judgement": verdict.as_json(found.judgement),
        "effects": _effects(labels, found.attribution),
        "rest": _rest(found.rest),
        "hunks": _effects([hunk.label for hunk in found.hunks], found.of_hunks),
        "patch": "\n".join(patch_lines(found)),
        "experiments": [],
        "begun": found.begun,
        "stopped": found.stopped or None,
        "sentence": sentence(found),
    }
    for hybrid, name in found.experiments.items():
        document["experiments"].append({"name": name, "units": [labels[unit] for unit in sorted(hybrid)]})
    return document


def _rest(found: RestEffect | None) -> dict[str, Any] | None:
    if found is None:
        return None
    return {
        "finding": found.finding,
        "on_first": _numbers(found.on_first),
        "on_second": _numbers(found.on_second),
    }


def _effects(labels: list[str], found: Attribution | None) -> list[dict[str, Any]]:
    if found is None:
        return []
    told = []
    for effect in found.effects:
        told.append(
            {
                "unit": labels[effect.unit],
                "finding": effect.finding,
                "guilty": effect.unit in found.guilty,
                "on_first": _numbers(effect.on_first),
                "on_second": _numbers(effect.on_second),
            }
        )
    return told


def _numbers(found: GroupComparison | None) -> dict[str, float | None] | None:
    if found is None:
        return None
    values = dict[str, float | None]()
    for name, value in (("effect", found.effect), ("low", found.low), ("high", found.high)):
        values[name] = value if math.isfinite(value) else None
    return values
