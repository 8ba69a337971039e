"""Whether rules hold; no input or output."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Iterable, Mapping
from fnmatch import fnmatchcase

from gitexp.files.lines.series import LoggedPoint
from gitexp.project.sections.alert_rules import SYSTEM, SilenceRule, StuckRule, ValueRule
from gitexp.project.sections.directions import MIN
from gitexp.times import show_duration
from gitexp.words import show_value

_HOLDS: Mapping[str, Callable[[float, float], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
    "nan": lambda value, _: math.isnan(value),
    "inf": lambda value, _: math.isinf(value),
    "not finite": lambda value, _: not math.isfinite(value),
}


class ValueJudge:
    """Whether a value compares as a rule says.

    Attributes:
        seen: the number of values looked at.
    """

    def __init__(self, rule: ValueRule) -> None:
        self._rule = rule
        self._holds = _HOLDS[rule.op]
        self.is_of_machine = rule.metric.startswith(SYSTEM)
        self._pattern = rule.metric.removeprefix(SYSTEM)
        self.seen = 0

    def take(self, points: Iterable[LoggedPoint]) -> str:
        """What has happened, in words; "" while the rule does not hold."""
        for point in points:
            for name, value in self._values(point):
                self.seen += 1
                if self.seen > self._rule.after and self._holds(value, self._rule.number):
                    where = "" if self.is_of_machine else f" at step {point.step:,}"
                    return f"{name} is {show_value(float(value), 5)}{where}"
        return ""

    def _values(self, point: LoggedPoint) -> list[tuple[str, float]]:
        if not self.is_of_machine:
            return [(self._pattern, point.values[self._pattern])] if self._pattern in point.values else []
        return [(name, value) for name, value in point.values.items() if fnmatchcase(name, self._pattern)]


class StuckJudge:
    """Whether a metric has not become better for too long; `seen` is the number of its values."""

    def __init__(self, rule: StuckRule, metric: str, direction: str, now: float) -> None:
        self._rule = rule
        self._metric = metric
        self._is_better = operator.lt if direction == MIN else operator.gt
        self._best: tuple[int, float] | None = None
        self._since = 0  # values since the best
        self._time = now  # of the best
        self.seen = 0

    def take(self, points: Iterable[LoggedPoint], now: float) -> str:
        """What has happened, in words; "" while the rule does not hold."""
        for point in points:
            value = point.values.get(self._metric)
            if value is None:
                continue
            self.seen += 1
            if self._best is None or self._is_better(value, self._best[1]) or math.isnan(self._best[1]):
                self._best, self._since, self._time = (point.step, value), 0, now
                continue
            self._since += 1
            if 0 < self._rule.values <= self._since:
                return self._told(f"for {self._since:,} values")
        if self._rule.seconds and self._best is not None and now - self._time > self._rule.seconds:
            return self._told(f"for {show_duration(now - self._time)}")
        return ""

    def _told(self, long: str) -> str:
        assert self._best is not None  # there is a value that none was better than
        step, value = self._best
        return f"{self._metric} was best at step {step:,}, {show_value(float(value), 5)}; not better {long}"


class SilenceJudge:
    """Whether nothing has changed for too long."""

    def __init__(self, rule: SilenceRule, now: float) -> None:
        self._rule = rule
        self._mark: object = None
        self._since = now

    def take(self, mark: object, now: float) -> str:
        """What has happened, in words; `mark` is another value whenever something was printed or logged."""
        if mark != self._mark:
            self._mark, self._since = mark, now
        if now - self._since <= self._rule.seconds:
            return ""
        what = "no output" if self._rule.what == "output" else "nothing logged"
        return f"{what} for {show_duration(now - self._since)}"
