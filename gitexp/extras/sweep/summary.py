"""What has come of a sweep: its best trial, the Pareto front, the importance of the params; no I/O."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from gitexp.extras.sweep.definition import SweepDefinition
from gitexp.extras.sweep.trials import PRUNED, Trial, mean_results
from gitexp.model import Experiment, Status
from gitexp.named_tuple import NamedTuple
from gitexp.views.importance import Importance
from gitexp.views.pareto import unbeaten
from gitexp.words import PRECISION, clean, shorten, show_value

_ORDER = (Status.DONE, Status.FAILED, Status.INTERRUPTED, Status.RUNNING, Status.QUEUED)


class Ranked(NamedTuple):
    """A trial that is done, with the number of each objective."""

    trial: Trial
    results: tuple[float, ...]

    @property
    def experiment(self) -> Experiment:
        """The experiment that stands for the trial: of several seeds the one done first, as in the table."""
        return min(self.trial.runs, key=_end)

    @property
    def name(self) -> str:
        """The name of this experiment."""
        return self.experiment.name


def _end(run: Experiment) -> tuple[str, str, str]:
    """The order of the runs' ends."""
    return run.record.finished or run.record.created, run.record.created, run.name


class SweepSummary(NamedTuple):
    """The results of a sweep.

    Attributes:
        counts: the number of trials in each state; removed trials have their own.
        total: the number of trials in all.
        front: the best trial; for several objectives all unbeaten trials, the earliest first.
        importance: the share of each param in the differences of the first objective.
        codes: the number of different codes among the trials.
        by_hand: the trials that were run by hand.
    """

    counts: Mapping[str, int]
    total: int
    front: Sequence[Ranked]
    importance: Importance
    codes: int
    by_hand: Sequence[Trial] = ()


def of_trials(definition: SweepDefinition, trials: Sequence[Trial], importance: Importance) -> SweepSummary:
    """The summary of some trials."""
    states = Counter(trial.state for trial in trials)
    counts = {}
    for state in (*map(str, _ORDER), "removed", PRUNED):
        if states[state]:
            counts[state] = states[state]
    by_hand = [trial for trial in trials if trial.by_hand]
    codes = {trial.code for trial in trials if not trial.by_hand}
    best = front(trials, definition.objectives)
    total = total_of(definition, len(trials))
    return SweepSummary(counts, total, best, importance, len(codes), by_hand)


def total_of(definition: SweepDefinition, trials: int) -> int:
    """The number of trials in all; a search that only its experiments know has as many as there are."""
    if definition.name:
        return definition.total
    return max(definition.total, trials)


def front(trials: Sequence[Trial], objectives: Mapping[str, str]) -> list[Ranked]:
    """The unbeaten trials: for a single objective the best trial, the earliest among equals."""
    ranked = list[Ranked]()
    if objectives:
        for trial in sorted(trials, key=lambda each: each.number):
            results = mean_results(trial, objectives)
            if results is not None:
                ranked.append(Ranked(trial, results))
    places = unbeaten([one.results for one in ranked], list(objectives.values()))
    return [ranked[at] for at in places]


def lines(definition: SweepDefinition, summary: SweepSummary) -> list[str]:
    """The summary for a person."""
    ended = sum(summary.counts.values())
    first = f"{definition.id}: {ended:,} of {summary.total:,} trials"
    if summary.counts:
        first += ": " + ", ".join(f"{count:,} {state}" for state, count in summary.counts.items())
    found = [first]
    if summary.by_hand:
        names = shorten([clean(trial.last.name) for trial in summary.by_hand])
        found.append(f"Run by hand: {names}.")
    if summary.codes > 1:
        found.append(f"The trials are of {summary.codes} versions of the code.")
    title = "best"
    if len(definition.objectives) != 1:
        title = "on the Pareto front"
    for one in summary.front:
        parts = [f"{key} {show_value(value, PRECISION)}" for key, value in _named(definition, one).items()]
        shown = "  ".join([*parts, *_params(definition, one.trial)])
        if (count := len(one.trial.runs)) > 1:
            shown += f"  (mean of {count} seeds)"
        found.append(f"{title}: {one.name}  {shown}")
    shares, remark = summary.importance
    if shares or remark:
        line = ", ".join(f"{key} {share:.0%}" for key, share in shares.items())
        if remark:
            line = f"{line} ({remark})" if line else remark
        found.append(f"importance for {next(iter(definition.objectives))}: {line}")
    return found


def document(definition: SweepDefinition, summary: SweepSummary) -> dict[str, Any]:
    """The summary for a program."""
    best = []
    for one in summary.front:
        best.append(
            {
                "experiment": one.name,
                "trial": None if one.trial.by_hand else one.trial.number,
                "objectives": _named(definition, one),
                "overrides": list(one.trial.last.record.overrides),
            }
        )
    return {
        "sweep": definition.id,
        "method": str(definition.method),
        "objectives": dict(definition.objectives),
        "space": definition.space.typed,
        "total": summary.total,
        "trials": dict(summary.counts),
        "best": best,
        "importance": dict(summary.importance.shares),
        "codes": summary.codes,
    }


def _named(definition: SweepDefinition, one: Ranked) -> dict[str, float]:
    return dict(zip(definition.objectives, one.results, strict=True))


def _params(definition: SweepDefinition, trial: Trial) -> list[str]:
    """The params of a trial, as they would be typed."""
    if not definition.space.has(trial.point):
        return list(trial.last.record.overrides)
    return [f"{axis.key}={text}" for axis, text in zip(definition.space.axes, trial.point, strict=True)]
