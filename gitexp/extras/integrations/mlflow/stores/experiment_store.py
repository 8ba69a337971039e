"""MLflow's experiments: groups of runs with an id, a name and tags. They stand on the shelf."""

from __future__ import annotations

import uuid
from typing import Any

from mlflow.entities import Experiment, ExperimentTag, LifecycleStage, ViewType
from mlflow.exceptions import MlflowException
from mlflow.protos import databricks_pb2
from mlflow.store.entities.paged_list import PagedList
from mlflow.store.tracking import SEARCH_MAX_RESULTS_DEFAULT, SEARCH_MAX_RESULTS_THRESHOLD
from mlflow.utils.search_utils import SearchExperimentsUtils, SearchUtils
from mlflow.utils.time import get_current_time_millis
from mlflow.utils.validation import (
    _validate_experiment_id,
    _validate_experiment_name,
    _validate_experiment_tag,
)

from gitexp.extras.integrations.mlflow.place import OpenedRepository
from gitexp.extras.integrations.mlflow.run_index import DEFAULT_EXPERIMENT
from gitexp.extras.integrations.mlflow.shelf import EXPERIMENTS, Changes, Things
from gitexp.extras.integrations.mlflow.stores.answers import answered, invalid, invalid_state, missing

_DEFAULT: dict[str, Any] = {"name": "Default", "lifecycle": LifecycleStage.ACTIVE}


class ExperimentStore:
    """The methods of a tracking store for experiments."""

    place: OpenedRepository

    @answered
    def search_experiments(
        self,
        view_type: Any = ViewType.ACTIVE_ONLY,
        max_results: Any = SEARCH_MAX_RESULTS_DEFAULT,
        filter_string: str | None = None,
        order_by: list[str] | None = None,
        page_token: str | None = None,
    ) -> Any:
        """A page of experiments."""
        if not isinstance(max_results, int) or not 1 <= max_results <= SEARCH_MAX_RESULTS_THRESHOLD:
            raise invalid(
                f"Invalid value {max_results} for parameter 'max_results' supplied. It must be a positive "
                f"integer, and at most {SEARCH_MAX_RESULTS_THRESHOLD}"
            )
        found = []
        for experiment_id in self._experiments():
            experiment = self._experiment(experiment_id)
            if experiment and LifecycleStage.matches_view_type(view_type, experiment.lifecycle_stage):
                found.append(experiment)
        found = SearchExperimentsUtils.filter(found, filter_string)
        found = SearchExperimentsUtils.sort(found, order_by or ["creation_time DESC", "experiment_id ASC"])
        return PagedList(*SearchUtils.paginate(found, page_token, max_results))

    @answered
    def create_experiment(
        self, name: str, artifact_location: str | None = None, tags: list[ExperimentTag] | None = None
    ) -> str:
        """Create an experiment, and give its id. Its artifacts stand with its runs, wherever that is."""
        _validate_experiment_name(name)
        if artifact_location:
            raise invalid(
                "Artifacts stand in the repository, with their runs: create the experiment without an "
                "artifact_location. Large files go into gitexp's store: gitexp data push sends them."
            )
        experiment_id = str(uuid.uuid4().int)[:18]
        now = get_current_time_millis()
        texts = {tag.key: str(tag.value) for tag in tags or ()}
        for key, value in texts.items():
            _validate_experiment_tag(key, value)
        thing = {
            "name": name,
            "lifecycle": LifecycleStage.ACTIVE,
            "tags": texts,
            "created": now,
            "updated": now,
        }

        def make(things: Things) -> Changes:
            self._require_free(things, name)
            return {f"{EXPERIMENTS}{experiment_id}.json": thing}

        self.place.shelf.change(make, f"create experiment {name}")
        return experiment_id

    @answered
    def get_experiment(self, experiment_id: str) -> Experiment:
        """The experiment of an id, deleted ones too."""
        return self._require_experiment(experiment_id)

    @answered
    def get_experiment_by_name(self, experiment_name: str) -> Experiment | None:
        """The experiment of a name, deleted ones too; None if none exists."""
        for experiment_id, thing in self._experiments().items():
            if thing["name"] == experiment_name:
                return self._experiment(experiment_id)
        return None

    @answered
    def delete_experiment(self, experiment_id: str) -> None:
        """Mark an experiment, and so its runs, as deleted."""
        if str(experiment_id) == DEFAULT_EXPERIMENT:
            raise invalid("The default experiment, with id '0', cannot be deleted.")
        experiment = self._require_experiment(experiment_id)
        if experiment.lifecycle_stage != LifecycleStage.ACTIVE:
            raise missing(f"Could not find experiment with ID {experiment_id}")
        self._change(experiment_id, "delete", {"lifecycle": LifecycleStage.DELETED})

    @answered
    def restore_experiment(self, experiment_id: str) -> None:
        """Take the mark back."""
        experiment = self._require_experiment(experiment_id)
        if experiment.lifecycle_stage != LifecycleStage.DELETED:
            raise missing(f"Could not find deleted experiment with ID {experiment_id}")
        self._change(experiment_id, "restore", {"lifecycle": LifecycleStage.ACTIVE})

    @answered
    def rename_experiment(self, experiment_id: str, new_name: str) -> None:
        """Give an experiment another name."""
        _validate_experiment_name(new_name)
        self._require_active(experiment_id)
        self._change(experiment_id, "rename", {"name": new_name})

    @answered
    def set_experiment_tag(self, experiment_id: str, tag: ExperimentTag) -> None:
        """Set a tag of an experiment."""
        _validate_experiment_tag(tag.key, tag.value)
        self._require_active(experiment_id)
        tags = {**self._experiments()[str(experiment_id)].get("tags", {}), tag.key: str(tag.value)}
        self._change(experiment_id, "tag", {"tags": tags})

    @answered
    def delete_experiment_tag(self, experiment_id: str, key: str) -> None:
        """Take a tag of an experiment away."""
        self._require_active(experiment_id)
        tags = dict(self._experiments()[str(experiment_id)].get("tags", {}))
        if key not in tags:
            raise missing(f"No tag with name: {key} in experiment with id {experiment_id}")
        del tags[key]
        self._change(experiment_id, "tag", {"tags": tags})

    # -- what is there ----------------------------------------------------------------------------

    def _experiments(self) -> dict[str, dict[str, Any]]:
        """All experiments by id: the default one, those on the shelf, and those that only runs know."""
        found: dict[str, dict[str, Any]] = {DEFAULT_EXPERIMENT: _DEFAULT}
        for path, thing in self.place.shelf.things(EXPERIMENTS).items():
            found[path.removeprefix(EXPERIMENTS).removesuffix(".json")] = thing
        for run in self.place.index.known():  # pulled with its run alone, from another clone
            if run.experiment_id not in found:
                name = run.record.mlflow.get("experiment_name") or f"experiment {run.experiment_id}"
                found[run.experiment_id] = {"name": name, "lifecycle": LifecycleStage.ACTIVE}
        return found

    def _experiment(self, experiment_id: str) -> Experiment | None:
        thing = self._experiments().get(str(experiment_id))
        if thing is None:
            return None
        return Experiment(
            experiment_id=str(experiment_id),
            name=thing["name"],
            artifact_location=self.place.artifacts_of("experiment", str(experiment_id)),
            lifecycle_stage=thing["lifecycle"],
            tags=[ExperimentTag(key, value) for key, value in thing.get("tags", {}).items()],
            creation_time=thing.get("created"),
            last_update_time=thing.get("updated"),
        )

    def _require_experiment(self, experiment_id: str) -> Experiment:
        experiment_id = DEFAULT_EXPERIMENT if experiment_id is None else str(experiment_id)
        _validate_experiment_id(experiment_id)
        found = self._experiment(experiment_id)
        if found is None:
            raise missing(f"No Experiment with id={experiment_id} exists")
        return found

    def _require_active(self, experiment_id: str) -> Experiment:
        experiment = self._require_experiment(experiment_id)
        if experiment.lifecycle_stage != LifecycleStage.ACTIVE:
            raise invalid_state(
                f"The experiment {experiment.experiment_id} must be in the 'active' lifecycle_stage."
            )
        return experiment

    def _change(self, experiment_id: str, verb: str, fields: dict[str, Any]) -> None:
        known = self._experiments()[str(experiment_id)]
        path = f"{EXPERIMENTS}{experiment_id}.json"

        def make(things: Things) -> Changes:
            if "name" in fields:
                self._require_free(things, fields["name"], but=path)
            before = things.get(path, known)
            return {path: {**before, **fields, "updated": get_current_time_millis()}}

        self.place.shelf.change(make, f"{verb} experiment {known['name']}")

    def _require_free(self, things: Things, name: str, but: str = "") -> None:
        taken = {DEFAULT_EXPERIMENT: _DEFAULT, **self._experiments(), **things}
        for key, thing in taken.items():
            if thing.get("name") == name and f"{EXPERIMENTS}{key}.json" != but and key != but:
                if not key.startswith(EXPERIMENTS) and not key.isdigit():
                    continue  # something else on the shelf
                state = "deleted " if thing["lifecycle"] == LifecycleStage.DELETED else ""
                raise MlflowException(
                    f"Experiment(name={name}) already exists: a {state}experiment has this name.",
                    databricks_pb2.RESOURCE_ALREADY_EXISTS,
                )
