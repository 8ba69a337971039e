"""`gitexp dag`."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from gitexp.cli.kit import options, render
from gitexp.cli.kit.cells import elide
from gitexp.cli.kit.help import Command
from gitexp.cli.kit.render import Piece, cell_width
from gitexp.cli.kit.session import open_project
from gitexp.pipeline import draw
from gitexp.stages.dag import Dag
from gitexp.stages.dag import dag as find
from gitexp.words import clean

EPILOG = """Examples:
gitexp dag
gitexp dag evaluate 'train@*'
gitexp dag --mermaid >> README.md
gitexp dag --dot | dot -Tsvg > pipeline.svg
"""

_FEWEST = 10  # cells of a description that are worth showing


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(cls=Command, epilog=EPILOG)(dag)


def dag(
    stages: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[STAGE]...",
            help="Only these, and what they stand on; a pattern such as 'train@*' names several.",
            autocompletion=options.completed_by("stages"),
        ),
    ] = None,
    mermaid: Annotated[bool, typer.Option("--mermaid", help="Print a flowchart for Mermaid.")] = False,
    dot: Annotated[bool, typer.Option("--dot", help="Print a graph for Graphviz.")] = False,
    json: options.Json = False,
) -> None:
    """Draw the stages of the pipeline, and which stands on which.

    From the top down, in the order that they run in. A stage stands on those that write what it reads.
    """
    options.only_one(mermaid=mermaid, dot=dot, json=json)

    found = find(open_project(needs_config=True), stages or [])
    for note in found.pipeline.notes:
        render.warn(note)
    if json:
        return render.as_json(_described(found))
    if mermaid or dot:
        return render.write((draw.mermaid if mermaid else draw.dot)(found.above))
    return render.answer(_lines(found, render.width()), page=True)


def _lines(dag: Dag, width: int | None) -> list[list[Piece]]:

    words = {stage.name: _words(stage.frozen, stage.always_changed, stage.desc) for stage in dag.stages}
    lines: list[list[Piece]] = []
    for rails, name in draw.draw(dag.above, width):
        if name is None:
            lines.append([(rails, "dim")])
            continue
        label, more = clean(name), clean(words.get(name, ""))
        if width is not None:
            label = elide(label, width - len(rails) - 2)
            left = width - len(rails) - cell_width(label) - 4
            more = elide(more, left) if left > _FEWEST else ""
        before = f"{rails} " if rails else ""
        lines.append([(before, "dim"), (label, ""), (more and f"  {more}", "dim")])
    return lines


def _words(frozen: bool, always_changed: bool, desc: str) -> str:
    states = [word for word, holds in (("frozen", frozen), ("always changed", always_changed)) if holds]
    return ", ".join(states) + (": " if states and desc else "") + desc.partition("\n")[0]


def _described(dag: Dag) -> dict[str, Any]:
    return {
        "file": dag.pipeline.file,
        "stages": [
            {
                "name": stage.name,
                "line": stage.line,
                "after": list(dag.above[stage.name]),
                "commands": list(stage.commands),
                "wdir": stage.wdir,
                "deps": list(stage.deps),
                "params": {dep.file: None if dep.keys is None else list(dep.keys) for dep in stage.params},
                "outs": [
                    {"path": out.path, "kind": out.kind, "in_git": out.in_git, "persist": out.persist}
                    for out in stage.outs
                ],
                "desc": stage.desc,
                "frozen": stage.frozen,
                "always_changed": stage.always_changed,
                "meta": stage.meta,
            }
            for stage in dag.stages
        ],
    }
