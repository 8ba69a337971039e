"""`gitexp dag`."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import Annotated, Any

from gitexp.cli.kit import options
from gitexp.cli.kit.help import registration
from gitexp.cli.kit.session import open_project
from gitexp.cli.kit.terminal import render
from gitexp.cli.kit.terminal.cells import elide
from gitexp.cli.kit.terminal.render import Piece, cell_width
from gitexp.pipeline import draw
from gitexp.pipeline.stage import Stage
from gitexp.stages.dag import Dag
from gitexp.stages.dag import dag as find
from gitexp.words import clean

EPILOG = """Examples:
gitexp dag
gitexp dag evaluate 'train@*'
gitexp dag --format mermaid >> README.md
gitexp dag --format dot | dot -Tsvg > pipeline.svg
"""

_FEWEST = 10  # cells of a description that are worth showing


class GraphFormat(StrEnum):
    """The formats of a printed graph."""

    MERMAID = "mermaid"
    DOT = "dot"


Stages = Annotated[
    list[str] | None,
    options.stages(
        "[STAGE]...", "Only these, and what they stand on; a pattern such as 'train@*' names several."
    ),
]

AsGraph = Annotated[
    GraphFormat | None, options.format_of("mermaid|dot", "Print the graph for another program.")
]


def dag(
    stages: Stages = None,
    form: AsGraph = None,
    quiet: options.Quiet = False,
    json: options.Json = False,
) -> None:
    """Draw the stages of the pipeline, and which stands on which.

    From the top down, in the order of a run. A stage stands on the stages that write its inputs.
    """
    options.only_one(json=json, format=form is not None)
    found = find(open_project(needs_config=True, quiet=quiet), stages or [])
    render.warn_all(found.pipeline.notes)
    if json:
        render.as_json(_as_json(found))
    elif form is GraphFormat.MERMAID:
        render.write(draw.mermaid(found.above))
    elif form is GraphFormat.DOT:
        render.write(draw.dot(found.above))
    else:
        render.answer(_lines(found, render.width()))


register = registration(dag, EPILOG)


def _lines(dag: Dag, width: int | None) -> list[list[Piece]]:
    words = {stage.name: _words(stage) for stage in dag.stages}
    lines: list[list[Piece]] = []
    for rails, name in draw.draw(dag.above, width):
        if name is None:
            lines.append([(rails, "dim")])
            continue
        label, more = clean(name), clean(words.get(name, ""))
        if width is not None:
            label = elide(label, width - len(rails) - 2)
            left = width - len(rails) - cell_width(label) - 4
            more = elide(more, left)
            if left <= _FEWEST:
                more = ""
        before = ""
        if rails:
            before = f"{rails} "
        lines.append([(before, "dim"), (label, ""), (more and f"  {more}", "dim")])
    return lines


def _words(stage: Stage) -> str:
    """The states of a stage and the first line of its description."""
    states = []
    if stage.frozen:
        states.append("frozen")
    if stage.always_changed:
        states.append("always changed")
    parts = [", ".join(states), stage.desc.partition("\n")[0]]
    return ": ".join(filter(None, parts))


def _as_json(dag: Dag) -> dict[str, Any]:
    stages = [_stage(stage, dag.above[stage.name]) for stage in dag.stages]
    return {"file": dag.pipeline.file, "stages": stages}


def _stage(stage: Stage, above: Iterable[str]) -> dict[str, Any]:
    outs = []
    for out in stage.outs:
        outs.append({"path": out.path, "kind": out.kind, "in_git": out.in_git, "persist": out.persist})
    params = {}
    for dep in stage.params:
        params[dep.file] = dep.keys and list(dep.keys)
    return {
        "name": stage.name,
        "line": stage.line,
        "after": list(above),
        "commands": list(stage.commands),
        "wdir": stage.wdir,
        "deps": list(stage.deps),
        "params": params,
        "outs": outs,
        "desc": stage.desc,
        "frozen": stage.frozen,
        "always_changed": stage.always_changed,
        "meta": stage.meta,
    }
