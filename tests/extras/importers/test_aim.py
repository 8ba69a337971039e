"""Runs of Aim, made and read by the real Aim in its own environment."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import pytest

from benchmarks.peers import AIM
from gitexp import errors
from gitexp.extras.integrations.importers.from_aim.aim_runs import IMPORTER
from gitexp.model import Status
from gitexp.project.project import Project
from tests.extras.importers.conftest import QUIET, made_by, python_with
from tests.support.workspace import Workspace

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Aim is not for Windows")

SCRIPT = """
from aim import Repo, Run, Text
Repo.from_path(".", init=True)
for number in range(2):
    run = Run(experiment="digits", capture_terminal_logs=False, system_tracking_interval=None)
    run["hparams"] = {"lr": 0.1 * (number + 1), "model": {"depth": 3}}
    run.name, run.description = f"run-{number}", "a note"
    run.add_tag("base")
    for step in range(20):
        run.track(1 / (step + 1), name="loss", step=step, context={"subset": "train"})
        run.track(step / 20, name="acc", step=step)
    run.track(Text("words"), name="said", step=0)
    run.close()
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    found = tmp_path_factory.mktemp("aim")
    made_by(AIM, found, SCRIPT)
    return found


def bring(repo: Workspace, place: Path) -> str:
    """The words of an import in the environment of Aim."""
    words = ["-m", "gitexp", "import", "aim", str(place)]
    done = python_with(AIM).run(words, repo.path, {**os.environ, **QUIET})
    assert "Traceback" not in done.stderr
    return done.stderr


def test_everything_comes_along(folder: Path, repo: Workspace) -> None:
    assert IMPORTER.finds(folder)
    assert IMPORTER.finds(folder / ".aim")
    before = sorted((path, path.stat().st_size) for path in folder.rglob("*"))
    assert "Imported 2 runs of Aim." in bring(repo, folder)
    assert before == sorted((path, path.stat().st_size) for path in folder.rglob("*"))
    record = Project.open(repo.path).store.require("run-1").record
    assert record.params == {".gitexp/run/params.json": {"hparams": {"lr": 0.2, "model": {"depth": 3}}}}
    assert record.metrics == {".gitexp/run/summary.json": {"train/loss": 0.05, "acc": 0.95}}
    assert (record.status, record.note, record.tags) == (Status.DONE, "a note", ("base",))
    assert record.imported["group"] == "digits"
    assert any("no numbers: said" in warning for warning in record.warnings)
    assert "0 runs of Aim; 2 were here already" in bring(repo, folder)


def test_a_damaged_storage(folder: Path, tmp_path: Path, repo: Workspace) -> None:
    shutil.copytree(folder / ".aim", tmp_path / "copy" / ".aim", symlinks=True)
    first = min((tmp_path / "copy" / ".aim" / "meta" / "chunks").iterdir())
    for path in first.glob("*.sst"):
        os.truncate(path, path.stat().st_size // 2)
    said = bring(repo, tmp_path / "copy")
    assert "Imported 1 run of Aim." in said
    assert first.name in said


def test_without_aim(folder: Path) -> None:
    with pytest.raises(errors.UsageError, match="by Aim alone, which is not installed"):
        list(IMPORTER.read(folder))
