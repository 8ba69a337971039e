"""`gitexp show EXP`: all about single experiments."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from gitexp import errors
from gitexp.catalog.value_pairs import differs
from gitexp.cli.kit import experiment_text as told
from gitexp.cli.kit.terminal.render import cell_width
from gitexp.model import Change, Status
from gitexp.project.project import Project
from gitexp.views.details import Details, details
from tests.support.codes import has_code
from tests.support.experiments import copy_of, put
from tests.support.workspace import Workspace

NOTE = (
    "Why this was tried, at such length that it must be broken where eighty cells of a terminal end.\nTwice."
)
WARNING = "not this run's result: k.json was there before, and has not been written by what was run just now"


@pytest.fixture(scope="module")
def stored_runs(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An experiment, and another that was made from it."""
    repo = copy_of(template, tmp_path_factory.mktemp("runs"))
    commit = put(
        repo,
        "first",
        params={"params.yaml": {"train": {"lr": 0.1, "epochs": 3}}},
        metrics={"metrics.json": {"acc": 0.7123456789}},
    )
    put(
        repo,
        "second",
        baseline=commit,
        branch="main",
        status=Status.FAILED,
        exit_code=3,
        duration=75.0,
        command="python train.py " + "--flag " * 20,
        overrides=("train.lr=0.2",),
        params={"params.yaml": {"train": {"lr": 0.2, "epochs": 3}}},
        metrics={"metrics.json": {"acc": 0.9}},
        limits={"timeout": 90.0, "memory": float(8 << 30)},
        user="ann",
        host="big",
        python="3.12.1",
        tags=("best", "paper"),
        note=NOTE,
        warnings=(WARNING,),
        stages={
            "prepare": {"state": "restored", "source": "first", "reasons": []},
            "train": {"state": "failed", "seconds": 2.5, "error": "exit 3", "reasons": ["params lr"]},
            "odd": {"state": "ran", "seconds": "long", "reasons": "no list\x1b[31m"},
        },
    )
    return repo.path


def one(repo: Workspace, name: str) -> Details:
    (found,) = details(Project.open(repo.path), [name])
    return found


def screen(repo: Workspace, *names: str, width: int | None = 80) -> list[str]:
    found = details(Project.open(repo.path), names)
    return ["".join(text for text, _ in line) for line in told.lines(found, width=width, precision=5)]


def test_all_that_is_known_is_on_the_screen(runs: Workspace) -> None:
    text = "\n".join(screen(runs, "second"))
    for part in (
        "second  failed (exit 3) in 1 min 15 s",
        "Created   2024-01-01 10:00:00",
        "By        ann on big, Python 3.12.1",
        "Set       train.lr=0.2",
        "Limits    1 min 30 s (--timeout), 8.0 GB (--max-memory)",
        f"[first] on main\nCommit    {one(runs, 'second').record.commit}",
        "Tags      best, paper",
        "Baseline first",
        "acc      0.9",
        "prepare  restored from first",
        "train    failed in 2.5 s: exit 3",
        "        - not this run's result",
    ):
        assert part in text


def test_params_stand_beside_those_of_what_it_was_made_from(runs: Workspace) -> None:
    params = one(runs, "second").params
    assert [pair for pair in params if differs(pair)] == [Change("train.lr", 0.1, 0.2)]
    shown = [line.split() for line in screen(runs, "second")]
    assert ["train.lr", "0.2", "0.1"] in shown
    assert ["train.epochs", "3"] in shown


def test_texts_are_broken_to_the_width_and_a_command_stays_whole(runs: Workspace) -> None:
    lines = screen(runs, "second")
    (command,) = [line for line in lines if line.startswith("Command")]
    assert command.count("--flag") == 20
    assert all(cell_width(line) <= 80 for line in lines if line != command)
    assert "          Twice." in lines
    assert any(NOTE.splitlines()[0] in line for line in screen(runs, "second", width=None))


def test_nothing_that_a_record_says_steers_the_terminal(runs: Workspace) -> None:
    assert not any("\x1b" in line for line in screen(runs, "second"))


def test_several_stand_below_each_other_each_once(runs: Workspace) -> None:
    lines = screen(runs, "second", "first", "sec")
    heads = [line.split()[0] for line in lines if line.startswith(("first", "second"))]
    assert heads == ["second", "first"]


def test_json_is_the_row_of_the_table_and_the_rest_of_the_record(runs: Workspace) -> None:
    (found,) = runs.json("show", "second")
    (row,) = [row for row in runs.json("show", "-A") if row["name"] == "second"]
    assert found.items() >= row.items()
    more = {"user": "ann", "host": "big", "python": "3.12.1", "overrides": ["train.lr=0.2"], "data": []}
    assert found.items() >= more.items()
    assert found["stages"]["prepare"] == {"state": "restored", "source": "first", "reasons": []}


def test_data_and_outputs_are_listed(repo: Workspace) -> None:
    repo.write("data/a.txt", "1")
    repo.write(".gitignore", "model\n")
    repo.write(
        "gitexp.yaml",
        "stages:\n  train: {cmd: cp data/a.txt model; cp params.yaml m.yaml, deps: [data], outs: [model],"
        " metrics: [m.yaml]}\n",
    )
    repo.allow("files", "gitexp.lock", "gitexp.yaml", "data/.gitignore", ".gitignore")
    repo.gitexp("add", "-q", "data")
    repo.commit()
    repo.writes("model", "m.yaml", "gitexp.lock")
    repo.gitexp("run", "-q", "-n", "exp")
    assert [(each.path, each.size, each.files) for each in one(repo, "exp").data] == [
        ("data", 1, 1),
        ("model", 1, None),
    ]
    assert any(line.startswith("data   1 B in 1 file (") for line in screen(repo, "exp"))


def test_a_name_that_is_none_is_told_with_what_is_near(runs: Workspace) -> None:
    with pytest.raises(errors.ExperimentError, check=has_code("unknown-experiment")) as caught:
        one(runs, "secnod")
    assert caught.value.hint == "Did you mean second?"
    done = runs.gitexp("show", "--json", "nothing-like-it", check=False)
    assert done.exit_code == 1
    assert json.loads(done.stdout)["error"]["code"] == "unknown-experiment"
