"""Named tuples are those of `typing`, except for the time that a class takes."""

from __future__ import annotations

import copy
import pickle
import typing
from pathlib import Path
from typing import Any

import pytest

import gitexp
from gitexp.named_tuple import NamedTuple


class Ours(NamedTuple):
    """A row."""

    name: str
    steps: list[int] = []  # noqa: RUF012 - that the default is shared is a part of the comparison
    of: NotThere | None = None  # noqa: F821 - nobody reads the type

    def first(self) -> int:
        return self.steps[0]

    @property
    def shout(self) -> str:
        return self.name.upper()


class Theirs(typing.NamedTuple):
    """A row."""

    name: str
    steps: list[int] = []  # noqa: RUF012 - as above
    of: str | None = None


class Below(Ours):
    """A class below, with something of its own."""

    def first(self) -> int:
        return super().first() + 1


class Nothing(NamedTuple):
    """A class without fields."""


def test_the_class_looks_alike() -> None:
    for name in ("_fields", "_field_defaults", "__match_args__", "__slots__", "__doc__"):
        assert getattr(Ours, name) == getattr(Theirs, name)
    assert type(Ours) is type(Theirs) is type
    assert issubclass(Ours, tuple)
    assert [*typing.get_type_hints(Ours.first)] == ["return"]


@pytest.mark.parametrize(
    ("values", "named"),
    [(("a",), {}), (("a", [1]), {}), (("a",), {"of": "b"}), ((), {"name": "a", "steps": [2], "of": "c"})],
)
def test_instances_are_equal(values: tuple[Any, ...], named: dict[str, Any]) -> None:
    ours, theirs = Ours(*values, **named), Theirs(*values, **named)
    assert ours == theirs
    assert repr(ours) == repr(theirs).replace("Theirs", "Ours")
    assert ours._asdict() == theirs._asdict()
    assert ours._replace(name="z") == theirs._replace(name="z")
    assert Ours._make(ours) == Theirs._make(theirs)
    assert (ours.name, ours.steps, ours.of) == tuple(theirs)
    for one in (copy.copy(ours), copy.deepcopy(ours), pickle.loads(pickle.dumps(ours))):
        assert one == ours
        assert type(one) is Ours


@pytest.mark.parametrize(
    ("values", "named"), [((), {}), (("a", [], None, 4), {}), (("a",), {"name": "b"}), (("a",), {"no": 1})]
)
def test_wrong_arguments_are_told_alike(values: tuple[Any, ...], named: dict[str, Any]) -> None:
    said = []
    for kind in (Ours, Theirs):
        for _ in range(2):  # the first instance is made in another way
            with pytest.raises(TypeError) as caught:
                kind(*values, **named)
            said.append(str(caught.value).replace("Theirs", "Ours"))
    assert len(set(said)) == 1


def test_wrong_changes_are_told_alike() -> None:
    for one in (Ours("a"), Theirs("a")):
        with pytest.raises(ValueError, match=r"Got unexpected field names: \['no'\]"):
            one._replace(no=1)  # type: ignore[call-arg] - that is the test
        with pytest.raises(AttributeError):
            one.name = "b"  # type: ignore[misc] - that is the test
        with pytest.raises(AttributeError):
            one.other = "b"  # type: ignore[union-attr] - that is the test
        with pytest.raises(TypeError):
            one._make(["a"])


def test_methods_and_classes_below() -> None:
    assert Ours("a", [1]).first() == 1
    assert Ours("a").shout == "A"
    assert Below("a", [1]).first() == 2
    assert type(Below("a", [1])._replace(steps=[5])) is Below
    assert type(Ours("a")) is Ours
    assert Nothing() == ()
    match Ours("a", [3]):
        case Ours(name, [3]):
            assert name == "a"
        case _:
            pytest.fail("a pattern takes the fields in turn")


def test_no_module_of_gitexp_takes_the_one_of_typing() -> None:
    package = Path(gitexp.__file__).parent
    users = []
    for file in sorted(package.rglob("*.py")):
        for line in file.read_text("utf-8").splitlines():
            if line.lstrip().startswith("from typing import") and "NamedTuple" in line:
                users.append(file.relative_to(package).as_posix())
    assert users == ["named_tuple.py"]
