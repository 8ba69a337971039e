"""Verdicts on the points of a comparison, and what `why` has found out: from stored runs, nothing is run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gitexp import errors
from gitexp.catalog.lookup import Point, Workspace
from gitexp.extras.inference import api, why_text
from gitexp.extras.inference.api import WhyResult
from gitexp.project.project import Project
from gitexp.words import clean

Document = dict[str, Any]

_MOST_JUDGED = 20  # points of a comparison
_MOST_SENTENCES = 100
_MOST_ASKED = 4  # points of which it is looked whether `why` was asked
# By the two sides and all runs: which hybrid is which takes some looks into Git.
_answers: dict[tuple[str, ...], Document | None] = {}
_MOST_ANSWERS = 100


def of_points(project: Project, points: Sequence[Point]) -> Document:
    """The sentences of `judge` on each further point, and the answers of `why` that are known."""
    names = [point.label for point in points[:_MOST_JUDGED] if not isinstance(point.side, Workspace)]
    if len(names) < 2 or isinstance(points[0].side, Workspace):
        return {"sentences": [], "answers": []}
    sentences = list[str]()
    try:
        for one in api.judge(project, names):
            sentences.append(one.sentence)
    except errors.GitexpError as error:
        sentences.append(f"No verdicts: {error.message}")
    answers = [_known(project, points[0], other) for other in points[1:_MOST_ASKED]]
    return {"sentences": sentences[:_MOST_SENTENCES], "answers": list(filter(None, answers))}


def _known(project: Project, first: Point, second: Point) -> Document | None:
    """What `why` has found out about two points; None if it was not asked."""
    if first.experiment is None or second.experiment is None:
        return None
    runs = [one.id for one in project.store.readable()]
    key = (first.experiment.id, second.experiment.id, *runs)
    if key not in _answers:
        found = None
        try:
            found = api.known_why(project, (first.label, second.label))
        except errors.GitexpError:
            found = None  # it cannot be asked, so it was not
        while len(_answers) >= _MOST_ANSWERS:
            del _answers[next(iter(_answers))]
        _answers[key] = None if found is None else _document(found)
    return _answers[key]


def _document(found: WhyResult) -> Document:
    tables = []
    for rows in why_text.tables(found.answer):
        tables.append([list(map(clean, row)) for row in rows])
    return {
        "sentence": found.sentence,
        "tables": tables,
        "patch": found.patch,
        "stopped": found.answer.stopped,
    }
