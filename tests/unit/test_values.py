"""Values, times and texts as people read them."""

from __future__ import annotations

import math
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitexp.cli.kit.terminal.cells import elide, elide_middle
from gitexp.cli.kit.terminal.render import cell_width
from gitexp.model import MISSING
from gitexp.times import show_duration, show_time
from gitexp.words import clean, did_you_mean, nearest, show_value

NOW = datetime(2024, 6, 15, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "precision", "shown"),
    [
        (MISSING, None, "-"),
        (None, None, "null"),
        (True, None, "true"),
        (0.1 + 0.2, 5, "0.3"),
        (0.1 + 0.2, None, "0.30000000000000004"),
        (123456.789, 5, "1.2346e+05"),
        (123456, 3, "123456"),
        (math.nan, 5, "nan"),
        (-math.inf, 5, "-inf"),
        ("text", 5, "text"),
        ("", None, ""),
        ([1, "ä", None], None, '[1, "ä", null]'),
        ({"a": 1}, None, '{"a": 1}'),
        ("a\nb", None, "a\\nb"),
    ],
)
def test_a_value_is_shown(value: object, precision: int | None, shown: str) -> None:
    assert show_value(value, precision) == shown


def test_a_long_value_is_cut_only_where_asked() -> None:
    assert show_value("x" * 100) == "x" * 59 + "…"
    assert show_value("x" * 100, longest=None) == "x" * 100


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (None, "-"),
        ("", "-"),
        ("2024-06-15T10:40:00.000Z", "10:40"),
        ("2024-06-14T10:40:00.000Z", "Jun 14"),
        ("2024-01-02T10:40:00.000Z", "Jan  2"),
        ("2023-12-31T10:40:00.000Z", "2023-12-31"),
        ("not a time\x1b[31m", "not a time\\x1b[3"),
        ("9999-12-31T23:59:59+00:00", "9999-12-31"),
    ],
)
def test_a_time_is_shown_as_short_as_it_is_clear(text: str | None, shown: str) -> None:
    assert show_time(text, NOW) == shown


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (None, "-"),
        (0.04, "0.0 s"),
        (9.96, "10.0 s"),
        (12.4, "12 s"),
        (59.9, "1 min 0 s"),
        (185, "3 min 5 s"),
        (9600, "2 h 40 min"),
    ],
)
def test_a_duration_is_shown(seconds: float | None, shown: str) -> None:
    assert show_duration(seconds) == shown


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("plain", "plain"),
        ("größe 数据 🎉", "größe 数据 🎉"),
        ("👩\u200d💻", "👩\u200d💻"),
        ("exp\u200d-1", "exp\\u200d-1"),
        ("a\x1b[31mb", "a\\x1b[31mb"),
        ("a\x9b31mb", "a\\x9b31mb"),
        ("a\rb\tc\nd", "a\\rb\\tc\\nd"),
        ("\x00\x07\x08\x7f", "\\x00\\x07\\x08\\x7f"),
        ("\u202eabc\u2066", "\\u202eabc\\u2066"),
        ("a\u200bb\ufeff\u00ad", "a\\u200bb\\ufeff\\xad"),
        ("\U000e0041", "\\U000e0041"),
        ("caf\udce9", "caf\\xe9"),
        ("\ud800", "\\ud800"),
        ("a\u00a0b\u3000c", "a\u00a0b\u3000c"),
    ],
)
def test_what_could_steer_a_terminal_is_written_out(text: str, cleaned: str) -> None:
    assert clean(text) == cleaned


@given(st.text(st.characters()))
def test_nothing_unprintable_is_left(text: str) -> None:
    assert all(char.isprintable() or char.isspace() for char in clean(text).replace("\u200d", ""))
    assert not {"\n", "\r", "\t", "\x1b", "\x9b"} & set(clean(text))


@given(st.text(), st.integers(1, 40))
def test_a_text_is_cut_to_cells(text: str, cells: int) -> None:
    text = clean(text)
    for cut in (elide(text, cells), elide_middle(text, cells)):
        assert cell_width(cut) <= cells
        assert cut == text or "…" in cut


def test_the_ends_of_a_name_stay() -> None:
    assert elide_middle("a-long-name-0042", 10) == "a-long…042"
    assert elide_middle("数据数据数据", 7) == "数据…据"


@pytest.mark.parametrize(
    ("typed", "known", "hint"),
    [
        ("lr", ["seed", "train.lr", "a.yaml:lr"], "Did you mean train.lr or a.yaml:lr?"),
        ("acx", ["loss", "acc"], "Did you mean acc?"),
        ("epochs", ["lr", "seed"], "There is none."),
        ("", ["lr"], "There is none."),
    ],
)
def test_a_hint_names_the_nearest_words(typed: str, known: list[str], hint: str) -> None:
    assert did_you_mean(typed, known, "There is none.") == hint


def test_a_single_guess_is_nearer_than_one_of_several() -> None:
    assert nearest("metric", ["metrics", "meters"]) == ["metrics", "meters"]
    assert nearest("metric", ["metrics", "meters"], most=1) == ["metrics"]
    assert nearest("tranche", ["stage"], most=1) == []
