"""`gitexp export --as mlflow`: folders, SQLite files and servers, read by MLflow itself."""

from __future__ import annotations

import json
import math
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest

from gitexp import errors, testing
from gitexp.extras.integrations.importers.servers import address
from gitexp.extras.integrations.mlflow.exporting.export_runs import EXPORTER
from gitexp.extras.integrations.mlflow.exporting.run_names import LONGEST_NAME, MlflowNames
from gitexp.extras.integrations.mlflow.imports.import_runs import IMPORTER
from gitexp.extras.integrations.mlflow.imports.run_server import client_of
from gitexp.model import Status
from gitexp.project.project import Project
from tests.extras.exporters.reading_back import by_name, curve, flat
from tests.support.kills import assert_sound, kill
from tests.support.mlflow import run_script, tracking_server, warm_mlflow
from tests.support.workspace import Workspace

POINTS = {"export:mlflow-begun", "export:mlflow-put"}
LOSS = [[step, 1764489600000 + 1000 * step, 1 / (step + 1)] for step in range(2_500)]


class TestMlrunsExporter(testing.ExporterContract):
    @pytest.fixture
    def exporter(self) -> Any:
        return EXPORTER

    def names_in(self, place: str) -> list[str]:
        return sorted(by_name(IMPORTER, Path(place)))


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return testing.exported_project(tmp_path)


def test_an_import_gives_the_same_run(project: Project, tmp_path: Path) -> None:
    testing.exported(EXPORTER, project, str(tmp_path / "mlruns"))
    runs = by_name(IMPORTER, tmp_path / "mlruns")
    records = {one.name: one.record for one in project.store.readable()}
    for name, run in runs.items():
        record = records[name]
        assert run.status is record.status
        assert (run.duration, run.tags, run.note) == (record.duration, record.tags, record.note)
        assert (run.user, run.commit) == (record.user, record.baseline)
    ordinary = runs["ordinary"]
    assert (ordinary.created, ordinary.finished) == (1761216012.345, 1761216052.345)
    assert flat(ordinary) == {"train.lr": 0.1, "train.layers": "[64, 32]", "train.name": "größe"}
    assert ordinary.metrics == {"loss": 0.25}  # not the end of its curve
    loss = curve(ordinary, "loss")
    assert [[step, round(time * 1000), value] for step, time, value in loss] == LOSS
    assert curve(ordinary, "val.acc") == [(0, 1761216052.345, 0.5)]
    assert (ordinary.log, ordinary.environment) == ("trained: größe\n".encode(), "numpy==2.0\n")
    odd = runs["odd"]
    assert (odd.params["a b"], odd.params["ключ"]) == (None, "\u2028")
    assert [(step, repr(value)) for step, _, value in curve(odd, "x")] == [(-1, "nan"), (7, "inf")]
    assert math.isnan(curve(odd, "nan")[0][2])
    assert sorted(runs["large"].files) == ["model.bin", "small.txt"]


READ = """
import json, sys
from pathlib import Path
from mlflow import MlflowClient
from mlflow.artifacts import load_text
from gitexp import testing
from gitexp.extras.integrations.mlflow.exporting.export_runs import EXPORTER
from gitexp.project.project import Project

root, folder, url = sys.argv[1:]
project = Project.open(Path(root))
done = [testing.exported(EXPORTER, project, f"{folder}/mlflow.db") for _ in range(2)]
found = {"known": [done[0].written, done[1].known]}
for place in (f"{folder}/mlruns", f"sqlite:///{folder}/mlflow.db", url):
    client = MlflowClient(place)
    (experiment,) = [each for each in client.search_experiments() if each.name == "project"]
    runs = {run.info.run_name: run for run in client.search_runs([experiment.experiment_id])}
    one = runs["ordinary"]
    curve = client.get_metric_history(one.info.run_id, "loss")
    large = runs["large"].info.run_id
    found[place] = {
        "statuses": {name: run.info.status for name, run in runs.items()},
        "params": one.data.params,
        "metrics": one.data.metrics,
        "tags": one.data.tags,
        "times": [one.info.start_time, one.info.end_time],
        "loss": sorted([m.step, m.timestamp, m.value] for m in curve),
        "odd": {name: repr(value) for name, value in runs["odd"].data.metrics.items()},
        "files": [[a.path, a.file_size] for a in client.list_artifacts(large)],
        "log": Path(client.download_artifacts(one.info.run_id, "gitexp/output.log")).read_text(),
    }
print(json.dumps(found))
"""


@pytest.mark.timeout(600)  # MLflow is started once for all of it
def test_mlflow_reads_folder_file_and_server(
    project: Project, tmp_path: Path, repo: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    testing.exported(EXPORTER, project, str(tmp_path / "mlruns"))
    served = tmp_path / "served"
    served.mkdir()
    with tracking_server(warm_mlflow(), served, tmp_path / "log", "mlflow-artifacts:/") as url:
        assert runs_at(url, "Default") == []
        shutil.copy(served / "mlflow.db", tmp_path)  # a new schema takes seconds
        done = testing.exported(EXPORTER, project, url)
        assert (done.written, done.known) == (5, 0)
        again = testing.exported(EXPORTER, project, url)
        assert (again.written, again.known) == (0, 5)
        words = ["-c", READ, str(project.repo.root), str(tmp_path), url]
        said = run_script(tmp_path, *words, env={"MLFLOW_ALLOW_FILE_STORE": "true"})
        monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", "noted")
        check_kills_and_changes(repo, url)
    found = json.loads(said.splitlines()[-1])
    assert found.pop("known") == [5, 5]
    assert len(found) == 3
    for read in found.values():
        assert_whole(read)
    assert len(by_name(IMPORTER, tmp_path / "mlflow.db")) == 5


def check_kills_and_changes(repo: Workspace, url: str) -> None:
    """Killed exports are gone on with, and a new name and note reach the server."""
    names = [repo.gitexp("save", "-q", "-n", name) and name for name in ("one", "two", "three")]
    for point in sorted(POINTS):
        kill(repo, f"{point}@2", "export", "--as", "mlflow", "-o", url)
        assert_sound(repo)
    repo.gitexp("export", "--as", "mlflow", "-o", url)
    assert sorted(run["info"]["run_name"] for run in runs_at(url, "noted")) == sorted(names)
    repo.allow("refs", "*")
    repo.gitexp("note", "one", "-m", "best of all")
    repo.gitexp("rename", "one", "first")
    told = repo.gitexp("export", "--as", "mlflow", "-o", url).stderr
    assert "1 experiment written" in told
    assert "2 were there already" in told
    changed = {run["info"]["run_name"]: run["data"]["tags"] for run in runs_at(url, "noted")}
    assert {"key": "mlflow.note.content", "value": "best of all"} in changed["first"]


def assert_whole(read: dict[str, Any]) -> None:
    """What MLflow's client reads at one place."""
    assert read["statuses"] == {
        **dict.fromkeys(("ordinary", "odd", "without-metrics", "large"), "FINISHED"),
        "failed": "FAILED",
    }
    assert read["params"] == {"train.lr": "0.1", "train.layers": "[64, 32]", "train.name": "größe"}
    assert read["metrics"] == {"loss": 1 / 2_500, "val.acc": 0.5}
    assert read["loss"] == LOSS
    assert read["times"] == [1761216012345, 1761216052345]
    tags = read["tags"]
    assert (tags["mlflow.note.content"], tags["mlflow.user"]) == ("a note\nin two lines", "Änne O'Neil")
    assert (tags["mlflow.runName"], tags["mlflow.source.name"]) == ("ordinary", "python train.py")
    assert (tags["best"], tags["für später"]) == ("", "")
    assert json.loads(tags["gitexp.metrics"]) == {"loss": 0.25}
    assert len(tags["mlflow.source.git.commit"]) == len(tags["gitexp.id"]) == 40
    assert (read["odd"]["y"], read["odd"]["huge"], read["odd"]["nan"]) == ("2.0", repr(2.0**70), "nan")
    assert read["files"] == [["model.bin", 1 << 20], ["small.txt", 6]]
    assert read["log"] == "trained: größe\n"


def runs_at(url: str, experiment: str) -> list[dict[str, Any]]:
    """The runs of an experiment on a server, as its interface has them."""
    client, api = client_of(address.parse(url)), "/api/2.0/mlflow"
    found = client.get(f"{api}/experiments/get-by-name", {"experiment_name": experiment})["experiment"]
    answer = client.post(f"{api}/runs/search", {"experiment_ids": [found["experiment_id"]]})
    runs: list[dict[str, Any]] = answer.get("runs", [])
    return runs


@pytest.mark.parametrize("place", ["http://127.0.0.1:9", "http://", "ftp://here", "notes.txt", "here.db"])
def test_a_place_that_cannot_be(project: Project, tmp_path: Path, place: str) -> None:
    (project.here / "notes.txt").write_text("mine")
    with pytest.raises(errors.GitexpError) as caught:
        testing.exported(EXPORTER, project, place)
    assert caught.value.hint


def test_a_child_stands_below_its_parent(repo: Workspace, tmp_path: Path) -> None:
    begin = "[sys.executable, '-m', 'gitexp', 'run', '-n', 'child', '--temp', '--', sys.executable, '-c', '']"
    inner = f"import subprocess, sys; subprocess.run({begin}, check=True)"
    repo.gitexp("run", "-n", "above", "--", sys.executable, "-c", inner)
    repo.gitexp("export", "--as", "mlflow", "-o", str(tmp_path / "mlruns"))
    runs = by_name(IMPORTER, tmp_path / "mlruns")
    assert runs["child"].parent == runs["above"].id
    assert runs["above"].status is Status.DONE


def test_names_fit_mlflow_and_stay_different() -> None:
    names = MlflowNames(are_paths=True)
    given = ["loss", "loss/train", "a?b", "a_b", "../x", "/x", "", "ü ö", "a" * 300, "a" * 299, "x/", "loss "]
    found = [names.new(name) for name in given]
    assert found[:4] == ["loss", "loss_train", "a_b", "a_b_2"]
    assert len(set(found)) == len(given)
    assert max(map(len, found)) <= LONGEST_NAME
    assert not any(one != other and other.startswith(f"{one}/") for one in found for other in found)
    assert "loss" not in names.changed
    elsewhere = MlflowNames(are_paths=False)
    assert [elsewhere.new(name) for name in given[:3]] == ["loss", "loss/train", "a_b"]
