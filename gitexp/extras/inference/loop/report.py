"""What a loop has come to: the best so far after each round, and what each step brought."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from gitexp import errors, files
from gitexp.extras.inference import sides, verdict
from gitexp.extras.inference.loop.state import LoopRound, LoopState, seeing
from gitexp.extras.inference.verdict import Judgement
from gitexp.named_tuple import NamedTuple
from gitexp.project.project import Project
from gitexp.words import counted


class ReportedRound(NamedTuple):
    """A round of a report.

    Attributes:
        round: the round.
        best: the best value after the round; None without any value.
        step: the value minus the best value before the round; None for a round without a number.
    """

    round: LoopRound
    best: float | None
    step: float | None

    @property
    def outcome(self) -> str:
        """The outcome in a word or two."""
        one = self.round
        if one.kept:
            return "kept"
        if one.edit != "ok":
            return one.edit
        if one.kept is None and one.status.ended:
            return "judged next"
        if one.kept is None:
            return str(one.status)
        if one.value is None:
            return "no number"
        return "dropped"

    def as_json(self) -> dict[str, Any]:
        """The round for a program."""
        one = self.round
        return {
            **one.as_json(),
            "outcome": self.outcome,
            "best": self.best,
            "step": self.step,
            "verdict": one.loop.get("verdict"),
            "printed": one.loop.get("printed", ""),
        }


class LoopReport(NamedTuple):
    """A report.

    Attributes:
        state: the state of the loop.
        first: the value of the start; None without a value.
        rounds: the rounds of the loop.
        judgement: the best against the start, with all present runs; None if both are the same.
    """

    state: LoopState
    first: float | None
    rounds: Sequence[ReportedRound]
    judgement: Judgement | None

    def as_json(self) -> dict[str, Any]:
        """The report for a program."""
        state = self.state
        return {
            "loop": state.id,
            "metric": state.metric,
            "direction": state.direction,
            "start": None if state.start is None else state.start.name,
            "first": self.first,
            "best": None if state.best is None else state.best.name,
            "value": self.rounds[-1].best if self.rounds else self.first,
            "runs": state.runs,
            "judgement": None if self.judgement is None else verdict.as_json(self.judgement),
            "rounds": [one.as_json() for one in self.rounds],
        }

    def curve(self) -> list[tuple[float, float]]:
        """The best so far, after each round; round 0 is the start."""
        points = []
        if self.first is not None:
            points.append((0.0, self.first))
        for one in self.rounds:
            if one.best is not None and math.isfinite(one.best):
                points.append((float(one.round.number), one.best))
        return points

    def sentence(self) -> str:
        """The gain of the loop, in a sentence."""
        state = self.state
        kept = sum(bool(one.round.kept) for one in self.rounds)
        told = f"{counted(len(self.rounds), 'round')}, {kept:,} kept, {counted(state.runs, 'run')}"
        if self.judgement is not None:
            return f"{told}: {verdict.sentence(self.judgement)}"
        start = "the start"
        if state.start is not None:
            start = state.start.name
        return f"{told}: nothing better than {start}"


def report(project: Project, state: LoopState) -> LoopReport:
    """The report on a loop."""
    project = seeing(project, state.metric)
    first = _value(project, state)
    found, best = list[ReportedRound](), first
    for one in state.rounds:
        if one.kept:
            best = one.value
        step = None
        if files.is_number(one.loop.get("step")):
            step = float(one.loop["step"])
        found.append(ReportedRound(one, best, step))
    return LoopReport(state, first, found, _judgement(project, state))


def _value(project: Project, state: LoopState) -> float | None:
    """The value of the start, the mean of its runs."""
    if state.start is None:
        return None
    try:
        (side,) = sides.evidence_of(project, [state.start.name]).sides
    except errors.GitexpError:  # it was removed, or has not ended
        return None
    return side.sample(state.metric).mean


def _judgement(project: Project, state: LoopState) -> Judgement | None:
    if state.start is None or state.best is None or state.start.name == state.best.name:
        return None
    try:
        evidence = sides.evidence_of(project, [state.start.name, state.best.name])
        return verdict.judge(evidence, [state.metric], [state.direction])[0]
    except errors.GitexpError:  # one was removed
        return None
