"""Kill tests of `gitexp import TOOL`: all runs of a batch or none, and the next import brings the rest."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from gitexp.project.project import Project
from tests.support.kills import assert_sound, kill
from tests.support.workspace import Workspace

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL")

POINTS = {"import:written", "import:moved"}
NAMES = ["one", "three", "two"]


def mlruns(folder: Path) -> Path:
    """A folder as MLflow's file store leaves it, with three runs."""
    top = folder / "mlruns"
    experiment = top / "7"
    experiment.mkdir(parents=True)
    about = f"artifact_location: file://{experiment}\nexperiment_id: '7'\nname: digits\n"
    (experiment / "meta.yaml").write_text(about)
    for number, name in enumerate(NAMES):
        run = experiment / f"a{number:031x}"
        for part in ("metrics", "params", "tags"):
            (run / part).mkdir(parents=True)
        times = f"start_time: {1000 + number}\nend_time: 9000\nstatus: 3\n"
        (run / "meta.yaml").write_text(f"run_id: {run.name}\nrun_name: {name}\nuser_id: ann\n{times}")
        (run / "metrics" / "loss").write_text("1000 0.5 0\n2000 0.25 1\n")
    return top


@pytest.mark.parametrize("point", sorted(POINTS))
def test_an_import(repo: Workspace, tmp_path: Path, point: str) -> None:
    repo.allow("refs", "refs/gitexp/mlflow")
    place = mlruns(tmp_path)
    kill(repo, point, "import", "mlflow", str(place))
    store = Project.open(repo.path).store
    assert sorted(store.names()) in ([], NAMES)
    repo.gitexp("import", "mlflow", str(place))
    assert sorted(store.names()) == NAMES
    assert_sound(repo)
    assert "0 runs" in repo.gitexp("import", "mlflow", str(place)).stderr
