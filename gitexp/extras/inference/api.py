"""`gitexp.judge` and `gitexp.why`: verdicts from Python, as data."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from gitexp import errors, plugins
from gitexp.extras.inference import sides, verdict, why_text
from gitexp.extras.inference.known_inquiry import KnownInquiry
from gitexp.extras.inference.question import Question, asked
from gitexp.extras.inference.verdict import Judgement
from gitexp.extras.inference.why import HybridRuns, Inquiry, WhyAnswer
from gitexp.named_tuple import NamedTuple
from gitexp.project.project import Project
from gitexp.project.sections import directions
from gitexp.project.sections.directions import MAX, MIN
from gitexp.project.sections.engine_choice import EngineChoice, at_a_time


class WhyResult(NamedTuple):
    """Which change makes a difference.

    Attributes:
        sentence: the answer for a person.
        guilty: the labels of the guilty units or hunks; () if unknown.
        patch: the guilty hunk; "" without a guilty hunk.
        answer: the whole answer: the effects, the hybrids, the reason of an early stop.
    """

    sentence: str
    guilty: Sequence[str]
    patch: str
    answer: WhyAnswer


def judge(
    project: Project, names: Sequence[str], metrics: Sequence[str] = (), *, lowest: bool | None = None
) -> list[Judgement]:
    """The judgement on each further experiment against the first, by each metric.

    Each name stands for the experiment with its replicates. Without metrics, all with a known direction
    count; `lowest` sets the direction of all metrics. Raises UsageError for fewer than two names, and the
    errors of `gitexp judge`.
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
    """The change behind the difference between two experiments: hybrids are run until the answer is known.

    `budget` and `minutes` limit the new runs, 0 for no limit. `jobs`: runs at the same time. `engine`: runs
    hybrids elsewhere. `tell`: called with a sentence before each step. Raises the errors of `gitexp why`.
    """
    if engine is not None:
        plugins.load("dispatch", "require_usable")(project, engine)
    runs = HybridRuns(budget, at_a_time(jobs, engine), engine, tell, minutes)
    return result(Inquiry(_question(project, (first, second), metric, lowest), runs).answer())


def known_why(project: Project, names: tuple[str, str], metric: str = "") -> WhyResult | None:
    """The answer of `why` from earlier hybrids alone, without a new run; None without any hybrid."""
    found = KnownInquiry(_question(project, names, metric, None))
    if not found.has_hybrids():
        return None
    return result(found.answer())


def result(found: WhyAnswer) -> WhyResult:
    """An answer with its words."""
    guilty = [hunk.label for hunk in why_text.guilty_hunks(found)]
    if not guilty and found.attribution is not None:
        guilty = [found.question.units[number].label for number in sorted(found.attribution.guilty)]
    return WhyResult(why_text.sentence(found), guilty, "\n".join(why_text.patch_lines(found)), found)


def _question(project: Project, names: tuple[str, str], metric: str, lowest: bool | None) -> Question:
    evidence = sides.evidence_of(project, names)
    wanted = [metric] if metric else []
    chosen = sides.chosen_metrics(project, evidence, wanted)[0]
    return asked(project, names, chosen, _direction(project, chosen, lowest))


def _direction(project: Project, metric: str, lowest: bool | None) -> str | None:
    if lowest is not None:
        return MIN if lowest else MAX
    return directions.direction(metric, project.config.directions)
