"""SQLite files of MLflow, made by its newest version and by the last version 1."""

from __future__ import annotations

import math
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from gitexp.extras.integrations.importers.foreign import RunLeftOut, Unread
from gitexp.extras.integrations.mlflow.imports.import_runs import IMPORTER, Mlflow
from gitexp.model import Status
from gitexp.project.project import Project
from gitexp.testing import ImporterContract, runs_of
from tests.support.workspace import Workspace


class TestNewestMlflow(ImporterContract):
    @pytest.fixture
    def importer(self) -> Mlflow:
        return IMPORTER

    @pytest.fixture
    def place(self, newest_mlflow: Path) -> Path:
        return newest_mlflow / "mlflow.db"


class TestOldestMlflow(ImporterContract):
    @pytest.fixture
    def importer(self) -> Mlflow:
        return IMPORTER

    @pytest.fixture
    def place(self, oldest_mlflow: Path) -> Path:
        return oldest_mlflow


def changed(folder: Path, to: Path, *statements: str) -> Path:
    """A copy of the database of a folder, after some statements."""
    to.mkdir()
    file = to / "mlflow.db"
    shutil.copy(folder / "mlflow.db", file)
    with closing(sqlite3.connect(file)) as base:
        for statement in statements:
            base.execute(statement)
        base.commit()
    return file


@pytest.mark.parametrize("version", ["newest", "oldest"])
def test_everything_comes_along(version: str, request: pytest.FixtureRequest) -> None:
    place: Path = request.getfixturevalue(f"{version}_mlflow")
    runs = {run.name: run for run in runs_of(IMPORTER, place)}
    assert [*runs][:3] == ["first", "inner", "bad"]
    assert sum(isinstance(one, RunLeftOut) for one in IMPORTER.read(place)) == 1
    first = runs["first"]
    assert first.params == {"lr": 0.1, "opt": "sgd", "on": True}
    points = list(first.points())
    assert [point.values for point in points if "loss" in point.values] == [
        {"loss": 1 / (step + 1), "acc": step / 20} for step in range(20)
    ]
    odd = [point.values["odd"] for point in points if "odd" in point.values]
    assert math.isnan(odd[0])
    assert odd[1] == math.inf
    assert (first.note, first.tags, first.group) == ("a note", ("team=vision",), "digits")
    assert first.files["notes/a.txt"] == place / f"mlruns/1/{first.id}/artifacts/notes/a.txt"
    assert runs["inner"].parent == first.id
    assert (first.status, runs["bad"].status) == (Status.DONE, Status.FAILED)


def test_runs_can_be_found_by_clients_of_mlflow(repo: Workspace, newest_mlflow: Path) -> None:
    repo.allow("refs", "refs/gitexp/mlflow")
    done = repo.gitexp("import", str(newest_mlflow))
    assert "Imported 4 runs of MLflow; 1 left out, deleted there." in done.stderr
    store = Project.open(repo.path).store
    known = store.require("data").record.mlflow
    assert known is not None
    assert known["experiment_name"] == "digits"
    shelf = repo.git("ls-tree", "-r", "--name-only", "refs/gitexp/mlflow")
    assert f"experiments/{known['experiment']}.json" in shelf
    facts = store.run_file(store.require("data"), "mlflow.jsonl")
    assert facts is not None
    assert b'"name": "zeros"' in facts
    assert b'"net"' in facts
    assert store.run_file(store.require("first"), "artifacts/notes/a.txt") == b"hello"
    assert "0 runs of MLflow; 4 were here already" in repo.gitexp("import", str(newest_mlflow)).stderr


def test_a_hostile_database(oldest_mlflow: Path, tmp_path: Path) -> None:
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret" / "key").write_text("secret")
    file = changed(
        oldest_mlflow,
        tmp_path / "hostile",
        f"UPDATE runs SET artifact_uri = '{tmp_path}/secret' WHERE name = 'first'",
        "UPDATE runs SET artifact_uri = '../secret' WHERE name = 'inner'",
        "UPDATE runs SET start_time = 'never' WHERE name = 'bad'",
        "UPDATE metrics SET timestamp = 'x' WHERE step = 3",
        "UPDATE metrics SET value = x'00ff' WHERE step = 4",
        "UPDATE tags SET value = NULL WHERE key = 'team'",
    )
    first, inner = runs_of(IMPORTER, file)
    assert not first.files
    assert not inner.files
    assert any("outside the database's folder" in remark for remark in first.remarks)
    steps = [point.step for point in first.points() if "loss" in point.values]
    assert steps == [step for step in range(20) if step not in (3, 4)]
    (unread,) = [one for one in IMPORTER.read(file) if isinstance(one, Unread)]
    assert "has no id or no start" in str(unread)


def test_an_older_schema_is_said(oldest_mlflow: Path, tmp_path: Path) -> None:
    file = changed(oldest_mlflow, tmp_path / "older", "DROP TABLE latest_metrics")
    (unread,) = list(IMPORTER.read(file))
    assert isinstance(unread, Unread)
    assert "97727af70f4d is older than that of MLflow 1.2" in unread.why
