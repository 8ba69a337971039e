"""`alerts:` of gitexp.yaml: the rules that a run is looked at by, and what is done when one holds.

alerts:
  - loss is nan
  - when: val_loss > 5 after 3
    do: [stop, {webhook: $ALERTS}]
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

from gitexp import errors
from gitexp.files import as_list
from gitexp.files.lines.alert_lines import LEVELS
from gitexp.named_tuple import NamedTuple
from gitexp.project.sections.actions import DESKTOP, NOTE, STOP, Action, read_action
from gitexp.regex import regex
from gitexp.times import parse_duration
from gitexp.words import did_you_mean, parse_size

KEYS = ("when", "do", "level", "title")
SYSTEM = "system."  # before the name of a number about the machine

_EXAMPLE = (
    "Rules are: loss is nan; val_loss > 5 after 3; no improvement of val_loss for 10; no output for 10 min; "
    "nothing logged for 1 h; memory over 90 %; alert"
)
_AN_ACTION = "For example: do: [stop, desktop, {command: ./tell.sh}, {webhook: 'https://example.org/hook'}]"
_NAME = r"(?P<metric>'[^']+'|\"[^\"]+\"|[^\s<>=!'\"]+)"
_NUMBER = r"(?P<number>[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)"
_IS = regex(rf"{_NAME} is (?P<what>nan|inf|not finite)")
_COMPARED = regex(
    rf"{_NAME} ?(?P<op><=|>=|==|!=|<|>) ?{_NUMBER}(?: after (?P<after>\d{{1,9}})(?: values?)?)?"
)
_STUCK = regex(rf"no improvement(?: (?:of|in) {_NAME})? for (?P<long>.+)")
_COUNT = regex(r"(\d{1,9})(?: (?:values?|steps?|epochs?))?")
_SILENT = regex(r"(?P<what>no output|nothing logged) for (?P<long>.+)")
_OVER = regex(r"(?P<what>memory|disk|gpu memory) over (?P<most>.+)")
_RAISED = regex(r"alert(?: (?P<level>info|warning|error))?")
_PERCENT = regex(r"(\d{1,3}(?:\.\d{1,6})?) ?%")
_FULL = {"memory": "machine.memory", "disk": "machine.disk", "gpu memory": "gpu.*.memory_percent"}


class ValueRule(NamedTuple):
    """Holds when a value is logged that compares so.

    Attributes:
        metric: the name, for numbers about the machine a pattern that begins with `system.`.
        op: one of `<`, `<=`, `>`, `>=`, `==`, `!=`, `nan`, `inf` and `not finite`.
        number: what a value is compared with.
        after: so many values at first do not count.
    """

    metric: str
    op: str
    number: float = math.nan
    after: int = 0


class StuckRule(NamedTuple):
    """Holds when a metric has not become better for so many values, or seconds.

    Attributes:
        metric: the name; "" for the one metric that gitexp.yaml gives a direction.
    """

    metric: str
    values: int = 0
    seconds: float = 0.0


class SilenceRule(NamedTuple):
    """Holds when a run has printed (`output`) or logged (`logged`) nothing for so many seconds."""

    what: str
    seconds: float


class RaisedRule(NamedTuple):
    """Holds for each alert of the code with this level or a higher one."""

    level: str


Condition = ValueRule | StuckRule | SilenceRule | RaisedRule


class AlertRule(NamedTuple):
    """A rule of gitexp.yaml.

    Attributes:
        text: the rule as it is written.
        condition: when it holds.
        actions: what is done then, besides the line in the record.
        level: one of `LEVELS`.
        title: the title of the alert.
        line: the line in the file; None if it was not found.
        file: the path of the file.
    """

    text: str
    condition: Condition
    actions: tuple[Action, ...]
    level: str
    title: str
    line: int | None
    file: str

    def refusal(self, message: str, hint: str) -> errors.ConfigError:
        """The error for a rule that cannot be looked at here."""
        return errors.ConfigError(f"the alert '{self.text}' {message}", hint, file=self.file, line=self.line)


def read(value: Any, data: bytes, shown: str) -> tuple[AlertRule, ...]:
    """The rules under `alerts`; `data` is the text of the file, `shown` its path. Raises ConfigError."""
    return tuple(_rule(item, data, shown) for item in as_list(value))


def _rule(item: Any, data: bytes, shown: str) -> AlertRule:
    given = {"when": item} if isinstance(item, str) else item
    text = given.get("when") if isinstance(given, Mapping) else None
    line = _line_of(data, text if isinstance(text, str) else "")

    def complain(message: str, hint: str) -> errors.ConfigError:
        return errors.ConfigError(message, hint, file=shown, line=line)

    if not isinstance(given, Mapping) or not isinstance(text, str):
        raise complain("an alert is a rule, or a map with 'when'", _EXAMPLE)
    for key in given:
        if key not in KEYS:
            hint = did_you_mean(str(key), KEYS, f"The keys are: {', '.join(KEYS)}.", most=1)
            raise complain(f"an alert has no key '{key}'", hint)
    words = " ".join(text.split())
    condition = _condition(words)
    if condition is None:
        raise complain(f"'{words}' is no rule for an alert", _EXAMPLE)
    level = given.get("level", "warning")
    if level not in LEVELS:
        raise complain(f"the level of an alert cannot be '{level}'", f"The levels are: {', '.join(LEVELS)}.")
    actions = []
    for each in as_list(given.get("do", NOTE)):
        action = read_action(each, "an alert", (NOTE, STOP, DESKTOP))
        if isinstance(action, str):
            raise complain(action, _AN_ACTION)
        actions.append(action)
    if isinstance(condition, RaisedRule) and any(action.kind == STOP for action in actions):
        raise complain("an alert of the code cannot stop the run", "The code that raises it can end itself.")
    return AlertRule(words, condition, tuple(actions), level, str(given.get("title", words)), line, shown)


# -- conditions ---------------------------------------------------------------------------------------


def _condition(text: str) -> Condition | None:
    """The condition in a text; None for a text that is none."""
    if found := _RAISED.fullmatch(text):
        return RaisedRule(found["level"] or LEVELS[0])
    if found := _SILENT.fullmatch(text):
        seconds = _duration(found["long"])
        what = "output" if found["what"] == "no output" else "logged"
        if seconds is None:
            return None
        return SilenceRule(what, seconds)
    if found := _OVER.fullmatch(text):
        return _over(found["what"], found["most"])
    if found := _STUCK.fullmatch(text):
        return _stuck(_plain(found["metric"] or ""), found["long"])
    if found := _IS.fullmatch(text):
        return ValueRule(_plain(found["metric"]), found["what"])
    if found := _COMPARED.fullmatch(text):
        number, after = float(found["number"]), int(found["after"] or 0)
        return ValueRule(_plain(found["metric"]), found["op"], number, after)
    return None


def _over(what: str, most: str) -> Condition | None:
    if percent := _PERCENT.fullmatch(most):
        return ValueRule(SYSTEM + _FULL[what], ">", float(percent[1]))
    size = parse_size(most)
    if size is None or what != "memory":
        return None
    return ValueRule(f"{SYSTEM}memory", ">", float(size))


def _stuck(metric: str, long: str) -> Condition | None:
    if count := _COUNT.fullmatch(long):
        values = int(count[1])
        if values == 0:
            return None
        return StuckRule(metric, values=values)
    seconds = _duration(long)
    if seconds is None:
        return None
    return StuckRule(metric, seconds=seconds)


def _duration(text: str) -> float | None:
    return parse_duration(text) or None


def _plain(name: str) -> str:
    """The name without its quotes."""
    if len(name) > 1 and name[0] in "'\"":
        return name[1:-1]
    return name


def _line_of(data: bytes, text: str) -> int | None:
    """The number of the line under `alerts` that has a text, or of `alerts` itself."""
    start = None
    for number, line in enumerate(data.decode("utf-8", "replace").splitlines(), 1):
        if start is None and re.match(r"""["']?alerts["']?\s*:""", line):
            start = number
        if start is not None and text and text in line:
            return number
    return start
