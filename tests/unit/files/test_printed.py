"""Names and patterns of printed metrics, checked before the run, and their values after it."""

from __future__ import annotations

import math

import pytest

from gitexp import errors
from gitexp.files import check_printed, parse_printed, printed_tree


def test_name_and_pattern() -> None:
    assert parse_printed("loss=^loss=(.*)") == ("loss", "^loss=(.*)")
    for text in ("loss", "=x", " =x", ""):
        with pytest.raises(errors.UsageError, match="which metric"):
            parse_printed(text)


@pytest.mark.parametrize(
    "patterns",
    [
        {"a": "("},
        {"a": ""},
        {"a": "x" * 2000},
        {"a": "(?P<n>"},
        {"a": "(" * 500 + ")" * 500},
        {"a[0]": "x"},
        {"a..b": "x"},
        {"": "x"},
        {"a": "x", "a.b": "x"},
        {"a.b": "x", "a": "x"},
        {"a.b": "x", '"a".b': "x"},
        {f"a{number}": "x" for number in range(101)},
    ],
)
def test_what_is_refused(patterns: dict[str, str]) -> None:
    with pytest.raises(errors.UsageError):
        check_printed(patterns)


def test_what_is_allowed() -> None:
    check_printed({"a.b": r"x+[[]", "a.c": "(y)|z", '"a.d"': "x", "val-loss": "x"})


def test_values_are_numbers_where_they_read_so() -> None:
    tree = printed_tree({"a.b": "1", "a.c": "1e-3", "d": "fast", '"e.f"': "-0.5", "g": ""})
    assert tree == {"a": {"b": 1, "c": 0.001}, "d": "fast", "e.f": -0.5, "g": ""}
    assert math.isnan(printed_tree({"x": "nan"})["x"])
