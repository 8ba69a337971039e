"""Words for a person in lines that fit a terminal."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitexp.cli.kit.terminal.wrapping import wrapped


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("short", ["short"]),
        (
            "No experiment here has loss; 4 on other baselines: gitexp show -A --sort loss",
            ["No experiment here has loss; 4 on", "  other baselines:", "  gitexp show -A --sort loss"],
        ),
        (
            "To do it: gitexp remove --yes one two; to see more: gitexp remove --dry-run one",
            [
                "To do it:",
                "  gitexp remove --yes one two; to",
                "  see more:",
                "  gitexp remove --dry-run one",
            ],
        ),
        (
            "Left out: 3 on other baselines (gitexp push -A --remote origin).",
            ["Left out: 3 on other baselines", "  (gitexp push -A --remote origin)."],
        ),
        (
            "Say so in gitexp.yaml: metrics: [metrics.json, {loss: min, another_one: min}]",
            ["Say so in gitexp.yaml: metrics: [metrics.json, {loss: min, another_one: min}]"],
        ),
        (
            "  command  python train.py --lr 0.1 --units 32",
            ["  command  python train.py --lr 0.1", "  --units 32"],
        ),
    ],
)
def test_it_breaks_between_words_and_around_what_is_copied(text: str, lines: list[str]) -> None:
    assert wrapped(text, 36).split("\n") == lines


def test_a_label_takes_room() -> None:
    assert wrapped("one two", 12, label=6) == "one\n  two"


@given(
    st.lists(st.sampled_from(["a", "gitexp", "show", "(gitexp show -A)", "x;", "metrics: {}", ""])),
    st.integers(1, 30),
)
def test_nothing_is_lost(words: list[str], width: int) -> None:
    text = " ".join(words)
    assert wrapped(text, width).replace("\n  ", " ").split() == text.split()
