"""What a search is: its space, method, objectives and limits; no input or output."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from enum import StrEnum

from gitexp.errors import UsageError
from gitexp.extras.sweep.halving import HALVING, HYPERBAND
from gitexp.extras.sweep.spaces.space import Space, require_end
from gitexp.named_tuple import NamedTuple
from gitexp.process.limits import Limits
from gitexp.project.sections.directions import MAX, MIN, direction
from gitexp.words import did_you_mean

_ID_LENGTH = 8  # hex digits
ALONE = "sweep"  # the id of the only sweep of gitexp.yaml


class Method(StrEnum):
    """How the next point is chosen."""

    GRID = "grid"
    RANDOM = "random"
    SOBOL = "sobol"
    TPE = "tpe"
    GP = "gp"
    CMAES = "cmaes"
    NSGA2 = "nsga2"

    @property
    def learns(self) -> bool:
        """Whether the results so far say which point is next."""
        return self in (Method.TPE, Method.GP, Method.CMAES, Method.NSGA2)


SPARED = 5  # trials that end before any is pruned
PRUNERS = ("median", "percentile", HALVING, HYPERBAND)


class SweepDefinition(NamedTuple):
    """A sweep of trials.

    Attributes:
        id: for the records of its trials.
        name: its name in gitexp.yaml; "" for a search of the command line.
        space: the points that may be drawn.
        method: the way to choose the next point.
        trials: the number of trials in all; None for a whole grid.
        objectives: `min` or `max` by metric.
        seed: searches with different seeds draw different points.
        repeat: runs of each trial, with a seed of its own each; None for a single, unchanged run.
        limits: of each run.
        pruner: the rule for ending trials early; "" for none.
        max_failed: failed trials after which no more are begun; None for any number.
    """

    id: str
    name: str
    space: Space
    method: Method
    trials: int | None
    objectives: Mapping[str, str]
    seed: str
    repeat: int | None = None
    max_failed: int | None = None
    limits: Limits = Limits()
    pruner: str = ""

    @property
    def total(self) -> int:
        """The number of trials in all."""
        if self.method is not Method.GRID:
            assert self.trials is not None  # `checked` has seen to it
            return self.trials
        size = int(self.space.size)
        return size if self.trials is None else min(size, self.trials)


def checked(definition: SweepDefinition) -> SweepDefinition:
    """The definition; raises UsageError or OverrideError for parts that do not go together."""
    method = definition.method
    if method is Method.GRID:
        require_end(definition.space)
    elif definition.trials is None:
        hint = "Say how many there are in all: trials: 50 in gitexp.yaml, or --trials 50."
        if math.isfinite(definition.space.size):
            hint += " To run each combination of the values once: method: grid, or --method grid."
        raise UsageError(f"A {method} search needs the number of its trials.", hint)
    if method.learns and not definition.objectives:
        raise UsageError(
            f"A {method} search needs an objective: the metric that it makes better.",
            "Name it: objective: acc in gitexp.yaml, or --objective acc.",
        )
    if method in (Method.CMAES, Method.GP) and len(definition.objectives) > 1:
        raise UsageError(
            f"Method {method} has one objective, and these are {len(definition.objectives)}.",
            "tpe and nsga2 take several.",
        )
    if definition.pruner and len(definition.objectives) != 1:
        raise UsageError(
            f"A pruner needs one objective, and these are {len(definition.objectives)}.",
            "Leave pruner: out, or give one objective.",
        )
    return definition


def method_of(text: object) -> Method:
    """The method of a name; raises UsageError."""
    names = [str(method) for method in Method]
    if text in names:
        return Method(str(text))
    raise UsageError(
        f"There is no method '{text}'.", did_you_mean(str(text), names, f"There are: {', '.join(names)}.")
    )


def with_directions(
    metrics: Sequence[str], given: Sequence[str], configured: Mapping[str, str]
) -> dict[str, str]:
    """`min` or `max` by metric: from the user, from gitexp.yaml, or by a known name.

    Raises UsageError for a metric without any.
    """
    found = {}
    for at, metric in enumerate(metrics):
        known = given[at] if at < len(given) else direction(metric, configured)
        if known not in (MIN, MAX):
            raise UsageError(
                f"Is a high or a low {metric} the best?",
                f"In gitexp.yaml: metrics: {{{metric}: {MIN}}}, or {MAX}; of gitexp run: --{MIN} or --{MAX}.",
            )
        found[metric] = known
    return found


def id_of(*parts: object) -> str:
    """The id of a search of the command line: the same for the same request, on every clone and day."""
    digest = hashlib.sha256(json.dumps(parts).encode("utf-8", "surrogateescape")).hexdigest()
    return f"sweep-{digest[:_ID_LENGTH]}"
