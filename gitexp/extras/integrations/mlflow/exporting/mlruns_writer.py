"""Runs written into a folder of MLflow's file store; `mlruns.py` says its form."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from gitexp.extras.integrations.exporters.whole_runs import WholeRuns, write_content
from gitexp.extras.integrations.importers import folder_files
from gitexp.extras.integrations.mlflow.exported_names import ID, NAME, STATE
from gitexp.extras.integrations.mlflow.exporting.exported_run import MetricValue, MlflowRun
from gitexp.extras.integrations.mlflow.exporting.runs_place import KnownRun, RunsPlace
from gitexp.extras.integrations.mlflow.imports import mlruns
from gitexp.extras.integrations.mlflow.imports.stored_runs import experiment_id_here
from gitexp.folders import make_folder
from gitexp.project.project import Project

_LONGEST_TAG = 64 * 1024  # bytes


class MlrunsFolder(RunsPlace):
    """A folder `mlruns`, and in it the experiment of a name."""

    names_are_paths = True

    def __init__(self, project: Project, root: Path, experiment: str) -> None:
        self._project = project
        self._root = root
        self._name = experiment
        self._whole = WholeRuns(root)

    def __enter__(self) -> MlrunsFolder:
        self._whole.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._whole.__exit__()

    def known(self) -> Mapping[str, KnownRun]:
        found: dict[str, KnownRun] = {}
        for folder in folder_files.folders_in(self._root / self._id(), []):
            key = _tag(folder, ID)
            if key:
                found[key] = KnownRun(folder.name, _tag(folder, STATE), _tag(folder, NAME))
        return found

    def put(self, run: MlflowRun, earlier: KnownRun | None) -> str:
        experiment = self._experiment()
        run_id = run.run_id if earlier is None else earlier.run_id
        target = experiment / run_id
        if earlier is None and target.exists():  # of another experiment begun in the same moment
            run_id = run.key[:32]
            target = experiment / run_id
        made = self._whole.scratch()
        self._write(run, made, run_id, target)
        self._whole.put(made, target, instead_of=None if earlier is None else target)
        return run_id

    def _id(self) -> str:
        """The id of the experiment: of the one with its name, else made from the name."""
        for experiment_id, meta in mlruns.read_experiments(self._root, []).items():
            if meta["name"] == self._name and meta["lifecycle"] == "active":
                return experiment_id
        return experiment_id_here("", self._name)

    def _experiment(self) -> Path:
        """The folder of the experiment, made if need be."""
        experiment_id = self._id()
        folder = self._root / experiment_id
        if not (folder / mlruns.META).exists():
            made, now = self._whole.scratch(), round(time.time() * 1000)
            _write_meta(
                made,
                artifact_location=folder.absolute().as_uri(),
                creation_time=now,
                experiment_id=experiment_id,
                last_update_time=now,
                lifecycle_stage="active",
                name=self._name,
            )
            self._whole.put(made, folder)
        return folder

    def _write(self, run: MlflowRun, made: Path, run_id: str, target: Path) -> None:
        _write_meta(
            made,
            artifact_uri=(target / "artifacts").absolute().as_uri(),
            end_time=run.end,
            entry_point_name="",
            experiment_id=target.parent.name,
            lifecycle_stage="active",
            run_id=run_id,
            run_name=run.name,
            run_uuid=run_id,
            source_name="",
            source_type=mlruns.LOCAL,
            source_version="",
            start_time=run.start,
            status=mlruns.STATUS_NUMBERS[run.status],
            tags=[],
            user_id=run.user,
            deleted_time=None,
        )
        for kind in ("metrics", "params", "tags", "artifacts"):
            (made / kind).mkdir()
        for name, text in run.params().items():
            _write_text(made / "params" / name, text)
        for name, text in run.tags().items():
            _write_text(made / "tags" / name, text)
        for name, values in run.metrics():
            _write_metric(made / "metrics" / name, values)
        for file in run.files():
            why = write_content(self._project, file.content, made / "artifacts" / file.name)
            if why is not None:
                run.file_left_out(file.name, why)


def _tag(folder: Path, name: str) -> str:
    """The text of a tag of a run; "" for none."""
    path = folder / "tags" / name
    if path.is_symlink() or not path.is_file():
        return ""
    with path.open("rb") as file:
        return file.read(_LONGEST_TAG).decode("utf-8", "replace")


def _write_meta(folder: Path, **values: Any) -> None:
    """Write a meta.yaml; a value as JSON is YAML too."""
    lines = [f"{name}: {json.dumps(values[name])}\n" for name in sorted(values)]
    (folder / mlruns.META).write_text("".join(lines), "utf-8")


def _write_text(path: Path, text: str) -> None:
    make_folder(path.parent)
    path.write_bytes(text.encode("utf-8", "replace"))


def _write_metric(path: Path, values: Iterator[MetricValue]) -> None:
    make_folder(path.parent)
    with path.open("x", encoding="utf-8", newline="\n") as file:
        for each in values:
            file.write(f"{each.time} {each.value} {each.step}\n")
