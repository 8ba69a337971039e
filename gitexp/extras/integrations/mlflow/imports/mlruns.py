"""A folder of MLflow's file store, read: experiments, runs, their series, files, datasets and models.

mlruns/<experiment>/meta.yaml             name, lifecycle_stage, creation_time
mlruns/<experiment>/tags/<key>            text
mlruns/<experiment>/<run>/meta.yaml       run_id, run_name, status, start_time, end_time, …
mlruns/<experiment>/<run>/params/<key>    text
mlruns/<experiment>/<run>/tags/<key>      text
mlruns/<experiment>/<run>/metrics/<key>   lines: time in ms, value, step
mlruns/<experiment>/<run>/artifacts/      files
mlruns/<experiment>/<run>/inputs/         datasets that the run has read; datasets/ of the experiment has them
mlruns/<experiment>/<run>/outputs/        logged models that the run has made
mlruns/<experiment>/models/<id>/          a logged model: meta.yaml, params/, tags/, artifacts/
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from gitexp import errors
from gitexp.extras.integrations.importers import folder_files
from gitexp.extras.integrations.importers.foreign import Unread
from gitexp.extras.integrations.mlflow.imports.stored_runs import MODEL_STATUSES, RunAtMlflow, StoredCurves
from gitexp.extras.integrations.mlflow.run_log_files import LastValue
from gitexp.files.formats import yaml_text
from gitexp.files.lines.series import LoggedPoint
from gitexp.named_tuple import NamedTuple

META = "meta.yaml"
_STATUSES = {1: "RUNNING", 2: "SCHEDULED", 3: "FINISHED", 4: "FAILED", 5: "KILLED"}
STATUS_NUMBERS = {name: number for number, name in _STATUSES.items()}
LOCAL = 4  # the type of a source: a command of this machine
_APART = ("datasets", "traces", "models", "tags", ".trash")  # folders of an experiment that are no runs


class RunsAtMlflow(NamedTuple):
    """The runs and experiments of a folder, and sentences on its unreadable parts."""

    experiments: dict[str, dict[str, Any]]
    runs: list[RunAtMlflow]
    warnings: list[Unread]


class _ExperimentFolder(NamedTuple):
    """The folder of an experiment, its id, and the experiment in the form of the shelf."""

    path: Path
    id: str
    thing: dict[str, Any]


def read(folder: Path) -> RunsAtMlflow:
    """The content of a folder of MLflow's file store, the oldest run first."""
    found = RunsAtMlflow({}, [], [])
    for experiment in _experiment_folders(folder, found.warnings):
        found.experiments[experiment.id] = experiment.thing
        _read_runs(experiment, found)
    found.runs.sort(key=lambda run: run.start)
    return found


def read_experiments(folder: Path, unread: list[Unread]) -> dict[str, dict[str, Any]]:
    """The experiments of a folder of MLflow's file store, by id, without their runs."""
    return {experiment.id: experiment.thing for experiment in _experiment_folders(folder, unread)}


def _experiment_folders(folder: Path, unread: list[Unread]) -> Iterator[_ExperimentFolder]:
    """Yield the folders of experiments; those that cannot be read are added to `unread`."""
    for top in (folder, folder / ".trash"):
        for path in folder_files.folders_in(top, unread):
            told: list[str] = []
            try:
                meta = meta_of(path)
                if "experiment_id" not in meta and not ("name" in meta and "artifact_location" in meta):
                    continue
                thing = _experiment(path, meta, told)
            except (OSError, errors.ParseError) as error:
                unread.append(Unread(str(path), folder_files.reason(error)))
                continue
            unread += [Unread(str(path), sentence) for sentence in told]
            yield _ExperimentFolder(path, str(meta.get("experiment_id", path.name)), thing)


def _experiment(folder: Path, meta: dict[str, Any], told: list[str]) -> dict[str, Any]:
    return {
        "name": str(meta.get("name", meta.get("experiment_id", folder.name))),
        "lifecycle": "deleted" if meta.get("lifecycle_stage") == "deleted" else "active",
        "tags": texts_in(folder / "tags", told),
        "created": meta.get("creation_time"),
        "updated": meta.get("last_update_time"),
    }


def _read_runs(experiment: _ExperimentFolder, found: RunsAtMlflow) -> None:
    """Add the runs of an experiment, and their models. A run of which a part cannot be read is left out."""
    for each in folder_files.folders_in(experiment.path, found.warnings):
        if each.name in _APART:
            continue
        try:
            run = _run(each, experiment)
        except (OSError, errors.ParseError) as error:
            found.warnings.append(Unread(str(each), folder_files.reason(error)))
            continue
        if run is None:
            found.warnings.append(Unread(str(each), "it is no run of MLflow's"))
        else:
            found.runs.append(run)
    for each in folder_files.folders_in(experiment.path / "models", found.warnings):
        try:
            _add_model(each, found)
        except (OSError, errors.ParseError) as error:
            found.warnings.append(Unread(str(each), folder_files.reason(error)))


def _run(folder: Path, experiment: _ExperimentFolder) -> RunAtMlflow | None:
    """The run of a folder; None for any other folder. Raises OSError and ParseError."""
    meta = meta_of(folder)
    run_id = str(meta.get("run_id") or meta.get("run_uuid") or "")
    if not run_id or not isinstance(meta.get("start_time"), int):
        return None
    remarks: list[str] = []
    tags = texts_in(folder / "tags", remarks)
    name = str(meta.get("run_name") or tags.get("mlflow.runName") or "")
    end = meta.get("end_time")
    run = RunAtMlflow(
        run_id,
        experiment.id,
        name or run_id[:8],
        bool(name),
        _STATUSES.get(meta.get("status", 0), "KILLED"),
        str(meta.get("user_id", "")),
        meta["start_time"],
        end if isinstance(end, int) else None,
        "deleted" in (experiment.thing["lifecycle"], meta.get("lifecycle_stage")),
        tags,
        texts_in(folder / "params", remarks),
        FolderCurves(folder_files.plain_files(folder / "metrics", remarks)),
        folder_files.plain_files(folder / "artifacts", remarks),
        remarks=remarks,
    )
    _add_datasets(run, folder, experiment.path / "datasets")
    return run


class _MetricMoment:
    """One time (ms since 1970) and step, with the values of its metrics by name."""

    __slots__ = ("step", "time", "values")

    def __init__(self, time: int, step: int) -> None:
        self.time, self.step = time, step
        self.values: dict[str, float] = {}


class FolderCurves(StoredCurves):
    """The curves in the files of a run: a file for each metric, by its name."""

    def __init__(self, metrics: Mapping[str, Path]) -> None:
        super().__init__()
        self._metrics = metrics

    def extent(self) -> str:
        """The bytes of all files."""
        return str(sum(path.stat().st_size for path in self._metrics.values()))

    def points(self) -> Iterator[LoggedPoint]:
        """Yield the points in the order of time, each with the values of its moment."""
        moments: dict[tuple[str, str], _MetricMoment] = {}
        for name, path in self._metrics.items():
            self._read(name, path, moments)
        for moment in sorted(moments.values(), key=_order):
            yield LoggedPoint(moment.step, moment.time / 1000, moment.values)

    def _read(self, name: str, path: Path, moments: dict[tuple[str, str], _MetricMoment]) -> None:
        """Add the values of a metric by the texts of time and step; lines that are none are passed over.

        Metrics logged together have the same texts, so a time is parsed once for all of them.
        """
        best: _MetricMoment | None = None
        for line in _text(path).splitlines():
            words = line.split(" ")
            try:
                key = words[0], words[2] if len(words) > 2 else "0"
                value = float(words[1])
                moment = moments.get(key)
                if moment is None:
                    moment = moments[key] = _MetricMoment(int(key[0]), int(key[1]))
            except (ValueError, IndexError):
                continue
            before = moment.values.get(name)
            if before is None or value >= before or value != value:  # the higher one of a moment, or NaN
                moment.values[name] = value
            if best is None or (moment.step, moment.time) > (best.step, best.time):
                best = moment
        if best is not None:
            self.last[name] = LastValue(best.step, best.time, best.values[name])


def _order(moment: _MetricMoment) -> tuple[int, int]:
    return moment.time, moment.step


def _add_datasets(run: RunAtMlflow, folder: Path, datasets: Path) -> None:
    unread: list[Unread] = []
    for each in folder_files.folders_in(folder / "inputs", unread):
        meta = meta_of(each)
        if meta.get("source_type") == "DATASET":
            dataset = meta_of(datasets / str(meta.get("source_id", "")))
            if dataset:
                run.datasets.append({"dataset": dataset, "tags": meta.get("tags") or {}})
    for each in folder_files.folders_in(folder / "outputs", unread):
        run.outputs[each.name] = int(meta_of(each).get("step") or 0)
    run.remarks += [f"not imported: {each}" for each in unread]


def _add_model(folder: Path, found: RunsAtMlflow) -> None:
    """Add a logged model to its run. Raises OSError and ParseError."""
    meta = meta_of(folder)
    for run in found.runs:
        if run.run_id == meta.get("source_run_id"):
            files = folder_files.plain_files(folder / "artifacts", run.remarks)
            run.models[folder.name] = {
                "experiment": run.experiment_id,
                "name": str(meta.get("name", "")),
                "created": meta.get("creation_timestamp", 0),
                "updated": meta.get("last_updated_timestamp", 0),
                "type": meta.get("model_type"),
                "status": MODEL_STATUSES.get(meta.get("status", 0), "READY"),
                "tags": texts_in(folder / "tags", run.remarks),
                "params": texts_in(folder / "params", run.remarks),
            }
            for name, path in files.items():
                run.artifacts[f"mlflow-models/{folder.name}/{name}"] = path
            return
    found.warnings.append(Unread(str(folder), "it is a logged model without its run"))


def meta_of(folder: Path) -> dict[str, Any]:
    """The content of a folder's meta.yaml; {} for no file. Raises OSError and ParseError."""
    found = yaml_text.read(META, _text(folder / META))
    return dict(found) if isinstance(found, dict) else {}


def texts_in(folder: Path, told: list[str]) -> dict[str, str]:
    """The texts of the files below a folder, by their paths; a sentence on links is added to `told`.

    Raises OSError.
    """
    return {name: _text(path) for name, path in folder_files.plain_files(folder, told).items()}


def _text(path: Path) -> str:
    return folder_files.content(path).decode("utf-8", "replace")
