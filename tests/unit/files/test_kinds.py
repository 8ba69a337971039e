"""What is said when a value changes its type."""

from __future__ import annotations

import pytest

from gitexp.errors import OverrideError
from gitexp.files import apply_overrides, parse_override
from gitexp.files.kinds import changed_types

CHANGES = [
    ("a.yaml", "a: 2024-01-01\n", "a=soon", "a was the date 2024-01-01, now it is the text 'soon'"),
    ("a.yaml", "a: 2024-01-01\n", "a=2024-06-30 10:00:00", "now it is the date and time 2024-06-30 10:00:00"),
    ("a.yaml", "a: 1:30\n", "a=90", "a was the number of base 60 1:30, now it is the number 90"),
    ("a.yaml", "a: 90\n", "a=1:30", "a was the number 90, now it is the text '1:30'"),
    ("a.yaml", "a: true\n", "a=1", "a was true, now it is the number 1"),
    ("a.yaml", "a: 1\n", "a=null", "a was the number 1, now it is null"),
    ("a.yaml", "a: null\n", "a=3", "a was null, now it is the number 3"),
    ("a.yaml", "a: [1, 2]\n", "a=1", "a was the list [1, 2], now it is the number 1"),
    ("a.yaml", "a: 1\n", "a={b: 2}", "a was the number 1, now it is a map"),
    ("a.yaml", "a: {}\n", "a=1", "a was a map, now it is the number 1"),
    ("a.yaml", "a: [1, 2]\n", "a=[x]", "a was a list of numbers, now it is a list of texts"),
    ("a.yaml", "a: [2024-01-01]\n", "a=[soon]", "a was a list of dates, now it is a list of texts"),
    ("a.yaml", "a: [{b: 1}]\n", "a[0].b=x", "a[0].b was the number 1, now it is the text 'x'"),
    ("a.yaml", "a: {b: 1}\n", "a={b: x}", "a.b was the number 1, now it is the text 'x'"),
    ("a.toml", "a = 2024-01-01\n", "a=soon", "a was the date 2024-01-01, now it is the text 'soon'"),
    ("a.json", '{"a": "x"}', "a=false", "a was the text 'x', now it is false"),
    ("a.py", "a = 2**4\n", "a=x", "a was the number 16, now it is the text 'x'"),
]
SAME = [
    ("a.yaml", "a: 1\n", "a=0.5"),
    ("a.yaml", "a: 0.5\n", "a=1"),
    ("a.yaml", "a: 2024-01-01\n", "a=2024-06-30"),
    ("a.yaml", "a: 1:30\n", "a=2:30"),
    ("a.yaml", "a: [1]\n", "a=[]"),
    ("a.yaml", "a: [1, x]\n", "a=[y, z]"),
    ("a.yaml", "a:\n", "+a.b=1"),
    ("a.toml", "a = 2024-01-01\n", "a=2024-06-30"),
    ("a.py", "a = (1, 2)\n", "a=[3]"),
]


def changed(name: str, text: str, override: str) -> list[str]:
    before = text.encode()
    after = apply_overrides({name: before}, [parse_override(override)])[name]
    return changed_types(name, before, after)


@pytest.mark.parametrize(("name", "text", "override", "sentence"), CHANGES)
def test_another_type_is_said(name: str, text: str, override: str, sentence: str) -> None:
    (said,) = changed(name, text, override)
    assert said.endswith(sentence)


@pytest.mark.parametrize(("name", "text", "override"), SAME)
def test_the_same_type_is_not(name: str, text: str, override: str) -> None:
    assert changed(name, text, override) == []


@pytest.mark.parametrize(
    ("text", "override", "lost", "hint"),
    [
        ("m: {a: 0, b: 1, c: 2}\n", "m={a: 1}", "`m.b`, `m.c`", "-S m.a=1. -S '~m.b' removes a key."),
        ("m: {a: {b: 1, c: 2}}\n", "m={a: {b: x y}}", "`m.a.c`", "-S 'm.a.b=x y'. -S '~m.a.c' removes"),
        ("m: {a: 1}\n", "+m={d: 2}", "`m.a`", "-S +m.d=2. -S '~m.a' removes a key."),
        ("m: [{a: 1, b: 2}]\n", "m=[{a: 3}]", "`m[0].b`", "-S 'm[0].a=3'"),
        ("m: {a: 1}\n", "m={}", "`m.a`", "-S '~m.a' removes a key."),
    ],
)
def test_a_map_takes_no_keys_away(text: str, override: str, lost: str, hint: str) -> None:
    with pytest.raises(OverrideError) as caught:
        changed("a.yaml", text, override)
    assert caught.value.message.endswith(f"is without {lost}.")
    assert hint in str(caught.value.hint)
