"""Regular expressions of filters: those of `re`, and what is none is said."""

from __future__ import annotations

import contextlib
import warnings
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitexp import errors
from gitexp.catalog import filters
from gitexp.catalog.fields import Row

_NOW = datetime(2026, 11, 8, tzinfo=UTC)


def _finds(pattern: str, text: str) -> bool:
    quoted = pattern.replace("\\", "\\\\").replace("'", "\\'")
    return filters.parse(f"name ~ '{quoted}'").matches(Row("experiment", text, None), _NOW)


@pytest.mark.parametrize(
    ("pattern", "text", "found"),
    [
        ("mid", "amidst", True),  # somewhere in the text
        ("^mid", "amidst", False),
        (r"^v\d+(\.\d+){2}$", "v1.20.3", True),
        (r"\bbest\b", "the best one", True),
        (r"(?i)BEST", "the best one", True),
        (r"(a)\1", "aa", True),
        ("best(?!-)", "best-1", False),
        ("[[a]", "[", True),
        ("it's", "it's", True),
        ("", "", True),
        ("b$", "a" * 100_000 + "b", True),
    ],
)
def test_a_regular_expression_is_one_of_pythons(pattern: str, text: str, found: bool) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # nothing that Python may say of it reaches the user
        assert _finds(pattern, text) is found


@given(st.text(max_size=600))
def test_any_other_text_is_a_pattern_or_wrong_usage(text: str) -> None:
    with contextlib.suppress(errors.UsageError):
        assert _finds(text, "abc") in (True, False)


@pytest.mark.parametrize(
    ("pattern", "complaint"),
    [
        ("(a", "unterminated subpattern"),
        ("a)", "unbalanced parenthesis"),
        ("*a", "nothing to repeat"),
        ("[z-a]", "bad character range"),
        ("a{99999999999999999999}", "too complex"),
        ("a" * 501, "longer than 500"),
    ],
)
def test_what_is_no_pattern_is_said_with_its_place(pattern: str, complaint: str) -> None:
    with pytest.raises(errors.UsageError) as caught:
        _finds(pattern, "")
    assert caught.value.code == "invalid-filter"
    assert caught.value.message.startswith("The filter is wrong at character 8: the regular expression is ")
    assert complaint in caught.value.message
