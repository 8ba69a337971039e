"""The tracking store for the scheme `gitexp`: MLflow's runs are experiments of the repository."""

from __future__ import annotations

from typing import Any

from mlflow.store.tracking.abstract_store import AbstractStore

from gitexp import errors
from gitexp.extras.integrations.mlflow import place
from gitexp.extras.integrations.mlflow.logged_models import LoggedModels
from gitexp.extras.integrations.mlflow.runs import Runs
from gitexp.extras.integrations.mlflow.stores.answers import translated
from gitexp.extras.integrations.mlflow.stores.model_store import ModelStore
from gitexp.extras.integrations.mlflow.stores.unkept import answering_for


@answering_for(AbstractStore)
class GitTrackingStore(ModelStore, AbstractStore):
    """MLflow's store of runs, experiments and logged models, for one repository.

    What gitexp does not keep, like traces, is empty when it is looked for, and an error when it is
    written: `unkept` says so.
    """

    def __init__(self, store_uri: str) -> None:
        super().__init__()
        try:
            self.place = place.at(store_uri)
        except (errors.GitexpError, OSError) as error:
            raise translated(error) from error
        self.runs = Runs(self.place)
        self.models = LoggedModels(self.place, self.runs)
        self._values = {}

    @property
    def artifact_root_uri(self) -> str:
        """Where artifacts stand: with their runs."""
        return self.place.artifacts_of("experiment", "0")

    def search_traces(self, *_: Any, **__: Any) -> Any:
        """No traces."""
        return [], None

    def link_traces_to_run(self, trace_ids: list[str], run_id: str) -> None:
        """Nothing: there are no traces."""

    def find_completed_sessions(self, *_: Any, **__: Any) -> Any:
        """No sessions."""
        return []

    def get_online_scoring_configs(self, scorer_ids: list[str]) -> Any:
        """No scorers."""
        return []

    def get_active_online_scorers(self) -> Any:
        """No scorers."""
        return []

    def list_scorers(self, experiment_id: str) -> Any:
        """No scorers."""
        return []

    def batch_get_traces(self, trace_ids: list[str], *_: Any, **__: Any) -> Any:
        """No traces."""
        return []

    def batch_get_trace_infos(self, trace_ids: list[str], *_: Any, **__: Any) -> Any:
        """No traces."""
        return []
