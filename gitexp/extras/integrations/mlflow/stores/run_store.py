"""The methods of a tracking store for runs: MLflow's checks, and its values of what gitexp has."""

from __future__ import annotations

import json
import logging
from typing import Any

from mlflow.entities import LifecycleStage, Metric, Param, RunStatus, RunTag
from mlflow.entities import _DatasetSummary as DatasetSummary
from mlflow.entities.metric import MetricWithRunId
from mlflow.store.entities.paged_list import PagedList
from mlflow.store.tracking import SEARCH_MAX_RESULTS_THRESHOLD
from mlflow.utils.mlflow_tags import MLFLOW_DATASET_CONTEXT, MLFLOW_LOGGED_MODELS, MLFLOW_RUN_NAME
from mlflow.utils.search_utils import SearchUtils
from mlflow.utils.validation import (
    _validate_batch_log_data,
    _validate_batch_log_limits,
    _validate_metric,
    _validate_metric_name,
    _validate_param_keys_unique,
    _validate_run_id,
    _validate_tag_name,
)

from gitexp.extras.integrations.mlflow import run_log_files, tag_making
from gitexp.extras.integrations.mlflow.late_additions import MetricPoint
from gitexp.extras.integrations.mlflow.logged_models import LoggedModels
from gitexp.extras.integrations.mlflow.run_index import IndexedRun
from gitexp.extras.integrations.mlflow.run_log_files import LastValue
from gitexp.extras.integrations.mlflow.runs import RUNNING, SCHEDULED, Runs
from gitexp.extras.integrations.mlflow.shelf import REGISTERED
from gitexp.extras.integrations.mlflow.stores import entities
from gitexp.extras.integrations.mlflow.stores.answers import answered, invalid, invalid_state, missing
from gitexp.extras.integrations.mlflow.stores.experiment_store import ExperimentStore
from gitexp.extras.integrations.mlflow.stores.run_search import JudgedValues, RunSearch
from gitexp.files.lines.series import LoggedPoint

_logger = logging.getLogger("mlflow.gitexp")
_PARENT = "mlflow.parentRunId"


class RunStore(ExperimentStore):
    """The methods of a tracking store for runs."""

    runs: Runs
    models: LoggedModels
    _values: JudgedValues

    # -- one run ----------------------------------------------------------------------------------

    @answered
    def create_run(
        self,
        experiment_id: str,
        user_id: str,
        start_time: int,
        tags: list[RunTag] | None,
        run_name: str | None,
    ) -> Any:
        """Begin a run: an experiment of gitexp, with the present code."""
        experiment = self._require_active(experiment_id)
        texts = {tag.key: str(tag.value) for tag in tags or ()}
        tagged = texts.get(MLFLOW_RUN_NAME)
        if run_name and tagged and run_name != tagged:
            raise invalid(
                "Both 'run_name' argument and 'mlflow.runName' tag are specified, but with different values "
                f"(run_name='{run_name}', mlflow.runName='{tagged}')."
            )
        name = run_name or tagged or ""
        known = {
            "experiment": experiment.experiment_id,
            "experiment_name": experiment.name,
            "start": start_time,
        }
        run = {"user": user_id or "", "status": RUNNING}
        if name:
            run["name"] = name
        run_id = self.runs.begin(name, known, {"run": run, "tags": texts}, self._name_of(texts.get(_PARENT)))
        return self._run(self.runs.require(run_id))

    def _name_of(self, run_id: str | None) -> str:
        """The name of the experiment of a run; "" for an unknown id."""
        if not run_id:
            return ""
        found = self.place.index.get(run_id)
        return "" if found is None else found.experiment.name

    @answered
    def get_run(self, run_id: str) -> Any:
        """A run with its data."""
        _validate_run_id(run_id)
        return self._run(self.runs.require(run_id))

    @answered
    def update_run_info(
        self, run_id: str, run_status: Any, end_time: int | None, run_name: str | None
    ) -> Any:
        """Change the status or the name of a run; a final status ends the run."""
        _validate_run_id(run_id)
        run = self._require_active_run(run_id)
        news: dict[str, Any] = {}
        if run_name:
            self.runs.write(run_id, {"run": {"name": run_name}, "tags": {MLFLOW_RUN_NAME: run_name}})
        status = None if run_status is None else RunStatus.to_string(run_status)
        if status in (RUNNING, SCHEDULED):
            if run.record.status.ended:
                news = {"again": status}
            elif status != run.facts.run.get("status", RUNNING):
                news = {"status": status}
        elif status is not None:
            if self.runs.writer(run_id) is not None:
                ended = self._run(self.runs.end(run_id, status, end_time or run.start)).info
                if self.place.shelf.things(REGISTERED):
                    for text in tag_making.settle(self.place):
                        _logger.warning("%s", text)
                return ended
            if status != self._run(run).info.status or end_time:
                news = {"again": status, "end": end_time or run.facts.run.get("end")}
        if news:
            self.runs.write(run_id, {"run": news})
        return self._run(self.runs.require(run_id)).info

    @answered
    def delete_run(self, run_id: str) -> None:
        """Put a run into the trash: gitexp's own, for thirty days."""
        _validate_run_id(run_id)
        self._require_active_run(run_id)
        self.runs.remove(run_id)

    @answered
    def restore_run(self, run_id: str) -> None:
        """Bring a run back from the trash."""
        _validate_run_id(run_id)
        if not self.runs.require(run_id).is_removed:
            raise invalid(f"The run {run_id} must be in the 'deleted' state. Current state is active.")
        self.runs.restore(run_id)

    # -- what is logged ---------------------------------------------------------------------------

    def log_metric(self, run_id: str, metric: Metric) -> None:
        """Log one value: a line into the folder of the run."""
        writer = self.place.writers.get(run_id)
        if writer is None or metric.model_id is not None or not writer.is_live:
            self.log_batch(run_id, [metric], [], [])
            return
        _validate_metric(metric.key, metric.value, metric.timestamp, metric.step)
        try:
            writer.log.series.log({metric.key: metric.value}, metric.step, metric.timestamp / 1000)
        except TypeError as error:
            raise invalid(str(error)) from error

    def log_param(self, run_id: str, param: Param) -> None:
        """Log one param."""
        self.log_batch(run_id, [], [param], [])

    def set_tag(self, run_id: str, tag: RunTag) -> None:
        """Set a tag; the tag with the run's name changes the name."""
        self.log_batch(run_id, [], [], [tag])

    @answered
    def delete_tag(self, run_id: str, key: str) -> None:
        """Take a tag away."""
        _validate_run_id(run_id)
        run = self._require_active_run(run_id)
        if key not in run.facts.tags:
            raise missing(f"No tag with name: {key} in run with id {run_id}")
        self.runs.write(run_id, {"tags": {key: None}})

    @answered
    def log_batch(self, run_id: str, metrics: Any, params: Any, tags: Any) -> None:
        """Log values, params and tags."""
        _validate_run_id(run_id)
        metrics, params, tags = _validate_batch_log_data(metrics, params, tags)
        _validate_batch_log_limits(metrics, params, tags)
        _validate_param_keys_unique(params)
        run = None if self._is_quick(run_id) else self._require_active_run(run_id)
        said: dict[str, Any] = {}
        if params:
            said["params"] = self._new_params(run_id, run, params)
        if tags:
            said["tags"] = _texts_of(tags)
            if MLFLOW_RUN_NAME in said["tags"]:
                said["run"] = {"name": said["tags"][MLFLOW_RUN_NAME]}
        said = {name: value for name, value in said.items() if value}
        points = _points(metrics)
        if points and run is not None and run.record.status.ended:
            said["last"] = _last_after(run, points)
        if said or points:
            self.runs.write(run_id, said, points)
        self._log_model_metrics(run_id, metrics)

    def _is_quick(self, run_id: str) -> bool:
        """Whether this process has a writer of the live run."""
        writer = self.place.writers.get(run_id)
        return writer is not None and writer.is_live

    def _new_params(self, run_id: str, run: IndexedRun | None, params: list[Param]) -> dict[str, str]:
        """The params not logged before. Raises MlflowException for a changed value."""
        writer = self.place.writers.get(run_id)
        if run is None and writer is not None:
            known = run_log_files.facts_in(writer.folder).params
        else:
            known = {} if run is None else run.facts.params
        new = {}
        for param in params:
            value = str(param.value)
            if known.get(param.key, value) != value:
                raise invalid(
                    f"Changing param values is not allowed. Param with key='{param.key}' was already logged "
                    f"with value='{known[param.key]}' for run ID='{run_id}'. Attempted logging new value "
                    f"'{value}'."
                )
            if param.key not in known:
                new[param.key] = value
        return new

    def _log_model_metrics(self, run_id: str, metrics: list[Metric]) -> None:
        """Write the metrics of a logged model to the model, too."""
        by_model: dict[str, list[Any]] = {}
        for metric in metrics:
            if getattr(metric, "model_id", None):
                said = entities.said_of_metric(metric, run_id)
                by_model.setdefault(metric.model_id, []).append(said)
        for model_id, found in by_model.items():
            self.models.write(model_id, {"metrics": found})

    @answered
    def log_inputs(self, run_id: str, datasets: Any = None, models: Any = None) -> None:
        """Record the datasets and models read by a run."""
        _validate_run_id(run_id)
        self._require_active_run(run_id)
        said = {}
        if datasets:
            said["datasets"] = [entities.said_of_dataset(each) for each in datasets]
        if models:
            said["reads"] = [each.model_id for each in models]
        if said:
            self.runs.write(run_id, said)

    @answered
    def log_outputs(self, run_id: str, models: Any) -> None:
        """Record the models made by a run."""
        _validate_run_id(run_id)
        self._require_active_run(run_id)
        if models:
            self.runs.write(run_id, {"outputs": {each.model_id: each.step for each in models}})

    @answered
    def record_logged_model(self, run_id: str, mlflow_model: Any) -> None:
        """Keep a model's description among the tags of its run, like MLflow 2."""
        run = self._require_active_run(run_id)
        before = json.loads(run.facts.tags.get(MLFLOW_LOGGED_MODELS, "[]"))
        text = json.dumps([*before, mlflow_model.get_tags_dict()])
        self.runs.write(run_id, {"tags": {MLFLOW_LOGGED_MODELS: text}})

    # -- looking for ------------------------------------------------------------------------------

    @answered
    def _search_runs(
        self,
        experiment_ids: list[str],
        filter_string: str | None,
        run_view_type: Any,
        max_results: int,
        order_by: list[str] | None,
        page_token: str | None,
    ) -> Any:
        """A page of runs, and the token of the next page."""
        if max_results > SEARCH_MAX_RESULTS_THRESHOLD:
            raise invalid(
                "Invalid value for request parameter max_results. It must be at most "
                f"{SEARCH_MAX_RESULTS_THRESHOLD}, but got value {max_results}"
            )
        wanted = set(map(str, experiment_ids))
        runs = [run for run in self.place.index.all() if run.experiment_id in wanted]
        search = RunSearch(self.place, self._run, self._values, run_view_type)
        page, token = search.page(runs, filter_string, order_by, page_token, max_results)
        # Values of their own: whoever asks may change them.
        return [self._run(run) for run in page], token

    @answered
    def get_metric_history(
        self, run_id: str, metric_key: str, max_results: int | None = None, page_token: str | None = None
    ) -> Any:
        """A page of all values of a metric of a run."""
        _validate_run_id(run_id)
        _validate_metric_name(metric_key)
        run = self.runs.require(run_id)
        found = []
        for point in self.runs.history(run, metric_key):
            time = round(point.time * 1000)
            found.append(Metric(metric_key, point.values[metric_key], time, point.step, run_id=run_id))
        if not found:  # gitexp's own metrics have no series
            found = [each for each in self._run(run).data._metric_objs if each.key == metric_key]
        if max_results is None:
            offset = SearchUtils.parse_start_offset_from_page_token(page_token)
            return PagedList(found[offset:], None)
        return PagedList(*SearchUtils.paginate(found, page_token, max_results))

    def get_metric_history_bulk(self, run_ids: list[str], metric_key: str, max_results: int) -> Any:
        """All values of a metric of several runs, at most so many."""
        found: list[MetricWithRunId] = []
        for run_id in sorted(run_ids):
            history = sorted(
                self.get_metric_history(run_id, metric_key),
                key=lambda metric: (metric.timestamp, metric.step, metric.value),
            )
            found += [MetricWithRunId(metric, run_id) for metric in history]
        return found[:max_results]

    @answered
    def _search_datasets(self, experiment_ids: list[str]) -> list[Any]:
        """The datasets read by the runs of some experiments."""
        wanted = set(map(str, experiment_ids))
        found: dict[tuple[str, str, str, str | None], None] = {}
        runs = [run for run in self.place.index.all() if run.experiment_id in wanted]
        self.place.index.load(runs)
        for run in runs:
            if not run.is_removed:
                for each in run.facts.datasets:
                    dataset, context = (
                        each.get("dataset", {}),
                        each.get("tags", {}).get(MLFLOW_DATASET_CONTEXT),
                    )
                    found[run.experiment_id, dataset.get("name"), dataset.get("digest"), context] = None
        return [DatasetSummary(*each) for each in list(found)[:1000]]

    # -- runs as MLflow's values ------------------------------------------------------------------

    def _run(self, run: IndexedRun) -> Any:
        return entities.run_of(run, self.place.artifacts_of("run", run.run_id), self.runs.last_values(run))

    def _require_active_run(self, run_id: str) -> IndexedRun:
        run = self.runs.require(run_id)
        if run.is_removed:
            raise invalid_state(
                f"The run {run_id} must be in the 'active' state. Current state is {LifecycleStage.DELETED}."
            )
        return run


def _texts_of(tags: Any) -> dict[str, str]:
    """The texts of tags by key; "" for no value. Raises MlflowException for an invalid key."""
    texts = {}
    for tag in tags:
        _validate_tag_name(tag.key)
        texts[tag.key] = ""
        if tag.value is not None:
            texts[tag.key] = str(tag.value)
    return texts


def _points(metrics: list[Metric]) -> list[MetricPoint]:
    """The values; values of a step and time stand together, unless a name comes twice."""
    points: list[MetricPoint] = []
    values: dict[str, float] = {}
    for metric in metrics:
        is_same = bool(points) and points[-1][:2] == (metric.step, metric.timestamp)
        if not is_same or metric.key in values:
            values = {}
            points.append(MetricPoint(metric.step, metric.timestamp, values))
        values[metric.key] = metric.value
    return points


def _last_after(run: IndexedRun, points: list[MetricPoint]) -> dict[str, list[Any]]:
    """The last values of metrics changed by further points."""
    last = {}
    for name, (step, time, value) in run.facts.last.items():
        last[name] = LastValue(step, time, float(value))
    before = dict(last)
    for point in points:
        run_log_files.take_in(last, LoggedPoint(point.step, point.time / 1000, dict(point.values)))
    return {name: value.as_json() for name, value in last.items() if before.get(name) != value}
