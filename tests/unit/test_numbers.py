"""The numbers of a column: one precision, and decimal points below each other."""

from __future__ import annotations

from math import inf, nan
from typing import Any

import pytest

from gitexp.model import MISSING
from gitexp.views.numbers import aligned, column_texts


@pytest.mark.parametrize(
    ("values", "texts"),
    [
        ([0.91372, 0.908409], ["0.91372", "0.90841"]),
        ([0.5, 0.25], ["0.50", "0.25"]),
        ([20.0, 3.0], ["20", "3"]),
        ([20, 19], ["20", "19"]),
        ([1199.31, 987.04], ["1199.3", "987.0"]),
        ([123456.7, 0.5], ["123457", "0.5"]),
        ([12.5, 0.91372], ["12.500", "0.914"]),
        ([0.9, 0.000012345], ["0.9", "1.2345e-05"]),
        ([0.0, 0.0], ["0", "0"]),
        ([0.0, 0.25], ["0.00", "0.25"]),
        ([-0.5, nan, inf], ["-0.5", "nan", "inf"]),
        ([1e20, 1.5], ["1e+20", "1.5"]),
        ([7e-269, 0.0, -1.2345678e-300], ["7e-269", "0", "-1.2346e-300"]),
        ([2e-10, 1e-10], ["0.0000000002", "0.0000000001"]),
        ([9.9e-11], ["9.9e-11"]),
        ([10**400, 0.5], [str(10**400)[:59] + "…", "0.5"]),
        ([MISSING, "text", True, 1.25], ["-", "text", "true", "1.25"]),
        ([], []),
    ],
)
def test_a_column_has_one_precision(values: list[Any], texts: list[str]) -> None:
    assert column_texts(values, 5, 60) == texts


@pytest.mark.parametrize(("precision", "text"), [(1, "0.9"), (3, "0.914"), (17, "0.91371999999999998")])
def test_the_precision_is_that_of_the_largest_number(precision: int, text: str) -> None:
    assert column_texts([0.91372], precision) == [text]


def test_decimal_points_stand_below_each_other() -> None:
    assert aligned(["0.25183*", "12.5", "3", "1.2e-05", "-", "nan", ""]) == [
        " 0.25183*",
        "12.5     ",
        " 3       ",
        " 1.2e-05 ",
        "        -",
        "      nan",
        "",
    ]
    assert aligned([]) == []
