"""Experiments as dots of a picture of many, and their columns. No input or output."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple

from gitexp.catalog.fields import Row, Use, used_for
from gitexp.catalog.replicates import group_label
from gitexp.extras.plots.charts import Spec, is_number
from gitexp.model import MISSING, Differing, Mean, Status
from gitexp.times import seconds_of
from gitexp.words import PRECISION, counted, show_value

DONE = str(Status.DONE)
_DECADES = 100  # times the lowest number, before a logarithmic scale is thought of
_UPRIGHT = 60  # characters of all texts of an axis, side by side
_KINDS = ("text", "texts", "status", "seconds")  # of fields that are columns


class Dot(NamedTuple):
    """An experiment in a picture of many.

    Attributes:
        label: the name of the experiment, or of the group of replicates.
        values: numbers and texts by the key of a param, a metric or a field such as `duration`.
        params: the keys of `values` that are params.
        state: "done", "failed" and so on.
        metrics: the keys of `values` that are metrics.
        time: when it ended, or began if it has not, in seconds since 1970; None if nobody knows.
    """

    label: str
    values: Mapping[str, Any]
    params: Collection[str] = ()
    state: str = DONE
    time: float | None = None
    metrics: Collection[str] = ()

    def number(self, key: str) -> float | None:
        """The finite number of a column; None for anything else."""
        value = self.values.get(key)
        return float(value) if is_number(value) else None

    def result(self, metric: str) -> float | None:
        """The number of a metric, if the experiment counts: it is done, or it stands for some that are."""
        if self.state != DONE and not isinstance(self.values.get(metric), Mean):
            return None
        return self.number(metric)

    def deviation(self, key: str) -> float:
        """The standard deviation over replicates; 0 for a single run."""
        value = self.values.get(key)
        if isinstance(value, Mean) and value.deviation is not None:
            return value.deviation
        return 0.0


def of_rows(rows: Sequence[Row]) -> list[Dot]:
    """The dots of some rows of the table, in their order.

    Where a param, a metric and a field have one name, it is the metric's, then the param's.
    """
    fields = {name: field for name, field in used_for(Use.ASKED).items() if field.kind in _KINDS}
    found = []
    for row in rows:
        values = {name: field.raw(row) for name, field in fields.items()}
        label = group_label(row.name, len(row.members)) if row.members else row.name
        moment = (row.record and row.record.finished) or row.created
        found.append(
            Dot(
                label,
                {**values, **row.params, **row.metrics},
                tuple(key for key in row.params if key not in row.metrics),
                str(row.status or DONE),
                seconds_of(moment) if moment else None,
                tuple(row.metrics),
            )
        )
    return found


class Column(NamedTuple):
    """A column of some dots.

    Attributes:
        key: its name.
        numbers: whether it has numbers; else it has texts.
        logarithmic: whether a logarithmic scale fits: positive numbers over decades, most of them low.
        low, high: the lowest and the highest number.
        texts: the different texts in order; () for numbers.
    """

    key: str
    numbers: bool
    logarithmic: bool = False
    low: float = 0.0
    high: float = 0.0
    texts: tuple[str, ...] = ()

    def value(self, dot: Dot) -> float | str | None:
        """The value of a dot; None where it has none, or none that can be drawn."""
        if self.numbers:
            number = dot.number(self.key)
            if number is None or (self.logarithmic and number <= 0):
                return None
            return number
        return text_of(dot.values.get(self.key))

    def share(self, value: float | str) -> float:
        """The place of a value along the column, from 0 to 1."""
        if isinstance(value, str):
            return bisect_left(self.texts, _order(value), key=_order) / max(len(self.texts) - 1, 1)
        if self.low == self.high:
            return 0.5
        if self.logarithmic:
            return math.log(value / self.low) / math.log(self.high / self.low)
        return (value / 2 - self.low / 2) / (self.high / 2 - self.low / 2)

    def at(self, share: float) -> float:
        """The number at a place along a column of numbers."""
        if self.logarithmic:
            return math.exp(math.log(self.low) * (1 - share) + math.log(self.high) * share)
        return self.low * (1 - share) + self.high * share

    @property
    def kind(self) -> str:
        """The type of the column in Vega-Lite."""
        return "quantitative" if self.numbers else "nominal"

    def axis(self) -> Spec:
        """The labels of the axis in Vega-Lite: of few short texts upright."""
        if self.numbers:
            return {"labelOverlap": "greedy", "grid": not self.logarithmic}
        is_wide = len(self.texts) * max(map(len, self.texts), default=0) > _UPRIGHT
        return {"labelAngle": -45 if is_wide else 0, "labelLimit": 120}

    def scale(self) -> Spec:
        """The scale in Vega-Lite: of numbers from the lowest to the highest one, not from 0."""
        if not self.numbers:
            return {"domain": [*self.texts]}
        if self.logarithmic:
            return {"type": "log", "nice": False, "padding": 12}
        return {"zero": False, "padding": 12, "nice": False}


def column_of(dots: Sequence[Dot], key: str, *, logarithmic: bool | None = None) -> Column:
    """A column of some dots. `logarithmic` is the user's word; None: as it fits.

    A column is one of numbers if all that stands in it are numbers; NaN and infinity count as none.
    """
    numbers = list[float]()
    for dot in dots:
        value = dot.values.get(key)
        if is_number(value):
            numbers.append(float(value))
        elif not _is_no_value(value):
            return _of_texts(dots, key)
    if logarithmic is None:
        logarithmic = spans_decades(numbers)
    if logarithmic:
        numbers = [number for number in numbers if number > 0]
    if not numbers:
        return Column(key, numbers=True)
    return Column(key, numbers=True, logarithmic=logarithmic, low=min(numbers), high=max(numbers))


def _of_texts(dots: Sequence[Dot], key: str) -> Column:
    texts = {text for dot in dots if (text := text_of(dot.values.get(key))) is not None}
    return Column(key, numbers=False, texts=tuple(sorted(texts, key=_order)))


def axes_of(
    dots: Sequence[Dot], keys: tuple[str, str], logarithmic: Sequence[str] | None
) -> tuple[Column, Column]:
    """Two columns as the axes x and y; `logarithmic` names the logarithmic ones, None: as it fits."""
    is_log: list[bool | None] = [None, None]
    if logarithmic is not None:
        is_log = ["x" in logarithmic, "y" in logarithmic]
    x = column_of(dots, keys[0], logarithmic=is_log[0])
    return x, column_of(dots, keys[1], logarithmic=is_log[1])


def text_of(value: Any) -> str | None:
    """A value as a category; None for no value, and for the values in which replicates differ."""
    if _is_no_value(value):
        return None
    if is_number(value):
        return show_value(float(value) if isinstance(value, Mean) else value)
    return show_value(value)


def _is_no_value(value: Any) -> bool:
    """Whether a value says nothing: none, NaN, infinity, a number too long for a float, different seeds."""
    if value is None or value is MISSING or isinstance(value, Differing):
        return True
    is_boolean = isinstance(value, bool)
    return isinstance(value, int | float) and not is_boolean and not is_number(value)


def spans_decades(numbers: Sequence[float]) -> bool:
    """Whether a logarithmic scale fits: positive, over two powers of ten, most of them at the low end."""
    if len(numbers) < 3 or min(numbers) <= 0 or max(numbers) / min(numbers) < _DECADES:
        return False
    low, high = min(numbers), max(numbers)
    middle = sorted(numbers)[len(numbers) // 2]
    linear = (middle - low) / (high - low)
    logarithmic = math.log(middle / low) / math.log(high / low)
    return abs(logarithmic - 0.5) < abs(linear - 0.5)


def differing_params(dots: Sequence[Dot]) -> list[str]:
    """The params in which dots differ, in order of appearance; not those in which replicates differ."""
    keys: dict[str, None] = {}
    for dot in dots:
        keys.update(dict.fromkeys(dot.params))
    found = []
    for key in keys:
        values = [dot.values.get(key) for dot in dots]
        if any(isinstance(value, Differing) for value in values):
            continue
        first = text_of(values[0])
        if any(value is not values[0] and text_of(value) != first for value in values):
            found.append(key)
    return found


def told(dot: Dot, key: str) -> str:
    """The value of a column for people; of replicates with its deviation."""
    return show_value(dot.values.get(key, MISSING), PRECISION)


def left_out(count: int, what: str) -> str:
    """A remark on experiments that are not drawn; "" for none."""
    if not count:
        return ""
    return f"Left out: {counted(count, 'experiment')} {what}."


def _order(text: str) -> tuple[bool, float, str]:
    """Texts in order: those that are numbers first, as numbers."""
    try:
        return (False, float(text), text)
    except ValueError:
        return (True, 0.0, text)
