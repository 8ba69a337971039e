"""Values found in what a command printed: the last match counts, and no pattern can hold up the end."""

from __future__ import annotations

import pytest

from gitexp.process.printed import find_printed
from gitexp.process.search_output import as_lines, last_match

ESC = "\x1b"


@pytest.mark.parametrize(
    ("output", "pattern", "value"),
    [
        ("loss: 1\nloss: 0.5\nend\n", r"^loss: (\S+)", "0.5"),
        ("loss: 1\r\nloss: 0.5\r\n", r"^loss: (\S+)$", "0.5"),
        ("10% loss=3\r20% loss=2\r30% loss=1", r"loss=(\d)", "1"),
        ("a\rloss: 2\r\n", r"^loss: (\d)$", "2"),
        (f"{ESC}[1;32mloss:{ESC}[0m 0.5{ESC}]0;title\x07\n", r"^loss: (\S+)$", "0.5"),
        ("epoch 1\nloss 3\nepoch 2\nloss 2\n", r"epoch (?:\d)\nloss (\d)", "2"),
        ("best 7\n", r"best \d", "best 7"),
        ("x=1 y=\nx= y=2\n", r"x=(\d)| y=\d", "1"),
        ("x: " + "9" * 5000, r"x: (\d+)", "9" * 1000),
        ("nothing", r"loss", None),
        ("", r"^", ""),
    ],
)
def test_the_last_match(output: str, pattern: str, value: str | None) -> None:
    assert last_match(pattern, as_lines(output.encode())) == value
    assert find_printed(output.encode(), [("x", pattern)]) == {"x": value}


def test_bytes_that_are_no_text() -> None:
    assert find_printed(b"\xff\xfe a=1 \x00\n", [("a", r"a=(\d)"), ("b", "b")]) == {"a": "1", "b": None}


def test_a_hostile_pattern_is_given_up_and_loses_no_other() -> None:
    log = b"a" * 60 + b"!\nloss 1\n"
    patterns = [("loss", r"loss (\d)"), ("slow", r"^(a+)+$"), ("late", "late")]
    assert find_printed(log, patterns, timeout=3) == {"loss": "1"}


def test_what_is_no_pattern_raises_nothing() -> None:
    assert find_printed(b"a", [("a", "a"), ("b", "(")]) == {"a": "a"}


def test_a_log_as_large_as_they_get() -> None:
    log = b"step 1: loss 0.5 and more text to fill the line\n" * 200_000 + b"loss: 0.25\n"
    assert find_printed(log, [("loss", r"^loss: (\S+)")]) == {"loss": "0.25"}
