"""What fits the width of a terminal: names, columns and blocks."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitexp.cli.kit.terminal.cells import elide_middle
from gitexp.views.fit import blocks, by_turns, distinct_cuts, served, short_names


@pytest.mark.parametrize(
    ("names", "short"),
    [
        (["train.lr", "seed"], ["lr", "seed"]),
        (["val.acc", "test.acc", "acc"], ["val.acc", "test.acc", "acc"]),
        (["a.b.c", "d.b.c", "e.c"], ["a.b.c", "d.b.c", "e.c"]),
        (["a.b.c", "c (param)"], ["c", "c (param)"]),
        ([], []),
    ],
)
def test_names_lose_what_does_not_tell_them_apart(names: list[str], short: list[str]) -> None:
    assert short_names(names) == short


def test_names_are_told_from_others_that_are_not_shown() -> None:
    others = ["loss", "big.lr", "train.lr", "final.loss", "name"]
    names = ["final.loss", "train.lr", "train.epochs", "model.name", "big.seed"]
    assert short_names(names, others) == ["final.loss", "train.lr", "epochs", "model.name", "seed"]


@given(st.lists(st.text("ab.", min_size=1, max_size=12), unique=True, max_size=8), st.integers(1, 12))
def test_different_names_never_become_the_same(names: list[str], most: int) -> None:
    assert len(set(short_names(names))) == len(names)
    assert len(set(distinct_cuts(names, most, elide_middle))) == len(names)


def test_blocks_have_all_columns_in_order() -> None:
    assert blocks([5, 5, 5, 30, 5], 16) == [[0, 1], [2], [3], [4]]
    assert blocks([], 16) == []


def test_columns_are_served_in_order_and_may_be_cut() -> None:
    assert served([5, 30, 5], [1, 0, 2], 30, [5, 12, 5]) == {1: 28}
    assert served([5, 30, 5], [0, 2, 1], 30, [5, 12, 5]) == {0: 5, 2: 5, 1: 14}
    assert by_turns([1, 2, 3], ["a"], []) == [1, "a", 2, 3]
