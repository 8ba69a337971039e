"""Experiments with their values for charts of many, and the columns of values. No input or output."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Collection, Mapping, Sequence
from typing import Any, TypeAlias

from gitexp.catalog.fields import Field, Row, Use, used_for
from gitexp.catalog.replicates import group_label
from gitexp.extras.plots.charts import Spec, is_number
from gitexp.model import MISSING, Differing, Mean, Status
from gitexp.named_tuple import NamedTuple
from gitexp.times import seconds_of
from gitexp.words import PRECISION, counted, show_value

DONE = str(Status.DONE)
_DECADES = 100  # times the lowest number, before a logarithmic scale is thought of
_UPRIGHT = 60  # characters of all texts of an axis, side by side
_KINDS = ("text", "texts", "status", "seconds")  # of fields that are columns


class PlottedExperiment(NamedTuple):
    """An experiment in a picture of many.

    Attributes:
        label: the name of the experiment, or of the group of replicates.
        values: numbers and texts by the key of a param, a metric or a field, for example `duration`.
        params: the param keys among `values`.
        state: "done", "failed" and so on.
        metrics: the metric keys among `values`.
        time: the end, or for a run in progress the start, in seconds since 1970; None if unknown.
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
        if is_number(value):
            return float(value)
        return None

    def result(self, metric: str) -> float | None:
        """The number of a metric, for a done experiment or a group of replicates; else None."""
        if self.state != DONE and not isinstance(self.values.get(metric), Mean):
            return None
        return self.number(metric)

    def deviation(self, key: str) -> float:
        """The standard deviation over replicates; 0 for a single run."""
        value = self.values.get(key)
        if isinstance(value, Mean) and value.deviation is not None:
            return value.deviation
        return 0.0


def of_rows(rows: Sequence[Row]) -> list[PlottedExperiment]:
    """The experiments of some rows of the table, in the same order.

    If a metric, a param and a field have the same name, the metric wins over the param, and the param over
    the field.
    """
    fields = {}
    for name, field in used_for(Use.ASKED).items():
        if field.kind in _KINDS:
            fields[name] = field
    return [_experiment(row, fields) for row in rows]


def _experiment(row: Row, fields: Mapping[str, Field]) -> PlottedExperiment:
    values = {name: field.raw(row) for name, field in fields.items()}
    label = row.name
    if row.members:
        label = group_label(row.name, len(row.members))
    moment = (row.record and row.record.finished) or row.created
    time = None
    if moment:
        time = seconds_of(moment)
    return PlottedExperiment(
        label,
        {**values, **row.params, **row.metrics},
        params=tuple(key for key in row.params if key not in row.metrics),
        state=str(row.status or DONE),
        time=time,
        metrics=tuple(row.metrics),
    )


Experiments: TypeAlias = Sequence[PlottedExperiment]


class AxisColumn(NamedTuple):
    """A column of values, for an axis.

    Attributes:
        key: its name.
        numbers: true for numbers, false for texts.
        logarithmic: whether to use a logarithmic scale.
        low, high: the lowest and the highest number.
        texts: the different texts in order; () for numbers.
    """

    key: str
    numbers: bool
    logarithmic: bool = False
    low: float = 0.0
    high: float = 0.0
    texts: tuple[str, ...] = ()

    def value(self, experiment: PlottedExperiment) -> float | str | None:
        """The value of an experiment; None without a value to draw."""
        if self.numbers:
            number = experiment.number(self.key)
            if number is None or (self.logarithmic and number <= 0):
                return None
            return number
        return text_of(experiment.values.get(self.key))

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
        if self.numbers:
            return "quantitative"
        return "nominal"

    def axis(self) -> Spec:
        """The labels of the axis in Vega-Lite: of few short texts upright."""
        if self.numbers:
            return {"labelOverlap": "greedy", "grid": not self.logarithmic}
        angle = 0
        if len(self.texts) * max(map(len, self.texts), default=0) > _UPRIGHT:
            angle = -45
        return {"labelAngle": angle, "labelLimit": 120}

    def scale(self) -> Spec:
        """The scale in Vega-Lite: numbers go from the lowest to the highest, not from 0."""
        if not self.numbers:
            return {"domain": [*self.texts]}
        if self.logarithmic:
            return {"type": "log", "nice": False, "padding": 12}
        return {"zero": False, "padding": 12, "nice": False}


def column_of(experiments: Experiments, key: str, *, logarithmic: bool | None = None) -> AxisColumn:
    """A column of some experiments. `logarithmic`: the user's choice; None: chosen by `spans_decades`.

    A column has the type number if all its values are numbers; NaN and infinity count as missing.
    """
    numbers = list[float]()
    for experiment in experiments:
        value = experiment.values.get(key)
        if is_number(value):
            numbers.append(float(value))
        elif not _is_no_value(value):
            return _of_texts(experiments, key)
    if logarithmic is None:
        logarithmic = spans_decades(numbers)
    if logarithmic:
        numbers = [number for number in numbers if number > 0]
    if not numbers:
        return AxisColumn(key, numbers=True)
    return AxisColumn(key, numbers=True, logarithmic=logarithmic, low=min(numbers), high=max(numbers))


def _of_texts(experiments: Experiments, key: str) -> AxisColumn:
    texts = {text_of(experiment.values.get(key)) for experiment in experiments}
    present = [text for text in texts if text is not None]
    return AxisColumn(key, numbers=False, texts=tuple(sorted(present, key=_order)))


def axes_of(
    experiments: Experiments, keys: tuple[str, str], logarithmic: Sequence[str] | None
) -> tuple[AxisColumn, AxisColumn]:
    """The axes x and y. `logarithmic`: the names of logarithmic axes; None: chosen by their values."""
    is_log: list[bool | None] = [None, None]
    if logarithmic is not None:
        is_log = ["x" in logarithmic, "y" in logarithmic]
    x = column_of(experiments, keys[0], logarithmic=is_log[0])
    return x, column_of(experiments, keys[1], logarithmic=is_log[1])


def text_of(value: Any) -> str | None:
    """The text of a value, used for categories; None for a missing value or differing replicates."""
    if _is_no_value(value):
        return None
    if isinstance(value, Mean):
        value = float(value)
    return show_value(value)


def _is_no_value(value: Any) -> bool:
    """True for a missing value, NaN, infinity, a number too long for a float, and differing seeds."""
    if value is None or value is MISSING or isinstance(value, Differing):
        return True
    is_boolean = isinstance(value, bool)
    return isinstance(value, int | float) and not is_boolean and not is_number(value)


def spans_decades(numbers: Sequence[float]) -> bool:
    """Whether a logarithmic scale fits: positive numbers over two powers of ten, most at the low end."""
    if len(numbers) < 3 or min(numbers) <= 0 or max(numbers) / min(numbers) < _DECADES:
        return False
    low, high = min(numbers), max(numbers)
    middle = sorted(numbers)[len(numbers) // 2]
    linear = (middle - low) / (high - low)
    logarithmic = math.log(middle / low) / math.log(high / low)
    return abs(logarithmic - 0.5) < abs(linear - 0.5)


def differing_params(experiments: Experiments) -> list[str]:
    """The params with different values, in order of appearance. Params differing among replicates are out."""
    keys: dict[str, None] = {}
    for experiment in experiments:
        keys.update(dict.fromkeys(experiment.params))
    found = []
    for key in keys:
        values = [experiment.values.get(key) for experiment in experiments]
        if any(isinstance(value, Differing) for value in values):
            continue
        first = text_of(values[0])
        if any(value is not values[0] and text_of(value) != first for value in values):
            found.append(key)
    return found


def told(experiment: PlottedExperiment, key: str) -> str:
    """The value of a column, formatted; for replicates with the deviation."""
    return show_value(experiment.values.get(key, MISSING), PRECISION)


def left_out(count: int, what: str) -> str:
    """A remark on the number of experiments left out; "" for 0."""
    if not count:
        return ""
    return f"Left out: {counted(count, 'experiment')} {what}."


def _order(text: str) -> tuple[bool, float, str]:
    """The sort key of a text: numbers first, in numerical order."""
    try:
        return (False, float(text), text)
    except ValueError:
        return (True, 0.0, text)
