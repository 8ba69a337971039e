"""What is written of runs in gitexp's terms, where MLflow itself is not needed."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from gitexp.extras.integrations.mlflow import late_additions, place
from gitexp.extras.integrations.mlflow.artifacts import Artifacts
from gitexp.extras.integrations.mlflow.late_additions import LateAdditions, MetricPoint
from gitexp.extras.integrations.mlflow.place import OpenedRepository
from gitexp.extras.integrations.mlflow.runs import FINISHED, Runs
from gitexp.project.project import Project
from gitexp.repo.live import RunState
from gitexp.runs.logged_values import logged
from gitexp.runs.logged_values.logged import Logged
from tests.support.workspace import Workspace


def the_place(repo: Workspace) -> OpenedRepository:
    return place.at(f"gitexp://{repo.path}")


@pytest.mark.parametrize("is_live", [True, False])
def test_no_path_leads_out_of_the_artifacts(repo: Workspace, tmp_path: Path, *, is_live: bool) -> None:
    victim = tmp_path / "victim"
    victim.write_text("mine")
    with the_place(repo) as here:
        runs = Runs(here)
        run = runs.begin("one", {"experiment": "0"}, {})
        files = Artifacts(here, "run", run)
        files.put({"notes.txt": victim})
        out = "../" * 7 + "victim"
        if not is_live:
            runs.end(run, FINISHED, 1)
        for path in (out, "../../state.json", "../output.log", "a/../../.."):
            for use in (files.remove, files.listed, lambda path: files.fetch(path, tmp_path / "got")):
                with pytest.raises(ValueError, match="leads out of its folder"):
                    use(path)
        files.fetch("notes.txt", tmp_path / "got")
        if is_live:
            runs.end(run, FINISHED, 1)
    assert (victim.read_text(), (tmp_path / "got").read_text()) == ("mine", "mine")


def test_what_is_written_while_the_run_is_stored_is_kept(
    repo: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "late.txt").write_text("late")
    late: list[threading.Thread] = []
    read = logged.read

    def then_write(project: Project, state: RunState) -> Logged:
        found = read(project, state)
        monkeypatch.undo()

        def write() -> None:
            with OpenedRepository(repo.path) as other:  # as another process has it
                Runs(other).write(run, {"tags": {"late": "yes"}}, [MetricPoint(1, 2000, {"loss": 2.0})])
                Artifacts(other, "run", run).put({"late.txt": tmp_path / "late.txt"})

        late.append(threading.Thread(target=write))
        late[0].start()
        time.sleep(0.3)
        return found

    with the_place(repo) as here:
        runs = Runs(here)
        run = runs.begin("one", {"experiment": "0"}, {})
        runs.write(run, {}, [MetricPoint(0, 1000, {"loss": 1.0})])
        monkeypatch.setattr(logged, "read", then_write)
        runs.end(run, FINISHED, 1)
    late[0].join()
    with the_place(repo) as here:
        found = Runs(here).require(run)
        assert [point.values["loss"] for point in Runs(here).history(found, "loss")] == [1.0, 2.0]
        assert found.facts.tags["late"] == "yes"
        assert [each.path for each in Artifacts(here, "run", run).listed("")] == ["late.txt"]


def test_further_points_keep_to_what_the_table_shows(repo: Workspace) -> None:
    text = "import gitexp\nwith gitexp.start_run('a', summary={'low': 'min', 'mean': 'mean'}) as run:\n"
    text += "    for value in (3, 1, 4):\n        run.log({'low': value, 'mean': value, 'a.last': value})\n"
    repo.write("train.py", text + "    run.log({'set': 1})\n    run.summary['set'] = 7\n")
    subprocess.run([sys.executable, "train.py"], cwd=repo.path, check=True)
    project = Project.open(repo.path)

    def metrics(step: int, value: float) -> dict[str, object]:
        point = MetricPoint(step, 1000, dict.fromkeys(("low", "mean", "a.last", "set", "a.new"), value))
        one = late_additions.add(project, project.store.require("a"), LateAdditions(points=[point, point]))
        return dict(one.record.metrics[".gitexp/run/summary.json"])

    assert metrics(1, 6.0) == {"low": 1, "mean": 3.5, "a": {"last": 4, "new": 6}, "set": 7}
    assert metrics(5, 0.0) == {"low": 0, "mean": 2.8, "a": {"last": 0, "new": 0}, "set": 7}
