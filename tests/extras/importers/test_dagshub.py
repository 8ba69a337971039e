"""Files of DagsHub's logger, made by the real one, in a folder and in commits."""

from __future__ import annotations

from pathlib import Path

import pytest

from gitexp import errors
from gitexp.extras.integrations.importers import folder_files
from gitexp.extras.integrations.importers.dagshub import IMPORTER, DagsHub
from gitexp.extras.integrations.importers.foreign import ForeignRun, Unread
from gitexp.extras.integrations.importers.importing import Request, import_runs
from gitexp.project.project import Project
from gitexp.testing import ImporterContract, runs_of
from tests.extras.importers.conftest import Make
from tests.support.workspace import Workspace

SCRIPT = """
import os
from dagshub import dagshub_logger
for number in (1, 2):
    os.makedirs(str(number))
    with dagshub_logger(f"{number}/metrics.csv", hparams_path=f"{number}/params.yml") as logger:
        logger.log_hyperparams(lr=number / 10, model={"depth": 3})
        for step in range(5):
            logger.log_metrics(loss=number / (step + 1), acc=step / 5, step_num=step)
        logger.log_metrics({"val/f1": 0.5}, step_num=4)
"""
HEADER = b"Name,Value,Timestamp,Step\n"


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory, make_apart: Make) -> Path:
    found = tmp_path_factory.mktemp("dagshub")
    make_apart(found, SCRIPT)
    return found


@pytest.fixture
def history(folder: Path, repo: Workspace) -> Workspace:
    """A repository with a commit for each run in its folder `work`, and one without."""
    for number in (1, 2):
        for name in ("metrics.csv", "params.yml"):
            repo.write(f"work/{name}", (folder / str(number) / name).read_text())
        repo.git("add", "work")
        repo.git("commit", "-q", "-m", f"run {number}")
    repo.git("commit", "-q", "--allow-empty", "-m", "none")
    return repo


class TestDagsHub(ImporterContract):
    @pytest.fixture
    def importer(self) -> DagsHub:
        return IMPORTER

    @pytest.fixture
    def place(self, folder: Path) -> Path:
        return folder / "1"


def test_a_folder(folder: Path) -> None:
    (run,) = runs_of(IMPORTER, folder / "2")
    assert run.params == {"lr": 0.2, "model": {"depth": 3}}
    points = list(run.points())
    assert [point.step for point in points] == list(range(5))
    assert points[4].values == {"loss": 0.4, "acc": 0.8, "val/f1": 0.5}
    assert run.created == points[0].time
    assert run.finished is not None
    assert not run.remarks[1:]


def test_metrics_that_are_too_large_are_said(history: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folder_files, "LONGEST", 100)
    found = list(IMPORTER.read(history.path / "work"))
    assert [type(one) for one in found] == [Unread] * 3  # two commits, and the folder
    assert all("metrics.csv cannot be read: It is larger than" in str(one) for one in found)


def test_a_run_for_each_commit(history: Workspace) -> None:
    place = history.path / "work"
    first, second = runs_of(IMPORTER, place)
    assert (first.params["lr"], second.params["lr"]) == (0.1, 0.2)
    assert (second.commit, second.note) == (history.git("rev-parse", "HEAD~1").strip(), "run 2")
    done = history.gitexp("import", str(place))
    assert "Imported 2 runs of DagsHub." in done.stderr
    store = Project.open(history.path).store
    one = store.require(f"dagshub-{first.commit[:7]}").record
    assert one.baseline == first.commit
    assert one.metrics[".gitexp/run/summary.json"]["loss"] == 0.2  # type: ignore[index]
    history.write("work/metrics.csv", history.read("work/metrics.csv") + '"loss",0.01,1796097677799,9\n')
    third = runs_of(IMPORTER, place)[2]
    assert third.commit == ""
    assert "Imported 1 run of DagsHub; 2 were here already." in history.gitexp("import", str(place)).stderr


def test_commits_of_another_repository(history: Workspace, tmp_path: Path) -> None:
    history.git("branch", "tried", "HEAD~2")
    other = tmp_path / "other"
    history.git("init", "-q", str(other))
    history.git("-C", str(other), "commit", "-q", "--allow-empty", "-m", "start")
    project = Project.open(other)
    importer = IMPORTER.with_history("tried")
    (done,) = import_runs(project, importer, Request("dagshub", history.path / "work")).experiments
    assert done.record.note == "run 1"
    assert done.record.baseline == history.git("rev-parse", "tried").strip()
    with pytest.raises(errors.UsageError, match="no branch or commit 'nowhere'"):
        list(IMPORTER.with_history("nowhere").read(history.path / "work"))


@pytest.mark.parametrize(
    ("lines", "line"),
    [
        (b'"loss",x,5,1\n', 2),
        (b'"loss",1,5,1\n"loss",1,5\n', 3),
        (b'"loss",1,5,1\n"' + b"x" * 200_000 + b'",1,5,1\n', 3),
        (b'"loss",1,5,99999999999999999999999\n', 2),
    ],
)
def test_lines_without_sense_are_said(lines: bytes, line: int, tmp_path: Path) -> None:
    (tmp_path / "metrics.csv").write_bytes(HEADER + lines + b'"acc",0.5,5,2\n')
    (run,) = runs_of(IMPORTER, tmp_path)
    assert f"such as line {line}" in run.remarks[1]
    assert list(run.points())[-1].values["acc"] == 0.5
    (tmp_path / "params.yml").write_text("lr: [")
    (unread,) = IMPORTER.read(tmp_path)
    assert isinstance(unread, Unread)
    assert not isinstance(unread, ForeignRun)
    assert "params.yml" in unread.where
