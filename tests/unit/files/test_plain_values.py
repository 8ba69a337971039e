from __future__ import annotations

import math

import pytest

from gitexp.files.plain_values import in_place, measured, stated, yaml_scalar
from gitexp.files.scalars import same

# What the text is as a measurement, as a word that somebody typed, and in a YAML file.
READ = [
    ("0.50", 0.5, "0.50", 0.5),
    ("1.10", 1.1, "1.10", 1.1),
    ("1.0", 1.0, 1.0, 1.0),
    (".5", 0.5, 0.5, 0.5),
    ("0.00001", 1e-5, 1e-5, 1e-5),
    ("1e-3", 1e-3, 1e-3, 1e-3),
    ("1.20e-3", 0.0012, "1.20e-3", 0.0012),
    ("10e3", 10_000.0, 10_000.0, 10_000.0),
    ("007", 7, "007", 7),
    ("010", 10, "010", 8),
    ("+5", 5, "+5", 5),
    ("-0", 0, "-0", 0),
    ("-0.5", -0.5, -0.5, -0.5),
    ("12345678901234567890", 12345678901234567890, 12345678901234567890, 12345678901234567890),
    ("0.1234567890123456789", 0.12345678901234568, "0.1234567890123456789", 0.12345678901234568),
    ("0.30000000000000004", 0.30000000000000004, 0.30000000000000004, 0.30000000000000004),
    ("inf", math.inf, "inf", "inf"),
    ("-Infinity", -math.inf, "-Infinity", "-Infinity"),
    ("-.inf", -math.inf, "-.inf", -math.inf),
    ("NaN", math.nan, "NaN", "NaN"),
    ("-nan(ind)", math.nan, "-nan(ind)", "-nan(ind)"),
    ("1.#QNAN", math.nan, "1.#QNAN", "1.#QNAN"),
    ("-1.#INF00", -math.inf, "-1.#INF00", "-1.#INF00"),
    ("1_000", "1_000", "1_000", 1000),
    ("0x1f", "0x1f", "0x1f", 31),
    *((text,) * 4 for text in ("7e123457", "1234e56", "7e00012", "1e400", "1e-400", "1.10.2", "1:30")),
    *((text,) * 4 for text in ("e5", ".", "\u0661")),
]


@pytest.mark.parametrize(("text", "cell", "word", "in_yaml"), READ, ids=[each[0] for each in READ])
def test_a_text_is_read_by_its_place(text: str, cell: object, word: object, in_yaml: object) -> None:
    assert same(measured(f" {text} "), cell)
    assert same(stated(text), word)
    assert same(yaml_scalar(text), in_yaml)


def test_where_a_number_stands_only_one_number_can_be_meant() -> None:
    assert list(map(in_place, ("0.50", "+5", "1e-3", "off"))) == [0.5, 5, 1e-3, False]
    same_texts = ["010", "1_000", "0x1f", "9" * 5000, "7e123457"]
    assert list(map(in_place, same_texts)) == same_texts


def test_a_number_of_any_length_is_read_or_stays_text() -> None:
    assert measured("9" * 5000) == stated("9" * 5000) == "9" * 5000
    assert measured("9" * 400) == stated("9" * 400) == int("9" * 400)
