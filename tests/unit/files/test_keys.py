from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitexp.errors import OverrideError
from gitexp.files import flatten, flatten_files, format_key, parse_key

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=6)


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("lr", ("lr",)),
        ("a.b[0].c", ("a", "b", 0, "c")),
        ("a.0", ("a", "0")),
        ("a[1][2]", ("a", 1, 2)),
        ('"a.b".c', ("a.b", "c")),
        ('a."".b', ("a", "", "b")),
        ('"k:v"."x=y"', ("k:v", "x=y")),
        ("[0]", (0,)),
    ],
)
def test_keys(text: str, parts: tuple[str | int, ...]) -> None:
    assert parse_key(text) == parts
    assert format_key(parts) == text


@pytest.mark.parametrize(
    "text", ["", ".", "a.", ".a", "a..b", "a[", "a[x]", "a[-1]", "a]b", 'a"b"', '"a', "a=b", "a:b"]
)
def test_keys_refused(text: str) -> None:
    with pytest.raises(OverrideError):
        parse_key(text)


@given(st.lists(texts | st.integers(0, 999), min_size=1, max_size=5).map(tuple))
def test_keys_round_trip(parts: tuple[str | int, ...]) -> None:
    assert parse_key(format_key(parts)) == parts


@pytest.mark.parametrize("text", ["a." * 60_000 + "a", "a" + "[0]" * 60_000])
def test_keys_deeper_than_any_file(text: str) -> None:
    with pytest.raises(OverrideError) as caught:
        parse_key(text)
    assert len(caught.value.message) < 300


def test_flatten() -> None:
    tree = {"a": {"b": 1, "c": {}}, "d": [1, [2]], "e": [{"f": 1}, 2, []], "g.h": {"": 3}, "i": []}
    assert list(flatten(tree).items()) == [
        ("a.b", 1),
        ("a.c", {}),
        ("d", [1, [2]]),
        ("e[0].f", 1),
        ("e[1]", 2),
        ("e[2]", []),
        ('"g.h".""', 3),
        ("i", []),
    ]
    assert flatten({}) == {}


def test_flatten_files() -> None:
    files = {"a.yaml": {"lr": 1, "x": 2}, "b.yaml": {"lr": 3, "y": 4}}
    assert flatten_files(files) == {"a.yaml:lr": 1, "x": 2, "b.yaml:lr": 3, "y": 4}
