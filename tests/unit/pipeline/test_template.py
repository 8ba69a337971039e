"""`${…}`: what it may name, and what stands there instead."""

from __future__ import annotations

import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitexp.model import Value
from gitexp.pipeline.template import MAX_TEXT, OptionStyle, TemplateError, Variables, fill, options

KNOWN = Variables(
    {
        "lr": 0.5,
        "model": {"kind": "small", "layers": [{"units": 8}, {"units": 16}], "odd key": 1},
        "n": [7, 8],
        "yes": True,
        "nothing": None,
        "text": "a ${lr} \\${x}",
        "tiny": 1e-05,
        "empty": {},
    },
    {"lr": "params.yaml"},
)


@pytest.mark.parametrize(
    ("template", "said"),
    [
        ("plain", "plain"),
        ("", ""),
        ("${lr}", 0.5),
        ("x${lr}", "x0.5"),
        ("${lr}${lr}", "0.50.5"),
        ("${yes}", True),
        ("is ${yes}", "is true"),
        ("${nothing}", None),
        ("is ${nothing}", "is None"),
        ("${ model.kind }", "small"),
        ("${model . kind}", "small"),
        ("${model.odd key}", 1),
        ("${n[1]}", 8),
        ("${n.1}", 8),
        ("${n[-1]}", 8),
        ("${model.layers[1].units}-${model[kind]}", "16-small"),
        ("\\${lr}", "${lr}"),
        ("\\${lr} ${lr}", "${lr} 0.5"),
        ("$lr {lr} $ {lr}", "$lr {lr} $ {lr}"),
        ("${lr", "${lr"),
        ("${lr\n}", "${lr\n}"),
        ("${lr\n} ${lr}", "${lr\n} 0.5"),
        ("}${lr}{", "}0.5{"),
        ("${text}", "a ${lr} \\${x}"),
        ("- ${text}", "- a ${lr} \\${x}"),
        ("${tiny}!", "1e-05!"),
    ],
)
def test_what_stands_there(template: str, said: Value) -> None:
    found = fill(template, KNOWN)
    assert (found, type(found)) == (said, type(said))


@pytest.mark.parametrize(
    ("template", "message", "hint"),
    [
        ("${xyz}", "there is no variable 'xyz'", "params.yaml"),
        ("${lrr}", "there is no variable 'lrr'", "Did you mean lr?"),
        ("${model.knd}", "there is no variable 'model.knd'", "Did you mean kind?"),
        ("${model.zzzzz}", "there is no variable 'model.zzzzz'", "There are: kind, layers, odd key."),
        ("${empty.a}", "there is no variable 'empty.a'", "empty"),
        ("${lr.x}", "there is no variable 'lr.x'", "no map"),
        ("${n[2]}", "there is no variable 'n[2]'", "2 items"),
        ("${n[-3]}", "there is no variable 'n[-3]'", "2 items"),
        ("${n.x}", "there is no variable 'n.x'", "2 items"),
        ("${}", "'${}' cannot be understood", "\\${"),
        ("${a..b}", "'${a..b}' cannot be understood", ""),
        ("${a[0}", "'${a[0}' cannot be understood", ""),
        ("${HOME:-/}", "there is no variable 'HOME:-/'", "left for the shell"),
        ("${model}", "'model' is a map", "in 'cmd'"),
        ("x ${n}", "'n' is a list", ""),
    ],
)
def test_what_cannot_stand_there(template: str, message: str, hint: str) -> None:
    with pytest.raises(TemplateError, match=r".") as error:
        fill(template, KNOWN)
    assert message in error.value.message
    assert hint in (error.value.hint or "")


def test_lists_and_maps_stand_where_they_are_asked_for() -> None:
    assert fill("${n}", KNOWN, nested=True) == [7, 8]
    with pytest.raises(TemplateError):
        fill("x${n}", KNOWN, nested=True)
    with pytest.raises(TemplateError, match="is a list"):
        fill("${n}", KNOWN, in_command=True)
    assert fill("go ${empty}", KNOWN, in_command=True) == "go "


@pytest.mark.skipif(sys.platform == "win32", reason="quotes are those of the system's shell")
def test_a_map_becomes_options() -> None:
    values = {
        "lr": 0.1,
        "name": "it's a b",
        "plain": "x",
        "fast": True,
        "slow": False,
        "sizes": [1, "a b", 2.5],
        "none": [],
        "sub": {"x": 1, "deep": {"y": None}, "nothing": {}},
    }
    said = "--lr 0.1 --name 'it'\"'\"'s a b' --plain x --fast --sizes 1 'a b' 2.5 --sub.x 1 --sub.deep.y None"
    assert options(values, OptionStyle()) == said
    assert fill("go ${v} now", Variables({"v": values}), in_command=True) == f"go {said} now"
    for wrong in ({"a": [[1]]}, {"a": [{"b": 1}]}):
        with pytest.raises(TemplateError, match="'a' is a list of lists"):
            options(wrong, OptionStyle())


def test_options_in_the_other_styles() -> None:
    style = OptionStyle(negated=True, repeated=True)
    assert options({"fast": True, "slow": False, "n": [1, 2]}, style) == "--fast --no-slow --n 1 --n 2"
    values = {"v": {"slow": False}, "w": {"sub": {"n": [3]}}}
    assert fill("x ${v} ${w}", Variables(values, style=style), in_command=True) == "x --no-slow --sub.n 3"


def test_variables_are_merged_and_none_is_set_twice() -> None:
    known = (
        Variables().merged({"a": {"x": 1}, "b": 2}, "params.yaml").merged({"a": {"y": 3}}, "vars in line 3")
    )
    assert known.values == {"a": {"x": 1, "y": 3}, "b": 2}
    for more in ({"b": 4}, {"b": {"c": 1}}):
        with pytest.raises(TemplateError, match=r"line 9 sets 'b', which params\.yaml has set already"):
            known.merged(more, "line 9")
    with pytest.raises(TemplateError, match=r"sets 'a\.x', which params\.yaml"):
        known.merged({"a": {"x": 1}}, "line 9")
    assert known.within(item=1, b=5).values["b"] == 5


def test_what_is_put_in_has_an_end() -> None:
    long = Variables({"x": "y" * 1000})
    with pytest.raises(TemplateError, match="longer than 64 KiB"):
        fill("${x}" * 70, long)
    assert len(fill("${x}" * (MAX_TEXT // 1000), long)) == 65_000


_TEXTS = st.lists(
    st.sampled_from(["${", "}", "\\", "$", "lr", "n", "[", "]", ".", "0", "model", " ", "\n", "é"]),
    max_size=20,
).map("".join)


def _filled(text: str, *, nested: bool = False, in_command: bool = False) -> Value:
    """Return what stands there, or the error itself."""
    try:
        return fill(text, KNOWN, nested=nested, in_command=in_command)
    except TemplateError as error:
        return error


@given(_TEXTS, st.booleans(), st.booleans())
def test_any_text_gives_a_value_or_one_error(text: str, nested: bool, in_command: bool) -> None:
    said = _filled(text, nested=nested, in_command=in_command)
    if "${" not in text:
        assert said == text
    assert not isinstance(said, TemplateError) or "}" in text


@pytest.mark.parametrize("text", ["${" * 400_000, "\\${" * 300_000, "}" * 900_000, "${lr" * 200_000 + "}"])
def test_a_long_text_is_read_in_one_go(text: str) -> None:
    said = _filled(text)
    assert not isinstance(said, TemplateError) or len(said.message) < 300
