"""Runs, datasets and logged models of the repository as MLflow's own values."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from mlflow.entities import (
    Dataset,
    DatasetInput,
    InputTag,
    LifecycleStage,
    LoggedModel,
    LoggedModelInput,
    LoggedModelOutput,
    LoggedModelStatus,
    Metric,
    Param,
    Run,
    RunData,
    RunInfo,
    RunInputs,
    RunOutputs,
    RunTag,
)

from gitexp import files
from gitexp.extras.integrations.mlflow.plain_params import text_of
from gitexp.extras.integrations.mlflow.run_facts import RunFacts
from gitexp.extras.integrations.mlflow.run_index import IndexedRun, milliseconds
from gitexp.extras.integrations.mlflow.run_log_files import LastValue
from gitexp.extras.integrations.mlflow.runs import RUNNING, STATUS_OF
from gitexp.extras.integrations.mlflow.tags import tags_of
from gitexp.model import Files

_MOST_TEXT = 6000  # characters of a param, as MLflow has them


def run_of(run: IndexedRun, artifact_uri: str, live: Mapping[str, LastValue]) -> Run:
    """A run as MLflow's value; `live` are the last values of a live run."""
    facts, record = run.facts, run.record
    info = RunInfo(
        run_id=run.run_id,
        experiment_id=run.experiment_id,
        user_id=facts.run.get("user") or record.user,
        status=_status(run),
        start_time=run.start,
        end_time=_end(run),
        lifecycle_stage=LifecycleStage.DELETED if run.is_removed else LifecycleStage.ACTIVE,
        artifact_uri=artifact_uri,
        run_name=_name(run),
    )
    data = RunData(_metrics(run, live), _params(run), _tags(run))
    datasets = [_dataset_input(each) for each in facts.datasets]
    inputs = RunInputs(datasets, [LoggedModelInput(model_id) for model_id in facts.reads])
    outputs = RunOutputs([LoggedModelOutput(*each) for each in facts.outputs.items()])
    return Run(info, data, inputs, outputs)


def judged_run(run: IndexedRun, parts: Collection[str], artifact_uri: str) -> Run:
    """An ended run for MLflow's filters and orders, with no more than the parts that they look at.

    The start and the id are always right. The value is not to be handed out.
    """
    has_attributes = "attribute" in parts
    info = RunInfo(
        run_id=run.run_id,
        experiment_id=run.experiment_id,
        user_id=(run.facts.run.get("user") or run.record.user) if has_attributes else "",
        status=_status(run) if has_attributes else RUNNING,
        start_time=run.start,
        end_time=_end(run) if has_attributes else None,
        lifecycle_stage=LifecycleStage.ACTIVE,
        artifact_uri=artifact_uri,
        run_name=_name(run) if has_attributes else None,
    )
    metrics = _metrics(run, {}) if "metric" in parts else []
    params = _params(run) if "parameter" in parts else []
    tags = _tags(run) if "tag" in parts else []
    inputs = None
    if "dataset" in parts:
        inputs = RunInputs([_dataset_input(each) for each in run.facts.datasets])
    return Run(info, RunData(metrics, params, tags), inputs)


def _name(run: IndexedRun) -> str:
    return run.facts.run.get("name") or run.experiment.name


def _status(run: IndexedRun) -> str:
    """What MLflow's client said last, if it said so after the end, else what became of the experiment."""
    again = run.facts.run.get("again")
    if again:
        return str(again)
    if run.record.status.ended:
        return STATUS_OF[run.record.status]
    return str(run.facts.run.get("status") or RUNNING)


def _end(run: IndexedRun) -> int | None:
    if run.facts.run.get("again") == RUNNING:
        return None
    return run.facts.run.get("end") or milliseconds(run.record.finished) or None


def _metrics(run: IndexedRun, live: Mapping[str, LastValue]) -> list[Metric]:
    found: dict[str, Metric] = {}
    time = milliseconds(run.record.finished) or run.start
    for name, value in _flat_numbers(run.record.metrics).items():
        found[name] = Metric(name, value, time, 0)
    for name, (step, at, value) in run.facts.last.items():
        found[name] = Metric(name, float(value), at, step)
    for name, last in live.items():
        found[name] = Metric(name, last.value, last.time, last.step)
    return [*found.values()]


def _flat_numbers(found: Files) -> dict[str, float]:
    numbers = {}
    for name, value in files.flatten_files(found).items():
        if isinstance(value, int | float):
            numbers[name] = float(value)
    return numbers


def _params(run: IndexedRun) -> list[Param]:
    """The logged params; of a run begun by gitexp, those in its files too."""
    found: dict[str, str] = {}
    if not _is_of_client(run.facts):
        for name, value in files.flatten_files(run.record.params).items():
            found[name] = text_of(value)[:_MOST_TEXT]
    found.update(run.facts.params)
    return [Param(name, value) for name, value in found.items()]


def _is_of_client(facts: RunFacts) -> bool:
    """Whether a client of MLflow has begun the run, or taken over the one of `gitexp run`."""
    return bool(facts.run)


def _tags(run: IndexedRun) -> list[RunTag]:
    found: dict[str, str] = {}
    if not _is_of_client(run.facts):
        found = tags_of(run.record, run.experiment.name, _MOST_TEXT)
    found.update(run.facts.tags)
    return [RunTag(name, value) for name, value in found.items()]


def _dataset_input(said: Mapping[str, Any]) -> DatasetInput:
    tags = [InputTag(key, value) for key, value in said.get("tags", {}).items()]
    return DatasetInput(Dataset.from_dictionary(said.get("dataset", {})), tags)


def said_of_dataset(given: Any) -> dict[str, Any]:
    """A dataset input as a line of facts says it."""
    return {"dataset": given.dataset.to_dictionary(), "tags": {tag.key: tag.value for tag in given.tags}}


def model_of(
    model_id: str, said: Mapping[str, Any], artifact_location: str, run_id: str | None
) -> LoggedModel:
    """A logged model as MLflow's value."""
    return LoggedModel(
        experiment_id=str(said.get("experiment", "0")),
        model_id=model_id,
        name=said.get("name", ""),
        artifact_location=artifact_location,
        creation_timestamp=said.get("created", 0),
        last_updated_timestamp=said.get("updated", said.get("created", 0)),
        model_type=said.get("type"),
        source_run_id=run_id,
        status=LoggedModelStatus(said.get("status", LoggedModelStatus.PENDING.value)),
        tags=dict(said.get("tags", {})),
        params=dict(said.get("params", {})),
        metrics=[*_last_of_model(model_id, said.get("metrics", []))],
    )


def said_of_metric(metric: Metric, run_id: str) -> list[Any]:
    """A metric of a model as a line of facts says it."""
    value = metric.value if metric.value - metric.value == 0 else str(metric.value)
    where = [metric.dataset_name, metric.dataset_digest]
    return [metric.key, value, metric.timestamp, metric.step, run_id, *where]


def _last_of_model(model_id: str, said: Iterable[list[Any]]) -> Iterable[Metric]:
    """The last value of each metric of a model, for each dataset."""
    last: dict[tuple[str, Any, Any], Metric] = {}
    for key, value, time, step, run_id, dataset, digest in said:
        metric = Metric(
            key,
            float(value),
            time,
            step,
            model_id=model_id,
            dataset_name=dataset,
            dataset_digest=digest,
            run_id=run_id,
        )
        before = last.get((key, dataset, digest))
        if before is None or (step, time) >= (before.step, before.timestamp):
            last[key, dataset, digest] = metric
    return last.values()
