"""Projects moved from the real DVC and experiments brought back to it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from gitexp.project.project import Project
from gitexp.stages import status
from tests.support.dvc import DvcRepository, dvc_repository
from tests.support.workspace import Workspace

_MADE = ("data.txt", "model/scores.json", "dvclive/metrics.json", "eval-a.json", "eval-b.json")


class Both:
    """A copy of a repository made by DVC, for both programs."""

    def __init__(self, original: DvcRepository, folder: Path) -> None:
        folder.mkdir()
        self.dvc = DvcRepository(folder)
        shutil.copytree(original.path, self.dvc.path, symlinks=True)
        self.dvc.home.mkdir()
        self.repo = Workspace(self.dvc.path)
        self.repo.allow("files", *_MADE, "params.yaml", "dvc.lock", "gitexp.*", ".dvc/*", ".gitignore", "*")
        self.repo.allow("refs", "*")
        # The pipeline stands on the commit before the last one.
        self.repo.git("checkout", "-q", "-B", "main", "HEAD~1")
        self.run_dvc("repro")

    def run_dvc(self, *args: str) -> str:
        with self.repo.by_user():
            return self.dvc.dvc(*args)


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> DvcRepository:
    return dvc_repository(tmp_path_factory)


@pytest.fixture
def both(original: DvcRepository, tmp_path: Path) -> Iterator[Both]:
    made = Both(original, tmp_path / "both")
    yield made
    made.repo.close()


def test_nothing_is_computed_again_in_either_direction(both: Both) -> None:
    both.repo.gitexp("init", "-q")
    found = status.status(Project.open(both.repo.path))
    assert {str(stage.state) for stage in found.stages} == {"up to date"}
    both.repo.git("add", "--all")
    both.repo.git("commit", "-q", "-m", "gitexp")
    both.repo.gitexp("run", "-q", "-n", "mine", "-S", "train.lr=0.7", "-m", "a note")
    both.repo.git("checkout", "-q", "--force", "HEAD")
    both.repo.gitexp("export", "-q", "--as", "dvc", "mine")
    shown = json.loads(both.run_dvc("exp", "show", "--json"))
    (mine,) = [one for baseline in shown for one in baseline["experiments"] or [] if one["name"] == "mine"]
    data = mine["revs"][0]["data"]
    assert data["params"]["params.yaml"]["data"]["train"]["lr"] == 0.7
    assert data["metrics"]["model/scores.json"]["data"]["acc"] == pytest.approx(0.3)
    assert data["metrics"]["eval-a.json"]["data"]["loss_a"] == pytest.approx(0.7)
    assert "mine" in both.run_dvc("exp", "list")
    both.run_dvc("exp", "apply", "mine")
    assert "up to date" in both.run_dvc("status")
    assert "loss_a" in both.repo.read("eval-a.json")
    both.run_dvc("exp", "branch", "mine", "by-dvc")
    assert both.repo.git("log", "-1", "--format=%s", "by-dvc") == "a note"


def test_an_import_has_the_values_that_dvc_shows(original: DvcRepository, tmp_path: Path) -> None:
    shutil.copytree(original.path, tmp_path / "repo", symlinks=True)
    repo = Workspace(tmp_path / "repo")
    repo.gitexp("import", "-q", "dvc", ".")
    project = Project.open(repo.path)
    shown = original.experiments()
    found = {str(one.record.imported["id"]): one.record for one in project.store.readable()}
    assert found.keys() == shown.keys()
    for commit, record in found.items():
        of = shown[commit]
        assert record.baseline == of["baseline"]
        for name, said in of["data"]["metrics"].items():
            assert set(said.get("data", ())) <= set(record.metrics.get(name, ()))
    assert "0 runs" in repo.gitexp("import", "dvc", ".").stderr
    repo.close()
