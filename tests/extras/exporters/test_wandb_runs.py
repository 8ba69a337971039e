"""`gitexp export --as wandb`: offline runs that the real `wandb sync` uploads."""

from __future__ import annotations

import json
import math
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from benchmarks.peers import SOURCES
from gitexp import testing
from gitexp.extras.integrations.exporters.wandb_runs import EXPORTER
from gitexp.extras.integrations.importers.from_wandb.wandb import IMPORTER
from gitexp.model import Status
from gitexp.project.project import Project
from tests.extras.exporters.reading_back import by_name, curve, flat
from tests.support import wandb_server
from tests.support.wandb_server import TakenRun
from tests.support.workspace import Workspace


class TestWandbExporter(testing.ExporterContract):
    @pytest.fixture
    def exporter(self) -> Any:
        return EXPORTER

    def names_in(self, place: str) -> list[str]:
        return sorted(by_name(IMPORTER, Path(place)))


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return testing.exported_project(tmp_path)


def test_an_import_gives_the_same_run(project: Project, tmp_path: Path) -> None:
    testing.exported(EXPORTER, project, str(tmp_path / "wandb"))
    runs = by_name(IMPORTER, tmp_path / "wandb")
    records = {one.name: one.record for one in project.store.readable()}
    for name, run in runs.items():
        record = records[name]
        assert (run.status, run.exit_code) == (record.status, record.exit_code)
        assert (run.duration, run.tags, run.note) == (record.duration, record.tags, record.note)
        assert (run.user, run.host, run.commit) == (record.user, record.host, record.baseline)
    ordinary = runs["ordinary"]
    assert (ordinary.created, ordinary.finished) == (1761216012.345, 1761216052.345)
    assert flat(ordinary) == {"train.lr": 0.1, "train.layers": [64, 32], "train.name": "größe"}
    assert ordinary.metrics == {"loss": 0.25, "val.acc": 0.5}
    assert curve(ordinary, "loss") == [(step, 1764489600.0 + step, 1 / (step + 1)) for step in range(2_500)]
    assert ordinary.command == "python train.py"
    assert (ordinary.log, ordinary.environment) == ("trained: größe\n".encode(), "numpy==2.0\n")
    odd = runs["odd"]
    assert odd.params == {"a b": None, "=1+1": True, "ключ": "\u2028"}
    assert math.isnan(odd.metrics["nan"])
    assert (odd.metrics["most"], odd.metrics["huge"]) == (math.inf, 2.0**70)
    assert odd.facts["wandb"]["summary"]["text"] == "<b>"
    assert (curve(odd, "x")[0][0], curve(odd, "y")) == (-1, [(7, 1764489601.0, 2.0)])
    assert sorted(runs["large"].files) == ["model.bin", "small.txt"]


def test_the_code_comes_back(repo: Workspace, tmp_path: Path) -> None:
    repo.writes("train.py")
    repo.write("train.py", repo.read("train.py") + "# changed\n")
    repo.gitexp("save", "-q", "-n", "one")
    repo.gitexp("export", "--as", "wandb", "-o", str(tmp_path / "wandb"))
    repo.allow("refs", "*")
    repo.gitexp("rename", "one", "first")
    repo.gitexp("import", "wandb", str(tmp_path / "wandb"))
    store = Project.open(repo.path).store
    trees = [
        repo.git("rev-parse", f"{store.require(name).record.commit}:train.py") for name in ("one", "first")
    ]
    assert trees[0] == trees[1]


def sync(folder: Path, url: str) -> str:
    """What `wandb sync` says of all runs in a folder."""
    homes = dict.fromkeys(("HOME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME"), str(folder))
    own = {**homes, "WANDB_BASE_URL": url, "WANDB_API_KEY": "a" * 40, "no_proxy": "127.0.0.1"}
    found = sorted(str(path) for path in (folder / "wandb").glob("offline-run-*"))
    words = [str(SOURCES.programs / "wandb"), "sync", *found]
    done = subprocess.run(
        words, cwd=folder, env={**os.environ, **own}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_wandb_sync_uploads_it(project: Project, tmp_path: Path) -> None:
    if SOURCES.python is None:
        pytest.skip("wandb is not installed here: python -m benchmarks.peers sources does that")
    done = testing.exported(EXPORTER, project, str(tmp_path / "wandb"))
    assert "odd: wandb sync counts steps below 0 as step 0" in done.remarks
    with wandb_server.running() as server:
        said = sync(tmp_path, server.url)
        runs = {str(run.said.get("displayName")): run for run in server.runs.values()}
    assert said.count("Finished syncing") == 5
    ordinary = runs["ordinary"]
    assert_uploaded(ordinary)
    failed, odd, large = runs["failed"], runs["odd"], runs["large"]
    assert (ordinary.exit_code, failed.exit_code) == (0, 3)
    assert [(point["_step"], point.get("y")) for point in odd.history()] == [(0, None), (7, 2)]
    assert large.files["model.bin"] == bytes(range(256)) * 4096
    assert large.files["small.txt"] == b"small\n"


def assert_uploaded(run: TakenRun) -> None:
    """What the server has of the run `ordinary`."""
    assert (run.said["notes"], run.said["tags"]) == ("a note\nin two lines", ["best", "für später"])
    config = json.loads(run.said["config"])
    assert config["train"]["value"] == {"lr": 0.1, "layers": [64, 32], "name": "größe"}
    points = run.history()
    assert [point["_step"] for point in points] == list(range(2_500))
    assert points[3]["loss"] == 0.25
    summary = json.loads(run.streams["wandb-summary.json"][-1])
    assert (summary["loss"], summary["val.acc"]) == (0.25, 0.5)
    assert run.files["output.log"].decode().strip() == "trained: größe"
    assert run.files["requirements.txt"] == b"numpy==2.0\n"


def test_what_is_noted_later_takes_the_place_of_the_old_folder(repo: Workspace) -> None:
    repo.gitexp("save", "-q", "-n", "one")
    repo.allow("files", "wandb/*")
    repo.allow("refs", "*")
    repo.gitexp("export", "--as", "wandb")
    repo.gitexp("note", "one", "-m", "best of all")
    assert "1 experiment written" in repo.gitexp("export", "--as", "wandb").stderr
    (run,) = by_name(IMPORTER, repo.path / "wandb").values()
    assert run.note == "best of all"


def test_alerts_are_not_sent_again_and_an_end_without_a_status_is_no_end(
    repo: Workspace, tmp_path: Path
) -> None:
    repo.gitexp("run", "-n", "one", "--", "python", "-c", "import gitexp; gitexp.alert('hot', 'too hot')")
    done = repo.gitexp("export", "--as", "wandb", "-o", str(tmp_path / "wandb"))
    assert "one: alerts are left out" in done.stderr
    (run,) = by_name(IMPORTER, tmp_path / "wandb").values()
    assert run.status is Status.DONE
    assert "alerts" not in run.facts["wandb"]
