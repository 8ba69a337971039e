"""A metric that a script both writes into a file and logs: its name means the file's."""

from __future__ import annotations

from typing import Any

import pytest

from gitexp.extras.sweep import trials
from gitexp.extras.web.documents import Documents
from gitexp.extras.web.sparklines import sparklines
from gitexp.project.project import Project
from tests.support.experiments import put
from tests.support.workspace import Workspace

NAMES = ["low", "plain", "high"]  # by their loss
LOGGED = ".gitexp/run/summary.json"
POINTS = b'{"_step":0,"_time":1000,"loss":0.9}\n{"_step":1,"_time":1001,"loss":0.5}\n'


def metrics(loss: float, logged: float) -> dict[str, Any]:
    return {"metrics.json": {"loss": loss, "acc": 1 - loss}, LOGGED: {"loss": logged}}


@pytest.fixture
def twice(repo: Workspace) -> Workspace:
    put(repo, "high", created="2024-01-01T10:00:00.000Z", metrics=metrics(0.5, 0.5))
    put(repo, "low", created="2024-01-01T10:01:00.000Z", metrics=metrics(0.2, 0.2))
    put(
        repo, "plain", created="2024-01-01T10:02:00.000Z", metrics={"metrics.json": {"loss": 0.4, "acc": 0.6}}
    )
    return repo


def test_the_name_means_the_metric_of_the_file(twice: Workspace) -> None:
    assert twice.gitexp("best", "loss").stdout == "low\n"
    found = twice.json("best", "loss")
    assert (found["metric"], found["value"]) == ("loss", 0.2)
    assert twice.gitexp("list", "--filter", "loss < 0.45").stdout.split() == ["plain", "low"]
    shown = twice.gitexp("show", "--sort", "loss", "--columns", "loss").stdout
    assert [name for name in shown.replace("[", " ").replace("]", " ").split() if name in NAMES] == NAMES
    assert (
        twice.json("judge", "high", "low", "--metric", "loss", check=False)[0]["metric"]
        == "metrics.json:loss"
    )
    assert "metrics.json:loss  0.5" in twice.gitexp("compare", "high", "low", "--columns", "loss").stdout
    drawn = twice.gitexp("plots", "--kind", "progress", "--columns", "loss").stdout
    assert "metrics.json:loss" in drawn
    record = Project.open(twice.path).store.require("high").record
    assert trials.results(record, {"loss": "min"}) == (0.5,)


def test_of_two_files_the_user_says_which(twice: Workspace) -> None:
    put(twice, "other", metrics={"metrics.json": {"loss": 1}, "eval.json": {"loss": 2}})
    said = twice.gitexp("best", "loss", check=False).stderr
    assert "There is a metric 'loss' in several files." in said
    assert "There is" in twice.gitexp("show", "--sort", "loss", check=False).stderr


def test_the_table_does_not_say_it_twice(twice: Workspace) -> None:
    assert LOGGED not in twice.gitexp("show").stdout
    assert f"{LOGGED}:loss" in twice.gitexp("show", "--format", "csv").stdout
    assert f"{LOGGED}:loss" in twice.gitexp("show", "--columns", "*loss").stdout
    put(twice, "differs", metrics=metrics(0.3, 0.31))
    assert f"{LOGGED}:loss" in twice.gitexp("show").stdout


@pytest.mark.parametrize(
    "command",
    [
        ["show", "high"],
        ["compare", "high", "low"],
        ["compare", "high", "low", "--format", "md"],
        ["diff", "high", "low"],
        ["report", "--summary"],
        ["report", "-o", "/dev/stdout"],
    ],
)
def test_no_comparison_says_it_twice(twice: Workspace, command: list[str]) -> None:
    said = twice.gitexp(*command).stdout
    assert "metrics.json:loss" in said
    assert LOGGED not in said


def test_it_is_judged_once(twice: Workspace) -> None:
    judged = [one["metric"] for one in twice.json("judge", "high", "low", check=False)]
    assert judged == ["metrics.json:loss", "acc"]


def test_programs_get_it_twice(twice: Workspace) -> None:
    keys = [one["key"] for one in twice.json("diff", "high", "low")["metrics"]]
    assert f"{LOGGED}:loss" in keys
    assert f"{LOGGED}:loss" in twice.gitexp("diff", "high", "low", "--format", "csv").stdout
    assert f"{LOGGED}:loss" in twice.gitexp("compare", "high", "low", "--format", "csv").stdout
    assert f"{LOGGED}:loss" in twice.gitexp("compare", "high", "low", "--columns", "*loss").stdout


def test_a_logged_value_of_its_own_is_told(twice: Workspace) -> None:
    put(twice, "differs", metrics=metrics(0.3, 0.31))
    for command in (("show", "differs"), ("compare", "high", "differs"), ("diff", "high", "differs")):
        assert f"{LOGGED}:loss" in twice.gitexp(*command).stdout
    judged = [one["metric"] for one in twice.json("judge", "high", "differs", check=False)]
    assert f"{LOGGED}:loss" in judged


def test_the_last_line_of_a_run_does_not_say_it_twice(repo: Workspace) -> None:
    log = "import gitexp, json; gitexp.log({'loss': 0.5}); json.dump({'loss': %s}, open('metrics.json', 'w'))"
    repo.writes("metrics.json")
    assert "s · loss 0.5\n" in repo.gitexp("run", "--", "python", "-c", log % 0.5).stderr
    said = repo.gitexp("run", "--", "python", "-c", log % 0.6).stderr
    assert f"metrics.json:loss 0.6 · {LOGGED}:loss 0.5" in said


def test_the_dashboard_draws_its_curve(repo: Workspace) -> None:
    put(
        repo,
        "one",
        metrics=metrics(0.5, 0.5),
        series=("series.jsonl",),
        run_files={"series.jsonl": POINTS},
    )
    documents = Documents(lambda: Project.open(repo.path))
    (key,) = [key for key in documents.state().rows if key == "one"]
    for name in ("metrics.json:loss", "loss"):
        assert sparklines(documents, [key], name)["points"] == {"one": [0.9, 0.5]}
    assert sparklines(documents, [key], "metrics.json:acc")["points"] == {}
