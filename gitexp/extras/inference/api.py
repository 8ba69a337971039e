"""`gitexp.judge` and `gitexp.why`: verdicts from Python, as data."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from gitexp import errors, plugins
from gitexp.extras.inference import sides, verdict, why_text
from gitexp.extras.inference.known_inquiry import KnownInquiry
from gitexp.extras.inference.question import Question, asked
from gitexp.extras.inference.verdict import Judgement
from gitexp.extras.inference.why import HybridRuns, Inquiry, WhyAnswer
from gitexp.project import directions
from gitexp.project.directions import MAX, MIN
from gitexp.project.engine_choice import EngineChoice, at_a_time
from gitexp.project.project import Project


class WhyResult(NamedTuple):
    """Which change makes a difference.

    Attributes:
        sentence: the answer for a person.
        guilty: what makes the difference, in words; () if that is not known.
        patch: the guilty hunk; "" if the guilty one is no hunk.
        answer: all that is known: the effects, the hybrids, why it was stopped.
    """

    sentence: str
    guilty: Sequence[str]
    patch: str
    answer: WhyAnswer


def judge(
    project: Project, names: Sequence[str], metrics: Sequence[str] = (), *, lowest: bool | None = None
) -> list[Judgement]:
    """The judgement on each further experiment against the first, by each metric.

    Each name stands for the experiment with its replicates. Without metrics all count whose direction is
    known; `lowest` says it for all of them. Raises UsageError for fewer than two names, and the errors of
    `gitexp judge`.
    """
    if len(names) < 2:
        raise errors.UsageError("One alone cannot be judged.", "Name two.")
    evidence = sides.evidence_of(project, names)
    chosen = sides.chosen_metrics(project, evidence, metrics)
    return verdict.judge(evidence, chosen, [_direction(project, metric, lowest) for metric in chosen])


def why(
    project: Project,
    first: str,
    second: str,
    metric: str = "",
    *,
    lowest: bool | None = None,
    jobs: int = 1,
    budget: int = 0,
    minutes: float = 0.0,
    engine: EngineChoice | None = None,
    tell: Callable[[str], None] = lambda text: None,
) -> WhyResult:
    """Which change makes the difference between two experiments: hybrids are run until that is known.

    `budget` and `minutes` limit the new runs, 0 for no limit; `jobs` run at a time; `engine` runs them
    elsewhere. `tell` is told a sentence before each step. Raises the errors of `gitexp why`.
    """
    if engine is not None:
        plugins.load("dispatch", "require_usable")(project, engine)
    runs = HybridRuns(budget, at_a_time(jobs, engine), engine, tell, minutes)
    return result(Inquiry(_question(project, (first, second), metric, lowest), runs).answer())


def known_why(project: Project, names: tuple[str, str], metric: str = "") -> WhyResult | None:
    """The same from the hybrids that `why` has run before; None if it has run none. Nothing is run."""
    found = KnownInquiry(_question(project, names, metric, None))
    return result(found.answer()) if found.has_hybrids() else None


def result(found: WhyAnswer) -> WhyResult:
    """An answer with its words."""
    guilty = [hunk.label for hunk in why_text.guilty_hunks(found)]
    if not guilty and found.attribution is not None:
        guilty = [found.question.units[number].label for number in sorted(found.attribution.guilty)]
    return WhyResult(why_text.sentence(found), guilty, "\n".join(why_text.patch_lines(found)), found)


def _question(project: Project, names: tuple[str, str], metric: str, lowest: bool | None) -> Question:
    evidence = sides.evidence_of(project, names)
    chosen = sides.chosen_metrics(project, evidence, [metric] if metric else ())[0]
    return asked(project, names, chosen, _direction(project, chosen, lowest))


def _direction(project: Project, metric: str, lowest: bool | None) -> str | None:
    if lowest is not None:
        return MIN if lowest else MAX
    return directions.direction(metric, project.config.directions)
