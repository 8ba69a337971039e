"""A graph of stages as text: drawn for a terminal, and for Mermaid and Graphviz.

The drawing has one line for each stage, in the order of a run. The outputs of a stage flow down a rail of
their own to the last reader. A line joins a reader to the rails of its inputs, and passes below the rails
between.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from graphlib import CycleError
from itertools import chain

from gitexp.named_tuple import NamedTuple
from gitexp.pipeline.graph import in_order

Above = Mapping[str, Sequence[str]]  # name -> names of its makers, which are keys, too

_NODE, _RAIL, _LINE = "●", "│", "─"
# By whether the rail goes on below, and whether the line goes on to the left and to the right of it.
_JOINTS = {
    (True, False, True): "├",
    (True, True, False): "┤",
    (True, True, True): "┼",
    (False, False, True): "└",
    (False, True, False): "┘",
    (False, True, True): "┴",
}


class Line(NamedTuple):
    """One line of a drawing: rails, and the name of the stage behind them, if any."""

    rails: str
    name: str | None = None


def draw(above: Above, width: int | None) -> list[Line]:
    """The drawing of a graph, in at most `width` columns if possible (None: any).

    If the drawing is too wide, all stages of a `foreach` or `matrix` share a node. If it is still too wide,
    the result is a list of the stages with their makers.
    """
    drawing = _rails(above)
    if width is None or _fits(drawing, width):
        return drawing
    grouped: Above = _grouped(above)
    try:
        drawing = _rails(grouped)
    except CycleError:  # of groups that stand on each other's stages
        grouped = above
    if _fits(drawing, width):
        return drawing
    return _listed(grouped)


def _fits(drawing: Sequence[Line], width: int) -> bool:
    return all(len(line.rails) + len(line.name or "") < width for line in drawing)


def _straight(rails: Sequence[str]) -> str:
    """A line without a stage: the rails go on."""
    marks = []
    for rail in rails:
        mark = " "
        if rail:
            mark = _RAIL
        marks.append(mark)
    return " ".join(marks)


def _rails(above: Above) -> list[Line]:
    waiting = Counter(chain.from_iterable(above.values()))  # readers not drawn yet
    rails: list[str] = []  # in each column, the maker; "" for a free column
    lines: list[Line] = []
    for name in in_order(above):
        if lines:
            lines.append(Line(_straight(rails)))
        waiting.subtract(above[name])
        joined = [at for at, rail in enumerate(rails) if rail in above[name]]
        ending = [at for at in joined if not waiting[rails[at]]]
        if not ending and "" not in rails:
            rails.append("")
        column = ending[0] if ending else rails.index("")
        lines.append(Line(_row(rails, column, joined, ending), name))
        for at in ending:
            rails[at] = ""
        if waiting[name]:
            rails[column] = name
        while rails and not rails[-1]:
            rails.pop()
    return lines


def _row(rails: Sequence[str], column: int, joined: Sequence[int], ending: Sequence[int]) -> str:
    """The rails of a stage in a column, joined to some rails."""
    first, last = min((column, *joined)), max((column, *joined))
    text = ""
    for at, rail in enumerate(rails):
        if at == column:
            text += _NODE
        elif at in joined:
            text += _JOINTS[at not in ending, at > first, at < last]
        elif rail:
            text += _RAIL
        elif first < at < last:
            text += _LINE
        else:
            text += " "
        text += _LINE if first <= at < last else " "
    return text.rstrip()


def _grouped(above: Above) -> dict[str, tuple[str, ...]]:
    """The graph with one name for each group of stages; it may have circles of several groups."""
    sizes = Counter(name.partition("@")[0] for name in above if "@" in name)

    def group(name: str) -> str:
        base, at, _ = name.partition("@")
        if at and sizes[base] > 1:
            return f"{base}@* ({sizes[base]} stages)"
        return name

    merged: dict[str, dict[str, None]] = {}
    for name, makers in above.items():
        own = group(name)
        merged.setdefault(own, {}).update(dict.fromkeys(map(group, makers)))
        merged[own].pop(own, None)
    return {name: tuple(makers) for name, makers in merged.items()}


def _listed(above: Above) -> list[Line]:
    lines = []
    for name in in_order(above):
        text = name
        if above[name]:
            text += f" ← {', '.join(above[name])}"
        lines.append(Line("", text))
    return lines


# -- for other programs -------------------------------------------------------------------------------


def mermaid(above: Above) -> str:
    """A Mermaid flowchart (mermaid.js.org/syntax/flowchart.html)."""
    ids = {name: f"s{at}" for at, name in enumerate(above)}
    lines = ["flowchart TD"]
    for name, id_ in ids.items():
        lines.append(f'    {id_}["{_mermaid_text(name)}"]')
    lines += [f"    {ids[maker]} --> {ids[name]}" for maker, name in _edges(above)]
    return "\n".join(lines) + "\n"


def _mermaid_text(text: str) -> str:
    """The text with possible markup of Mermaid or HTML as Mermaid's own entities."""
    told = ""
    for char in text:
        if char.isalnum() or char in " @-_./":
            told += char
        else:
            told += f"#{ord(char)};"
    return told


def dot(above: Above) -> str:
    """A graph for Graphviz (graphviz.org/doc/info/lang.html)."""
    lines = ["digraph pipeline {"]
    lines += [f"    {_dot_text(name)};" for name in above]
    lines += [f"    {_dot_text(maker)} -> {_dot_text(name)};" for maker, name in _edges(above)]
    return "\n".join([*lines, "}"]) + "\n"


def _edges(above: Above) -> Iterator[tuple[str, str]]:
    for name, makers in above.items():
        for maker in makers:
            yield maker, name


def _dot_text(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
