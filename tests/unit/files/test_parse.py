from __future__ import annotations

import math
import time
from pathlib import Path

import pytest
import yaml

import gitexp.files
from gitexp.errors import ParseError
from gitexp.files import flatten, is_number, jsonable, parse, parse_metrics, parse_params
from gitexp.files.limits import read_limited
from gitexp.files.plain_values import yaml_scalar
from gitexp.files.scalars import same

BOMB = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 12)
)


def test_public_names() -> None:
    assert sorted(gitexp.files.__all__) == gitexp.files.__all__
    assert all(hasattr(gitexp.files, name) for name in gitexp.files.__all__)


@pytest.mark.usefixtures("yaml_loader")
@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("", {}),
        ("# only a comment\n", {}),
        ("---\n", {}),
        ("\ufeffa: 1\r\nb: 2\r\n", {"a": 1, "b": 2}),
        ("a: 1e-3\nb: 1E5\nc: .5\nd: 1.\ne: -1e3\n", {"a": 1e-3, "b": 1e5, "c": 0.5, "d": 1.0, "e": -1e3}),
        ("a: 7e123456\n", {"a": "7e123456"}),
        ("a: yes\nb: off\nc: ~\nd:\ne: 'yes'\n", {"a": True, "b": False, "c": None, "d": None, "e": "yes"}),
        ("a: 0x1f\nb: 010\nc: 0b11\nd: 1_000\ne: -3\n", {"a": 31, "b": 8, "c": 3, "d": 1000, "e": -3}),
        ("a: 2024-01-02\nb: 2024-01-02 03:04:05\n", {"a": "2024-01-02", "b": "2024-01-02 03:04:05"}),
        ("a: 1:30\nb: =\n", {"a": "1:30", "b": "="}),
        ("1: a\ntrue: b\n2.5: c\n~: d\n", {"1": "a", "true": "b", "2.5": "c", "~": "d"}),
        ("a: .inf\nb: -.INF\n", {"a": math.inf, "b": -math.inf}),
        ("a: !!str 1\nb: !!float 1\nc: !!int '3'\nd: ! 5\n", {"a": "1", "b": 1.0, "c": 3, "d": "5"}),
        ("b: &b {x: 1, y: 2}\nc: {<<: *b, y: 3}\n", {"b": {"x": 1, "y": 2}, "c": {"x": 1, "y": 3}}),
        (
            "a: &a {x: 1}\nb: &b {x: 2, y: 2}\nc:\n  <<: [*a, *b]\n  z: 3\n",
            {"a": {"x": 1}, "b": {"x": 2, "y": 2}, "c": {"x": 1, "y": 2, "z": 3}},
        ),
        ("a: |\n  one\n  two\nb: >-\n  one\n  two\n", {"a": "one\ntwo\n", "b": "one two"}),
    ],
)
def test_yaml(text: str, tree: object) -> None:
    assert same(parse("params.yaml", text.encode()), tree)


@pytest.mark.usefixtures("yaml_loader")
@pytest.mark.parametrize(
    ("text", "place", "says"),
    [
        ("a: 1\na: 2\n", (2, 1), "second time"),
        ("1: a\n'1': b\n", (2, 1), "second time"),
        ("a: {b: 1, b: 2}\n", (1, 11), "second time"),
        ("a: 1\n--- \nb: 2\n", (2, 1), "more than one"),
        ("a: !foo 1\n", (1, 4), "!foo"),
        ("a: !!python/object/apply:os.system [x]\n", (1, 4), "!!python/object/apply:os.system"),
        ("a: !!set {x}\n", (1, 4), "!!set"),
        ("a: !!binary aGk=\n", (1, 4), "!!binary"),
        ("a: !!int x\n", (1, 4), "tag"),
        ("? [1, 2]\n: 3\n", None, "key"),
        ("a: *x\n", (1, 4), "&x"),
        ("a: &x [*x]\n", (1, 8), "contains itself"),
        ("<<: 1\n", None, "merge"),
        ("a: b: c\n", (1, 5), "YAML"),
        ("a: [1\n", None, "YAML"),
        ("\ta: 1\n", (1, 1), "YAML"),
        ("a: \x01\n", None, "YAML"),
        ("- 1\n", None, "must be a mapping"),
        ("text\n", None, "must be a mapping"),
        ("a: " + "9" * 5000, (1, 4), "digits"),
        ("a: 0x" + "9" * 5000, None, "digits"),
        ("a: " + "[" * 3000, None, "64 levels"),
        ("a: " + "[" * 3000 + "]" * 3000, None, "64 levels"),
        ("a: " + "{b: " * 3000, None, "64 levels"),
        ("- " * 3000, None, "64 levels"),
        ("a: [" + "1," * 10_001 + "]", None, "10,000 values"),
        (BOMB, None, "100,000 values"),
    ],
    ids=lambda value: repr(value)[:30],
)
def test_yaml_refused(text: str, place: tuple[int, int] | None, says: str) -> None:
    spent = time.process_time()
    with pytest.raises(ParseError, match=r"params\.yaml") as caught:
        parse("params.yaml", text.encode())
    assert time.process_time() - spent < 10, "it grows faster than its input"
    assert says in caught.value.message
    if place:
        assert (caught.value.line, caught.value.column) == place


@pytest.mark.parametrize(
    ("name", "text", "tree"),
    [
        ("p.json", "", {}),
        (
            "p.json",
            ' {"a": [1, 2.5, true, null, "\\u00e9\\n"], "b": {}} ',
            {"a": [1, 2.5, True, None, "é\n"], "b": {}},
        ),
        ("p.json", '{"a": NaN, "b": -Infinity}', {"a": math.nan, "b": -math.inf}),
        (
            "p.toml",
            "a = 1\n[b.c]\nd = 'x'\ne = [{f = 1}]\n",
            {"a": 1, "b": {"c": {"d": "x", "e": [{"f": 1}]}}},
        ),
        (
            "p.toml",
            "a = 2024-01-02\nb = 2024-01-02T03:04:05Z\n",
            {"a": "2024-01-02", "b": "2024-01-02T03:04:05+00:00"},
        ),
        ("p.toml", "a = \"[[[\" # [[[\nb = '''[[\"'''\n", {"a": "[[[", "b": '[["'}),
        (
            "p.py",
            "lr = 1e-3\nn: int = -2\nx = print(1)\ny: int\ns = 'a' \"b\"\n",
            {"lr": 1e-3, "n": -2, "s": "ab"},
        ),
        (
            "p.py",
            "class A:\n  x = (1, 2)\n  class B:\n    y = None\n  def f(self): pass\n",
            {"A": {"x": [1, 2], "B": {"y": None}}},
        ),
        (
            "p.py",
            "a = {'b': [True], 1: float('inf')}\nc = {x for x in a}\n",
            {"a": {"b": [True], "1": math.inf}},
        ),
        ("p.py", "a = 1\na += 1\nb = 2\nb = 3\nraise SystemExit\n", {"b": 3}),
        ("p.py", "a = '\\d'\nb = b'x'\nc = 1j\nd = ...\n", {"a": "\\d"}),
    ],
)
def test_json_toml_py(name: str, text: str, tree: object) -> None:
    assert same(parse(name, text.encode()), tree)


@pytest.mark.parametrize(
    ("name", "text", "place"),
    [
        ("p.json", '{"a": 1, "a": 2}', (1, 10)),
        ("p.json", '{"a": 1,}', (1, 9)),
        ("p.json", '{"a": 1\n "b": 2}', (2, 2)),
        ("p.json", '{"a" 1}', (1, 6)),
        ("p.json", '{"a": 01}', (1, 8)),
        ("p.json", '{"a": tru}', (1, 7)),
        ("p.json", '{"a": "x', (1, 7)),
        ("p.json", '{"a": 1} 2', (1, 10)),
        ("p.json", "[1]", None),
        ("p.json", '{"a": "\\ud800"}', None),
        ("p.json", '{"a": ' + "[" * 3000, None),
        ("p.json", '{"a":' * 3000, None),
        ("p.json", '{"a": ' + "9" * 5000 + "}", (1, 7)),
        ("p.json", '{"a": [' + "1," * 10_000 + "1]}", None),
        ("p.toml", "a = 1\na = 2\n", None),
        ("p.toml", "a = \n", (1, 5)),
        ("p.toml", "a = " + "[" * 3000, None),
        ("p.toml", "a = " + "{a = " * 3000, None),
        ("p.toml", "a." * 100_000 + "a = 1", None),
        ("p.toml", "[" + "a." * 100_000 + "a]", None),
        ("p.toml", '\\"' * 500_000, None),
        ("p.toml", "a = " + "9" * 5000, None),
        ("p.toml", "a = 0x" + "9" * 50_000, None),
        ("p.py", "a = (1\n", (1, 5)),
        ("p.py", "a = " + "[" * 3000, None),
        ("p.py", "a = " + "-" * 100_000 + "1", None),
        ("p.py", "a = '\x00'", None),
        ("p.py", "a = '\\ud800'", None),
        ("p.txt", "a", None),
    ],
    ids=lambda value: repr(value)[:30],
)
def test_json_toml_py_refused(name: str, text: str, place: tuple[int, int] | None) -> None:
    spent = time.process_time()
    with pytest.raises(ParseError) as caught:
        parse(name, text.encode())
    assert time.process_time() - spent < 10, "it grows faster than its input"
    assert caught.value.file == name
    if place:
        assert (caught.value.line, caught.value.column) == place


@pytest.mark.parametrize(
    ("name", "text", "complaints"),
    [
        (
            "p.yaml",
            "a: 1\nb: !!python/tuple [1, 2]\n",
            ["p.yaml:2: `b` is left out: the tag !!python/tuple"],
        ),
        ("p.yaml", "a: 1\nb: !foo x\n", ["p.yaml:2: `b` is left out: the tag !foo is not"]),
        ("p.yaml", "a: 1\nb: {c: !!int x}\n", ["p.yaml:2: `b.c` is left out: this value is not"]),
        ("p.yaml", "a: 1\nb: &x !foo {c: 1}\nd: *x\n", ["p.yaml:2: `b`", "p.yaml:2: `d`"]),
        (
            "p.yaml",
            "a: 1\nb: [2, !foo x]\n",
            ["p.yaml: `b` is left out: it has a value"],
        ),
        (
            "p.yaml",
            f"a: 1\nb: {'9' * 5000}\n",
            ["p.yaml:2: `b` is left out: this number"],
        ),
        (
            "p.json",
            f'{{"a": 1, "b": {"9" * 5000}}}',
            ["p.json:1: `b` is left out: this number"],
        ),
        (
            "p.json",
            '{"a": 1, "b": {"c": "\\ud800"}}',
            ["p.json: `b.c` is left out: it has half"],
        ),
        ("p.json", '{"a": 1, "\\ud800": 2}', ["p.json: `"]),
        ("p.yaml", f"a: 1\nb: {[0] * 10_000}\n", ["p.yaml: `b` is left out: with its 10,000 values"]),
    ],
    ids=lambda value: repr(value)[:40],
)
def test_an_odd_value_costs_only_itself(name: str, text: str, complaints: list[str]) -> None:
    found = parse_params(name, text.encode())
    assert found.tree.pop("a") == 1
    assert not [leaf for leaf in flatten(found.tree).values() if leaf != {}]
    assert len(found.complaints) == len(complaints)
    for said, expected in zip(found.complaints, complaints, strict=True):
        assert said.startswith(expected)
    with pytest.raises(ParseError):
        parse(name, text.encode())


@pytest.mark.parametrize("name", ["p.yaml", "p.json", "p.toml", "p.py"])
def test_bytes_refused(name: str) -> None:
    with pytest.raises(ParseError, match="UTF-8") as caught:
        parse(name, b"a\n\xff")
    assert (caught.value.line, caught.value.column) == (2, 1)
    with pytest.raises(ParseError, match="1 MiB"):
        parse(name, b" " * (1 << 20) + b" ")
    parse(name, b"#" if name != "p.json" else b" ")


def test_no_more_is_read_than_shows_that_it_is_too_much(tmp_path: Path) -> None:
    for name, most in (("p.yaml", 1 << 20), ("m.json", 8 << 20), ("m.csv", 64 << 20), ("m.JSONL", 64 << 20)):
        file = tmp_path / name
        with file.open("wb") as stream:
            stream.truncate(1 << 40)  # with nothing in it, it takes no room
        data = read_limited(file)
        assert len(data) == most + 1
        with pytest.raises(ParseError, match=f"{most >> 20} MiB"):
            parse_metrics(name, data)


def test_python_is_refused_before_its_parser_takes_long() -> None:
    with pytest.raises(ParseError, match="512 KiB"):
        parse("p.py", b"#" * (1 << 19) + b"\n")
    assert parse("p.py", b"x = 1\n" + b"#" * (1 << 18)) == {"x": 1}


@pytest.mark.parametrize(
    "text",
    [
        "yes",
        "no",
        "012",
        "0x1f",
        "1_0",
        "1.5",
        "~",
        "",
        "null",
        "Off",
        "x",
        "1.5e+3",
        ".5",
        "-.inf",
        "0",
        "08",
    ],
)
def test_plain_scalars_read_as_pyyaml_reads_them(text: str) -> None:
    assert same(yaml_scalar(text), yaml.safe_load(text))


def test_is_number_and_jsonable() -> None:
    assert [is_number(value) for value in (1, 1.5, True, "1", None)] == [True, True, False, False, False]
    assert jsonable({"a": [math.nan, -math.inf, {"b": math.inf}], "c": 1.5}) == {
        "a": ["nan", "-inf", {"b": "inf"}],
        "c": 1.5,
    }


def test_a_backslash_in_double_quotes() -> None:
    """As whoever writes a regular expression into gitexp.yaml will do."""
    with pytest.raises(ParseError) as caught:
        parse("gitexp.yaml", rb'pattern: "^acc:\s+(\S+)"')
    assert "single quotes" in (caught.value.hint or "")
