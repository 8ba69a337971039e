"""The stages of the pipeline as a graph with places, and how they stand in the workspace."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from gitexp import errors
from gitexp.extras.web.contents import command_lines
from gitexp.extras.web.contents.plain import plain
from gitexp.project.project import Project
from gitexp.stages.dag import Dag, dag
from gitexp.stages.status import status

Document = dict[str, Any]

_MOST_STAGES = 500
_ROUNDS = 8  # of putting the stages of a row in order


def pipeline_document(project: Project) -> Document:
    """The graph of the stages; `reason` for a missing or unreadable pipeline.

    A stage has the number of its row from the top, its place in the row, both from 0, and its present state.
    """
    commands = [
        {"what": "Draw it in the terminal", "line": command_lines.line("dag")},
        {"what": "Run what is not up to date", "line": command_lines.line("run")},
        {"what": "Say why a stage would run", "line": command_lines.line("status")},
    ]
    try:
        found = dag(project)
    except errors.GitexpError as error:
        return {"stages": [], "edges": [], "reason": str(error), "commands": commands, "complaints": []}
    complaints = [*found.pipeline.notes]
    states = _states(project, complaints)
    if len(found.stages) > _MOST_STAGES:
        complaints.append(f"The first {_MOST_STAGES} of {len(found.stages):,} stages are drawn.")
    document = graph_of(found)
    for stage in document["stages"]:
        stage["now"] = states.get(stage["name"])
    return {**document, "file": found.pipeline.file, "commands": commands, "complaints": complaints}


def graph_of(found: Dag) -> Document:
    """The stages with their places, and the edges from a stage to its dependents."""
    stages = found.stages[:_MOST_STAGES]
    names = {stage.name for stage in stages}
    above = {stage.name: [name for name in found.above[stage.name] if name in names] for stage in stages}
    places = placed(above)
    shown = []
    for stage in stages:
        row, place = places[stage.name]
        shown.append(
            {
                "name": stage.name,
                "row": row,
                "place": place,
                "commands": [*stage.commands],
                "deps": [*stage.deps],
                "params": [params.file for params in stage.params],
                "outs": [out.path for out in stage.outs],
                "desc": stage.desc,
                "frozen": stage.frozen,
                "always": stage.always_changed,
            }
        )
    edges = []
    for name, uppers in above.items():
        for upper in uppers:
            edges.append([upper, name])
    return {"stages": shown, "edges": edges}


def placed(above: Mapping[str, Sequence[str]]) -> dict[str, tuple[int, int]]:
    """The row of each stage and its place in the row; a stage has a lower row than all its dependencies.

    `above`: the dependencies of each stage, in the order of a run. In a row, stages are near the middle of
    their neighbours (the barycentre method of Sugiyama, Tagawa and Toda, 1981).
    """
    row_of: dict[str, int] = {}
    for name, uppers in above.items():
        row_of[name] = 1 + max((row_of[upper] for upper in uppers), default=-1)
    rows: dict[int, list[str]] = {}
    for name, row in row_of.items():
        rows.setdefault(row, []).append(name)
    below: dict[str, list[str]] = {}
    for name, uppers in above.items():
        for upper in uppers:
            below.setdefault(upper, []).append(name)
    for turn in range(_ROUNDS):
        downwards = turn % 2 == 0
        neighbours: Mapping[str, Sequence[str]] = below
        if downwards:
            neighbours = above
        for row in sorted(rows, reverse=not downwards):
            _put_in_order(rows, row, neighbours)
    found = {}
    for row, names in rows.items():
        for place, name in enumerate(names):
            found[name] = (row, place)
    return found


def _put_in_order(rows: dict[int, list[str]], row: int, neighbours: Mapping[str, Sequence[str]]) -> None:
    place_of = dict[str, int]()
    for names in rows.values():
        for place, name in enumerate(names):
            place_of[name] = place
    middles = {}
    for name in rows[row]:
        places = [place_of[other] for other in neighbours.get(name, ())]
        middles[name] = float(place_of[name])
        if places:
            middles[name] = sum(places) / len(places)
    rows[row].sort(key=middles.__getitem__)


def _states(project: Project, complaints: list[str]) -> dict[str, Any]:
    """The state of each stage by name; {} and a complaint for an unknown state."""
    try:
        found = status(project)
    except errors.GitexpError as error:
        complaints.append(f"The state of the stages cannot be told: {error}")
        return {}
    return {stage.name: plain(stage.as_json()) for stage in found.stages}
