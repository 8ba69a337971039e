"""Series read whole: out of the lines that a run has logged, and out of tables."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitexp.files.lines import series_columns
from gitexp.files.lines.series import read_line
from gitexp.files.lines.series_columns import Series
from gitexp.files.tables import table_series


def of_lines(*lines: str | bytes) -> dict[str, Series]:
    data = b"".join(line.encode() if isinstance(line, str) else line for line in lines)
    found = series_columns.read([data])
    small = [data[at : at + 7] for at in range(0, len(data), 7)]
    assert repr(plain(series_columns.read(small))) == repr(plain(found))
    return found


def plain(found: dict[str, Series]) -> dict[str, list[tuple[int, float]]]:
    return {name: list(zip(one.steps, one.values, strict=True)) for name, one in found.items()}


def line(step: int, **values: object) -> str:
    return json.dumps({"_step": step, "_time": 1000.5 + step, **values}) + "\n"


def test_a_series_is_a_sequence_that_numpy_takes_as_it_is() -> None:
    loss = of_lines(*(line(step, loss=1 / (step + 1), acc=step) for step in range(4)))["loss"]
    assert (list(loss), loss[0], list(loss[1:3])) == ([1, 0.5, 1 / 3, 0.25], 1.0, [0.5, 1 / 3])
    assert (list(loss.steps), loss.times[0], loss.last) == ([0, 1, 2, 3], 1000.5, 0.25)
    taken = np.asarray(loss)
    assert (taken.dtype, taken.tolist()) == (np.float64, list(loss))
    assert np.asarray(loss.steps).dtype == np.int64
    assert np.shares_memory(taken, np.asarray(loss.values))
    assert repr(loss) == "<Series loss: 4 values, the last 0.25 at step 3>"


def test_the_later_line_of_a_step_counts_and_steps_are_in_order() -> None:
    found = of_lines(line(5, a=1), line(2, a=2, b=7), line(5, a=3), line(3, b=8))
    assert plain(found) == {"a": [(2, 2), (5, 3)], "b": [(2, 7), (3, 8)]}


def test_what_is_no_point_is_passed_over() -> None:
    found = of_lines(
        line(0, a="nan", b="-inf"),
        "no JSON\n",
        line(1, a=True),
        line(1, a="text"),
        line(2**70, a=1),
        '{"_step": 1.5, "_time": 1, "a": 1}\n',
        "[1]\n",
        line(3, a=10**400),
        line(4, a=4),
        '{"_step": 5, "_ti',
    )
    assert math.isnan(found["a"][0])
    assert plain({"b": found["b"], "a": found["a"][1:]}) == {"b": [(0, -math.inf)], "a": [(4, 4)]}
    assert (found["a"].lowest, found["a"].highest) == (4, 4)


numbers = st.floats() | st.integers(-(10**20), 10**20)
points = st.dictionaries(st.sampled_from(["a", "b", "_c", 'd"é']), numbers, max_size=3)


@given(st.lists(st.tuples(st.integers(-5, 20), points), max_size=30), st.integers(1, 200))
def test_many_lines_together_are_as_each_by_itself(
    logged: list[tuple[int, dict[str, float]]], together: int
) -> None:
    lines = [line(step, **values).encode() for step, values in logged]
    expected: dict[str, dict[int, float]] = {}
    for text in lines:
        point = read_line(text)
        if point is not None:
            for name, value in point.values.items():
                expected.setdefault(name, {})[point.step] = float(value)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(series_columns, "TOGETHER", together)
        found = of_lines(*lines)
    ordered = {name: sorted(values.items()) for name, values in expected.items()}
    assert repr(plain(found)) == repr(ordered)


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("logs.csv", "epoch,loss,acc\n0,0.5,0.1\n1,0.4,\n2,0.3,0.2\n", {"loss": 3, "acc": 2}),
        ("loss.tsv", "step\tloss\n10\t0.5\n20\t0.25\n", {"loss": 2}),
        ("logs.csv", "loss;acc\n0,5;1\n0,25;2\n", {"loss": 2, "acc": 2}),
        ("logs.csv", "step,loss\n0,0.5\n1,0.4\nstep,loss\n1,0.3\n2,0.2\n", {"loss": 3}),
        ("logs.csv", "step,loss\n0,0.5\n1,0.4\n2,", {"loss": 2}),
        ("logs.csv", "metric,value,step\nloss,0.5,0\nacc,1,0\nloss,0.4,1\n", {"loss": 2, "acc": 1}),
        (
            "m.jsonl",
            '{"iter": 1, "train": {"loss": 2}}\nx\n{"iter": 2, "train": {"loss": 1}}\n',
            {"train.loss": 2},
        ),
        ("logs.csv", "", {}),
        ("logs.csv", "\xff\n", {}),
        ("logs.csv", "epoch,name\n1,first\n2,second\n", {}),
    ],
)
def test_tables(name: str, text: str, expected: dict[str, int]) -> None:
    found = table_series.read(name, text.encode("latin-1"))
    assert {key: len(series) for key, series in found.items()} == expected


def test_steps_and_times_of_a_table() -> None:
    found = table_series.read(
        "x.csv", b"epoch,step,timestamp,loss\n0,10,1764489600000,0.5\n0,20,1764489601000,0.4\n"
    )
    assert (list(found["loss"].steps), list(found["loss"].times)) == ([10, 20], [1764489600.0, 1764489601.0])
    counted = table_series.read("x.csv", b"loss\n0.5\n0.25\n")["loss"]
    assert list(counted.steps) == [0, 1]
    assert math.isnan(counted.times[0])
