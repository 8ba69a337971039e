"""`gitexp show`: which rows, in what order, in which columns and forms."""

from __future__ import annotations

import csv
import io
import json
import math
import re
from pathlib import Path

import pytest

from gitexp import errors
from gitexp.catalog import rows
from gitexp.catalog.changed_files import CommitStep, changed_files
from gitexp.catalog.fields import BY_NAME, Row
from gitexp.catalog.lineage import Lineage
from gitexp.catalog.query import Query, matching
from gitexp.cli.kit import complete
from gitexp.cli.kit.terminal import render
from gitexp.cli.kit.terminal.watch import Picture, watch
from gitexp.model import MISSING, Experiment, Record, Status
from gitexp.project.project import Project
from gitexp.repo import records, trash
from gitexp.repo.git.repository import Repository
from gitexp.views import table as show
from gitexp.views.columns import Column, Columns
from gitexp.views.table import Table
from tests.support.codes import has_code
from tests.support.experiments import copy_of, put
from tests.support.workspace import Workspace


def table(repo: Workspace, **query: object) -> Table:
    return show.table(Project.open(repo.path), Query(**query))  # type: ignore[arg-type]


def names(found: Table) -> list[str]:
    return [row.name for row in found.experiments]


@pytest.fixture(scope="module")
def stored_runs(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four experiments on HEAD, one of them failed, and one on the commit before."""
    repo = copy_of(template, tmp_path_factory.mktemp("runs"))
    for name, minute, lr, acc in (("low", 1, 0.1, 0.7), ("mid", 2, 0.2, 0.9), ("high", 3, 0.3, 0.8)):
        put(
            repo,
            name,
            created=f"2024-01-01T10:0{minute}:00.000Z",
            params={"params.yaml": {"train": {"lr": lr, "epochs": 3}}},
            metrics={"metrics.json": {"acc": acc}},
            command="python train.py",
            duration=1.5,
        )
    put(repo, "broken", created="2024-01-01T10:04:00.000Z", status=Status.FAILED, exit_code=1)
    put(repo, "old", baseline="HEAD~1", metrics={"metrics.json": {"acc": 0.95, "loss": 2.0}})
    return repo.path


# -- rows ---------------------------------------------------------------------------------------------


def test_the_experiments_of_heads_baseline_newest_first(runs: Workspace) -> None:
    found = table(runs)
    assert names(found) == ["broken", "high", "mid", "low"]
    assert len(found.outside().elsewhere) == 1
    assert [group.head.name for group in found.groups if group.head] == ["main"]


def test_all_baselines(runs: Workspace) -> None:
    found = table(runs, everything=True)
    assert [(group.head.name, len(group.rows)) for group in found.groups if group.head] == [
        ("main", 4),
        (runs.git("rev-parse", "--short=7", "HEAD~1"), 1),
    ]
    assert len(found.outside().elsewhere) == 0


def test_a_baseline_that_no_branch_reaches_is_shown_by_its_id(runs: Workspace) -> None:
    lost = runs.git("rev-parse", "HEAD")
    runs.git("reset", "--quiet", "--hard", "HEAD~1")
    runs.git("reflog", "expire", "--expire=all", "--all")
    runs.git("gc", "--quiet", "--prune=now")
    found = table(runs, everything=True)
    assert [group.head.name for group in found.groups if group.head] == ["main", lost[:7]]
    assert names(found) == ["old", "broken", "high", "mid", "low"]


def test_a_baseline_is_called_by_its_branch_before_a_tag(runs: Workspace) -> None:
    runs.git("tag", "a-tag", "HEAD~1")
    assert "a-tag" in [row.name for row in table(runs, everything=True).rows]
    runs.git("branch", "z-branch", "HEAD~1")
    assert "z-branch" in [row.name for row in table(runs, everything=True).rows]


def test_a_detached_head_has_its_baseline(runs: Workspace) -> None:
    runs.git("switch", "--quiet", "--detach", "HEAD~1")
    assert names(table(runs)) == ["old"]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"sort": "acc"}, ["low", "high", "mid", "broken"]),
        ({"sort": "acc", "descending": True}, ["mid", "high", "low", "broken"]),
        ({"sort": "acc", "descending": True, "limit": 1}, ["mid"]),
        ({"sort": "created"}, ["low", "mid", "high", "broken"]),
        ({"sort": "train.lr", "descending": True, "failed": False}, ["high", "mid", "low"]),
        ({"failed": True}, ["broken"]),
        ({"failed": False}, ["high", "mid", "low"]),
        ({"limit": 2}, ["broken", "high"]),
        ({"limit": 0}, []),
        # By baseline: each in order; across: all in order.
        (
            {"sort": "acc", "descending": True, "everything": True},
            ["mid", "high", "low", "broken", "old"],
        ),
        (
            {"sort": "acc", "descending": True, "everything": True, "group": "none"},
            ["old", "mid", "high", "low", "broken"],
        ),
        (
            {"sort": "acc", "descending": True, "everything": True, "group": "train.lr"},
            ["old", "broken", "mid", "high", "low"],
        ),
    ],
)
def test_order_and_choice(runs: Workspace, query: dict[str, object], expected: list[str]) -> None:
    assert names(table(runs, **query)) == expected


def test_groups_by_a_param_are_called_by_its_value(runs: Workspace) -> None:
    titles = [group.title for group in table(runs, group="train.lr").groups]
    assert titles == ["train.lr=-", "train.lr=0.3", "train.lr=0.2", "train.lr=0.1"]


def test_numbers_before_words_before_nothing_whichever_way(repo: Workspace) -> None:
    for name, value in (("nan", math.nan), ("one", 1), ("two", 2.0), ("word", "high"), ("none", None)):
        put(repo, name, metrics={"metrics.json": {"m": value}})
    assert names(table(repo, sort="m"))[:2] == ["one", "two"]
    assert names(table(repo, sort="m", descending=True))[:2] == ["two", "one"]
    assert names(table(repo, sort="m"))[2:] == ["nan", "word", "none"]


@pytest.mark.parametrize("wanted", ["sort", "group"])
def test_an_unknown_column_is_an_error_with_the_nearest(runs: Workspace, wanted: str) -> None:
    with pytest.raises(errors.UsageError) as caught:
        table(runs, **{wanted: "train.le"})
    assert "'train.le'" in caught.value.message
    assert "Did you mean train.lr" in (caught.value.hint or "")


def test_a_damaged_record_is_a_row_that_says_so(runs: Workspace) -> None:
    put(runs, "damaged", body="{not json")
    put(runs, "future", body='{"format": 99}')
    shown = runs.gitexp("show").stdout
    assert len(re.findall("unreadable record", shown)) == 2
    found = {row["name"]: row for row in runs.json("show")}
    assert "not JSON" in found["damaged"]["error"]
    assert "format 99" in found["future"]["error"]
    assert found["mid"]["metrics"] == {"acc": 0.9}


# -- columns ------------------------------------------------------------------------------------------


def keys(found: Table, **wanted: object) -> list[str]:
    return [column.key for column in show.columns(found, Columns(**wanted))]  # type: ignore[arg-type]


def test_metrics_then_params_that_differ_then_the_rest(runs: Workspace) -> None:
    found = keys(table(runs, failed=False))
    assert found[:2] == ["acc", "train.lr"]
    # optimizer and model are in the baseline's params and not in the experiments'.
    assert {"train.epochs", "train.optimizer", "model.units"} <= set(found[2:])


def chosen(found: Table, **wanted: object) -> tuple[list[str], list[str]]:
    """The keys of the columns that people see, and those that are the same in all rows."""
    choice = show.choice(found, Columns(**wanted))  # type: ignore[arg-type]
    return [column.key for column in choice.columns], [column.key for column in choice.same]


def test_people_see_what_differs_among_the_rows_shown(runs: Workspace) -> None:
    # The failed one has neither metrics nor params, and so its params do not count.
    assert chosen(table(runs)) == (["acc", "train.lr"], ["train.epochs"])
    assert chosen(table(runs, filter="name in ['mid', 'low']")) == (["acc", "train.lr"], ["train.epochs"])
    params = {"params.yaml": {"train": {"lr": 0.3, "epochs": 3}}}
    put(runs, "again", params=params, metrics={"metrics.json": {"acc": 0.8}})
    both = table(runs, filter="name in ['high', 'again']")
    assert chosen(both) == (["acc"], ["train.lr", "train.epochs"])  # the only metric
    assert chosen(both, only_changed=True) == ([], [])
    assert chosen(both, only=["train.epochs", "acc"]) == (["train.epochs", "acc"], [])
    both = table(runs, filter="name in ['high', 'again']", sort="acc")
    assert chosen(both) == (["acc"], ["train.lr", "train.epochs"])


def test_what_only_some_experiments_have_is_a_column(repo: Workspace) -> None:
    for at in range(3):
        params = {"seed": 1, "flag": True if at else 1, "lr": at}
        metrics = {"acc": 0.5, "loss": at}
        if at == 2:
            params["warm"], metrics["f1"] = 5, 0.25
        put(repo, f"e{at}", params={"params.yaml": params}, metrics={"metrics.json": metrics})
    assert chosen(table(repo)) == (["loss", "f1", "lr", "flag", "warm"], ["acc", "seed"])
    assert keys(table(repo), only_changed=True) == ["loss", "f1", "flag", "lr", "warm"]
    put(repo, "silent")  # done, and without any value
    assert chosen(table(repo))[1] == []


def test_the_star_is_for_the_best_of_all_that_match(runs: Workspace) -> None:
    for order in ((), ("--sort", "created", "--desc"), ("--sort", "acc", "--asc")):
        shown = runs.gitexp("show", "--limit", "3", "--columns", "acc", *order).stdout
        best = "mid" in shown
        assert ("0.9*" in shown) == best
        assert "0.8*" not in shown
        assert "0.7*" not in shown
    shown = runs.gitexp("show", "--limit", "2", "--filter", "name != 'mid'", "--columns", "acc").stdout
    assert "0.8*" in shown
    assert "*" not in runs.gitexp("show", "--limit", "1", "--failed").stdout


def test_a_key_of_two_files_beyond_the_limit_has_no_star(repo: Workspace) -> None:
    for minute, files in ((1, ("a.json", "b.json")), (2, ("a.json",)), (3, ("a.json",))):
        metrics = {name: {"acc": 1 - minute / 10} for name in files}
        put(repo, f"e{minute}", created=f"2024-01-01T10:0{minute}:00.000Z", metrics=metrics)
    assert "*" not in repo.gitexp("show", "--limit", "2").stdout
    assert "0.9*" in repo.gitexp("show").stdout


def test_those_elsewhere_are_counted_by_the_same_filter(runs: Workspace) -> None:
    def told(*options: str) -> list[str]:
        return runs.gitexp("show", *options).stderr.splitlines()

    assert told() == ["1 more on other baselines: gitexp show -A"]
    assert told("--filter", "acc > 0.94") == [
        "No experiment is like that.",
        "1 more on other baselines: gitexp show -A --filter 'acc > 0.94'",
    ]
    assert told("--filter", "acc < 0.94") == []
    assert told("--failed") == []
    assert told("--failed", "--columns", "loss") == [
        "No experiment here has loss; 1 other in the repository."
    ]
    assert told("--limit", "1") == ["1 more on other baselines: gitexp show -A --limit 1"]


def test_params_stand_by_how_much_they_vary(repo: Workspace) -> None:
    for at in range(6):
        params = {"params.yaml": {"same": 1, "few": at % 2, "some": [at % 3], "many": at, "nan": math.nan}}
        put(repo, f"e{at}", params=params, metrics={"metrics.json": {"loss": at % 2, "ok": True}})
    assert chosen(table(repo)) == (["loss", "many", "some", "few"], ["ok", "same", "nan"])


@pytest.mark.parametrize(
    "wanted", [{"hide": ["nope"]}, {"hide": ["nope*"]}, {"only": ["acc"], "hide": ["nope"]}]
)
def test_a_name_that_means_nothing_is_hidden_by_mistake(runs: Workspace, wanted: dict[str, object]) -> None:
    with pytest.raises(errors.UsageError, check=has_code("unknown-column")):
        chosen(table(runs), **wanted)
    assert chosen(table(runs), hide=["loss", "created", "time", "tags"])[0] == ["acc", "train.lr"]


def test_columns_are_picked_hidden_and_reduced(runs: Workspace) -> None:
    found = table(runs, failed=False)
    assert keys(found, only=["train.*", "acc"]) == ["train.lr", "train.epochs", "train.optimizer", "acc"]
    assert keys(found, only=["*"], hide=["model.*", "train.[eo]*"]) == ["acc", "train.lr"]
    assert keys(found, only=["params.train.lr", "metrics.*"]) == ["train.lr", "acc"]
    assert keys(found, only=["acc", "acc", "a*"]) == ["acc"]
    with pytest.raises(errors.UsageError, match="'trian"):
        keys(found, only=["trian.lr"])


def test_only_changed_leaves_what_is_the_same_in_all(repo: Workspace) -> None:
    for name, lr in (("one", 0.1), ("two", 0.2)):
        same = {"params.yaml": {"lr": lr, "seed": 1}}
        put(repo, name, params=same, metrics={"metrics.json": {"acc": lr, "nan": math.nan, "epochs": 3}})
    assert keys(table(repo, limit=2), only=["acc", "nan", "epochs", "lr"], only_changed=True) == ["acc", "lr"]


def test_a_single_experiment_is_compared_with_its_baseline(repo: Workspace) -> None:
    params = {"params.yaml": {"train": {"lr": 0.7, "epochs": 3, "optimizer": "sgd"}}}
    put(repo, "only", params=params, metrics={"metrics.json": {"acc": 1}})
    found = keys(table(repo), only_changed=True)
    assert found[:2] == ["acc", "train.lr"]
    assert "train.epochs" not in found


def test_a_key_is_taken_as_it_stands_before_it_is_a_pattern(repo: Workspace) -> None:
    put(repo, "one", params={"params.yaml": {"layers": [{"units": 1}, {"units": 2}]}})
    assert keys(table(repo), only=["layers[0].units"]) == ["layers[0].units"]


def test_a_key_in_two_files_is_told_apart(repo: Workspace) -> None:
    put(repo, "one", params={"params.yaml": {"lr": 1}, "other.yaml": {"lr": 2}})
    put(repo, "two", params={"other.yaml": {"lr": 3}})
    found = {row.name: row for row in table(repo).experiments}
    assert found["one"].params == {"params.yaml:lr": 1, "other.yaml:lr": 2}
    assert found["two"].params == {"other.yaml:lr": 3}


def test_a_column_without_a_value() -> None:
    row = Row("workspace", "workspace", None)
    assert Column("metric", "acc").value(row) is MISSING


# -- fields, names and other baselines ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("key", "ascending"),
    [
        ("name", ["high", "low", "mid"]),
        ("created", ["low", "mid", "high"]),
        ("duration", ["mid", "high", "low"]),
        ("tags", ["high", "mid", "low"]),
        ("note", ["high", "low", "mid"]),
        ("user", ["mid", "high", "low"]),
        ("command", ["low", "high", "mid"]),
    ],
)
def test_rows_are_sorted_by_whatever_a_filter_knows(repo: Workspace, key: str, ascending: list[str]) -> None:
    of = {
        "low": {"duration": 60.5, "note": "b", "user": "zoe", "command": "a", "tags": ("z",)},
        "mid": {"duration": 9.0, "note": "c", "user": "ada", "command": "c", "tags": ("b",)},
        "high": {"duration": 9.5, "note": "a", "user": "bob", "command": "b", "tags": ("a",)},
    }
    for minute, (name, fields) in enumerate(of.items()):
        put(repo, name, created=f"2024-01-01T10:0{minute}:00.000Z", **fields)
    assert names(table(repo, sort=key)) == ascending
    assert names(table(repo, sort=key, descending=True)) == ascending[::-1]
    wanted = keys(table(repo), only=[key])
    assert wanted == [key]


def test_a_field_comes_before_a_param_and_its_prefix_decides(repo: Workspace) -> None:
    for name, user in (("a", "z"), ("b", "y")):
        put(repo, name, user=name, params={"params.yaml": {"user": user}, "other.yaml": {"lr": user}})
    assert names(table(repo, sort="user")) == ["a", "b"]
    assert names(table(repo, sort="params.user")) == ["b", "a"]
    assert names(table(repo, sort="other.yaml:lr")) == ["b", "a"]
    lines = repo.gitexp("show", "--columns", "user,other.yaml:lr").stdout.splitlines()
    assert lines[0].split()[2:] == ["user", "user", "(param)", "other.yaml:lr"]
    assert [line.split()[4:] for line in lines[-2:]] == [["a", "z", "z"], ["b", "y", "y"]]


def test_a_table_of_some_by_name_age_and_pattern(runs: Workspace) -> None:
    assert names(table(runs, names=("low", "old"))) == ["low", "old"]
    assert names(table(runs, names=("last",))) == ["broken"]
    assert names(table(runs, names=("@{1}", "@{0}"))) == ["broken", "high"]
    assert names(table(runs, names=("*i*",))) == ["high", "mid"]
    assert names(table(runs, names=("*",), sort="acc", limit=2)) == ["low", "high"]
    shown = runs.gitexp("show", "mid", "old", "--columns", "acc,duration").stdout
    assert "0.90   1.5 s" in shown
    assert "[old]" in shown
    assert "acc" in runs.gitexp("show", "last", "@{2}").stdout


@pytest.mark.parametrize(
    "args", [("show", "zz*"), ("show", "@{99}"), ("log", "zz?"), ("show", "zz*", "--columns", "acc")]
)
def test_a_pattern_or_age_of_nothing_is_an_error(runs: Workspace, args: tuple[str, ...]) -> None:
    assert runs.json(*args, check=False)["error"]["code"] == "unknown-experiment"


def test_patterns_and_ages_stand_wherever_experiments_are_named(runs: Workspace) -> None:
    assert runs.gitexp("note", "last", "-m", "the newest").stderr.startswith("broken")
    assert runs.json("diff", "@{1}", "low")["a"]["name"] == "high"
    assert runs.json("diff", "hi*")["b"]["name"] == "high"
    assert "could be any of 2" in runs.gitexp("rename", "*i*", "x", check=False).stderr
    assert runs.json("remove", "*i*", "--yes")["removed"] == ["high", "mid"]
    runs.allow("refs", "refs/heads/tip")
    runs.allow("reflogs", "refs/heads/tip")
    assert runs.json("branch", "last", "tip")["experiment"] == "broken"


def test_commits_of_branches_and_tags_are_rows(runs: Workspace) -> None:
    runs.git("tag", "-m", "annotated", "v1", "HEAD~1")
    runs.git("branch", "other", "HEAD~1")
    found = table(runs, branches=True, tags=True, sort="train.lr")
    commits = [(row.name, row.kind) for row in found.rows if row.kind == "commit"]
    assert sorted(commits) == [("main", "commit"), ("other, v1", "commit")]
    assert [row.name for row in table(runs, tags=True).rows if row.kind == "commit"] == ["v1"]
    lines = runs.gitexp("show", "--tags", "--columns", "train.lr,subject").stdout.splitlines()
    assert lines[2].split()[0] == "v1"
    assert lines[2].endswith(runs.git("log", "-1", "--format=%s", "v1"))
    runs.git("branch", "beside")
    heads = [row for row in table(runs, branches=True).rows if row.commit == runs.git("rev-parse", "HEAD")]
    assert [(row.name, row.kind) for row in heads] == [("main, beside", "commit")]


def test_keys_are_judged_by_the_whole_repository(runs: Workspace) -> None:
    runs.git("commit", "--quiet", "--allow-empty", "-m", "a later commit")
    done = runs.gitexp("show", "--columns", "acc", "--sort", "acc")
    assert done.stdout.splitlines()[0].split() == ["Experiment", "Created", "acc"]
    told = done.stderr.splitlines()
    assert told[0] == (
        "No experiment here has acc; 4 experiments on other baselines: "
        "gitexp show -A --columns acc --sort acc"
    )
    head = runs.git("rev-parse", "--short=7", "HEAD")
    assert told[1].startswith(f'No experiments on HEAD, {head} "a later commit". The newest, broken, is on ')
    assert told[2] == "5 more on other baselines: gitexp show -A --columns acc --sort acc"
    wrong = runs.gitexp("show", "--columns", "ac", check=False)
    assert wrong.stderr.splitlines()[1] == "hint: Did you mean acc?"
    assert runs.gitexp("show", "--hide", "acc").exit_code == 0


def test_without_a_direction_it_says_how_to_give_one(repo: Workspace) -> None:
    for name, score in (("a", 1.5), ("b", 2.5)):
        put(repo, name, metrics={"metrics.json": {"score": score}})
    told = repo.gitexp("show", "--sort", "score")
    assert "*" not in told.stdout
    assert told.stderr.endswith("Say so in gitexp.yaml: metrics: {score: min}\n")
    repo.write("gitexp.yaml", "metrics: {score: max}\n")
    told = repo.gitexp("show", "--sort", "score")
    assert "2.5*" in told.stdout
    assert told.stderr == ""


@pytest.mark.parametrize(
    ("config", "key", "line"),
    [
        ("", "x", "gitexp.yaml: metrics: {x: min}"),
        ("metrics: metrics.json\n", "on", 'metrics: [metrics.json, {"on": min}]'),
        ("metrics:\n- metrics.json\n- f1: max\n", "null", 'metrics: [metrics.json, {f1: max, "null": min}]'),
        ("metrics: {f1: max}\n", "x/y", "in place of its metrics: metrics: {f1: max, x/y: min}"),
    ],
)
def test_the_hint_about_a_direction_fits_the_users_file(
    repo: Workspace, config: str, key: str, line: str
) -> None:
    for name, value in (("a", 1.5), ("b", 2.5)):
        put(repo, name, metrics={"metrics.json": {key: value}})
    repo.write("gitexp.yaml", f"{config}# the end\n")
    told = repo.gitexp("show", "--sort", key).stderr.rstrip()
    assert told.endswith(line)
    repo.write("gitexp.yaml", told[told.rindex("metrics: ") :] + "\n")
    mended = repo.gitexp("show", "--sort", key)
    assert "1.5*" in mended.stdout
    assert mended.stderr == ""


# -- on the screen and in a pipe ----------------------------------------------------------------------


def test_the_table_in_a_terminal(repo: Workspace) -> None:
    for name, minute, lr, acc in (("exp-333c9", 3, 0.2, 0.91372), ("exp-55e90", 2, 0.15, 0.908409)):
        put(
            repo,
            name,
            created=f"2024-01-01T10:0{minute}:00.000Z",
            params={"params.yaml": {"train": {"lr": lr}}},
            metrics={"metrics.json": {"validation_loss": 0.251834, "acc": acc}},
        )
    put(
        repo,
        "exp-2b728",
        status=Status.FAILED,
        exit_code=1,
        params={"params.yaml": {"train": {"lr": 9.9}}},
    )
    put(repo, "old", baseline="HEAD~1")
    seen = repo.tty("show", "--sort", "acc", "--desc", cols=80)
    assert seen.exit_code == 0
    assert b"\x1b[1;32m0.91372*\x1b[0m" in seen.raw
    assert [re.sub("[0-9a-f]{7} ", "####### ", line) for line in seen.lines] == [
        "Experiment               Created          acc  validation_loss  train.lr",
        "workspace                -                  -                -      0.1",
        "main                     2024-01-01 a larger step                   0.1",
        "├── ####### [exp-333c9]  2024-01-01  0.91372*          0.25183      0.2",
        "├── ####### [exp-55e90]  2024-01-01  0.90841           0.25183      0.15",
        "└── ####### [exp-2b728]  2024-01-01 failed (exit 1)                 9.9",
        "1 more on other baselines: gitexp show -A --sort acc --desc",
    ]


@pytest.mark.parametrize("cols", [3, 30, 40, 61, 160])
def test_the_table_fits_every_terminal(runs: Workspace, cols: int) -> None:
    seen = runs.tty("show", "-A", cols=cols, rows=60)
    rows = [line for line in seen.lines if line[:1] in "├└"]
    assert len(rows) == 5
    assert cols == 3 or ("left out" in "".join(seen.lines)) == (cols < 61)


def test_a_pipe_gets_all_of_it_and_no_colour(runs: Workspace) -> None:
    long = "x" * 300
    put(runs, "long", params={"params.yaml": {"text": long, "other": long}})
    put(runs, "longer", params={"params.yaml": {"text": "y" + long, "other": long}})
    runs.gitexp("remove", "--yes", "high", "mid", "low")
    shown = runs.gitexp("show", env={"COLUMNS": "40"}).stdout
    assert "y" + long in shown
    assert f"other={long}" in shown
    assert "\x1b" not in shown
    assert "model.dropout" in runs.gitexp("show", "--columns", "*", env={"COLUMNS": "40"}).stdout
    assert "left out" not in shown


def test_columns_of_the_environment_count_in_a_terminal(runs: Workspace) -> None:
    seen = runs.tty("show", cols=160, env={"COLUMNS": "50"})
    assert all(len(line) <= 50 for line in seen.lines[:7])


@pytest.mark.parametrize(
    ("env", "colored"),
    [
        ({}, True),
        ({"NO_COLOR": "1"}, False),
        ({"NO_COLOR": ""}, True),
        ({"CLICOLOR": "0"}, False),
        ({"TERM": "dumb"}, False),
        ({"NO_COLOR": "1", "CLICOLOR_FORCE": "1"}, False),
    ],
)
def test_colours_are_the_terminals_and_the_users_choice(
    runs: Workspace, env: dict[str, str], colored: bool
) -> None:
    assert (b"\x1b[1m" in runs.tty("show", env=env).raw) == colored


def test_colours_in_a_pipe_only_where_forced(runs: Workspace) -> None:
    shown = runs.gitexp("show", env={"CLICOLOR_FORCE": "1"}).stdout
    assert "\x1b[1m" in shown
    assert "left out" not in shown


def test_a_long_table_goes_through_the_pager(runs: Workspace, tmp_path: Path) -> None:
    seen = runs.tty("show", "-A", rows=6, env={"GITEXP_PAGER": f"tee {tmp_path / 'paged'}"})
    assert seen.exit_code == 0
    assert "[mid]" in (tmp_path / "paged").read_text()
    runs.tty("show", "-A", rows=60, env={"GITEXP_PAGER": f"tee {tmp_path / 'short'}"})
    assert not (tmp_path / "short").exists()


def test_a_pager_can_be_left_early_or_be_missing(runs: Workspace) -> None:
    assert runs.tty("show", "-A", rows=6, keys=[(":", "q")], env={"LESSHISTFILE": "-"}).exit_code == 0
    for pager in ("", "cat", "no-such-pager", "'"):
        seen = runs.tty("show", "-A", rows=6, env={"PAGER": pager})
        assert seen.exit_code == 0
        assert b"[old]" in seen.raw


def test_before_the_first_experiment(repo: Workspace) -> None:
    done = repo.gitexp("show")
    assert done.stdout.startswith("Experiment")
    assert "gitexp run -- python train.py" in done.stderr
    assert repo.json("show")[0]["kind"] == "workspace"


# -- other forms --------------------------------------------------------------------------------------


def test_json_has_what_the_design_says(runs: Workspace) -> None:
    found = {row["name"]: row for row in runs.json("show", "-A")}
    assert [row["kind"] for row in runs.json("show")] == ["workspace", "baseline", *["experiment"] * 4]
    head = runs.git("rev-parse", "HEAD")
    assert found["mid"] == {
        "kind": "experiment",
        "name": "mid",
        "commit": runs.git("rev-parse", "refs/gitexp/exps/mid~1"),
        "record": runs.git("rev-parse", "refs/gitexp/exps/mid"),
        "baseline": head,
        "branch": None,
        "status": "done",
        "created": "2024-01-01T10:02:00.000Z",
        "finished": None,
        "duration": 1.5,
        "exit_code": None,
        "command": "python train.py",
        "params": {"train.lr": 0.2, "train.epochs": 3},
        "metrics": {"acc": 0.9},
        "tags": [],
        "note": "",
        "warnings": [],
        "error": None,
        "parent": None,
        "source": "gitexp",
        "pushed": [],
    }
    assert found["workspace"]["commit"] is None
    assert found["main"]["commit"] == found["main"]["baseline"] == head
    assert found["main"]["params"]["model.layers"] == [32, 16]


def test_json_is_strict_and_ascii(repo: Workspace) -> None:
    odd = {
        "nan": math.nan,
        "inf": -math.inf,
        "name": "größe 🎉",
        "byte": "caf\udce9",
        "half": "\ud800",
        "d": {},
    }
    put(repo, "odd", params={"params.yaml": odd}, metrics={"metrics.json": {"list": [math.inf, 1]}})
    out = repo.gitexp("show", "--json").stdout
    assert out.isascii()
    assert not re.search(r"(?<!\\)\\ud[89ab][0-9a-f]{2}(?!\\ud[c-f])", out)
    found = json.loads(out, parse_constant=lambda text: pytest.fail(f"{text} is not JSON"))[-1]
    assert found["params"] == {
        "nan": "nan",
        "inf": "-inf",
        "name": "größe 🎉",
        "byte": "caf\\xe9",
        "half": "\\ud800",
        "d": {},
    }
    assert found["metrics"] == {"list": ["inf", 1]}


def test_json_of_some_columns(runs: Workspace) -> None:
    found = {row["name"]: row for row in runs.json("show", "--columns", "train.lr,acc", "--hide", "a*")}
    assert found["mid"]["params"] == {"train.lr": 0.2}
    assert found["mid"]["metrics"] == {}


def test_json_of_nothing_is_a_list(repo: Workspace) -> None:
    assert repo.json("list") == []


def test_csv_is_read_back(runs: Workspace) -> None:
    put(runs, "odd", params={"params.yaml": {"=cmd": '=1+1, "x"\ny', "neg": -1}}, branch="-dash")
    rows = list(csv.DictReader(io.StringIO(runs.gitexp("show", "--format", "csv").stdout)))
    found = {row["name"]: row for row in rows}
    assert found["mid"]["acc"] == "0.9"
    assert found["workspace"]["acc"] == ""
    assert found["odd"]['"=cmd"'] == '\'=1+1, "x"\\ny'
    assert found["odd"]["neg"] == "-1"
    assert found["odd"]["branch"] == "'-dash"


def test_the_columns_of_csv_have_names_of_their_own(repo: Workspace) -> None:
    """Params and metrics may be called like a field, or like the columns of a mean."""
    params = {"name": "resnet", "status": 3, "created": 1, "kind": "a", "members": 5, "lr": 0.1}
    metrics = {"commit": 7, "acc": 0.5, "acc sd": 2, "lr": 9}
    for name in ("one", "two"):
        put(repo, name, params={"params.yaml": params}, metrics={"metrics.json": metrics})
    for options in (
        ["show", "--format", "csv"],
        ["show", "--format", "csv", "--group", "replicates"],
        ["export"],
    ):
        heads, *_, last = csv.reader(io.StringIO(repo.gitexp(*options).stdout))
        assert len(heads) == len(set(heads)), options
        row = dict(zip(heads, last, strict=True))
        assert row["name"] in ("one", "two"), options
        assert (row["name (param)"], row["status (param)"]) == ("resnet", "3"), options


def test_markdown_is_a_table_of_text(runs: Workspace) -> None:
    put(runs, "odd", params={"params.yaml": {"a|b": "<b>*x*</b>|`y`"}})
    lines = runs.gitexp(
        "show", "--format", "md", "--columns", "a|b,acc", "--precision", "2"
    ).stdout.splitlines()
    assert lines[0] == r"| Experiment | Created | State | a\|b | acc |"
    assert lines[1] == "| --- | --- | --- | --- | --- |"
    assert any(r"| \<b\>\*x\*\</b\>\|\`y\` | - |" in line for line in lines)


@pytest.mark.parametrize(
    "options",
    [
        ["--json", "--format", "csv"],
        ["--format", "text"],
        ["--limit", "-1"],
        ["--precision", "0"],
        ["--precision", "18"],
    ],
)
def test_wrong_usage(runs: Workspace, options: list[str]) -> None:
    done = runs.gitexp("show", *options, check=False)
    assert done.exit_code == 2
    if "--json" not in options:
        assert done.stdout == ""
        assert "error: " in done.stderr


# -- filters ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"filter": "acc > 0.75"}, ["high", "mid"]),
        ({"filter": "acc > 0.75", "everything": True}, ["high", "mid", "old"]),
        ({"filter": "acc > 0.75", "limit": 1}, ["high"]),
        ({"filter": "acc > 0.75", "sort": "acc", "descending": True, "limit": 1}, ["mid"]),
        ({"filter": "status == 'failed'"}, ["broken"]),
        ({"filter": "status == 'failed'", "failed": False}, []),
        ({"filter": "loss > 1"}, []),  # only an experiment elsewhere has it
        ({"filter": "train.lr in [0.1, 0.2] and not name == 'mid'"}, ["low"]),
    ],
)
def test_a_filter_chooses(runs: Workspace, query: dict[str, object], expected: list[str]) -> None:
    assert names(table(runs, **query)) == expected
    found = matching(Project.open(runs.path), Query(**query))  # type: ignore[arg-type]
    if "sort" not in query:
        assert [experiment.name for experiment in found] == expected


def test_a_filter_sees_what_was_too_large_for_the_record(runs: Workspace) -> None:
    runs.write("params.yaml", "big: [" + "1234567890, " * 6000 + "1]\ntrain: {lr: 7}\n")
    runs.gitexp("save", "-n", "large")
    assert names(table(runs, filter="train.lr == 7")) == ["large"]


def test_a_wrong_filter_is_wrong_usage(runs: Workspace) -> None:
    done = runs.gitexp("show", "--filter", "acx > 1", check=False)
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr.splitlines() == [
        "error: No experiment has 'acx' (character 1 of the filter).",
        "hint: Did you mean acc?",
    ]
    assert runs.json("show", "--filter", "acc >", check=False)["error"]["code"] == "invalid-filter"
    assert "No experiment is like that." in runs.gitexp("show", "--filter", "acc > 5").stderr


def test_any_name_will_do_where_there_is_no_experiment(repo: Workspace) -> None:
    assert names(table(repo, filter="acc > 1")) == []


# -- experiments on experiments -----------------------------------------------------------------------


def make_line(repo: Workspace) -> None:
    """main <- a <- (b <- c, d), and old on the commit before with e on it; one a minute."""
    for minute, (name, baseline) in enumerate(
        [("a", "HEAD"), ("b", "a"), ("c", "b"), ("d", "a"), ("old", "HEAD~1"), ("e", "old"), ("f", "HEAD")]
    ):
        made_from = baseline if baseline.startswith("HEAD") else f"refs/gitexp/exps/{baseline}~1"
        metrics = {"metrics.json": {"acc": 0.1 * minute}}
        put(repo, name, baseline=made_from, created=f"2024-01-01T10:0{minute}:00.000Z", metrics=metrics)


def tree(found: Table) -> list[tuple[str, int]]:
    """The names below the first baseline, with how deep they stand."""
    group = found.groups[0]
    return [(row.name, depth) for row, depth in zip(group.rows, group.depths, strict=True)]


def test_a_line_is_of_the_baseline_that_it_began_on(repo: Workspace) -> None:
    make_line(repo)
    found = table(repo)
    assert tree(found) == [("f", 0), ("a", 0), ("d", 1), ("b", 1), ("c", 2)]
    assert len(found.outside().elsewhere) == 2
    assert [names(Table(found.workspace, [group])) for group in table(repo, everything=True).groups] == [
        ["f", "a", "d", "b", "c"],
        ["old", "e"],
    ]


def test_json_names_what_an_experiment_was_made_from(repo: Workspace) -> None:
    make_line(repo)
    found = {row["name"]: row for row in repo.json("show", "-A")}
    parents = {"a": None, "b": "a", "c": "b", "d": "a", "old": None, "e": "old", "f": None}
    assert {name: found[name]["parent"] for name in parents} == parents
    assert found["c"]["baseline"] == found["b"]["commit"]
    assert names(table(repo, filter="parent == 'a'")) == ["d", "b"]
    assert repo.json("note", "c", "-m", "on top")["parent"] == "b"
    assert repo.json("run", "--from", "c", "-n", "g", "--", "true")["parent"] == "c"


def test_who_is_not_shown_leaves_the_branch_to_the_next_above(repo: Workspace) -> None:
    make_line(repo)
    found = table(repo, filter="name in ['a', 'c', 'd']")
    assert tree(found) == [("a", 0), ("d", 1), ("c", 1)]
    assert table(repo, filter="name in ['c', 'd']").groups[0].depths == [0, 0]


def test_sorted_rows_are_no_tree(repo: Workspace) -> None:
    make_line(repo)
    found = table(repo, sort="acc", descending=True)
    assert names(found) == ["f", "d", "c", "b", "a"]
    assert found.groups[0].depths == [0] * 5
    assert names(table(repo, group="none")) == ["f", "d", "c", "b", "a"]


def test_a_line_begins_anew_where_head_is(repo: Workspace) -> None:
    make_line(repo)
    repo.git("switch", "--quiet", "--detach", "refs/gitexp/exps/a~1")
    found = table(repo)
    assert names(found) == ["d", "b", "c"]
    assert [row.parent.name for row in found.experiments if row.parent] == ["a", "a", "b"]
    heads = [group.head.commit for group in table(repo, everything=True).groups if group.head]
    assert heads[0] == repo.git("rev-parse", "HEAD")


def test_what_was_made_from_removed_experiments_stays_in_sight(repo: Workspace) -> None:
    make_line(repo)
    repo.gitexp("remove", "-y", "-q", "a", "b", "old")
    assert tree(table(repo)) == [("f", 0), ("d", 0), ("c", 0)]
    assert all(row.parent is None for row in table(repo).experiments)
    groups = table(repo, everything=True).groups
    assert [[row.name for row in group.rows] for group in groups] == [["f", "d", "c"], ["e"]]
    assert groups[1].head is not None
    assert groups[1].head.commit == repo.git("rev-parse", "HEAD~1")
    repo.gitexp("restore", "-q", "a")
    assert tree(table(repo)) == [("f", 0), ("a", 0), ("d", 1), ("c", 1)]


def test_the_trash_is_looked_through_only_if_need_be(
    repo: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(repo: Repository) -> list[trash.Trashed]:
        raise AssertionError("the trash is looked through")

    put(repo, "a")
    put(repo, "b", baseline="refs/gitexp/exps/a~1")
    monkeypatch.setattr(trash, "contents", refuse)
    assert tree(table(repo)) == [("a", 0), ("b", 1)]


def test_a_line_of_thousands(repo: Workspace) -> None:
    line = [
        Experiment(str(at), f"{at}", Record(str(at), Status.DONE, f"c{at}", f"c{at - 1}" if at else "main"))
        for at in range(5000)
    ]
    lineage = Lineage.of(line, "main")
    assert {lineage.root(experiment) for experiment in line} == {"main"}
    depths, found = lineage.tree([rows.of_one(experiment) for experiment in reversed(line)])
    assert [row.name for row in found] == [str(at) for at in range(5000)]
    assert depths == list(range(5000))


def test_forged_records_that_go_round_in_a_circle_are_all_shown() -> None:
    circle = [
        Experiment(name, name, Record(name, Status.DONE, commit, baseline))
        for name, commit, baseline in (("a", "1", "2"), ("b", "2", "1"), ("c", "3", "3"), ("d", "4", "1"))
    ]
    lineage = Lineage.of(circle, None)
    depths, found = lineage.tree([rows.of_one(experiment) for experiment in circle])
    assert [row.name for row in found] == ["a", "b", "c", "d"]
    assert depths == [0, 0, 0, 0]
    assert [lineage.root(experiment) for experiment in circle] == ["2", "1", "3", "1"]
    assert all(lineage.parent(experiment) is None for experiment in circle)


def test_two_experiments_at_one_commit_are_two_rows(runs: Workspace) -> None:
    runs.git("update-ref", "refs/gitexp/exps/mid-again", "refs/gitexp/exps/mid")
    assert "mid-again" in names(table(runs))
    assert len(names(table(runs))) == 5


# -- what changed in the code -------------------------------------------------------------------------


def test_what_changed_where_the_params_did_not(repo: Workspace) -> None:
    repo.writes("metrics.json", "params.yaml")
    repo.write("train.py", repo.read("train.py") + "# one more\n")
    repo.write("new file.txt", "1\n2\n")
    repo.gitexp("run", "-n", "code", "--", "python", "train.py")
    repo.gitexp("run", "-n", "param", "-S", "train.lr=0.5", "--", "python", "train.py")
    lines = {
        line.partition("[")[2].partition("]")[0]: line for line in repo.gitexp("show").stdout.splitlines()
    }
    for name in ("code", "param"):  # the same for all, though the params tell the second one apart
        assert "new file.txt +2, train.py +1" in lines[name]
        assert "params.yaml" not in lines[name]
    assert "metrics.json +" not in lines["code"]
    assert "changes" in repo.gitexp("show", "--columns", "changes").stdout
    assert "changes" not in repo.gitexp("show", "--hide", "changes").stdout
    assert "changes" not in repo.gitexp("show", "--format", "csv").stdout


def test_changes_that_are_asked_for_are_those_of_all(repo: Workspace) -> None:
    """Also of experiments with other params, of which the table by itself says nothing."""
    repo.write("params.yaml", repo.read("params.yaml").replace("lr: 0.1", "lr: 0.5"))
    repo.gitexp("save", "-n", "param")
    repo.write("train.py", repo.read("train.py") + "# more\n")
    repo.gitexp("save", "-n", "code")
    project = Project.open(repo.path)
    for text, names in (
        ("'train.py' in changes", ["code"]),
        ("changes ~ 'train'", ["code"]),
        ("'params.yaml' in changes", ["code", "param"]),
        ("not 'train.py' in changes", ["param"]),
    ):
        assert [one.name for one in matching(project, Query(filter=text))] == names
    for args in (("--columns", "changes"), ("--columns", "name", "--sort", "changes")):
        shown = repo.gitexp("show", *args, "--format", "csv").stdout
        assert ("train.py +1" in shown) == (args[1] == "changes")
    shown = repo.gitexp("show", "--columns", "changes").stdout
    assert "train.py +1, params.yaml +1 -1" in shown or "params.yaml +1 -1, train.py +1" in shown


def test_many_files_and_odd_ones(repo: Workspace) -> None:
    project = Project.open(repo.path)
    start = repo.git("rev-parse", "HEAD")
    repo.write("data.raw", bytes(range(256)))  # binary: after all that has lines
    repo.write("a\nb", "x\n" * 5)
    repo.write("train.py", "pass\n")
    repo.write("one", "1\n")
    repo.write("metrics.json", "{}")
    second = repo.commit()
    told = changed_files(
        project, [CommitStep(start, second), CommitStep(second, second), CommitStep(start, start)]
    )
    first = f"train.py +1 -{len(repo.git('show', f'{start}:train.py').splitlines())}"
    assert told.keys() == {second}
    assert [file.text for file in told[second]] == [first, "a\nb +5", "one +1", "data.raw (binary)"]
    row = Row("experiment", "x", second, changes=told[second])
    assert BY_NAME["changes"].text(row) == f"{first}, a\nb +5, one +1, 1 more"
    assert changed_files(project, []) == {}


def test_commits_that_are_not_there_are_no_error(runs: Workspace) -> None:
    assert changed_files(Project.open(runs.path), [CommitStep("1" * 40, "2" * 40)]) == {}
    record = Record("lost", Status.DONE, "1" * 40, runs.git("rev-parse", "HEAD"))
    put(runs, "lost", body=records.encode(record, "").partition("\n\n")[2])
    assert "[lost]" in runs.gitexp("show").stdout


def test_a_long_table_does_not_ask_about_every_row(repo: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    repo.write("train.py", "pass\n")
    for name in ("one", "two", "three"):
        repo.gitexp("save", "-n", name)
    monkeypatch.setattr(show, "_MOST_CHANGES", 2)
    found = show.with_changes(Project.open(repo.path), table(repo))
    assert [row.changes == [show._NOT_COMPARED] for row in found.experiments] == [False, False, True]


# -- while runs go on ---------------------------------------------------------------------------------


def test_watching_goes_on_between_two_runs(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(render, "screen", lambda: (80, 6))
    pictures = iter([(1, "same"), (1, "same"), (0, "between"), (2, "other")])

    def draw() -> Picture:
        going_on, text = next(pictures, (None, ""))
        if going_on is None:
            raise KeyboardInterrupt
        return Picture([[(f"{text} {line}", "")] for line in range(9)], going_on)

    watch(draw, 0)
    out = capsys.readouterr().out
    assert out.startswith("\x1b[?1049h")
    assert out.endswith("\x1b[?1049l")
    assert out.count("same 0") == 1, "the same picture was drawn twice"
    assert "0 runs go on" in out
    assert "other 2" in out
    assert "other 3" not in out
    assert "6 more lines · 2 runs go on" in out


@pytest.mark.parametrize(
    ("key", "state"), [("\x03", Status.RUNNING), ("q", Status.RUNNING), ("q", Status.DONE)]
)
def test_watching_ends_by_a_key_and_leaves_the_table(repo: Workspace, key: str, state: Status) -> None:
    put(repo, "one", status=state)
    for number in range(9):
        put(repo, f"more-{number}")
    foot = "1 run goes on" if state is Status.RUNNING else "0 runs go on"
    pager = {"GITEXP_PAGER": "sh -c 'echo paged'"}
    seen = repo.tty("show", "--watch", "--every", "0.1", rows=9, keys=[(foot, key)], env=pager)
    assert seen.exit_code == 0
    table = seen.raw.rpartition(b"\x1b[?1049l")[2]
    assert b"[one]" in table
    assert b"paged" not in table


def test_a_mistake_leaves_the_terminal_as_it_was(runs: Workspace) -> None:
    seen = runs.tty("show", "--watch", "--sort", "nope")
    assert seen.exit_code == 2
    assert b"\x1b[?1049l" in seen.raw
    assert b"There is no param or metric 'nope'" in seen.raw.rpartition(b"\x1b[?1049l")[2]


def test_watching_needs_a_terminal_that_can_be_drawn_over(runs: Workspace) -> None:
    done = runs.gitexp("show", "--watch", check=False)
    assert done.exit_code == 2
    assert "the output is no terminal that can do so" in done.stderr
    assert runs.tty("show", "--watch", env={"TERM": "dumb"}).exit_code == 2


# -- completion ---------------------------------------------------------------------------------------


def test_filters_are_completed_by_what_they_can_begin_with(
    runs: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(runs.path)
    assert complete.filters("a") == ["acc"]
    assert complete.filters("train.l") == ["train.lr"]
    assert complete.filters("stat") == ["status"]
    assert complete.filters("acc > 1 and st") == []


def test_where_there_are_none_it_says_how_to_have_some(repo: Workspace) -> None:
    assert repo.gitexp("show").stderr.startswith("No experiments yet. The first one: gitexp run -- python")
    said = repo.gitexp("log", check=False).stderr
    assert "there are no experiments here yet.\nhint: The first one: gitexp run -- python" in said
    repo.write("gitexp.yaml", "command: python train.py\n")
    assert repo.gitexp("show").stderr == "No experiments yet. The first one: gitexp run\n"
    repo.git("remote", "add", "origin", "nowhere")
    assert "Those that others have pushed: gitexp pull." in repo.gitexp("show").stderr


def test_a_column_of_which_nothing_is_said_yet_is_empty(runs: Workspace) -> None:
    found = table(runs)
    assert show.columns(found, Columns(only=["note", "acc"])) == [
        Column("about", "note"),
        Column("metric", "acc"),
    ]
    with pytest.raises(errors.UsageError, check=has_code("unknown-column")):
        show.columns(found, Columns(only=["nope"]))
