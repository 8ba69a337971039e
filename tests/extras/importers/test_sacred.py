"""Folders of Sacred, made by the real Sacred."""

from __future__ import annotations

from pathlib import Path

import pytest

from gitexp.extras.integrations.importers.sacred import IMPORTER, Sacred
from gitexp.model import Status
from gitexp.testing import ImporterContract, runs_of
from tests.extras.importers.conftest import Make

SCRIPT = """
from sacred import SETTINGS, Experiment
from sacred.observers import FileStorageObserver
SETTINGS.CAPTURE_MODE = "sys"  # else a program behind a pipe writes the output, and may come too late
ex = Experiment("digits", save_git_info=False)
ex.observers.append(FileStorageObserver("runs"))
@ex.config
def config():
    lr, model = 0.1, {"depth": 3}
@ex.main
def main(_run, lr):
    for step in range(20):
        _run.log_scalar("loss", 1 / (step + 1), step)
    open("model.txt", "w").write("weights")
    _run.add_artifact("model.txt")
    print("printed line")
    if lr > 0.15:
        raise SystemError("too large")
    return 0.75
ex.run(options={"--comment": "a note"})
try:
    ex.run(config_updates={"lr": 0.2})
except SystemError:
    pass
"""


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory, make: Make) -> Path:
    found = tmp_path_factory.mktemp("sacred")
    make(found, SCRIPT)
    return found / "runs"


class TestSacred(ImporterContract):
    @pytest.fixture
    def importer(self) -> Sacred:
        return IMPORTER

    @pytest.fixture
    def place(self, folder: Path) -> Path:
        return folder


def test_everything_comes_along(folder: Path) -> None:
    first, second = runs_of(IMPORTER, folder)
    assert (first.name, first.status, second.status) == ("digits-1", Status.DONE, Status.FAILED)
    assert first.params["model"] == {"depth": 3}
    assert (first.params["lr"], second.params["lr"]) == (0.1, 0.2)
    assert first.metrics == {"result": 0.75}
    assert [point.values["loss"] for point in first.points()] == [1 / (step + 1) for step in range(20)]
    assert "model.txt" in first.files
    assert b"printed line" in first.log
    assert list(first.code) == ["script.py"]
    assert first.note == "a note"
