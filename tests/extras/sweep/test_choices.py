"""Several values in one -S: what counts as several, and what they are."""

from __future__ import annotations

import pytest

from gitexp.errors import OverrideError
from gitexp.extras.sweep.spaces import grid
from gitexp.extras.sweep.spaces.points import of_overrides
from gitexp.files.command_words import choices


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("lr=0.1,0.01", ["lr=0.1", "lr=0.01"]),
        ("lr = 0.1 , 0.01", ["lr =0.1", "lr =0.01"]),
        ('m={a: "x}", b: 2},3', ['m={a: "x}", b: 2}', "m=3"]),
        ("name='it''s, ok',b", ["name='it''s, ok'", "name=b"]),
        ("x=range(1e5,3e5,1e5)", ["x=100000", "x=200000"]),
        ("params.yaml:lr=1,2", ["params.yaml:lr=1", "params.yaml:lr=2"]),
        ("+lr=1,2", ["+lr=1", "+lr=2"]),
        ("opt=choice(adam,sgd)", ["opt=adam", "opt=sgd"]),
        ("opt=choice(adam)", ["opt=adam"]),
        ("x=range(3)", ["x=0", "x=1", "x=2"]),
        ("x=range(1,10,4)", ["x=1", "x=5", "x=9"]),
        ("x=range(0.1,0.4,0.1)", ["x=0.1", "x=0.2", "x=0.3"]),
        ("x=range(3,0,-1)", ["x=3", "x=2", "x=1"]),
        ("layers=[1,2],[3,4]", ["layers=[1,2]", "layers=[3,4]"]),
        ("m={a: 1, b: 2},{a: 3}", ["m={a: 1, b: 2}", "m={a: 3}"]),
        ('name="a,b",c', ['name="a,b"', "name=c"]),
        ("name='a,b','c'", ["name='a,b'", "name='c'"]),
        (r'name="a\",b",c', [r'name="a\",b"', "name=c"]),
        ("name=it's,b", ["name=it's", "name=b"]),
        ("seed=1,1,2", ["seed=1", "seed=2"]),
    ],
)
def test_several(text: str, values: list[str]) -> None:
    assert grid.values(text) == values
    assert choices.has_several([text])


@pytest.mark.parametrize(
    "text",
    [
        "lr=0.1",
        "layers=[1,2]",
        "m={a: 1, b: 2}",
        'name="a,b"',
        "name='a,b'",
        "~lr",
        "f=max(a,b)",
        "x=[1,2",
        "x=[a,'b]',c]",
        "n='it''s, ok'",
    ],
)
def test_one(text: str) -> None:
    assert grid.values(text) == [text]
    assert not choices.has_several([text])


@pytest.mark.parametrize(
    "text",
    [
        "lr=0.1,",
        "lr=,1",
        "x=range()",
        "x=range(a)",
        "x=range(1,2,0)",
        "x=range(3,1)",
        "x=range(1e9)",
        "x=range(1e5000)",
        "x=choice(1,2),3",
        "x=choice(1,2),choice(3,4)",
        "x=range(nan)",
    ],
)
def test_refused(text: str) -> None:
    with pytest.raises(OverrideError):
        grid.values(text)


def test_a_grid_has_its_limit() -> None:
    with pytest.raises(OverrideError, match="100,000,000 points"):
        grid.grid(["a=range(10000)", "b=range(10000)"])


def test_the_last_changes_first() -> None:
    found = grid.grid(["a=1,2", "b=x", "c=3,4"])
    assert found == [
        ("a=1", "b=x", "c=3"),
        ("a=1", "b=x", "c=4"),
        ("a=2", "b=x", "c=3"),
        ("a=2", "b=x", "c=4"),
    ]


def test_the_id_of_a_sweep_is_that_of_its_request() -> None:
    one = of_overrides(["a=1,2"], ("python", "train.py"), "")
    assert one.id == of_overrides(["a=1,2"], ("python", "train.py"), "").id
    others = [
        of_overrides(["a=1,3"], ("python", "train.py"), ""),
        of_overrides(["a=1,2"], ("python", "other.py"), ""),
        of_overrides(["a=1,2"], ("python", "train.py"), "sub"),
    ]
    assert one.id not in {other.id for other in others}
