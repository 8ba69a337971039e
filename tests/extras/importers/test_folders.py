"""Folders of Hydra and of DVCLive, made by the real ones."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.peers import DVC
from gitexp.extras.integrations.importers import dvclive, folder_files, hydra_runs
from gitexp.extras.integrations.importers.dvclive import DvcLive
from gitexp.extras.integrations.importers.foreign import ForeignRun, Unread
from gitexp.extras.integrations.importers.hydra_runs import HydraRuns
from gitexp.testing import ImporterContract, runs_of

JOB = """
import json, logging, os
import hydra
@hydra.main(version_base=None, config_path=None)
def main(cfg):
    logging.getLogger(__name__).info("has begun")
    folder = hydra.core.hydra_config.HydraConfig.get().runtime.output_dir
    with open(os.path.join(folder, "metrics.json"), "w") as file:
        json.dump({"val": {"acc": cfg.lr * 2}, "name": "x"}, file)
main()
"""
LIVE = """
from dvclive import Live
with Live(save_dvc_exp=False) as live:
    live.log_params({"lr": 0.1, "model": {"depth": 3}})
    for step in range(5):
        live.log_metric("train/loss", 1 / (step + 1))
        live.log_metric("acc", step / 5)
        live.next_step()
    live.summary["best"] = 0.9
    live.log_sklearn_plot("confusion_matrix", [0, 1, 1], [0, 1, 0])
"""


@pytest.fixture(scope="module")
def multirun(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("hydra")
    (folder / "job.py").write_text(JOB)
    words = [sys.executable, "job.py", "-m", "+lr=0.1,0.2", "hydra.sweep.dir=multirun/one"]
    subprocess.run(words, cwd=folder, check=True, capture_output=True)
    return folder / "multirun"


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Path:
    python = DVC.python
    if python is None:
        pytest.skip("DVC is not installed here: python -m benchmarks.peers dvc does that")
    folder = tmp_path_factory.mktemp("dvclive")
    (folder / "script.py").write_text(LIVE)
    for words in (["init", "-q"], ["add", "-A"], ["commit", "-q", "-m", "start"]):
        subprocess.run(["git", *words], cwd=folder, check=True)
    subprocess.run([python, "script.py"], cwd=folder, check=True, capture_output=True)
    return folder / "dvclive"


class TestHydra(ImporterContract):
    @pytest.fixture
    def importer(self) -> HydraRuns:
        return hydra_runs.IMPORTER

    @pytest.fixture
    def place(self, multirun: Path) -> Path:
        return multirun


class TestDvcLive(ImporterContract):
    @pytest.fixture
    def importer(self) -> DvcLive:
        return dvclive.IMPORTER

    @pytest.fixture
    def place(self, live: Path) -> Path:
        return live


def test_jobs_of_hydra(multirun: Path) -> None:
    first, second = runs_of(hydra_runs.IMPORTER, multirun)
    assert [first.params, second.params] == [{"lr": 0.1}, {"lr": 0.2}]
    assert second.metrics == {"val.acc": 0.4}
    assert (first.name, first.command) == ("job-one-0", "python job.py +lr=0.1")
    assert b"has begun" in first.log
    (multirun / "one" / "1" / ".hydra" / "config.yaml").write_text("lr: [")
    (unread,) = [one for one in hydra_runs.IMPORTER.read(multirun) if isinstance(one, Unread)]
    assert ".hydra" in str(unread)


def test_a_long_log_is_cut_and_a_long_file_of_params_is_not(
    multirun: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folder_files, "LONGEST", 5000)
    shutil.copytree(multirun, tmp_path / "copy")
    first_folder, second_folder = sorted((tmp_path / "copy" / "one").glob("[01]"))
    (first_folder / "job.log").write_bytes(b"x" * 5001)
    config = second_folder / ".hydra" / "config.yaml"
    config.write_text("lr: 0.1\n# " + "x" * 5000)
    first, second = hydra_runs.IMPORTER.read(tmp_path / "copy")
    assert isinstance(first, ForeignRun)
    assert first.log == b"x" * 5000
    assert "not imported, all of job.log behind its first 0 MB" in first.remarks
    assert f"{config} cannot be read: It is larger than" in str(second)


def test_a_run_of_dvclive(live: Path) -> None:
    (run,) = runs_of(dvclive.IMPORTER, live)
    assert run.params == {"lr": 0.1, "model": {"depth": 3}}
    assert run.metrics == {"train.loss": 0.2, "acc": 0.8, "best": 0.9}
    points = list(run.points())
    assert points[4].values == {"train.loss": 0.2, "acc": 0.8}
    assert list(run.files) == ["plots/sklearn/confusion_matrix.json"]
