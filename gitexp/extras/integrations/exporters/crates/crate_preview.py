"""The page that people open of an RO-Crate: a table of its experiments, without scripts."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from gitexp.extras.integrations.exporters.crates.crate_graph import METADATA, ROOT, CrateGraph, Entity, listed
from gitexp.words import counted

_HEADS = ("experiment", "status", "started", "by", "command", "metrics", "note")
_STYLE = (
    "body{font:15px/1.45 system-ui,sans-serif;margin:2rem;max-width:80rem}"
    "table{border-collapse:collapse}td,th{text-align:left;vertical-align:top;padding:.3rem .8rem .3rem 0;"
    "border-bottom:1px solid #ccc}code{font-size:90%}"
)


def preview(graph: CrateGraph) -> bytes:
    """The page in HTML."""
    root = graph.get(ROOT)
    actions = graph.of_type("CreateAction")
    rows = [_row(graph, action) for action in actions]
    title = _text(root.get("name"))
    head = "".join(f"<th>{name}</th>" for name in _HEADS)
    page = (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f"<title>{title}</title><style>{_STYLE}</style></head>\n<body><h1>{title}</h1>\n"
        f"<p>{_text(root.get('description'))}</p>\n"
        f'<p>{counted(len(actions), "experiment")}; all facts: <a href="{METADATA}">{METADATA}</a></p>\n'
        f"<table><tr>{head}</tr>\n{''.join(rows)}</table></body></html>\n"
    )
    return page.encode("utf-8", "backslashreplace")


def _row(graph: CrateGraph, action: Entity) -> str:
    name = _text(action.get("name")).removeprefix("Run of ")
    folder, metrics = _folder_of(graph, action), list[str]()
    for each in listed(action.get("result")):
        entity = graph.get(each["@id"])
        if entity.get("@type") == "PropertyValue":
            metrics.append(f"{_text(entity.get('name'))} = {_text(entity.get('value'))}")
    status = str(action.get("actionStatus", "")).rpartition("/")[2].removesuffix("ActionStatus")
    agent = graph.get(action.get("agent", {}).get("@id", "")).get("name")
    cells = [
        f'<a href="{escape(folder, quote=True)}">{name}</a>',
        _text(status.lower()),
        _text(action.get("startTime")),
        _text(agent),
        f"<code>{_text(action.get('description'))}</code>",
        "<br>".join(metrics),
        _text(graph.get(folder).get("description")),
    ]
    return _cells(cells)


def _folder_of(graph: CrateGraph, action: Entity) -> str:
    """The id of the folder of a run: that of its metrics."""
    for each in listed(action.get("result")):
        id_: str = each["@id"]
        if id_.endswith("/metrics.json"):
            return id_.removesuffix("metrics.json")
    return ""


def _cells(cells: Sequence[str]) -> str:
    return "<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>\n"


def _text(value: object) -> str:
    return escape("" if value is None else str(value))
