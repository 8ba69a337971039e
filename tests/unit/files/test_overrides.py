from __future__ import annotations

import math

import pytest

from gitexp.errors import GitexpError, OverrideError, ParseError
from gitexp.files import Op, Override, apply_overrides, parse_override
from gitexp.files.scalars import same
from tests.support.codes import has_code


@pytest.mark.parametrize(
    ("text", "file", "op", "key", "value"),
    [
        ("lr=1e-3", None, "set", ("lr",), 1e-3),
        ("a.b[0]=x", None, "set", ("a", "b", 0), "x"),
        ("conf/p.yaml:lr=1", "conf/p.yaml", "set", ("lr",), 1),
        ("+lr=1", None, "add", ("lr",), 1),
        ("++lr=1", None, "add", ("lr",), 1),
        ("+p.yaml:lr=1", "p.yaml", "add", ("lr",), 1),
        ("p.yaml:+lr=1", "p.yaml", "add", ("lr",), 1),
        ("~lr", None, "remove", ("lr",), None),
        ("~p.yaml:lr", "p.yaml", "remove", ("lr",), None),
        ('"k:v=w".x=1', None, "set", ("k:v=w", "x"), 1),
        ('p.yaml:"a.b"=1', "p.yaml", "set", ("a.b",), 1),
        ("lr = 2", None, "set", ("lr",), 2),
    ],
)
def test_override(text: str, file: str | None, op: str, key: tuple[str | int, ...], value: object) -> None:
    assert parse_override(text) == Override(file, Op(op), key, value, text)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", ""),
        ("null", None),
        ("true", True),
        ("[1, 2.5, x]", [1, 2.5, "x"]),
        ("[1.10, 007, on]", ["1.10", "007", "on"]),
        ("1e-3", 0.001),
        ("1.0", 1.0),
        (".5", 0.5),
        ("-.inf", -math.inf),
        ("{x: 1, y: {z: [a]}}", {"x": 1, "y": {"z": ["a"]}}),
        ("{}", {}),
        ("'quoted'", "quoted"),
        ("'1'", "1"),
        ('"a\\nb"', "a\nb"),
        ("' a '", " a "),
        *(
            (same_text, same_text)
            for same_text in (
                *("1.10", "007", "+1", "1_000", "0x1f", "7e123457", "1234e56", "1e400", "9" * 5000),
                *("inf", "nan", "Infinity", "on", "yes", "No", "~", "0.1234567890123456789"),
                "a: b",
                "foo #x",
                "@x",
                "C:\\dir",
                "*x",
                "&a",
                "!foo",
                "| x",
                "{name}",
                "{name}.pt",
                "{epoch:02d}-{loss:.2f}.pt",
                "s3://b/k",
                "1,2,3",
                "2024-01-02",
                "1:30",
                "a=b",
                "- x",
                "? x",
                "%x",
                "`x`",
            )
        ),
    ],
)
def test_override_values(text: str, value: object) -> None:
    expected = None if text == "" and value is None else value
    assert same(parse_override("k=" + text).value, expected)


@pytest.mark.parametrize(
    "text",
    [
        *("", "lr", "=1", "p:=1", ":lr=1", "+=1", "~", "~lr=1", "a..b=1", "k=\udcff"),
        *("k=[1, 2", "k='a' b", "k=[1] # c", "k={a: 1}: 2", "k=[*x]", "k={x: [1}", 'k="open'),
    ],
)
def test_override_refused(text: str) -> None:
    with pytest.raises(OverrideError) as caught:
        parse_override(text)
    assert caught.value.exit_code == 2


def applied(files: dict[str, str], *texts: str) -> dict[str, str]:
    changed = apply_overrides(
        {name: text.encode() for name, text in files.items()}, [parse_override(text) for text in texts]
    )
    return {name: data.decode() for name, data in changed.items()}


A_AND_B = {"a.yaml": "lr: 1\nmodel:\n  units: 8\n", "b.json": '{"lr": 2, "opt": {"beta": 0.9}}'}


@pytest.mark.parametrize(
    ("texts", "changed"),
    [
        ([], {}),
        (["model.units=8"], {}),
        (["model.units=8.0"], {"a.yaml": "lr: 1\nmodel:\n  units: 8.0\n"}),
        (["opt.beta=0.5"], {"b.json": '{"lr": 2, "opt": {"beta": 0.5}}'}),
        (["b.json:lr=3"], {"b.json": '{"lr": 3, "opt": {"beta": 0.9}}'}),
        (["./b.json:lr=3"], {"b.json": '{"lr": 3, "opt": {"beta": 0.9}}'}),
        (["+opt.eps=1"], {"b.json": '{"lr": 2, "opt": {"beta": 0.9, "eps": 1}}'}),
        (["+new=1"], {"a.yaml": "lr: 1\nmodel:\n  units: 8\nnew: 1\n"}),
        (["+model.units=9", "~a.yaml:lr"], {"a.yaml": "model:\n  units: 9\n"}),
        (["model.units=9", "model.units=8"], {}),
        (["opt={x: 1, beta: 2}"], {"b.json": '{"lr": 2, "opt": {"x": 1, "beta": 2}}'}),
        (["~opt", "+b.json:opt=1"], {"b.json": '{"lr": 2, "opt": 1}'}),
    ],
)
def test_which_files_change(texts: list[str], changed: dict[str, str]) -> None:
    assert applied(A_AND_B, *texts) == changed


@pytest.mark.parametrize(
    ("text", "error", "says"),
    [
        ("lr=3", OverrideError, "a.yaml:lr"),
        ("model.unit=1", GitexpError, "model.units"),
        ("units=1", GitexpError, "model.units"),
        ("units=1", GitexpError, "+units=value"),
        ("~zzz", GitexpError, "zzz"),
        ("c.yaml:lr=1", GitexpError, "a.yaml, b.json"),
        ("b.json:model.units=1", GitexpError, "model.units"),
        ("mode=1", GitexpError, "`mode` (looked in a.yaml, b.json). Use +mode=value"),
        ("mode.units=1", GitexpError, "Did you mean model.units?"),
        (
            "model=5",
            OverrideError,
            "`model` is a section with 1 key, not a single value. Name one of its keys",
        ),
        ("+opt=[1]", OverrideError, "such as opt.beta, or remove it first: ~opt"),
        ("+model.units.x=1", OverrideError, "single value"),
        ("+a.yaml:model[0]=1", OverrideError, "a map"),
    ],
)
def test_what_cannot_be_applied(text: str, error: type[GitexpError], says: str) -> None:
    with pytest.raises(error) as caught:
        applied(A_AND_B, text)
    assert says in f"{caught.value.message} {caught.value.hint}"


def test_no_files() -> None:
    assert apply_overrides({}, []) == {}
    with pytest.raises(GitexpError, check=has_code("unknown-param")) as caught:
        applied({}, "lr=1")
    assert "params.yaml" in str(caught.value.hint)


def test_a_broken_file_is_a_parse_error() -> None:
    with pytest.raises(ParseError, match=r"a\.yaml") as caught:
        applied({"a.yaml": "a: ["}, "a=1")
    assert caught.value.hint == "Correct the file, then run the command again."


@pytest.mark.parametrize("override", ["A=3", "B=3", "C.x=3"])
def test_a_name_that_shares_its_value_in_python_is_refused_with_the_line(override: str) -> None:
    before = {"k.py": b"X = 1\nA = B = 2\nC = D = {'x': 1}\n"}
    with pytest.raises(OverrideError, match=r"line [23] of k.py gives several names one value"):
        apply_overrides(before, [parse_override(override)])


def test_a_name_that_has_a_line_of_its_own_later_is_set_there() -> None:
    before = {"k.py": b"A = B = 2\nA = 1\n"}
    assert apply_overrides(before, [parse_override("A=3")]) == {"k.py": b"A = B = 2\nA = 3\n"}
