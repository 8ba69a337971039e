"""A folder `mlruns` of MLflow's file store, in which parts cannot be read."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from gitexp.extras.integrations.importers import folder_files
from gitexp.extras.integrations.importers.foreign import Unread
from gitexp.extras.integrations.mlflow.imports.import_runs import IMPORTER, Mlflow
from gitexp.project.project import Project
from gitexp.testing import ImporterContract, runs_of
from tests.support.workspace import GITEXP, Workspace

_TIMES = "start_time: {start}\nend_time: 9000\nstatus: 3\n"


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


@pytest.fixture
def mlruns(tmp_path: Path) -> Path:
    """Two runs, one of them with a dataset and a logged model, and a registered model."""
    top = tmp_path / "mlruns"
    experiment = top / "7"
    write(experiment / "meta.yaml", "artifact_location: file:///x\nexperiment_id: '7'\nname: digits\n")
    write(experiment / "tags" / "team", "vision")
    for number, name in enumerate(("one", "two")):
        run = experiment / f"a{number:031x}"
        times = _TIMES.format(start=1000 + number)
        write(run / "meta.yaml", f"run_id: {run.name}\nrun_name: {name}\nuser_id: ann\n{times}")
        write(run / "params" / "lr", "0.1")
        write(run / "tags" / "mlflow.note.content", "a note")
        write(run / "metrics" / "loss", "1000 0.5 0\n2000 0.25 1\n")
        write(run / "artifacts" / "notes" / "a.txt", "hello")
    write(run / "inputs" / "i" / "meta.yaml", "source_type: DATASET\nsource_id: d\n")
    write(experiment / "datasets" / "d" / "meta.yaml", "name: zeros\ndigest: '1'\n")
    write(run / "outputs" / "m-1" / "meta.yaml", "step: 3\n")
    write(experiment / "models" / "m-1" / "meta.yaml", f"name: net\nsource_run_id: {run.name}\nstatus: 2\n")
    write(experiment / "models" / "m-1" / "artifacts" / "weights", "w")
    write(top / "models" / "net" / "meta.yaml", "name: net\n")
    write(top / "models" / "net" / "version-1" / "meta.yaml", f"source: file:///x/7/{run.name}/artifacts\n")
    return top


class TestFileStore(ImporterContract):
    @pytest.fixture
    def importer(self) -> Mlflow:
        return IMPORTER

    @pytest.fixture
    def place(self, mlruns: Path) -> Path:
        return mlruns


def second(mlruns: Path) -> Path:
    return mlruns / "7" / f"a{1:031x}"


def as_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def as_link(path: Path) -> None:
    path.rename(path.parent.parent / "elsewhere")
    path.symlink_to(path.parent.parent / "elsewhere")


@pytest.mark.parametrize(
    ("name", "change", "said"),
    [
        ("7/a{}/meta.yaml", as_folder, "meta.yaml cannot be read: It is no plain file"),
        ("7/meta.yaml", as_folder, "meta.yaml cannot be read: It is no plain file"),
        ("7/a{}/meta.yaml", as_link, "meta.yaml cannot be read: It is no plain file"),
        ("7/a{}/meta.yaml", lambda path: path.write_text("a: ["), "meta.yaml"),
    ],
)
def test_a_run_without_its_facts_is_said(
    mlruns: Path, name: str, change: Callable[[Path], None], said: str
) -> None:
    change(mlruns / name.format(f"{1:031x}"))
    sentences = [str(one) for one in IMPORTER.read(mlruns) if isinstance(one, Unread)]
    assert any(said in sentence for sentence in sentences), sentences


def test_links_among_the_files_of_a_run_are_said(mlruns: Path) -> None:
    as_link(second(mlruns) / "artifacts" / "notes" / "a.txt")
    as_link(second(mlruns) / "params" / "lr")
    (_, run) = runs_of(IMPORTER, mlruns)
    assert "not imported, links and the like: artifacts/notes/a.txt" in run.remarks
    assert "not imported, links and the like: params/lr" in run.remarks
    assert run.params == {}


def test_a_curve_that_is_too_long_is_not_cut(
    repo: Workspace, mlruns: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folder_files, "LONGEST", 1000)
    with (second(mlruns) / "metrics" / "loss").open("w") as file:
        file.writelines(f"{1000 + step} 0.5 {step}\n" for step in range(200))
    repo.allow("refs", "refs/gitexp/mlflow")
    told = repo.gitexp("import", "mlflow", str(mlruns)).stderr
    assert "metrics/loss cannot be read: It is larger than" in told
    assert Project.open(repo.path).store.names() == ["one"]


@pytest.mark.skipif(sys.platform != "linux", reason="setpriv is Linux's")
@pytest.mark.parametrize(
    "shut", ["metrics/loss", "params/lr", "params", "artifacts", "artifacts/notes/a.txt", ""]
)
def test_what_may_not_be_read_is_said_and_comes_later(repo: Workspace, mlruns: Path, shut: str) -> None:
    """A file or folder without the right to read it. The run is left out, and the other run comes."""
    path = second(mlruns) / shut
    mode = path.stat().st_mode
    path.chmod(0)
    repo.allow("refs", "refs/gitexp/mlflow")
    command = [*GITEXP, "import", "mlflow", str(mlruns)]
    if os.geteuid() == 0:  # root without its right to read all
        command = ["setpriv", "--bounding-set", "-dac_override,-dac_read_search", *command]
    done = subprocess.run(command, cwd=repo.path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "not imported: " in done.stderr
    assert str(path) in done.stderr
    assert "Permission denied" in done.stderr
    assert Project.open(repo.path).store.names() == ["one"]
    path.chmod(mode)
    told = repo.gitexp("import", "mlflow", str(mlruns)).stderr
    assert "Imported 1 run of MLflow; 1 were here already." in told
    assert Project.open(repo.path).store.names() == ["one", "two"]
