"""What an export asks of a server or a database of MLflow's, and the way of a run there."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import TypeVar

from gitexp import errors
from gitexp.extras.integrations.mlflow.exported_names import STATE
from gitexp.extras.integrations.mlflow.exporting.exported_run import MetricValue, MlflowRun, RunFile
from gitexp.extras.integrations.mlflow.exporting.runs_place import KnownRun, RunsPlace
from gitexp.failpoints import failpoint
from gitexp.named_tuple import NamedTuple

_METRICS, _PARAMS, _TAGS = 1000, 100, 100  # the most in a batch, by MLflow's limits
_Any = TypeVar("_Any")


class FoundExperiment(NamedTuple):
    """An experiment of MLflow's."""

    id: str
    is_deleted: bool


class MadeRun(NamedTuple):
    """A new run, and the URI of its files."""

    id: str
    artifact_uri: str


class RunsApi(ABC):
    """The calls of an export. All raise GitexpError for a refusal, and if no server can be reached."""

    @abstractmethod
    def experiment(self, name: str) -> FoundExperiment | None:
        """The experiment of a name; None for none."""

    @abstractmethod
    def make_experiment(self, name: str) -> str:
        """The id of a new experiment."""

    @abstractmethod
    def exported(self, experiment_id: str) -> Iterator[tuple[str, KnownRun]]:
        """Yield the runs of earlier exports, each with the id of its experiment in gitexp."""

    @abstractmethod
    def make_run(self, experiment_id: str, run: MlflowRun) -> MadeRun:
        """Begin a run, with the tag `gitexp.id` alone."""

    @abstractmethod
    def log(
        self,
        run_id: str,
        *,
        metrics: Iterable[MetricValue] = (),
        params: Mapping[str, str] | None = None,
        tags: Mapping[str, str] | None = None,
    ) -> None:
        """Log one batch."""

    @abstractmethod
    def end(self, run_id: str, run: MlflowRun) -> None:
        """Set the status, the time of the end and the name."""

    @abstractmethod
    def delete(self, run_id: str) -> None:
        """Delete a run, in MLflow's way: its trash."""

    @abstractmethod
    def no_files(self, artifact_uri: str) -> str | None:
        """Why no file can be put there; None if files can be put."""

    @abstractmethod
    def put_file(self, artifact_uri: str, file: RunFile) -> str | None:
        """Put a file; why that is not possible, or None."""


class ApiRuns(RunsPlace):
    """The runs of one experiment of MLflow's."""

    def __init__(self, api: RunsApi, experiment: str) -> None:
        self._api = api
        self._name = experiment
        self._experiment_id = ""

    def known(self) -> Mapping[str, KnownRun]:
        found = self._find()
        return dict(self._api.exported(found)) if found else {}

    def put(self, run: MlflowRun, earlier: KnownRun | None) -> str:
        if earlier is not None and not earlier.state:  # an export was killed: its run is made anew
            self._api.delete(earlier.run_id)
            earlier = None
        tags = run.tags()
        state = tags.pop(STATE)
        if earlier is None:
            made = self._api.make_run(self._experiment(), run)
            run_id = made.id
            failpoint("export:mlflow-begun")
            for params in _batches(run.params().items(), _PARAMS):
                self._api.log(run_id, params=dict(params))
            for metrics in _batches(_values(run), _METRICS):
                self._api.log(run_id, metrics=metrics)
            self._put_files(run, made.artifact_uri)
        else:
            run_id = earlier.run_id
        for batch in _batches(tags.items(), _TAGS):
            self._api.log(run_id, tags=dict(batch))
        self._api.end(run_id, run)
        self._api.log(run_id, tags={STATE: state})
        failpoint("export:mlflow-put")
        return run_id

    def _find(self) -> str:
        """The id of the experiment; "" for none. Raises UsageError for a deleted one."""
        found = self._api.experiment(self._name)
        if found is not None and found.is_deleted:
            raise errors.UsageError(
                f"The experiment {self._name} is deleted in MLflow.",
                "Restore it there, or name another one: MLFLOW_EXPERIMENT_NAME=NAME in the environment",
            )
        return "" if found is None else found.id

    def _experiment(self) -> str:
        """The id of the experiment, made if need be."""
        if not self._experiment_id:
            self._experiment_id = self._find() or self._api.make_experiment(self._name)
        return self._experiment_id

    def _put_files(self, run: MlflowRun, artifact_uri: str) -> None:
        if (why := self._api.no_files(artifact_uri)) is not None:
            run.files_left_out(why)
            return
        for file in run.files():
            if (why := self._api.put_file(artifact_uri, file)) is not None:
                run.file_left_out(file.name, why)


def _values(run: MlflowRun) -> Iterator[MetricValue]:
    for _, values in run.metrics():
        yield from values


def _batches(values: Iterable[_Any], most: int) -> Iterator[list[_Any]]:
    rest = iter(values)
    while batch := list(islice(rest, most)):
        yield batch
