"""The documents behind the pages: the same values as the commands, and bounds for what is large."""

from __future__ import annotations

import base64
import json
import math
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gitexp import errors
from gitexp.catalog import lookup
from gitexp.extras.plots.curves import kept_places
from gitexp.extras.web.contents import (
    comparison_document,
    curves_document,
    log_document,
    markdown_text,
    pictures,
    pipeline_document,
    previews,
    run_files,
)
from gitexp.extras.web.contents.experiment_document import experiment_document
from gitexp.extras.web.contents.queue_document import queue_document
from gitexp.extras.web.contents.sweep_document import sweeps_document
from gitexp.extras.web.documents import Documents
from gitexp.model import Experiment
from gitexp.project.project import Project
from gitexp.views.compare import points_of
from gitexp.views.details import DetailsReader
from tests.support.experiments import copy_of, put
from tests.support.workspace import Workspace

PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
NOTEBOOK = {
    "cells": [
        {"cell_type": "markdown", "source": ["# Title <script>alert(1)</script>"]},
        {
            "cell_type": "code",
            "execution_count": 3,
            "source": ["print('x')\n", "1"],
            "outputs": [
                {"output_type": "stream", "text": ["\x1b[31mred\x1b[0m\n"]},
                {"data": {"text/html": ["<script>alert(2)</script>"], "text/plain": ["a frame"]}},
                {"data": {"image/png": base64.b64encode(PIXEL).decode()}},
                {"data": {"application/javascript": ["alert(3)"]}},
            ],
        },
    ],
    "metadata": {},
}
TRAIN = """
import json, math, sys
import gitexp
lr = float(open("params.yaml").read().split("lr:")[1].split()[0])
with open("table.csv", "w") as file:
    file.write("a,b\\n" + "".join(f"{n},{n * n}\\n" for n in range(1000)))
with open("nb.ipynb", "w") as file:
    json.dump(NOTEBOOK, file)
with open("pixel.png", "wb") as file:
    file.write(PIXEL)
with gitexp.start_run() as run:
    for step in range(4000):
        run.log({"loss": math.nan if step == 7 else lr / (step + 1), "acc": lr * step}, step=step)
    for name in ("table.csv", "nb.ipynb"):
        run.log_artifact(name)
    for step in (0, 10):
        run.log_artifact("pixel.png", f"samples/step_{step}.png")
print("\\x1b[1;31mtrained\\x1b[0m with", lr, "<b>&amp;</b>")
print("\\n".join(f"line {number}" for number in range(60000)))
print("the end")
"""


@pytest.fixture(scope="module")
def trained(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    """A repository with two runs whose params, code and packages are told apart."""
    repo = copy_of(template, tmp_path_factory.mktemp("web"))
    repo.write(".gitignore", "table.csv\nnb.ipynb\npixel.png\n")
    repo.write("train.py", f"NOTEBOOK = {NOTEBOOK!r}\nPIXEL = {PIXEL!r}\n{TRAIN}")
    repo.write("params.yaml", "lr: 0.1\nsame: 1\n")
    repo.commit()
    repo.allow("files", "params.yaml")
    repo.writes("*.csv", "*.ipynb", "*.png")
    repo.gitexp("run", "-q", "-n", "slow", "-S", "lr=0.05", "--", "python", "train.py")
    repo.write("train.py", repo.read("train.py").replace('"the end"', '"the very end"'))
    repo.gitexp("run", "-q", "-n", "quick", "-S", "lr=0.5", "--", "python", "train.py")
    repo.gitexp("note", "quick", "-m", "<img src=x onerror=alert(1)>")
    yield repo
    repo.close()


@pytest.fixture
def project(trained: Workspace) -> Project:
    return Project.open(trained.path)


def opened(project: Project, name: str) -> Experiment:
    return lookup.require(project, name)


# -- one experiment -----------------------------------------------------------------------------------


def test_an_experiment_says_what_show_says(trained: Workspace, project: Project) -> None:
    found = experiment_document(
        project, opened(project, "quick"), DetailsReader(project, lookup.experiments(project))
    )
    (shown,) = json.loads(trained.gitexp("show", "quick", "--json").stdout)
    for name in ("name", "commit", "status", "note", "tags", "command", "duration", "user", "platform"):
        assert found[name] == shown[name], name
    assert {key: value for key, value, *_ in found["params"]["rows"]} == shown["params"]
    assert [row[0] for row in found["params"]["rows"] if row[3]] == ["lr"]
    assert {key for key, *_ in found["metrics"]["rows"]} == {*shown["metrics"]}
    assert {"what": "Bring it into the workspace", "line": "gitexp apply quick"} in found["commands"]
    assert found["environment"]["packages"]
    json.dumps(found, allow_nan=False)


def test_curves_are_thinned_out_and_say_what_they_were(project: Project) -> None:
    found = curves_document.of_experiment(project, opened(project, "slow"))
    assert found["names"] == ["loss", "acc"]
    (loss,) = found["metrics"][0]["curves"]
    assert loss["count"] == 4000
    assert 500 < len(loss["values"]) <= 1500
    assert loss["steps"][0] == 0
    assert loss["steps"][-1] == 3999
    assert loss["values"][loss["steps"].index(7)] == "nan"
    assert not found["live"]
    both = curves_document.of_many(project, [opened(project, "slow"), opened(project, "quick")], ["acc"])
    assert [metric["name"] for metric in both["metrics"]] == ["acc"]
    assert [curve["run"] for curve in both["metrics"][0]["curves"]] == ["slow", "quick"]
    json.dumps([found, both], allow_nan=False)


def test_a_thinned_curve_keeps_ends_extremes_and_what_is_not_finite() -> None:
    values = [math.sin(at / 50) for at in range(10_000)]
    values[3333], values[7777], values[5000] = -9.0, 9.0, math.inf
    kept = kept_places(values, 1000)
    assert len(kept) <= 1000
    assert {0, 9_999, 3333, 7777, 5000} <= set(kept)
    assert list(kept) == sorted(set(kept))
    assert list(kept_places([math.nan] * 3, 1000)) == [0, 1, 2]
    assert len(kept_places([math.nan] * 10_000, 100)) <= 100


def test_the_log_comes_in_parts_and_is_searched(project: Project) -> None:
    one = opened(project, "slow")
    tail = log_document.part(project, one)
    assert tail["end"] == tail["size"]
    assert tail["start"] > 0
    assert tail["lines"][-1] == [("the end", "")]
    assert tail["lines"][0][0][0].startswith("line ")
    before = log_document.part(project, one, None, tail["start"])
    assert before["end"] == tail["start"]
    head = log_document.part(project, one, 0, 100)
    assert head["lines"][0] == [("trained", "bold f1"), (" with 0.05 <b>&amp;</b>", "")]
    assert log_document.part(project, one, 10**9, None)["again"]
    found = log_document.search(project, one, "LINE 5999")
    assert [each["text"] for each in found["found"]] == [
        "line 5999",
        *(f"line {number}" for number in range(59990, 60000)),
    ]
    assert log_document.part(project, one, found["found"][0]["start"])["lines"][0] == [("line 5999", "")]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("plain", [("plain", "")]),
        ("\x1b[38;5;208mo\x1b[39mp", [("o", "f#ff8700"), ("p", "")]),
        ("\x1b[48;2;1;2;300mx", [("x", "b#0102ff")]),
        ("\x1b[1m\x1b[92ma\x1b[22mb\x1b[0m", [("a", "bold f10"), ("b", "f10")]),
        ("\x1b[38mx\x1b[38;9my\x1b[z", [("x", ""), ("y\x1b[z", "")]),
    ],
)
def test_colours_of_a_log_are_names(line: str, expected: list[Any]) -> None:
    assert log_document.spans(line) == expected


# -- files --------------------------------------------------------------------------------------------


def test_files_are_listed_and_shown_by_their_kind(project: Project) -> None:
    one = opened(project, "slow")
    found = run_files.listed(project, one)
    assert [path for path, _ in found["artifacts"]["files"]] == [
        "nb.ipynb",
        "samples/step_0.png",
        "samples/step_10.png",
        "table.csv",
    ]
    assert ["params.yaml", len("lr: 0.05\nsame: 1\n")] in found["code"]["files"]

    def shown(place: str, path: str) -> dict[str, Any]:
        return previews.preview(run_files.find(project, one, place, path), inside=True)

    table = shown("artifacts", "table.csv")
    assert (table["kind"], table["head"], len(table["rows"]), table["cut"]) == (
        "table",
        ["a", "b"],
        200,
        True,
    )
    image = shown("artifacts", "samples/step_0.png")
    assert image["src"] == "data:image/png;base64," + base64.b64encode(PIXEL).decode()
    notebook = shown("artifacts", "nb.ipynb")
    text = json.dumps(notebook)
    assert "<script>" not in text
    assert "alert(3)" not in text
    assert "alert(2)" not in text
    kinds = [output["kind"] for output in notebook["cells"][1]["outputs"]]
    assert kinds == ["text", "text", "image"]
    assert notebook["cells"][1]["outputs"][0]["lines"] == [[("red", "f1")]]
    code = shown("code", "train.py")
    assert code["kind"] == "text"
    assert ("import", "k") in [span for line in code["lines"] for span in line]


@pytest.mark.parametrize(
    "path",
    [
        "../x",
        "/etc/passwd",
        "samples/../nb.ipynb",
        "..\\x",
        "",
        ".",
        "samples",
        ".git/config",
        "train.py\0.png",
        "a\nb",
    ],
)
def test_no_path_leads_out_of_an_experiment(project: Project, path: str) -> None:
    for place in (*run_files.PLACES, "other"):
        with pytest.raises(errors.ExperimentError):
            run_files.find(project, opened(project, "slow"), place, path)


def test_markdown_loads_and_runs_nothing() -> None:
    hostile = (
        "# Hi\n<script>alert(1)</script>\n\n![x](http://evil/x.png) [a](javascript:alert(1)) "
        "[b](http://ok.example) <img src=x onerror=y>\n\n| a | b |\n|---|---|\n| 1 | 2 |\n"
    )
    made = markdown_text.html(hostile)
    assert "<h1>Hi</h1>" in made
    assert "<table>" in made
    for tag in ("<script", "<img", 'href="javascript'):
        assert tag not in made
    assert 'href="http://ok.example" rel="noreferrer noopener"' in made


# -- many ---------------------------------------------------------------------------------------------


def test_a_comparison_has_only_what_differs(trained: Workspace, project: Project) -> None:
    found = comparison_document.comparison_document(project, points_of(project, ["slow", "quick"]))
    assert [row["key"] for row in found["params"]["rows"]] == ["lr"]
    assert found["params"]["rows"][0]["values"] == [0.05, 0.5]
    shown = json.loads(trained.gitexp("compare", "slow", "quick", "--json").stdout)
    assert {row["key"] for row in found["metrics"]["rows"]} == {each["key"] for each in shown["metrics"]}
    assert found["environment"] == {"rows": [], "count": 0}
    (samples,) = found["pictures"]
    assert samples["name"] == "samples/step_#.png"
    assert samples["steps"] == [0, 10]
    assert samples["runs"]["quick"][10] == "samples/step_10.png"
    with pytest.raises(errors.UsageError):
        comparison_document.comparison_document(project, points_of(project, ["slow"]))


def test_the_code_of_two_stands_side_by_side_with_the_changed_words_marked(project: Project) -> None:
    found = comparison_document.difference_document(project, *points_of(project, ["slow", "quick"]))
    (file,) = found["sides"]["files"]
    assert (file["path"], file["added"], file["deleted"]) == ("train.py", 1, 1)
    changed = [row for row in file["pieces"][0]["rows"] if row[1] != row[3]]
    ((old, before, new, after),) = changed
    assert old == new
    assert "".join(text for text, _ in before) == 'print("the end")'
    assert "".join(text for text, name in after if "x" in name.split()).strip() == "very"
    assert found["line"] == "gitexp diff slow quick --code"
    json.dumps(found, allow_nan=False)


def test_code_of_all_kinds_is_compared(repo: Workspace) -> None:
    """Renamed, deleted, new, binary, without an end of line, with names that Git quotes."""
    repo.write("gone.py", "a = 1\n")
    repo.write("old name.py", "".join(f"x{n} = {n}\n" for n in range(30)))
    repo.write("b\u00e4.py", '"""doc\nof\nlines\n"""\nx = 1')
    repo.write("bin.dat", b"\0\1")
    repo.commit()
    before = repo.git("rev-parse", "HEAD")
    repo.git("mv", "old name.py", "new name.py")
    repo.git("rm", "-q", "gone.py")
    repo.write("new name.py", "".join(f"x{n} = {n}\n" for n in range(31)))
    repo.write("b\u00e4.py", '"""doc\nof two\nlines\n"""\nx = 2')
    repo.write("bin.dat", b"\0\2")
    repo.write("new.py", "# <script>alert(1)</script>\n")
    repo.commit()
    project = Project.open(repo.path)
    found = comparison_document.difference_document(project, *points_of(project, [before, "HEAD"]))
    files = {file["path"]: file for file in found["sides"]["files"]}
    assert {*files} == {"gone.py", "new name.py", "b\u00e4.py", "bin.dat", "new.py"}
    assert files["new name.py"]["renamed_from"] == "old name.py"
    assert files["bin.dat"]["binary"]
    assert files["gone.py"]["pieces"][0]["rows"] == [
        [1, [("a ", ""), ("=", "o"), (" ", ""), ("1", "m")], None, []]
    ]
    changed = [row for row in files["b\u00e4.py"]["pieces"][0]["rows"] if row[1] != row[3]]
    assert [row[0] for row in changed] == [2, 5]
    assert ("of", "s") in changed[0][1], "the second line of a text of many lines is a text too"
    assert files["new.py"]["pieces"][0]["rows"][0][3] == [("# <script>alert(1)</script>", "c")]


def test_pictures_are_told_apart_by_the_last_number_of_their_names() -> None:
    found = pictures.in_steps({"a": ["x/e1_s20.png", "x/e1_s3.png", "cm.svg", "notes.txt"], "b": ["cm.svg"]})
    assert found == [
        {"name": "x/e1_s#.png", "steps": [3, 20], "runs": {"a": {20: "x/e1_s20.png", 3: "x/e1_s3.png"}}},
        {"name": "cm.svg", "steps": [0], "runs": {"a": {0: "cm.svg"}, "b": {0: "cm.svg"}}},
    ]


# -- what goes on -------------------------------------------------------------------------------------

LIVE = """
import os, time
import gitexp
gitexp.log({"loss": 1.0}, step=0)
print("begun", flush=True)
while not os.path.exists("go"):
    time.sleep(0.01)
gitexp.log({"loss": float("inf")}, step=1)
print("half", flush=True)
while not os.path.exists("end"):
    time.sleep(0.01)
"""


def test_a_run_that_goes_on_is_followed_by_cursor(repo: Workspace) -> None:
    repo.write("train.py", LIVE)
    repo.write(".gitignore", "go\nend\n")
    repo.commit()
    started = repo.start("run", "-q", "-n", "live", "--", "python", "train.py")
    project = Project.open(repo.path)
    one = _waited(lambda: project.store.get("live"))
    log = _waited(lambda: _has(log_document.part(project, one), "lines"))
    curves = _waited(lambda: _has(curves_document.of_experiment(project, one), "metrics"))
    assert curves["live"]
    assert curves["metrics"][0]["curves"][0]["values"] == [1.0]
    assert curves_document.news(project, one, curves["cursor"])["points"] == {}
    repo.write("go", "")
    news = _waited(lambda: _has(curves_document.news(project, one, curves["cursor"]), "points"))
    assert news["points"]["loss"]["steps"] == [1]
    assert news["points"]["loss"]["values"] == ["inf"]
    assert not news["ended"]
    more = _waited(lambda: _has(log_document.part(project, one, log["end"]), "lines"))
    assert more["lines"] == [[("half", "")]]
    assert curves_document.news(project, one, {"series.jsonl": 10**9})["again"]
    repo.write("end", "")
    started.wait(timeout=60)
    assert curves_document.news(project, one, news["cursor"])["ended"]
    assert log_document.part(project, one)["size"] == more["size"]


def _has(document: dict[str, Any], name: str) -> dict[str, Any] | None:
    return document if document[name] else None


def _waited(look: Any) -> Any:
    for _ in range(1000):
        found = look()
        if found is not None:
            return found
        time.sleep(0.02)
    raise AssertionError("nothing came")


# -- sweep, queue, pipeline ---------------------------------------------------------------------------


def test_stages_stand_below_what_they_stand_on() -> None:
    places = pipeline_document.placed({"a": [], "b": [], "c": ["b"], "d": ["a"], "e": ["c", "d"]})
    assert {name: row for name, (row, _) in places.items()} == {"a": 0, "b": 0, "c": 1, "d": 1, "e": 2}
    assert (places["a"][1] < places["b"][1]) == (places["d"][1] < places["c"][1]), "no lines cross"


def test_a_pipeline_says_how_its_stages_stand(repo: Workspace) -> None:
    assert pipeline_document.pipeline_document(Project.open(repo.path))["reason"]
    repo.write(
        "gitexp.yaml",
        "stages:\n  one: {cmd: echo 1 > one, outs: [one]}\n  two: {cmd: cat one, deps: [one]}\n",
    )
    repo.commit()
    found = pipeline_document.pipeline_document(Project.open(repo.path))
    assert found["edges"] == [["one", "two"]]
    assert [stage["now"]["state"] for stage in found["stages"]] != [None, None]
    json.dumps(found, allow_nan=False)


def test_the_queue_and_the_sweeps_are_told(repo: Workspace) -> None:
    repo.write("train.py", "print(1)\n")
    repo.write("params.yaml", "lr: 0.1\n")
    repo.commit()
    repo.gitexp("run", "--queue", "-q", "-S", "lr=0.2", "-n", "later", "--", "python", "train.py")
    project = Project.open(repo.path)
    found = queue_document(project)
    assert [(run["name"], run["status"], run["overrides"]) for run in found["runs"]] == [
        ("later", "queued", ["lr=0.2"])
    ]
    assert found["workers"] == []
    assert sweeps_document(project) == {"sweeps": [], "complaints": [], "count": 0}
    assert log_document.part(project, opened(project, "later"))["reason"]


# -- what is large, and what goes away ----------------------------------------------------------------


def test_the_table_shows_the_curve_of_a_metric_that_has_one(repo: Workspace) -> None:
    file, logged = "metrics.json", ".gitexp/run/summary.json"
    put(repo, "one", metrics={file: {"a": 1.0, "final": {"loss": 2.0}}})
    assert _curve(repo) is None
    put(repo, "two", series=("series.jsonl",), metrics={file: {"a": 3.0}, logged: {"val": {"loss": 0.5}}})
    put(repo, "three", series=("series.jsonl",), metrics={logged: {"val": {"loss": 0.4}}})
    assert _curve(repo) == "metrics.val.loss"
    put(repo, "four", series=("series.jsonl",), metrics={file: {"a": 4.0}, logged: {"a": 4.0}})
    assert _curve(repo) == "metrics.metrics.json:a"


def test_the_first_metric_has_the_curve_where_a_file_has_all_that_was_logged(repo: Workspace) -> None:
    put(repo, "one", series=("series.jsonl",), metrics={"metrics.json": {"acc": 1.0, "loss": 2.0}})
    put(repo, "two", series=("series.jsonl",), metrics={"metrics.json": {"acc": 2.0, "loss": 3.0}})
    assert _curve(repo) == "metrics.acc"


def _curve(repo: Workspace) -> str | None:
    found: str | None = Documents(lambda: Project.open(repo.path)).table_document()["curve"]
    return found


def test_documents_have_a_bound(repo: Workspace) -> None:
    """5,000 metrics, 300 curves, a long log, a long line, a large file."""
    names = {f"metric-{number}": number / 7 for number in range(5_000)}
    points = ""
    for step in range(3):
        values = dict.fromkeys(list(names)[:300], step)
        points += json.dumps({"_step": step, "_time": 1.0, **values}) + "\n"
    repo.write("m.json", json.dumps(names))
    repo.commit()
    log = b"x" * 1_000_000 + b"\n" + b"".join(b"line %d\n" % number for number in range(500_000))
    run = {"series.jsonl": points.encode(), "output.log": log}
    put(repo, "wide", metrics={"m.json": names}, run_files=run, series=("series.jsonl",), command="x")
    repo.write("large.csv", "a,b\n" + "1,2\n" * 500_000)
    repo.commit()
    put(repo, "other", metrics={"m.json": {"metric-1": math.inf}}, command="x")
    project = Project.open(repo.path)
    wide, other = opened(project, "wide"), opened(project, "other")
    reader = DetailsReader(project, lookup.experiments(project))
    found = experiment_document(project, wide, reader)
    assert found["metrics"]["count"] == len(found["metrics"]["rows"]) == 5_000
    curves = curves_document.of_experiment(project, wide)
    assert (curves["of_names"], len(curves["metrics"])) == (300, curves_document.MOST_CURVES)
    tail = log_document.part(project, wide)
    assert len(json.dumps(tail)) < 4 * log_document.MOST
    assert tail["lines"][-1] == [("line 499999", "")]
    assert len(json.dumps(log_document.part(project, wide, 0))) < 2 * log_document.MOST
    assert log_document.search(project, wide, "line")["more"]
    table = previews.preview(run_files.find(project, other, "code", "large.csv"), inside=False)
    assert table["cut"]
    assert len(json.dumps(table)) < 10_000
    compared = comparison_document.comparison_document(project, points_of(project, ["wide", "other"]))
    assert compared["metrics"]["count"] == 5_000
    assert len(compared["metrics"]["rows"]) == 1_000
    json.dumps([found, curves, tail, compared], allow_nan=False)


def test_a_repository_may_change_at_any_time(repo: Workspace) -> None:
    """Removed, renamed and collected meanwhile: a document says so, and none fails otherwise."""
    repo.write("train.py", "print('x')\n")
    repo.commit()
    for name in ("one", "two"):
        repo.gitexp("run", "-q", "-n", name, "--", "python", "train.py")
    project = Project.open(repo.path)
    one, two = opened(project, "one"), opened(project, "two")
    reader = DetailsReader(project, lookup.experiments(project))
    repo.gitexp("rename", "-q", "one", "uno")
    repo.gitexp("remove", "-qy", "two")
    assert log_document.part(project, one)["lines"] == [[("x", "")]]
    assert log_document.part(project, two)["lines"] == [[("x", "")]]
    with pytest.raises(errors.ExperimentError):
        comparison_document.comparison_document(project, points_of(project, ["one", "uno"]))
    with repo.by_user():
        for ref in repo.git("for-each-ref", "--format=%(refname)", "refs/gitexp").splitlines():
            repo.git("update-ref", "-d", ref)
    for kept in (repo.path / ".git/objects/pack").glob("*.keep"):
        kept.unlink()
    repo.git("reflog", "expire", "--expire=now", "--all")
    repo.git("gc", "-q", "--prune=now")
    project = Project.open(repo.path)
    assert log_document.part(project, two)["reason"]
    assert run_files.listed(project, two)["code"]["reason"]
    assert curves_document.of_many(project, [one, two])["metrics"] == []
    experiment_document(project, two, reader)
    with pytest.raises(errors.GitexpError):
        comparison_document.changes_document(project, two)
