"""A graph of stages as text: drawn for a terminal, and for Mermaid and Graphviz.

The drawing has one line for each stage, in the order of a run. What a stage makes flows down a rail of its
own until the last stage that reads it; a reader is joined to the rails of what it reads by a line that
passes below the rails between them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from graphlib import CycleError
from typing import NamedTuple

from gitexp.pipeline.graph import in_order

Above = Mapping[str, Sequence[str]]  # names, each with those that it stands on; all of these are names too

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
    """One line of a drawing: rails, and the stage that stands at the end of them, if one does."""

    rails: str
    name: str | None = None


def draw(above: Above, width: int | None) -> list[Line]:
    """Return the drawing of a graph, in at most `width` columns if that can be (None: any).

    What does not fit is drawn with one node for all that a `foreach` or `matrix` makes, and what does not
    fit then either is a list that says of each stage what it stands on.
    """
    drawing = _rails(above)
    if width is None or _fits(drawing, width):
        return drawing
    grouped: Above = _grouped(above)
    try:
        drawing = _rails(grouped)
    except CycleError:  # of groups that stand on each other's stages
        grouped = above
    return drawing if _fits(drawing, width) else _listed(grouped)


def _fits(drawing: Sequence[Line], width: int) -> bool:
    return all(len(line.rails) + len(line.name or "") < width for line in drawing)


def _rails(above: Above) -> list[Line]:
    waiting = Counter(maker for makers in above.values() for maker in makers)  # readers not drawn yet
    rails: list[str | None] = []  # in each column, who made what flows there
    lines: list[Line] = []
    for name in in_order(above):
        if lines:
            lines.append(Line(" ".join(" " if rail is None else _RAIL for rail in rails)))
        waiting.subtract(above[name])
        joined = [at for at, rail in enumerate(rails) if rail in above[name]]
        ending = [at for at in joined if not waiting[rails[at] or ""]]
        free = [at for at, rail in enumerate(rails) if rail is None]
        column = next(iter(ending or free), len(rails))
        if column == len(rails):
            rails.append(None)
        lines.append(Line(_row(rails, column, joined, ending), name))
        for at in ending:
            rails[at] = None
        rails[column] = name if waiting[name] else None
        while rails and rails[-1] is None:
            rails.pop()
    return lines


def _row(rails: Sequence[str | None], column: int, joined: Sequence[int], ending: Sequence[int]) -> str:
    """Return the line of a stage that stands in a column and is joined to some rails."""
    first, last = min((column, *joined)), max((column, *joined))
    text = ""
    for at, rail in enumerate(rails):
        if at == column:
            text += _NODE
        elif at in joined:
            text += _JOINTS[at not in ending, at > first, at < last]
        elif rail is not None:
            text += _RAIL
        else:
            text += _LINE if first < at < last else " "
        text += _LINE if first <= at < last else " "
    return text.rstrip()


def _grouped(above: Above) -> dict[str, tuple[str, ...]]:
    """Return the graph with one name for each group of stages; it may have circles of several groups."""
    sizes = Counter(name.partition("@")[0] for name in above if "@" in name)

    def group(name: str) -> str:
        base, at, _ = name.partition("@")
        return f"{base}@* ({sizes[base]} stages)" if at and sizes[base] > 1 else name

    merged: dict[str, dict[str, None]] = {}
    for name, makers in above.items():
        own = group(name)
        merged.setdefault(own, {}).update((maker, None) for maker in map(group, makers) if maker != own)
    return {name: tuple(makers) for name, makers in merged.items()}


def _listed(above: Above) -> list[Line]:
    return [
        Line("", f"{name} ← {', '.join(above[name])}" if above[name] else name) for name in in_order(above)
    ]


# -- for other programs -------------------------------------------------------------------------------


def mermaid(above: Above) -> str:
    """Return a Mermaid flowchart (mermaid.js.org/syntax/flowchart.html)."""
    ids = {name: f"s{at}" for at, name in enumerate(above)}
    lines = ["flowchart TD", *(f'    {ids[name]}["{_mermaid_text(name)}"]' for name in above)]
    lines += [f"    {ids[maker]} --> {ids[name]}" for name in above for maker in above[name]]
    return "\n".join(lines) + "\n"


def _mermaid_text(text: str) -> str:
    """Return text with all that could be markup in Mermaid, or HTML, as Mermaid's own entities."""
    return "".join(char if char.isalnum() or char in " @-_./" else f"#{ord(char)};" for char in text)


def dot(above: Above) -> str:
    """Return a graph for Graphviz (graphviz.org/doc/info/lang.html)."""
    lines = ["digraph pipeline {", *(f"    {_dot_text(name)};" for name in above)]
    lines += [f"    {_dot_text(maker)} -> {_dot_text(name)};" for name in above for maker in above[name]]
    return "\n".join([*lines, "}"]) + "\n"


def _dot_text(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
