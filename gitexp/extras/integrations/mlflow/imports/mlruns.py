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

import contextlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from gitexp import errors
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
_LONGEST = 16 * 1024 * 1024  # bytes of one file


class RunsAtMlflow(NamedTuple):
    """The runs and experiments of a folder, and sentences on its unreadable parts."""

    experiments: dict[str, dict[str, Any]]
    runs: list[RunAtMlflow]
    warnings: list[Unread]


def read(folder: Path) -> RunsAtMlflow:
    """The content of a folder of MLflow's file store, the oldest run first."""
    found = RunsAtMlflow({}, [], [])
    for experiment, meta in _experiment_folders(folder):
        _read_experiment(experiment, meta, found)
    found.runs.sort(key=lambda run: run.start)
    return found


def read_experiments(folder: Path) -> dict[str, dict[str, Any]]:
    """The experiments of a folder of MLflow's file store, by id, without their runs."""
    found = {}
    for experiment, meta in _experiment_folders(folder):
        found[str(meta.get("experiment_id", experiment.name))] = _experiment(experiment, meta)
    return found


def _experiment_folders(folder: Path) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Yield the folders of experiments with the content of their meta.yaml."""
    for top in (folder, folder / ".trash"):
        for experiment in folders_in(top):
            meta = meta_of(experiment)
            if "experiment_id" in meta or ("name" in meta and "artifact_location" in meta):
                yield experiment, meta


def _experiment(folder: Path, meta: dict[str, Any]) -> dict[str, Any]:
    return {
        "name": str(meta.get("name", meta.get("experiment_id", folder.name))),
        "lifecycle": "deleted" if meta.get("lifecycle_stage") == "deleted" else "active",
        "tags": texts_in(folder / "tags"),
        "created": meta.get("creation_time"),
        "updated": meta.get("last_update_time"),
    }


def _read_experiment(folder: Path, meta: dict[str, Any], found: RunsAtMlflow) -> None:
    experiment_id = str(meta.get("experiment_id", folder.name))
    lifecycle = "deleted" if meta.get("lifecycle_stage") == "deleted" else "active"
    found.experiments[experiment_id] = _experiment(folder, meta)
    for each in folders_in(folder):
        if each.name in _APART:
            continue
        run = _run(each, experiment_id, lifecycle == "deleted")
        if run is None:
            found.warnings.append(Unread(str(each), "it is no run of MLflow's"))
        else:
            found.runs.append(run)
            _add_datasets(run, each, folder / "datasets")
    for each in folders_in(folder / "models"):
        _add_model(each, found)


def _run(folder: Path, experiment_id: str, is_deleted: bool) -> RunAtMlflow | None:
    meta = meta_of(folder)
    run_id = str(meta.get("run_id") or meta.get("run_uuid") or "")
    if not run_id or not isinstance(meta.get("start_time"), int):
        return None
    tags = texts_in(folder / "tags")
    name = str(meta.get("run_name") or tags.get("mlflow.runName") or "")
    end = meta.get("end_time")
    run = RunAtMlflow(
        run_id,
        experiment_id,
        name or run_id[:8],
        bool(name),
        _STATUSES.get(meta.get("status", 0), "KILLED"),
        str(meta.get("user_id", "")),
        meta["start_time"],
        end if isinstance(end, int) else None,
        is_deleted or meta.get("lifecycle_stage") == "deleted",
        tags,
        texts_in(folder / "params"),
    )
    metrics = {path.relative_to(folder / "metrics").as_posix(): path for path in _files(folder / "metrics")}
    run.curves = FolderCurves(metrics)
    for path in _files(folder / "artifacts"):
        run.artifacts[path.relative_to(folder / "artifacts").as_posix()] = path
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
    for each in folders_in(folder / "inputs"):
        meta = meta_of(each)
        if meta.get("source_type") == "DATASET":
            dataset = meta_of(datasets / str(meta.get("source_id", "")))
            if dataset:
                run.datasets.append({"dataset": dataset, "tags": meta.get("tags") or {}})
    for each in folders_in(folder / "outputs"):
        run.outputs[each.name] = int(meta_of(each).get("step") or 0)


def _add_model(folder: Path, found: RunsAtMlflow) -> None:
    """Add a logged model to its run."""
    meta = meta_of(folder)
    for run in found.runs:
        if run.run_id == meta.get("source_run_id"):
            run.models[folder.name] = {
                "experiment": run.experiment_id,
                "name": str(meta.get("name", "")),
                "created": meta.get("creation_timestamp", 0),
                "updated": meta.get("last_updated_timestamp", 0),
                "type": meta.get("model_type"),
                "status": MODEL_STATUSES.get(meta.get("status", 0), "READY"),
                "tags": texts_in(folder / "tags"),
                "params": texts_in(folder / "params"),
            }
            for path in _files(folder / "artifacts"):
                name = path.relative_to(folder / "artifacts").as_posix()
                run.artifacts[f"mlflow-models/{folder.name}/{name}"] = path
            return
    found.warnings.append(Unread(str(folder), "it is a logged model without its run"))


def meta_of(folder: Path) -> dict[str, Any]:
    """The content of a folder's meta.yaml; {} if it cannot be read."""
    try:
        found = yaml_text.read(META, _text(folder / META))
    except (OSError, errors.ParseError):
        return {}
    return dict(found) if isinstance(found, dict) else {}


def texts_in(folder: Path) -> dict[str, str]:
    """The texts of the files below a folder, by their paths."""
    return {path.relative_to(folder).as_posix(): _text(path) for path in _files(folder)}


def _text(path: Path) -> str:
    with path.open("rb") as file:
        return file.read(_LONGEST).decode("utf-8", "replace")


def folders_in(folder: Path) -> list[Path]:
    """The folders in a folder, without links, in order of name."""
    with contextlib.suppress(OSError):
        return sorted(each for each in folder.iterdir() if each.is_dir() and not each.is_symlink())
    return []


def _files(folder: Path) -> Iterator[Path]:
    """Yield the plain files below a folder; a link could lead anywhere."""
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not path.is_symlink():
            yield path
