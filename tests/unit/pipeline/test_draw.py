"""A graph of stages, drawn for people and written for Mermaid and Graphviz."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitexp.pipeline.draw import Line, dot, draw, mermaid


def drawn(above: Mapping[str, Sequence[str]], width: int | None = None) -> str:
    lines = [f"{rails} {name or ''}".rstrip() for rails, name in draw(above, width)]
    return "\n" + "\n".join(lines) + "\n"


def test_stages_in_a_row() -> None:
    assert (
        drawn({"a": [], "b": ["a"], "c": ["b"]})
        == """
● a
│
● b
│
● c
"""
    )


def test_stages_that_have_nothing_to_do_with_each_other() -> None:
    assert (
        drawn({"a": [], "b": [], "c": ["a"], "d": []})
        == """
● a
│
│ ● b
│
● c

● d
"""
    )


def test_branches_come_together_again() -> None:
    above = {
        "prepare": [],
        "train@a": ["prepare"],
        "train@b": ["prepare"],
        "evaluate": ["train@a", "train@b", "prepare"],
        "other": [],
        "plot": ["evaluate", "other"],
    }
    assert (
        drawn(above)
        == """
● prepare
│
├─● train@a
│ │
├─│─● train@b
│ │ │
●─┴─┘ evaluate
│
│ ● other
│ │
●─┘ plot
"""
    )


def test_a_line_passes_below_rails_it_has_nothing_to_do_with() -> None:
    above = {
        "a": [],
        "b": [],
        "c": [],
        "d": ["a", "c"],
        "e": ["b"],
        "f": ["b", "a"],
        "g": ["c", "e"],
        "h": ["c"],
    }
    assert (
        drawn(above)
        == """
● a
│
│ ● b
│ │
│ │ ● c
│ │ │
├─│─┼─● d
│ │ │
│ ├─│─● e
│ │ │ │
●─┘ │ │ f
    │ │
    ├─● g
    │
    ● h
"""
    )


def test_a_free_column_is_used_again() -> None:
    assert (
        drawn({"a": [], "b": [], "c": ["a"], "d": ["b"], "e": [], "f": ["b"], "g": ["e", "f"]})
        == """
● a
│
│ ● b
│ │
● │ c
  │
●─┤ d
  │
● │ e
│ │
│ ● f
│ │
●─┘ g
"""
    )


MANY = {
    "prepare": (),
    **{f"train@{n}": ("prepare",) for n in range(60)},
    "report": tuple(f"train@{n}" for n in range(60)),
}


def test_what_is_too_wide_has_one_node_for_a_group() -> None:
    assert (
        drawn(MANY, 80)
        == """
● prepare
│
● train@* (60 stages)
│
● report
"""
    )
    assert len(draw(MANY, None)) == 2 * 62 - 1
    chain = {**MANY, **{f"train@{n}": ("prepare", f"train@{n - 1}") for n in range(1, 60)}}
    assert drawn(chain, 80) == drawn(MANY, 80)


def test_what_is_too_wide_all_the_same_is_a_list() -> None:
    above = {**{f"s{n}": () for n in range(60)}, "end": tuple(f"s{n}" for n in range(60))}
    lines = draw(above, 80)
    assert lines[0] == Line("", "s0")
    assert lines[-1] == Line("", "end ← " + ", ".join(f"s{n}" for n in range(60)))


def test_groups_that_stand_on_each_other_are_not_put_together() -> None:
    above = {"a@0": (), **{f"{x}@{n}": (f"{y}@{n - 1}",) for n in range(1, 60) for x, y in ("ab", "ba")}}
    above["b@0"] = ()
    above["end"] = tuple(f"a@{n}" for n in range(60))
    assert draw(above, 60)[-1].name == "end ← " + ", ".join(above["end"])


def test_a_thousand_stages_are_drawn() -> None:
    chain = {f"s{n}": (f"s{n - 1}",) if n else () for n in range(1000)}
    assert {line.rails for line in draw(chain, 80)} == {"●", "│"}


_GRAPHS = st.lists(st.sets(st.integers(0, 11), max_size=4), max_size=12).map(
    lambda found: {f"s{n}": tuple(f"s{m}" for m in sorted(makers) if m < n) for n, makers in enumerate(found)}
)


@given(_GRAPHS)
def test_every_edge_can_be_followed_in_the_drawing(above: dict[str, tuple[str, ...]]) -> None:
    """Read it as a person does: rails go down, and a line that meets a rail at a joint is joined to it."""
    rails: dict[int, str] = {}
    seen: dict[str, set[str]] = {}
    for row, name in draw(above, None):
        cells = dict(enumerate(row))
        if name is None:
            assert {at for at, cell in cells.items() if cell == "│"} == set(rails)
            continue
        column = row.index("●")
        joints = {at for at, cell in cells.items() if cell in "├┤┼└┘┴"}
        for at in joints:
            between = row[min(at, column) + 1 : max(at, column)]
            assert set(between) <= set("─│├┤┼└┘┴")
        seen[name] = {rails[at] for at in joints} | ({rails[column]} if column in rails else set())
        for at in [at for at in joints if cells[at] in "└┘┴"]:
            del rails[at]
        assert {at for at, cell in cells.items() if cell == "│"} == set(rails) - joints - {column}
        rails.pop(column, None)
        if any(name in makers for other, makers in above.items() if other not in seen):
            rails[column] = name
    assert seen == {name: set(makers) for name, makers in above.items()}


ODD = {'a"b\\c': (), "train@x y;-->]": ('a"b\\c',), "<b>#": ("train@x y;-->]",), "ünï": ()}


def test_mermaid() -> None:
    assert mermaid({"a": (), "b@1": ("a",)}) == ('flowchart TD\n    s0["a"]\n    s1["b@1"]\n    s0 --> s1\n')
    lines = mermaid(ODD).splitlines()
    assert lines[1:5] == [
        '    s0["a#34;b#92;c"]',
        '    s1["train@x y#59;--#62;#93;"]',
        '    s2["#60;b#62;#35;"]',
        '    s3["ünï"]',
    ]
    assert all(re.fullmatch(r'    s\d+(\["[\w @./#;-]*"\]| --> s\d+)', line) for line in lines[1:])


def test_dot() -> None:
    assert dot({"a": (), "b@1": ("a",)}) == 'digraph pipeline {\n    "a";\n    "b@1";\n    "a" -> "b@1";\n}\n'
    assert dot(ODD).splitlines()[1:3] == ['    "a\\"b\\\\c";', '    "train@x y;-->]";']


@pytest.mark.skipif(shutil.which("dot") is None, reason="Graphviz is not installed")
def test_graphviz_reads_it() -> None:
    done = subprocess.run(
        ["dot", "-Tplain"], input=dot(ODD), capture_output=True, text=True, check=True, encoding="utf-8"
    )
    assert sum(line.startswith("node ") for line in done.stdout.splitlines()) == len(ODD)
    assert sum(line.startswith("edge ") for line in done.stdout.splitlines()) == 2
