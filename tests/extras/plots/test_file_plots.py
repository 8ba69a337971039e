"""Plots of files: of experiments, commits and the workspace, each from its own tree."""

from __future__ import annotations

import json
import os
import re
import subprocess
from base64 import b64decode
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gitexp import errors
from gitexp.extras.plots import safe_specs
from gitexp.extras.plots.charts import Chart
from gitexp.extras.plots.images import ImagePlot, ImageVersion, section, title_and_step
from gitexp.extras.plots.of_files import rate_charts, user_templates
from gitexp.extras.plots.of_files.distributions import intervals
from gitexp.extras.plots.of_files.file_charts import TEMPLATES, FilePlot, file_chart
from gitexp.extras.plots.of_files.file_points import NoPoints, PlotPoint, points_of
from gitexp.extras.plots.rendering import Rendering
from gitexp.extras.plots.tables import table_of
from gitexp.files.plot_entries import PlotColumn, PlotEntry, entries_of
from gitexp.files.plot_rows import rows_of
from tests.support.browser import BROWSER
from tests.support.experiments import copy_of
from tests.support.plots_project import FILES, POINTS, WRITTEN
from tests.support.workspace import Workspace

# -- what files say -----------------------------------------------------------------------------------


def test_the_fields_of_dvc() -> None:
    tree = {
        "vars": [{"top": "eval"}],
        "plots": [
            "logs",
            {"${top}/a.csv": {"x": "epoch", "y": ["b", "c"], "template": "simple", "title": "T"}},
            {"two": {"x": {"a.csv": "s"}, "y": {"a.csv": ["p", "q"], "../b.csv": "r"}, "y_label": "L"}},
            {"../../out.csv": None},
            {"bare.csv": {"header": False, "y": 1}},
        ],
        "stages": {
            "train": {"wdir": "model", "cmd": "x", "plots": ["m.json", {"n.csv": [{"x": "k"}]}]},
            "each": {"foreach": ["u", "v"], "do": {"cmd": "x", "plots": ["${item}.csv"]}},
        },
    }
    found = {entry.name: entry for entry in entries_of("sub/dvc.yaml", tree, {})}
    assert [*found] == [
        *("sub/logs", "sub/eval/a.csv", "two", "sub/bare.csv"),
        *("sub/model/m.json", "sub/model/n.csv", "sub/u.csv", "sub/v.csv"),
    ]
    assert found["sub/logs"].is_plain
    table = found["sub/eval/a.csv"]
    assert (table.xs, table.ys) == (
        (PlotColumn("", "epoch"),),
        (PlotColumn("", "b"), PlotColumn("", "c")),
    )
    assert (table.template, table.title, table.path) == ("simple", "T", "sub/eval/a.csv")
    two = found["two"]
    assert two.path == ""
    assert two.xs == (PlotColumn("sub/a.csv", "s"),)
    assert two.ys == (
        PlotColumn("sub/a.csv", "p"),
        PlotColumn("sub/a.csv", "q"),
        PlotColumn("b.csv", "r"),
    )
    assert two.files == ("sub/a.csv", "b.csv")
    assert not found["sub/bare.csv"].header
    assert found["sub/bare.csv"].ys == (PlotColumn("", "1"),)
    assert found["sub/model/n.csv"].xs == (PlotColumn("", "k"),)


@pytest.mark.parametrize(
    ("name", "text", "rows"),
    [
        ("a.csv", "x,y\n1,2\n3,\n", [{"x": "1", "y": "2"}, {"x": "3", "y": ""}]),
        ("a.tsv", "x\ty\n1\t2\n", [{"x": "1", "y": "2"}]),
        ("a.json", '[{"x": 1}, {"x": 2}]', [{"x": 1}, {"x": 2}]),
        ("a.json", '{"a": {"b": [{"x": 1}]}, "c": [{"y": 2}]}', [{"x": 1, "y": 2}]),
        ("a.json", '{"x": [1, 2], "y": [3, 4]}', [{"x": 1, "y": 3}, {"x": 2, "y": 4}]),
        ("a.jsonl", '{"x": 1}\n{"x": 2}\n{"x"', [{"x": 1}, {"x": 2}]),
        (
            "a.json",
            '{"labels": ["u", "v"], "matrix": [[1, 2]]}',
            [
                {"actual": "u", "predicted": "u", "count": 1},
                {"actual": "u", "predicted": "v", "count": 2},
            ],
        ),
        ("a.yaml", "l:\n- {x: 1}\n- {x: 2}\n", [{"x": 1}, {"x": 2}]),
        ("a.csv", "", []),
    ],
)
def test_rows(name: str, text: str, rows: list[Any]) -> None:
    assert rows_of(name, text.encode()) == rows


@pytest.mark.parametrize("text", ["{", '{"a": 1}', '[{"x": 1}, {"y": 2}]', "[" * 100_000, "\xff"])
def test_files_without_rows_are_told(text: str) -> None:
    with pytest.raises(errors.ParseError):
        rows_of("a.json", text.encode("latin-1"))


def test_without_a_header_columns_are_numbers() -> None:
    assert rows_of("a.csv", b"5,6\n7,8\n", header=False) == [{"0": "5", "1": "6"}, {"0": "7", "1": "8"}]


# -- points -------------------------------------------------------------------------------------------

ROWS = {"a.csv": [{"s": 1, "p": 2, "q": 3}, {"s": 2, "p": 4, "q": 5}], "d/b.csv": [{"r": 7}, {"r": 8}]}


def test_points_are_joined_by_row() -> None:
    plain = points_of(PlotEntry("a.csv", "a.csv"), "exp", ROWS)
    assert [(point.x, point.y) for point in plain.points] == [(0, 3), (1, 5)]
    assert (plain.x_title, plain.y_title) == ("step", "q")
    both = PlotEntry(
        "n", "", (PlotColumn("a.csv", "s"),), (PlotColumn("a.csv", "p"), PlotColumn("d/b.csv", "r"))
    )
    found = points_of(both, "exp", ROWS)
    assert [(point.file, point.column, point.x, point.y) for point in found.points] == [
        *(("a.csv", "p", 1, 2), ("a.csv", "p", 2, 4)),
        *(("d/b.csv", "r", 1, 7), ("d/b.csv", "r", 2, 8)),
    ]
    assert (found.x_title, found.y_title) == ("s", "y")


@pytest.mark.parametrize(
    ("entry", "why"),
    [
        (PlotEntry("a.csv", "a.csv", (), (PlotColumn("", "z"),)), "has no column 'z'; it has s, p, q"),
        (PlotEntry("c.csv", "c.csv"), "has no rows"),
        (
            PlotEntry(
                "n", "", (PlotColumn("a.csv", "s"), PlotColumn("a.csv", "p")), (PlotColumn("a.csv", "q"),)
            ),
            "2 columns of x for 1 of y",
        ),
        (PlotEntry("n", "", (PlotColumn("e.csv", "s"),), (PlotColumn("a.csv", "q"),)), "not the same length"),
    ],
)
def test_what_does_not_fit_is_told(entry: PlotEntry, why: str) -> None:
    with pytest.raises(NoPoints, match=why):
        points_of(entry, "exp", ROWS)


def test_the_area_under_a_curve() -> None:
    corner = [PlotPoint("a", "", "tpr", x, y, {}) for x, y in ((0, 0), ("0", "1"), (1, 1))]
    assert rate_charts.area(corner) == 1
    assert rate_charts.area(corner[::2]) == 0.5


# -- charts -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("template", TEMPLATES)
def test_every_template_is_drawn(template: str) -> None:
    points = []
    for label in ("one", "two </script>"):
        for at in range(6):
            x: Any = at / 7 if template.startswith("bar") else f"c{at % 3}"
            y: Any = f"c{at % 2}" if template.startswith(("bar", "conf", "scatter_j")) else at * 2.5
            points.append(PlotPoint(label, "", "y", x, y, {}))
    chart = file_chart(FilePlot("title", "x", "y", points), template)
    drawn = Rendering.formats[".svg"](chart.spec).decode()
    assert drawn.count("<path") > 6
    assert "two &lt;/script&gt;" in drawn


def test_a_matrix_counts_pairs_and_has_all_cells() -> None:
    pairs = [("a", "b"), ("a", "a"), ("a", "a"), ("10", "9")]
    points = [PlotPoint("e", "", "y", x, y, {}) for x, y in pairs]
    cells = file_chart(FilePlot("t", "x", "y", points), "confusion").spec["data"]["values"]
    assert len(cells) == 16
    assert {(cell["x"], cell["y"]): cell["count"] for cell in cells if cell["count"]} == {
        ("a", "a"): 2,
        ("a", "b"): 1,
        ("10", "9"): 1,
    }
    shares = file_chart(FilePlot("t", "x", "y", points), "confusion_normalized").spec["data"]["values"]
    assert {cell["share"] for cell in shares} == {0, 1}


def test_intervals_hold_all_values() -> None:
    assert intervals([0, 1, 2, 4]) == (0, 2, 2)
    assert intervals([3.0] * 9) == (2.5, 1, 1)
    assert intervals([-1.7e308, 1.7e308] * 2)[2] == 2


# -- templates of the repository ------------------------------------------------------------------------

DATA = {"values": "<DVC_METRIC_DATA>"}
HOSTILE: dict[str, dict[str, Any]] = {
    "data of a server": {"data": {"url": "https://evil.example/x.csv"}, "mark": "bar"},
    "data of a file": {"data": {"url": "file:///etc/passwd"}, "mark": "bar"},
    "data of a layer": {"data": DATA, "layer": [{"data": {"url": "x.csv"}, "mark": "bar"}]},
    "data of a lookup": {
        "data": DATA,
        "mark": "bar",
        "transform": [{"lookup": "a", "from": {"data": {"url": "x.csv"}, "key": "a"}}],
    },
    "image": {"data": DATA, "mark": "image"},
    "image of a mark": {"data": DATA, "mark": {"type": "image", "width": 5}},
    "image of a channel": {"data": DATA, "mark": "point", "encoding": {"url": {"field": "a"}}},
    "link": {"data": DATA, "mark": "point", "encoding": {"href": {"field": "a"}}},
    "link of a mark": {"data": DATA, "mark": {"type": "point", "href": "javascript:alert(1)"}},
    "options of the page": {"data": DATA, "mark": "bar", "usermeta": {"embedOptions": {"ast": False}}},
    "rows without end": {"data": {"sequence": {"start": 0, "stop": 1e12}}, "mark": "bar"},
    "list without end": {"data": DATA, "mark": "bar", "params": [{"name": "p", "expr": "sequence(1e12)"}]},
    "text without end": {
        "data": DATA,
        "mark": "bar",
        "transform": [{"calculate": "pad('', 1e9)", "as": "x"}],
    },
    "keys without end": {
        "data": DATA,
        "mark": "bar",
        "transform": [{"impute": "a", "key": "b", "keyvals": {"stop": 1e12}}],
    },
    "page": {"data": DATA, "mark": "bar", "width": 1e9},
    "ticks": {"data": DATA, "mark": "bar", "encoding": {"x": {"axis": {"tickCount": 1e9}}}},
    "depth": json.loads('{"hconcat": [' * 100 + "{}" + "]}" * 100),
    "Vega": {"$schema": "https://vega.github.io/schema/vega/v5.json", "data": DATA},
    "config": {"data": DATA, "mark": "bar", "config": "x"},
    "no data": {"data": {"values": []}, "mark": "bar"},
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_template_is_refused(name: str) -> None:
    points = points_of(PlotEntry("a.csv", "a.csv"), "exp", ROWS)
    with pytest.raises(NoPoints, match="its template t"):
        user_templates.template_chart(HOSTILE[name], "title", [points], "t")


def test_rendering_reads_no_image_of_the_disk(tmp_path: Path) -> None:
    secret = tmp_path / "secret.png"
    square = {"data": {"values": [{}]}, "mark": {"type": "rect", "color": "red"}, "width": 9, "height": 9}
    secret.write_bytes(Rendering.formats[".png"](square))
    spec = {
        "data": {"values": [{"u": secret.as_uri()}]},
        "mark": {"type": "image", "width": 50, "height": 50},
        "encoding": {"url": {"field": "u"}},
    }
    for render in (
        *Rendering.formats.values(),
        lambda spec: Rendering.page("t", [Chart("t", spec)]),
    ):
        with pytest.raises(ValueError, match="image"):
            render(spec)
    assert safe_specs.fault({"mark": "bar", "data": {"values": [{"url": "x", "type": "image"}]}}) == ""


def test_any_text_is_drawn() -> None:
    points = [PlotPoint(f"\x1b[31m\0\ud800\uffff{at}", "", "y", at, at, {}) for at in range(2)]
    chart = file_chart(FilePlot("\x07", "\x1b", "\udfff", points), "linear")
    for render in Rendering.formats.values():
        assert render(chart.spec)


def test_a_template_without_end_is_given_up() -> None:
    spec = {
        "data": {"sequence": {"start": 0, "stop": 1e8}},
        "mark": "point",
        "encoding": {"x": {"field": "data"}},
    }
    with pytest.raises(ValueError, match=r"longer than 1 s|cannot be drawn"):
        Rendering.file_of(Chart("t", spec, is_foreign=True), ".svg", seconds=1)
    square = {"data": {"values": [{}]}, "mark": {"type": "rect", "color": "red"}}
    assert Rendering.file_of(Chart("t", square, is_foreign=True), ".svg").startswith(b"<svg")


def test_anchors_are_filled() -> None:
    template = {
        "data": DATA,
        "title": "<DVC_METRIC_TITLE>",
        "mark": "line",
        "transform": [{"calculate": "datum['<DVC_METRIC_X>'] + <DVC_METRIC_PIVOT_FIELD>", "as": "z"}],
        "params": ["<DVC_METRIC_ZOOM_AND_PAN>"],
        "encoding": {
            "x": {"field": "<DVC_METRIC_X>", "title": "<DVC_METRIC_X_LABEL>"},
            "y": {"field": "<DVC_METRIC_Y>"},
            "color": "<DVC_METRIC_COLOR>",
            "strokeDash": "<DVC_METRIC_STROKE_DASH>",
            "shape": "<DVC_METRIC_SHAPE>",
        },
    }
    columns = (PlotColumn("", "p"), PlotColumn("", "q"))
    entry = PlotEntry("a.csv", "a.csv", (PlotColumn("", "s"),), columns)
    plots = [points_of(entry, label, ROWS) for label in ("one", "two")]
    chart = user_templates.template_chart(template, "T", plots, "t")
    assert "<DVC" not in json.dumps(chart.spec)
    assert chart.is_foreign
    encoding = chart.spec["encoding"]
    assert encoding["x"] == {"field": "s", "title": "s"}
    assert encoding["y"] == {"field": "dvc_inferred_y_value"}
    assert encoding["color"]["scale"]["domain"] == ["one", "two"]
    assert (encoding["strokeDash"]["field"], encoding["strokeDash"]["scale"]["domain"]) == (
        "field",
        ["p", "q"],
    )
    row = chart.spec["data"]["values"][2]
    assert row == {"s": 1, "p": 2, "q": 3, "dvc_inferred_y_value": 3, "rev": "one", "field": "q"}
    single = user_templates.template_chart(
        template, "T", [points_of(PlotEntry("a.csv", "a.csv"), "e", ROWS)], "t"
    )
    assert single.spec["encoding"]["strokeDash"] == {}


# -- images -------------------------------------------------------------------------------------------


def test_images_are_grouped_by_name_and_step() -> None:
    assert title_and_step("live/images/sample/12.png") == ("live/images/sample.png", 12)
    assert title_and_step("live/images/map.png") == ("live/images/map.png", None)
    hostile = '"><script>alert(1)</script>'
    versions = [
        ImageVersion(hostile, 1, f"{hostile}.svg", 5, content=b"<svg>"),
        ImageVersion("b", 2, "b.svg", 5, content=b"<svg>"),
    ]
    html = section(ImagePlot(hostile, versions))
    assert "<script>" not in html
    assert html.count("data:image/svg+xml;base64,") == 2
    assert 'data-steps="[1, 2]"' in html


# -- pages --------------------------------------------------------------------------------------------


_HOMES = ("HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME", "XDG_RUNTIME_DIR")


@pytest.mark.skipif(BROWSER is None, reason="no browser here")
def test_a_browser_draws_a_page(tmp_path: Path) -> None:
    hostile = "<img src=x onerror=alert(1)>"
    points = [PlotPoint(hostile, "", "y", x / 4, x / 4, {}) for x in range(5)]
    plot = FilePlot(hostile, "x", "y", points)
    charts = [file_chart(plot, "linear"), rate_charts.rates_chart(plot, rate_charts.KINDS[0])]
    calculated: dict[str, Any] = {
        "data": {"values": [{"a": 1}, {"a": 2}]},
        "transform": [{"calculate": "datum.a * 2", "as": "b"}],
        "mark": "point",
        "encoding": {"x": {"field": "b", "type": "quantitative"}},
    }
    charts.append(Chart("by an expression", calculated, is_foreign=True))
    pixel = b64decode(
        "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
    )
    versions = [ImageVersion("a", step, f"i/{step}.png", 1, content=pixel) for step in range(3)]
    table = table_of("t", hostile, [{hostile: hostile}])
    page = tmp_path / "page.html"
    page.write_bytes(Rendering.page(hostile, charts, [ImagePlot("i.png", versions)], [table]))
    command = (
        BROWSER,
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--virtual-time-budget=5000",
        "--dump-dom",
    )
    done = subprocess.run(
        [*command, f"--user-data-dir={tmp_path}/home", page.as_uri()],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, **dict.fromkeys(_HOMES, str(tmp_path))},
    )
    dom = done.stdout
    assert len(re.findall(r'<svg[^>]*class="marks"', dom)) == 3
    assert re.search(r'aria-label="b: 4"', dom)  # an expression is worked out, though no text may run
    assert dom.count('data-step="') == 3
    assert dom.count('hidden=""') == 2  # the steps before the last
    assert "<img src=x" not in dom


# -- the command --------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def project(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    """A repository with two runs, which the tests look at."""
    repo = copy_of(template, tmp_path_factory.mktemp("project"))
    for name, text in FILES.items():
        repo.write(name, text)
    repo.write(".gitignore", "eval\ndvclive\nmetrics.json\n")
    repo.commit()
    repo.allow("files", "params.yaml", "gitexp.lock", *WRITTEN)
    repo.gitexp("run", "-q", "-n", "cold")
    repo.gitexp("run", "-q", "-n", "warm", "-S", "lr=0.6")
    yield repo
    repo.close()


@pytest.mark.usefixtures("drawing")
def test_a_dvc_yaml_is_drawn_side_by_side(project: Workspace, tmp_path: Path) -> None:
    found = {
        one["name"]: one for one in project.json("plots", "cold", "warm", "workspace", "--kind", "files")
    }
    counts = {}
    for name, one in found.items():
        if "spec" in one:
            values = one["spec"]["data"]["values"]
            counts[name] = len(values)
            assert {value.get("label", value.get("rev")).split("  ")[0] for value in values} == {
                *("cold", "warm", "workspace")
            }
    assert counts == {name: 3 * count for name, count in POINTS.items()}
    sample = found["eval/images/sample.png"]["images"]
    assert [(one["experiment"], one["step"]) for one in sample] == [
        (label, step) for label in ("cold", "warm", "workspace") for step in range(3)
    ]
    assert found["eval/curves.csv"]["title"] == "Mine"
    page = tmp_path / "p.html"
    project.gitexp("plots", "cold", "warm", "--kind", "files", "-o", str(page))
    assert page.read_text("utf-8").count('<img src="data:image/png;base64,') == 8
    (scaled,) = project.json("plots", "warm", "--plot", "losses", "--log", "y")
    assert scaled["spec"]["layer"][0]["encoding"]["y"]["scale"] == {"type": "log"}
    named = project.gitexp("plots", "--plot", "eval/*", "--list", "warm").stdout
    assert "eval/cm.json  confusion  warm" in named
    assert "ROC" not in named


def test_a_table_that_a_plot_shows_is_no_curve_too(project: Workspace) -> None:
    kinds = {(one["name"], one["kind"]) for one in project.json("plots", "--list")}
    assert ("train/loss", "curve") in kinds
    assert ("losses", "simple") in kinds
    assert not {("train_loss", "curve"), ("importance", "curve")} & kinds
    text = project.gitexp("plots", "warm", "--kind", "files").stdout
    assert "3 steps, the last one 2: eval/images/sample/2.png" in text
    assert "Confusion" in text


def test_each_side_is_read_from_its_own_tree(repo: Workspace) -> None:
    repo.write("dvc.yaml", "plots: [{t.csv: {y: a, title: old}}]\n")
    repo.write("t.csv", "a,b\n1,2\n")
    old = repo.commit()
    repo.write("dvc.yaml", "plots: [{t.csv: {y: b, title: new}}, u.csv]\n")
    repo.write("t.csv", "a,b\n3,4\n")
    (found,) = repo.json("plots", old)
    assert (found["title"], [value["y"] for value in found["spec"]["data"]["values"]]) == ("old", [1])
    found, other = repo.json("plots", "workspace")[0], repo.gitexp("plots", "workspace").stderr
    assert (found["title"], [value["y"] for value in found["spec"]["data"]["values"]]) == ("new", [4])
    assert other == ""
    (both,) = repo.json("plots", old, "workspace", "--plot", "t.csv")
    assert [value["y"] for value in both["spec"]["data"]["values"]] == [1, 3]


def test_what_cannot_be_drawn_is_told_and_the_rest_is_drawn(repo: Workspace) -> None:
    plots = (
        "[{t.csv: {y: z}}, {u.csv: {template: nope, y: a}}, {w.csv: {template: evil, y: a}}, {v.csv: {y: a}}]"
    )
    repo.write("gitexp.yaml", f"plots: {plots}\n")
    for name in ("t", "u", "v", "w"):
        repo.write(f"{name}.csv", "a\n1\n2\n")
    repo.write(".dvc/plots/evil.json", json.dumps(HOSTILE["data of a server"]))
    done = repo.gitexp("plots", "--list", "workspace")
    assert done.stdout == "v.csv  linear  workspace\n"
    assert "t.csv (in workspace): t.csv has no column 'z'; it has a" in done.stderr
    assert "u.csv: there is no template 'nope'; there are linear, simple" in done.stderr
    assert "w.csv: its template evil has 'url', which loads data or an image" in done.stderr
    wrong = repo.gitexp("plots", "--plot", "v.csw", check=False)
    assert (wrong.exit_code, "There is no plot 'v.csw'" in wrong.stderr) == (2, True)


LOGGING = """
import sys, gitexp
right = int(sys.argv[1])
for step in range(2):
    gitexp.log_confusion("val", ["a", "b", "b"], ["a", "b", "a" if step < right else "b"], step=step)
gitexp.log_table("roc", {"fpr": [0, 0.5, 1], "tpr": [0, right / 2, 1]})
gitexp.log_table("scores", {"score": [1, 2, 3, 4]})
gitexp.log_table("predictions", [{"image": "<b>", "predicted": "a"}] * 150)
"""


def test_what_a_run_has_logged_is_drawn_by_its_columns(repo: Workspace) -> None:
    repo.write("train.py", LOGGING)
    repo.commit()
    for name, right in (("one", "1"), ("two", "2")):
        repo.gitexp("run", "-q", "-n", name, "--", "python", "train.py", right)
    found: dict[str, list[dict[str, Any]]] = {}
    for each in repo.json("plots"):
        found.setdefault(each["name"], []).append(each)
    assert [*found] == [
        *("confusion/val.json", "tables/roc.csv", "tables/scores.csv", "tables/predictions.csv")
    ]
    cells = found["confusion/val.json"][0]["spec"]["data"]["values"]
    wrong = {cell["label"]: cell["count"] for cell in cells if (cell["x"], cell["y"]) == ("b", "a")}
    assert wrong == {"one": 0, "two": 1}  # of the last step
    labels = {value["label"] for value in found["tables/roc.csv"][0]["spec"]["data"]["values"]}
    assert labels == {"one  area 0.500", "two  area 0.750"}
    counts = [value["count"] for value in found["tables/scores.csv"][0]["spec"]["data"]["values"]]
    assert counts == [1, 1, 2, 1, 1, 2]
    tables = [each["table"] for each in found["tables/predictions.csv"]]
    assert [(len(table["rows"]), table["total"]) for table in tables] == [(100, 150), (100, 150)]
    text = repo.gitexp("plots").stdout
    assert "one  ▄▄█  1 to 4" in text
    assert "tables/predictions.csv  two, 150 rows" in text
