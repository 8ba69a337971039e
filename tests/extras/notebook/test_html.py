"""What a notebook shows as HTML."""

from __future__ import annotations

import math
from array import array
from xml.etree import ElementTree

import gitexp
from gitexp.extras.integrations.notebook import html
from gitexp.files.lines.series_columns import Series
from tests.support.workspace import Workspace

EVIL = "<script>alert(1)</script>&\"'"


def parsed(text: str) -> ElementTree.Element:
    """The elements of HTML; raises where a tag does not close, and for an element that is none of ours."""
    found = ElementTree.fromstring(f"<div>{text}</div>")
    ours = {"div", "table", "tr", "th", "td", "b", "svg", "polyline"}
    assert {each.tag for each in found.iter()} <= ours
    return found


def texts(text: str) -> list[str]:
    return ["".join(each.itertext()).strip() for each in parsed(text).iter("td")]


def test_tables_and_differences(repo: Workspace) -> None:
    repo.writes("metrics.json")
    project = gitexp.Project.open(repo.path)
    for name, units, note in (("one", "8", "a"), ("two", "16", EVIL)):
        command = ("python", "-c", "open('metrics.json', 'w').write('{\"acc\": 0.5}')", "--note", note)
        request = gitexp.RunRequest(command, [f"model.units={units}"], name=name)
        repo.allow("files", "params.yaml")
        gitexp.run_experiment(project, request)
    table = gitexp.table(project, gitexp.Query(sort="model.units"))
    shown = html.of_table(table)
    assert EVIL in texts(shown)
    assert "<script" not in shown
    assert texts(shown)[0] == "workspace"
    assert "16" in texts(shown)
    assert "Without a difference: " in shown
    assert "1 more row" in _with_few_rows(table)

    diff = gitexp.diff(project, *gitexp.points(project, "one", "two"))
    shown = html.of_diff(diff)
    assert texts(shown)[:3] == ["args.note", "a", EVIL] or "args.note" in texts(shown)
    assert "model.units" in texts(shown)
    assert "<script" not in shown
    same = gitexp.diff(project, *gitexp.points(project, "one", "one"))
    assert "Nothing differs between one and one." in html.of_diff(same)


def _with_few_rows(table: gitexp.Table) -> str:
    before, html.MOST_ROWS = html.MOST_ROWS, len(table.rows) - 1
    try:
        return html.of_table(table)
    finally:
        html.MOST_ROWS = before


def test_curves() -> None:
    def series(name: str, values: list[float]) -> Series:
        count = len(values)
        return Series(name, array("q", range(count)), array("d", [0.0] * count), array("d", values))

    curve = parsed(html.of_series(series(EVIL, [1, 2, math.nan, 3])))
    assert [each.get("points") for each in curve.iter("polyline")] == [
        "6.0,114.0 122.0,60.0",
        "354.0,6.0 354.0,6.0",
    ]
    long = parsed(html.of_series(series("loss", [math.sin(n) for n in range(100_000)])))
    (line,) = long.iter("polyline")
    assert 300 < len((line.get("points") or "").split()) < 500
    assert "no finite value" in html.of_series(series("loss", [math.nan]))
    many = {f"m{n}": series(f"m{n}", [n]) for n in range(14)}
    assert "2 more curves" in html.of_history(many)
    assert len(list(parsed(html.of_history(many)).iter("svg"))) == 12
    assert "No series." in html.of_history({})
