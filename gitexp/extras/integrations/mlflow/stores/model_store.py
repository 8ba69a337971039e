"""Logged models: what MLflow 3 knows of each model that was logged, with the run that logged it.

What is said of a model stands in the lines of its run, see `run_facts`; of a model that no run has logged
on the shelf.
"""

from __future__ import annotations

import uuid
from typing import Any

from mlflow.entities import LifecycleStage, LoggedModelStatus
from mlflow.store.entities.paged_list import PagedList
from mlflow.utils.name_utils import _generate_random_name
from mlflow.utils.search_utils import SearchLoggedModelsUtils
from mlflow.utils.time import get_current_time_millis
from mlflow.utils.validation import _validate_logged_model_name, _validate_param, _validate_tag_name

from gitexp.extras.integrations.mlflow.shelf import MODELS
from gitexp.extras.integrations.mlflow.stores import entities
from gitexp.extras.integrations.mlflow.stores.answers import answered, missing
from gitexp.extras.integrations.mlflow.stores.run_store import RunStore

_PAGE = 100


class ModelStore(RunStore):
    """The methods of a tracking store for logged models."""

    @answered
    def create_logged_model(
        self,
        experiment_id: str = "0",
        name: str | None = None,
        source_run_id: str | None = None,
        tags: Any = None,
        params: Any = None,
        model_type: str | None = None,
    ) -> Any:
        """A new logged model, not yet ready."""
        _validate_logged_model_name(name)
        experiment = self._require_active(experiment_id)
        for param in params or ():
            _validate_param(param.key, param.value)
        if source_run_id:
            self._require_active_run(source_run_id)
        now = get_current_time_millis()
        model_id = f"m-{uuid.uuid4().hex}"
        said = {
            "experiment": experiment.experiment_id,
            "name": name or _generate_random_name(),
            "created": now,
            "updated": now,
            "type": model_type,
            "status": LoggedModelStatus.PENDING.value,
            "tags": {tag.key: str(tag.value) for tag in tags or ()},
            "params": {param.key: str(param.value) for param in params or ()},
        }
        self.models.create(model_id, said, source_run_id or "")
        return self._require_model(model_id)

    @answered
    def log_logged_model_params(self, model_id: str, params: Any) -> None:
        """Say with which params a model was made."""
        for param in params or ():
            _validate_param(param.key, param.value)
        self.models.write(model_id, {"params": {param.key: str(param.value) for param in params or ()}})

    @answered
    def finalize_logged_model(self, model_id: str, status: Any) -> Any:
        """Say that a model is ready, or has failed."""
        value = LoggedModelStatus(status).value
        self.models.write(model_id, {"status": value, "updated": get_current_time_millis()})
        return self._require_model(model_id)

    @answered
    def set_logged_model_tags(self, model_id: str, tags: Any) -> None:
        """Set tags of a model."""
        for tag in tags:
            _validate_tag_name(tag.key)
        self.models.write(model_id, {"tags": {tag.key: str(tag.value) for tag in tags}})

    @answered
    def delete_logged_model_tag(self, model_id: str, key: str) -> None:
        """Take a tag of a model away."""
        _validate_tag_name(key)
        if key not in self._require_model(model_id).tags:
            raise missing(f"No tag with key {key!r} found for model with ID {model_id!r}.")
        self.models.write(model_id, {"tags": {key: None}})

    @answered
    def get_logged_model(self, model_id: str, allow_deleted: bool = False) -> Any:
        """The model of an id."""
        return self._require_model(model_id, allow_deleted=allow_deleted)

    @answered
    def delete_logged_model(self, model_id: str) -> None:
        """Mark a model as deleted; its files stay with its run."""
        self._require_model(model_id)
        news = {"lifecycle": LifecycleStage.DELETED, "updated": get_current_time_millis()}
        self.models.write(model_id, news)

    @answered
    def search_logged_models(
        self,
        experiment_ids: list[str],
        filter_string: str | None = None,
        datasets: Any = None,
        max_results: int | None = None,
        order_by: Any = None,
        page_token: str | None = None,
    ) -> Any:
        """A page of models."""
        wanted = set(map(str, experiment_ids))
        models = []
        for path, said in self.place.shelf.things(MODELS).items():
            model_id = path.removeprefix(MODELS).removesuffix(".json")
            if str(said.get("experiment")) in wanted and said.get("lifecycle") != LifecycleStage.DELETED:
                models.append(self._model(model_id, said, None))
        runs = self.place.index.all()
        self.place.index.load(runs)
        for run in runs:
            if run.is_removed:
                continue
            for model_id, said in run.facts.models.items():
                if str(said.get("experiment")) in wanted and said.get("lifecycle") != LifecycleStage.DELETED:
                    models.append(self._model(model_id, said, run.run_id))
        found = SearchLoggedModelsUtils.filter_logged_models(models, filter_string, datasets)
        found = SearchLoggedModelsUtils.sort(found, order_by)
        return PagedList(*SearchLoggedModelsUtils.paginate(found, page_token, max_results or _PAGE))

    # -- what is kept -----------------------------------------------------------------------------

    def _require_model(self, model_id: str, *, allow_deleted: bool = False) -> Any:
        said, run_id = self.models.require(model_id)
        if said.get("lifecycle") == LifecycleStage.DELETED and not allow_deleted:
            raise missing(f"Model '{model_id}' not found")
        return self._model(model_id, said, run_id or None)

    def _model(self, model_id: str, said: dict[str, Any], run_id: str | None) -> Any:
        return entities.model_of(model_id, said, self.place.artifacts_of("model", model_id), run_id)
