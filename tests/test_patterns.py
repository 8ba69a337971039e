"""Regular expressions of filters: what `re` says, and never for long."""

from __future__ import annotations

import contextlib
import re
import warnings

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitexp import errors
from gitexp.catalog.patterns import Pattern

_ATOMS = st.sampled_from([*"abc.^$", "[ab]", "[^a]", "[]a]", r"\d", r"\W", r"\.", "[a-c1]"])
_REPEATS = st.sampled_from(["*", "+", "?", "{2}", "{0,2}", "{1,}", "{,2}", "*?", "{0}"])


def _larger(part: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.one_of(
        st.tuples(part, part).map("".join),
        st.tuples(part, part).map(lambda two: f"({two[0]}|{two[1]})"),
        st.tuples(part, _REPEATS).map(lambda two: f"(?:{two[0]}){two[1]}"),
    )


@given(st.recursive(_ATOMS, _larger, max_leaves=8), st.text("abcd1.]", max_size=8))
def test_a_pattern_finds_what_re_finds(pattern: str, text: str) -> None:
    assert Pattern(pattern).search(text) == bool(re.search(pattern, text))


@given(st.text("ab(|)*+?{}0,1[]^$\\-.:d", max_size=15), st.text("ab01-", max_size=8))
def test_what_it_takes_re_takes_too(pattern: str, text: str) -> None:
    try:
        found = Pattern(pattern).search(text)
    except errors.UsageError:
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # of [[, which may mean something else one day
        assert found == bool(re.search(pattern, text))


@given(st.text(max_size=600))
def test_any_other_text_is_a_pattern_or_wrong_usage(text: str) -> None:
    with contextlib.suppress(errors.UsageError):
        assert Pattern(text).search(text) in (True, False)


@pytest.mark.parametrize(
    "pattern", ["(a|a)*b", "(a*)*b", "(a+a+)+b", "a*" * 100 + "b", "(.*.*.*)*x", "(a|b)*a(a|b){20}c"]
)
def test_what_hangs_a_backtracking_engine_ends(pattern: str) -> None:
    assert not Pattern(pattern).search("a" * 3999 + "!")


@pytest.mark.parametrize(
    ("pattern", "complaint"),
    [
        ("(a", "lacks a )"),
        ("a)", "has a ) too many"),
        ("[a", "lacks a ]"),
        ("*a", "nothing to repeat"),
        ("^*", "repeats ^"),
        ("a**", "repeats a repetition"),
        ("a{3,1}", "wrong way round"),
        ("[z-a]", "bad character range"),
        (r"\1", r"has \1"),
        (r"\bword", r"has \b"),
        ("(?=a)", "(?…)"),
        ("(?i)a", "(?…)"),
        ("a\\", "has \\"),
        ("((a{99}){99}){99}", "too large"),
        ("(" * 60 + ")" * 60, "too deep"),
        ("a" * 501, "longer than 500"),
    ],
)
def test_what_is_no_pattern_is_said(pattern: str, complaint: str) -> None:
    with pytest.raises(errors.UsageError) as caught:
        Pattern(pattern)
    assert complaint in caught.value.message


def test_a_long_text_is_searched_at_its_beginning() -> None:
    assert Pattern("b").search("a" * 3999 + "b")
    assert not Pattern("b").search("a" * 4000 + "b")
