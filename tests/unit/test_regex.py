"""Regular expressions that are compiled when they are used."""

from __future__ import annotations

import copy
import pickle
import re
import sys

import pytest

from gitexp.regex import regex
from tests.support.inprocess import import_all

_SCRIPTS = ("gitexp.process.search_output",)  # run by themselves: they import nothing of gitexp


@pytest.mark.parametrize("text", ["ab12", "12", ""])
def test_it_answers_as_a_compiled_one(text: str) -> None:
    late, compiled = regex(r"(?P<number>[0-9]+)", re.ASCII), re.compile(r"(?P<number>[0-9]+)", re.ASCII)
    assert late.findall(text) == compiled.findall(text)
    assert late.sub("-", text) == compiled.sub("-", text)
    assert bool(late.search(text)) == bool(compiled.search(text))
    assert (late.pattern, late.flags, late.groupindex) == (
        compiled.pattern,
        compiled.flags,
        compiled.groupindex,
    )
    for one in (copy.copy(late), copy.deepcopy(late), pickle.loads(pickle.dumps(regex("[0-9]+")))):
        assert one.findall(text) == compiled.findall(text)


def test_bytes_and_flags() -> None:
    assert regex(b"A", re.IGNORECASE).fullmatch(b"a") is not None


def test_no_module_of_gitexp_compiles_one_at_its_import() -> None:
    import_all()
    compiled = []
    for name, module in sys.modules.items():
        if name.partition(".")[0] == "gitexp" and name not in _SCRIPTS:
            for own, value in vars(module).items():
                if isinstance(value, re.Pattern):
                    compiled.append(f"{name}.{own}")
    assert compiled == []
