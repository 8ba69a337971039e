"""Editing in place: exact bytes for files written by hand, and round trips for generated ones."""

from __future__ import annotations

import json
from typing import Any

import pytest
import tomlkit
import yaml
from hypothesis import assume, given
from hypothesis import strategies as st

from gitexp.errors import GitexpError, OverrideError, ParseError
from gitexp.files import Op, Override, apply_overrides, format_key, parse, parse_override
from gitexp.files.fitting import lost_keys
from gitexp.files.formats.yaml_write import flow_text
from gitexp.files.keys import get, put
from gitexp.files.scalars import same
from gitexp.model import MISSING

YAML = [
    # a date, and a number of base 60, stay what they are to the script
    ("a: 2024-01-01 # c\n", "a=2024-06-30", "a: 2024-06-30 # c\n"),
    ("a: 2024-01-01\n", "a=2024-06-30 12:00:00", "a: 2024-06-30 12:00:00\n"),
    ("a: 2024-01-01\n", "a=2024-13-45", 'a: "2024-13-45"\n'),
    ("a: !!timestamp 2024-01-01\n", "a=2024-06-30", "a: 2024-06-30\n"),
    ("a: '2024-01-01'\n", "a=2024-06-30", "a: '2024-06-30'\n"),
    ("a: 1:30\n", "a=2:30", "a: 2:30\n"),
    ("a: 1:30.5\n", "a=2:30", "a: 2:30\n"),
    ("a: 1:30\n", "a=2024-06-30", 'a: "2024-06-30"\n'),
    ("a: [2024-01-01, x]\n", "a=[2024-06-30, y, 2:30]", 'a: [2024-06-30, y, "2:30"]\n'),
    ("a:\n- 2024-01-01\n", "+a[1]=2024-06-30", "a:\n- 2024-01-01\n- 2024-06-30\n"),
    ("a: &x 2024-01-01\nb: *x\n", "b=2024-06-30", "a: &x 2024-01-01\nb: 2024-06-30\n"),
    ("a: 2024-01-01\n", "a='2024-06-30'", OverrideError),
    # scalars: what stands around them stays
    ("a: 1  # c\n", "a=2", "a: 2  # c\n"),
    ("# é😀\r\na:   1\r\nb:  2\n", "b=3", "# é😀\r\na:   1\r\nb:  3\n"),
    ("\ufeffa: 1", "a=2", "\ufeffa: 2"),
    ("--- # start\na: 1\n...\n", "a=2", "--- # start\na: 2\n...\n"),
    ("%YAML 1.1\n---\na: 1\n", "a=2", "%YAML 1.1\n---\na: 2\n"),
    ("a: 'x'\n", "a=it's", "a: 'it''s'\n"),
    ('a: "x" # c\n', "a=y", 'a: "y" # c\n'),
    ("a: 'x'\n", "a=1", "a: 1\n"),
    # a number that is not spelled as one stays a number only where a number stands
    ("a: 0.1\n", "a=0.50", "a: 0.5\n"),
    ("a: 0.1\n", "a=+2", "a: 2\n"),
    ("a: 1\n", "a=010", 'a: "010"\n'),
    ("a: 1\n", "a=1_000", 'a: "1_000"\n'),
    ("a: x\n", "a=1.10", 'a: "1.10"\n'),
    ("a: x\n", "a=7e123457", "a: 7e123457\n"),
    ("a: [0.1, x]\n", "a=[0.20, 1.10]", 'a: [0.2, "1.10"]\n'),
    ("a: [0.1]\n", "a=[0.20, 0.30]", "a: [0.2, 0.3]\n"),
    ("a: {b: 0.1, c: x}\n", "a={b: 0.20, c: 1.10}", 'a: {b: 0.2, c: "1.10"}\n'),
    ("a: true\n", "a=off", "a: false\n"),
    ("a: x\n", "a=off", 'a: "off"\n'),
    ("a: x\n", "+b=1.10", 'a: x\nb: "1.10"\n'),
    ("a: x\n", "a='yes'", 'a: "yes"\n'),
    ("a: x\n", "a='1e-3'", 'a: "1e-3"\n'),
    ("a: x\n", "a='012'", 'a: "012"\n'),
    ("a: x\n", "a=1:30", 'a: "1:30"\n'),
    ("a: x\n", "a=2020-01-01", 'a: "2020-01-01"\n'),
    ("a: x\n", "a='~'", 'a: "~"\n'),
    ("a: x\n", "a=foo #x", 'a: "foo #x"\n'),
    ("a: x\n", "a=b: c", 'a: "b: c"\n'),
    ("a: x\n", "a=s3://b/k y", "a: s3://b/k y\n"),
    ("a: x\n", "a=C:\\dir", "a: C:\\dir\n"),
    ("a: x\n", 'a="1\\n2"', 'a: "1\\n2"\n'),
    ("a: 1\n", "a=1e-05", "a: 1.0e-05\n"),
    ("a: 1\n", "a=1e16", "a: 1.0e+16\n"),
    ("a: 1\n", "a=-.inf", "a: -.inf\n"),
    ("a: 0x10\n", "a=16", None),
    ("a: 1.50\n", "a=1.5", None),
    ("a:\n", "a=1", "a: 1\n"),
    ("a: \nb: 1\n", "a=1", "a: 1\nb: 1\n"),
    ("a:   # c\n", "a=1", "a: 1   # c\n"),
    ("a: &x 1 # c\nb: *x\n", "a=2", "a: &x 2 # c\nb: *x\n"),
    ("a: &x\nb: *x\n", "a=2", "a: &x 2\nb: *x\n"),
    ("a: &x 1\nb: *x # c\n", "b=2", "a: &x 1\nb: 2 # c\n"),
    ("a: !!float 1\n", "a=2", "a: 2\n"),
    ("a: &x !!str 1\n", "a=2", "a: &x 2\n"),
    ("a: |\n  one\n\n  two\n\nb: 1\n", "a=x", "a: x\n\nb: 1\n"),
    ("a: one\n  two\nb: 1\n", "a=x", "a: x\nb: 1\n"),
    ("a: |\n  one\n\n\nb: 1\n", "b=2", "a: |\n  one\n\n\nb: 2\n"),
    # lists and brackets
    ("a:\n- 1\n-  2 # c\n- \n", "a[1]=3", "a:\n- 1\n-  3 # c\n- \n"),
    ("a:\n- 1\n-\n", "a.1=3", "a:\n- 1\n- 3\n"),
    ("a: [1,2 , 3]\n", "a[1]=x", "a: [1,x , 3]\n"),
    ("a: [1]\n", "a[0]=b, c", 'a: ["b, c"]\n'),
    ("{a: 1, b: {c: 2}}", "b.c=x", "{a: 1, b: {c: x}}"),
    ("{a, b: 1}", "a=1", "{a: 1, b: 1}"),
    ('{"a":1}', "a=2", '{"a":2}'),
    # whole maps and lists
    ("a:\n  b: 1\n  c: 2\nd: 3\n", "a={c: 5, b: 6}", "a: {c: 5, b: 6}\nd: 3\n"),
    ("a:\n  b: 1\n", "a=1", OverrideError),
    ("a: # c\n  # d\n  b: 1 # e\nf: 1", "a={b: 3}", "a: {b: 3} # c\n  # d\nf: 1"),
    ("a:\n- 1\n- 2", "a=1", "a: 1"),
    ("a: &x\r\n  b: 1\r\nc: 1\r\n", "a={b: 2}", "a: &x {b: 2}\r\nc: 1\r\n"),
    ("a: 1 # c\n", "a={b: [1, null, true], '1': 'no'}", 'a: {b: [1, null, true], "1": "no"} # c\n'),
    ("a:\n- b: 1\n  c: 2\n- 3\n", "a[0]={b: 3, c: 4}", "a:\n- {b: 3, c: 4}\n- 3\n"),
    ("? a\n: b: 1\n  c: 2\n? d\n: e\n", "~d", "? a\n: b: 1\n  c: 2\n"),
    ("? a\n: 1\n? d\n: e\n", "a=2", "? a\n: 2\n? d\n: e\n"),
    ("a: {b: 1}\n", "+a.c=what?", 'a: {b: 1, c: "what?"}\n'),
    # aliases and merge keys
    ("a: &x {b: 1}\nc: *x\n", "a.b=2", "a: &x {b: 2}\nc: *x\n"),
    ("a: &x {b: 1, d: 2}\nc: *x\n", "c.b=2", "a: &x {b: 1, d: 2}\nc: {b: 2, d: 2}\n"),
    ("a: &x\n  b: 1\nc:\n  <<: *x\nd: 1\n", "c.b=2", "a: &x\n  b: 1\nc:\n  <<: *x\n  b: 2\nd: 1\n"),
    ("a: &x {b: 1}\nc: {<<: *x}\n", "c.b=2", "a: &x {b: 1}\nc: {<<: *x, b: 2}\n"),
    ("a: &x {b: {d: 1, e: 2}}\nc: {<<: *x}\n", "c.b.d=2",
     "a: &x {b: {d: 1, e: 2}}\nc: {<<: *x, b: {d: 2, e: 2}}\n"),
    ("a: &x {b: 1}\nc:\n  <<: *x\n  b: 2\n", "~c.b", OverrideError),
    ("a: &x {b: 1}\nc: {<<: *x}\n", "~c.b", OverrideError),
    ("a: &x {b: 1}\nc: {<<: *x}\n", "a=1", OverrideError),
    ("a: &x [{b: 1}]\nc: {<<: *x}\n", "a=1", ParseError),
    # adding
    ("", "+a=1", "a: 1\n"),
    ("", "+a.b.c=1", "a:\n  b:\n    c: 1\n"),
    ("# c", "+a=1", "# c\na: 1"),
    ("# c\r\n", "+a=1", "# c\r\na: 1\r\n"),
    ("---\n", "+a=1", "---\na: 1\n"),
    ("{}\n", "+a.b=1", "{a: {b: 1}}\n"),
    ("a: 1", "+b=2", "a: 1\nb: 2"),
    ("a: 1\r\n", "+b=2", "a: 1\r\nb: 2\r\n"),
    ("a:\n    b: 1 # c\n\n# next\nd: 1\n", "+a.e=2", "a:\n    b: 1 # c\n    e: 2\n\n# next\nd: 1\n"),
    ("a:\n    b: 1\n", "+c.d=2", "a:\n    b: 1\nc:\n    d: 2\n"),
    ("a: {b: 1}\n", "+a.c=x", "a: {b: 1, c: x}\n"),
    ("a: {b: 1,\n    c: 2, # c\n   }\n", "+a.d=x", "a: {b: 1,\n    c: 2,\n    d: x, # c\n   }\n"),
    ("a: {}\n", "+a.b=1", "a: {b: 1}\n"),
    ("a: # c\nb: 1\n", "+a.c=2", "a: # c\n  c: 2\nb: 1\n"),
    ("a: ~\n", "+a.c=2", "a: {c: 2}\n"),
    ("a: |+\n  x\n\n", "+b=1", "a: |+\n  x\n\nb: 1\n"),
    ("a: |\n  x\n\n", "+b=1", "a: |\n  x\nb: 1\n\n"),
    ("a:\n- 1\nb: 1\n", "+a[1]=x", "a:\n- 1\n- x\nb: 1\n"),
    ("a: [1]\n", "+a.1=x", "a: [1, x]\n"),
    ("a: []\n", "+a[0]=x", "a: [x]\n"),
    ("a:\n- b: 1\n", "+a[0].c=x", "a:\n- b: 1\n  c: x\n"),
    ("1: a\n", "+2=b", "1: a\n2: b\n"),
    ("a: 1\n", "+2=b", 'a: 1\n"2": b\n'),
    ("a: 1\n", '+"x: y"=b', 'a: 1\n"x: y": b\n'),
    # removing
    ("a: 1\n", "~a", "{}\n"),
    ("a: 1 # c\nb: 2 # d\n# e\n", "~b", "a: 1 # c\n# e\n"),
    ("a: 1\r\nb: 2", "~b", "a: 1"),
    ("a:\n  b: 1\nc: 2\n", "~a.b", "a: {}\nc: 2\n"),
    ("a:\n  b: 1\nc: 2\n", "~a", "c: 2\n"),
    ("a:\n- 1\n- 2\n", "~a[0]", "a:\n- 2\n"),
    ("a:\n- 1\n", "~a[0]", "a: []\n"),
    ("a:\n- b: 1\n  c: 2\n", "~a[0].b", "a:\n- c: 2\n"),
    ("a:\n- b: 1\n  c: 2\n", "~a[0].c", "a:\n- b: 1\n"),
    ("a: {b: 1, c: 2, d: 3}\n", "~a.b", "a: {c: 2, d: 3}\n"),
    ("a: {b: 1, c: 2, d: 3}\n", "~a.d", "a: {b: 1, c: 2}\n"),
    ("a: {b: 1,}\n", "~a.b", "a: {}\n"),
    ("a: {\n  b: 1, # b\n  c: 2,\n}\n", "~a.c", "a: {\n  b: 1, # b\n}\n"),
    ("a: |\n  x\nb: 1\n", "~a", "b: 1\n"),
]  # fmt: skip

JSON = [
    ('{"a": 1}', "a=2", '{"a": 2}'),
    ('{"a":1,"b":[1,2]}', "+c={x: [1]}", '{"a":1,"b":[1,2],"c":{"x":[1]}}'),
    ('{\r\n\t"a": 1\r\n}\r\n', "+b.c=1", '{\r\n\t"a": 1,\r\n\t"b": {\r\n\t\t"c": 1\r\n\t}\r\n}\r\n'),
    ('{\n  "a": {}\n}\n', "+a.b=1", '{\n  "a": {\n    "b": 1\n  }\n}\n'),
    ('{\n  "a": 1,\n  "b": 2\n}', "~a", '{\n  "b": 2\n}'),
    ('{\n  "a": 1,\n  "b": 2\n}', "~b", '{\n  "a": 1\n}'),
    ('{\n  "a": 1\n}', "~a", "{}"),
    ('{"a": [1, {"b": 2}]}', "~a[0]", '{"a": [{"b": 2}]}'),
    ('{"a": [1, {"b": 2}]}', "a.1.b=é", '{"a": [1, {"b": "é"}]}'),
    ('{"a": "\\u00e9", "b": 1}', "b=é", '{"a": "\\u00e9", "b": "\\u00e9"}'),
    ('{"a": 1}', "a=.nan", '{"a": NaN}'),
    ('{"a": null}', "+a.b=1", '{"a": {"b": 1}}'),
    ("", "+a=1", '{"a": 1}'),
    ("\n", "+a=1", '{"a": 1}\n'),
]

TOML = [
    ("# t\na = 1 # c\n", "a=2", "# t\na = 2 # c\n"),
    ("a = 'x'\r\n[b]\r\nc = 1\r\n", "a=y", "a = 'y'\r\n[b]\r\nc = 1\r\n"),
    ("a = 1\r\n", "+b=2", "a = 1\r\nb = 2\r\n"),
    ("[a]\nb = [1, 2] # c\n", "a.b.0=5", "[a]\nb = [5, 2] # c\n"),
    ("[a]\nb = 1\n", "~a.b", "[a]\n"),
    ("a = 1\nb = 2 # c\n", "~a", "b = 2 # c\n"),
    ("a = {b = 1}\n", "a.b=1e-5", "a = {b = 1e-05}\n"),
    ("[[a]]\nb = 1\n[[a]]\nb = 2\n", "a[1].b=3", "[[a]]\nb = 1\n[[a]]\nb = 3\n"),
    ("a = 1\n", "a={b: [1, {c: x}]}", 'a = {b = [1, {c = "x"}]}\n'),
    ("a = 1\n", "+b.c=2", "a = 1\n\n[b]\nc = 2\n"),
    ("a = {}\n", "+a.b.c=2", "a = {b = {c = 2}}\n"),
    ("a = [1]\n", "+a[1]=2", "a = [1, 2]\n"),
    ("a = 2024-01-01 # c\n", "a=2024-06-30", "a = 2024-06-30 # c\n"),
    ("a = 2024-01-01\n", "a=2024-06-30T10:00:00Z", "a = 2024-06-30T10:00:00Z\n"),
    ("a = 10:00:00\n", "a=11:30:00.123456", "a = 11:30:00.123456\n"),
    ("a = [2024-01-01]\n", "a=[2024-06-30, 2024-13-01]", 'a = [2024-06-30, "2024-13-01"]\n'),
    ("a = [2024-01-01]\n", "+a[1]=2024-06-30", "a = [2024-01-01, 2024-06-30]\n"),
    ("a = '2024-01-01'\n", "a=2024-06-30", "a = '2024-06-30'\n"),
    ("a = 2024-01-01\n", "a='2024-06-30'", OverrideError),
    ("[[a]]\nb = 1\n", "a[0]=1", OverrideError),
    ("a = 1\n", "a=null", OverrideError),
    ("a = 1\n", "a={b: [null]}", OverrideError),
]

PY = [
    ("LR = 1e-3  # c\r\nx = LR\r\n", "LR=2", "LR = 2  # c\r\nx = LR\r\n"),
    ("é = 'ü'; n = 'x'\n", "n=it's", "é = 'ü'; n = \"it's\"\n"),
    ('a = "x"\n', "a=y", 'a = "y"\n'),
    ("a: float = (1)\n", "a=-1", "a: float = (-1)\n"),
    ("class M:\n    a = 1\n\nb = 2\n", "M.a=true", "class M:\n    a = True\n\nb = 2\n"),
    ("class M:\n    a = 1\n\nb = 2\n", "+M.c=x", 'class M:\n    a = 1\n    c = "x"\n\nb = 2\n'),
    ("a = (0.9, 0.99)\n", "a.0=0.5", "a = (0.5, 0.99)\n"),
    ("a = (0.9, 0.99)\n", "~a.0", "a = (0.99,)\n"),
    ("a = {'b': 1}\n", "+a.c=null", "a = {'b': 1, \"c\": None}\n"),
    ("a = 1", "+b=.inf", 'a = 1\nb = float("inf")'),
    ("a = 1\n", "+b=x", 'a = 1\nb = "x"\n'),
    ("a = 1\nb = 2  # c\n", "~b", "a = 1\n"),
    ("a = 1; b = 2\n", "~b", OverrideError),
    ("a = b = 1\n", "a=2", OverrideError),
    ("a = 1\n", "+b-c=2", OverrideError),
    # expressions of literals are values
    ("a = 2**4  # c\n", "a=8", "a = 8  # c\n"),
    ("a = (60 * 5, 1 << 4)\n", "a[1]=8", "a = (60 * 5, 8)\n"),
    ("a = 'x' + \"y\"\n", "a=z", 'a = "z"\n'),
    ("a = [64] * 3\n", "a=[1, 2]", "a = [1, 2]\n"),
    ("a = [64] * 3\n", "+a[3]=1", "a = [64, 64, 64, 1]\n"),
    ("a = [64] * 3\n", "a[0]=1", OverrideError),
    ("a, b = 1, 2\n", "b=3", "a, b = 1, 3\n"),
    ("a, b = 1, 2\n", "~b", OverrideError),
    # what only a run would tell is not set by a line below it
    *(
        (text, sign + "a=8", OverrideError)
        for sign in ("", "+")
        for text in (
            "a = f()\n",
            "a = 1\na = f()\n",
            "a = 1\na *= 2\n",
            "a = 1\nif x:\n    a = 2\n",
            "a, b = f()\n",
            "for a in x: pass\n",
            "import a\n",
            "from x import y as a\n",
            "def a(): pass\n",
            "class a: pass\n",
            "with x as a: pass\n",
            "if (a := 3): pass\n",
            "try: pass\nexcept E as a: pass\n",
            "a = b'1'\n",
        )
    ),
    ("class M:\n    a = f()\n    b = 1\n", "+M.a=8", OverrideError),
    ("class M:\n    a = f()\n", "+M.b=8", OverrideError),
    ("a = f()\n", "+a.b=8", OverrideError),
    ("print(a)\n", "+a=8", OverrideError),
    ("class M:\n    a: int\n    b = 1\n", "+M.a=8", "class M:\n    a: int\n    b = 1\n    a = 8\n"),
    (
        "x = [a for a in y]\ndef f(): a = 1\nb = 1\n",
        "+c=8",
        "x = [a for a in y]\ndef f(): a = 1\nb = 1\nc = 8\n",
    ),
    ("class M:\n    a = 1\n", "M=2", OverrideError),
    ("class M:\n    a = 1\n", "~M", OverrideError),
    ("class M:\n    a = 1\n", "~M.a", ParseError),
]


@pytest.mark.parametrize(
    ("name", "text", "override", "result"),
    [(name, *case) for name, cases in (("p.json", JSON), ("p.toml", TOML), ("p.py", PY)) for case in cases],
)
def test_json_toml_py(name: str, text: str, override: str, result: Any) -> None:
    check(name, text, override, result)


@pytest.mark.usefixtures("yaml_loader")
@pytest.mark.parametrize(("text", "override", "result"), YAML)
def test_yaml(text: str, override: str, result: Any) -> None:
    check("p.yaml", text, override, result)


def check(name: str, text: str, override: str, result: Any) -> None:
    files, overrides = {name: text.encode()}, [parse_override(override)]
    if isinstance(result, type):
        with pytest.raises(result):
            apply_overrides(files, overrides)
        return
    expected = {} if result is None else {name: result.encode()}
    assert apply_overrides(files, overrides) == expected


texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12) | st.sampled_from(
    [
        "yes",
        "1e-3",
        "012",
        "1:30",
        "~",
        "",
        "a: b",
        "x #y",
        "- a",
        "'",
        '"',
        "\u2028",
        "\ufeff",
        "1_0",
        "=",
        "<<",
        "#",
    ]
)
finite = st.floats(allow_nan=False, allow_infinity=False)
scalars = texts | st.integers() | finite | st.booleans() | st.none()
trees = st.dictionaries(
    texts,
    st.recursive(
        scalars,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
        max_leaves=12,
    ),
    min_size=1,
    max_size=4,
)
words = st.text("abcxyz019_-. é", min_size=1, max_size=8)


def leaves(tree: Any, key: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    """The keys of all scalars and empty collections."""
    if isinstance(tree, dict) and tree:
        return [found for part, item in tree.items() for found in leaves(item, (*key, part))]
    if isinstance(tree, list) and tree:
        return [found for part, item in enumerate(tree) for found in leaves(item, (*key, part))]
    return [key]


def overridden(name: str, text: str, key: tuple[str | int, ...], value: Any, op: Op = Op.SET) -> bytes:
    data = text.encode()
    override = Override(None, op, key, value, format_key(key))
    return apply_overrides({name: data}, [override]).get(name, data)


@given(st.data(), trees, scalars)
def test_yaml_round_trip(data: st.DataObject, tree: dict[str, Any], value: Any) -> None:
    text = yaml.safe_dump(
        tree,
        default_flow_style=data.draw(st.sampled_from([True, False, None])),
        default_style=data.draw(st.sampled_from([None, '"', "'"])),
        indent=data.draw(st.sampled_from([2, 4])),
        line_break=data.draw(st.sampled_from(["\n", "\r\n"])),
        allow_unicode=data.draw(st.booleans()),
        sort_keys=False,
    )
    assume(same(parse("p.yaml", text.encode()), tree))  # not for strings such as 0E0, bare in YAML 1.1
    assume(same(yaml.safe_load(text), tree))
    key = data.draw(st.sampled_from(leaves(tree)))
    new = overridden("p.yaml", text, key, value)
    wanted = put(tree, key, value)
    assert same(parse("p.yaml", new), wanted)
    assert same(yaml.safe_load(new), wanted)


@given(st.data(), trees, scalars | trees)
def test_yaml_add_and_remove(data: st.DataObject, tree: dict[str, Any], value: Any) -> None:
    style = data.draw(st.sampled_from([True, False, None]))
    text = yaml.safe_dump(tree, default_flow_style=style, allow_unicode=True, sort_keys=False)
    assume(same(parse("p.yaml", text.encode()), tree))
    leaf = data.draw(st.sampled_from(leaves(tree)))
    key = leaf[: data.draw(st.integers(1, len(leaf)))]
    op = data.draw(st.sampled_from(Op))
    if op is Op.ADD and isinstance(key[-1], str):
        key = (*key[:-1], data.draw(texts))
    old = get(tree, key)
    assume(op is Op.REMOVE or not (isinstance(old, dict) and old) or isinstance(value, dict))
    assume(op is Op.REMOVE or not list(lost_keys(key, old, value)))
    wanted = put(tree, key, MISSING if op is Op.REMOVE else value)
    assert same(yaml.safe_load(overridden("p.yaml", text, key, value, op)), wanted)


@given(st.data(), trees, scalars, st.sampled_from([None, 2, "\t"]), st.booleans())
def test_json_round_trip(data: st.DataObject, tree: Any, value: Any, indent: Any, ascii_only: bool) -> None:
    text = json.dumps(tree, indent=indent, ensure_ascii=ascii_only)
    key = data.draw(st.sampled_from(leaves(tree)))
    assert same(json.loads(overridden("p.json", text, key, value)), put(tree, key, value))


@given(st.data(), trees)
def test_json_remove(data: st.DataObject, tree: Any) -> None:
    key = data.draw(st.sampled_from(leaves(tree)))
    text = json.dumps(tree, indent=data.draw(st.sampled_from([None, 2])))
    new = overridden("p.json", text, key, None, Op.REMOVE)
    assert same(json.loads(new), put(tree, key, MISSING))


toml_values = st.recursive(
    words | st.integers(-(2**62), 2**62) | finite | st.booleans(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3),
    max_leaves=8,
)


@given(st.data(), st.dictionaries(words, toml_values, min_size=1, max_size=4), words | finite | st.booleans())
def test_toml_round_trip(data: st.DataObject, tree: dict[str, Any], value: Any) -> None:
    text = tomlkit.dumps(tree)
    assume(same(parse("p.toml", text.encode()), tree))
    key = data.draw(st.sampled_from(leaves(tree)))
    assume(get(tree, key) != {} or isinstance(key[-1], str))  # an item of [[tables]] must stay a table
    assert same(parse("p.toml", overridden("p.toml", text, key, value)), put(tree, key, value))


@given(st.data(), st.dictionaries(st.sampled_from("abcd"), trees, min_size=1), scalars)
def test_py_round_trip(data: st.DataObject, tree: dict[str, Any], value: Any) -> None:
    text = "".join(f"{name} = {item!r}  # é\n" for name, item in tree.items())
    key = data.draw(st.sampled_from(leaves(tree)))
    new = overridden("p.py", text, key, value).decode()
    namespace: dict[str, Any] = {}
    exec(new, {}, namespace)
    assert same(namespace, put(tree, key, value))


@given(st.data(), st.dictionaries(words, words | st.integers() | finite, min_size=2, max_size=6), scalars)
def test_other_lines_stay(data: st.DataObject, tree: dict[str, Any], value: Any) -> None:
    gaps, ends = st.sampled_from([" ", "   "]), st.sampled_from(["\n", "  # c\n", " \r\n"])
    lines = [
        flow_text(key) + ":" + data.draw(gaps) + flow_text(item) + data.draw(ends)
        for key, item in tree.items()
    ]
    changed = data.draw(st.integers(0, len(lines) - 1))
    new = overridden("p.yaml", "".join(lines), (list(tree)[changed],), value).decode()
    assert new.startswith("".join(lines[:changed]))
    assert new.endswith("".join(lines[changed + 1 :]))


@given(scalars | st.lists(scalars, max_size=3) | trees, st.booleans())
def test_what_we_write_both_loaders_read(value: Any, flow: bool) -> None:
    text = "k: [" + flow_text(value, flow=True) + "]\n" if flow else "k: " + flow_text(value) + "\n"
    wanted = {"k": [value] if flow else value}
    assert same(yaml.safe_load(text), wanted)
    assert same(parse("p.yaml", text.encode()), wanted)


@given(
    st.sampled_from(["p.yaml", "p.json", "p.toml", "p.py"]),
    st.text(st.sampled_from(list("ab:{}[],=-&*!|>'\"#\n\t \\.0123\ufeffé<?")), max_size=40),
    st.sampled_from(["a=1", "+a=1", "+a.b=x", "~a", "+a[0]=1"]),
)
def test_any_text_ends_in_a_result_or_our_error(name: str, text: str, override: str) -> None:
    try:
        changed = apply_overrides({name: text.encode()}, [parse_override(override)])
    except GitexpError:
        return
    for data in changed.values():
        parse(name, data)
