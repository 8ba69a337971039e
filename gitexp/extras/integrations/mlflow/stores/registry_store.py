"""The registry for the scheme `gitexp`: registered models; `version_store` has their versions."""

from __future__ import annotations

from typing import Any

from mlflow.entities.model_registry import RegisteredModel
from mlflow.exceptions import MlflowException
from mlflow.prompt.registry_utils import (
    add_prompt_filter_string,
    handle_resource_already_exist_error,
    has_prompt_tag,
)
from mlflow.protos import databricks_pb2
from mlflow.store.model_registry.abstract_store import AbstractStore
from mlflow.utils.search_utils import SearchModelUtils
from mlflow.utils.time import get_current_time_millis
from mlflow.utils.validation import _validate_model_name, _validate_registered_model_tag

from gitexp import errors
from gitexp.extras.integrations.mlflow import place as places
from gitexp.extras.integrations.mlflow import tag_making
from gitexp.extras.integrations.mlflow.shelf import Changes, Things, registered_path
from gitexp.extras.integrations.mlflow.stores.answers import answered, translated
from gitexp.extras.integrations.mlflow.stores.registry_things import check_page, page_of
from gitexp.extras.integrations.mlflow.stores.unkept import answering_for
from gitexp.extras.integrations.mlflow.stores.version_store import VersionStore
from gitexp.extras.integrations.mlflow.tagged_models import COMMIT, TAG, joined


@answering_for(AbstractStore)
class GitRegistryStore(VersionStore, AbstractStore):
    """MLflow's registry of models, for one repository: a JSON file for each registered model."""

    def __init__(self, store_uri: str) -> None:
        super().__init__(store_uri, store_uri)
        try:
            self._open(places.at(store_uri))
        except (errors.GitexpError, OSError) as error:
            raise translated(error) from error

    @answered
    def create_registered_model(
        self, name: str, tags: Any = None, description: str | None = None, deployment_job_id: Any = None
    ) -> RegisteredModel:
        """A new registered model, without versions."""
        _validate_model_name(name)
        for tag in tags or ():
            _validate_registered_model_tag(tag.key, tag.value)
        before = self._thing(name)
        if before is not None:
            handle_resource_already_exist_error(
                name,
                has_prompt_tag(before["tags"]),
                has_prompt_tag({tag.key: tag.value for tag in tags or ()}),
            )
        now = get_current_time_millis()
        thing = {
            "name": name,
            "created": now,
            "updated": now,
            "description": description,
            "aliases": {},
            "tags": {tag.key: str(tag.value) for tag in tags or ()},
            "versions": {},
        }

        def make(things: Things) -> Changes:
            if registered_path(name) in joined(self.place.project, things):
                handle_resource_already_exist_error(name, False, False)
            return {registered_path(name): thing}

        self.place.shelf.change(make, f"register {name}")
        return self._registered(thing)

    @answered
    def update_registered_model(
        self, name: str, description: str | None, deployment_job_id: Any = None
    ) -> RegisteredModel:
        """Change the description of a registered model."""
        return self._registered(
            self._change(name, "describe", lambda thing: thing.update(description=description))
        )

    @answered
    def rename_registered_model(self, name: str, new_name: str) -> RegisteredModel:
        """Give a registered model another name."""
        _validate_model_name(new_name)
        before = self._require(name)

        def make(things: Things) -> Changes:
            known = joined(self.place.project, things)
            if registered_path(new_name) in known:
                raise MlflowException(
                    f"Registered Model (name={new_name}) already exists.",
                    databricks_pb2.RESOURCE_ALREADY_EXISTS,
                )
            thing = {**known[registered_path(name)], "name": new_name, "updated": get_current_time_millis()}
            thing["versions"] = {number: _untagged(found) for number, found in thing["versions"].items()}
            changes: dict[str, Any] = {registered_path(new_name): thing}
            if registered_path(name) in things:
                changes[registered_path(name)] = None
            return changes

        self.place.shelf.change(make, f"rename {name}")
        self._take_back(before)
        self._tell(tag_making.settle(self.place, new_name))
        return self._registered(self._require(new_name))

    @answered
    def delete_registered_model(self, name: str) -> None:
        """Delete a registered model; the runs of its versions stay."""
        before = self._require(name)

        def make(things: Things) -> Changes:
            if registered_path(name) not in things:
                return {}
            return {registered_path(name): None}

        self.place.shelf.change(make, f"delete {name}")
        self._take_back(before)

    def _take_back(self, thing: dict[str, Any]) -> None:
        """Take the versions back that have tags."""
        for version in thing["versions"].values():
            if version.get(TAG):
                self._tell(tag_making.taken_back(self.place, thing["name"], version[TAG]))

    @answered
    def search_registered_models(
        self,
        filter_string: str | None = None,
        max_results: Any = 100,
        order_by: list[str] | None = None,
        page_token: str | None = None,
    ) -> Any:
        """A page of registered models."""
        check_page(max_results)
        filter_string = add_prompt_filter_string(filter_string, is_prompt=False)
        found = [self._registered(thing) for thing in self._things().values()]
        found = SearchModelUtils.sort(SearchModelUtils.filter(found, filter_string), order_by)
        return page_of(found, page_token, max_results)

    @answered
    def get_registered_model(self, name: str) -> RegisteredModel:
        """The registered model of a name."""
        return self._registered(self._require(name))

    @answered
    def set_registered_model_tag(self, name: str, tag: Any) -> None:
        """Set a tag of a registered model."""
        _validate_registered_model_tag(tag.key, tag.value)
        self._change(name, "tag", lambda thing: thing["tags"].update({tag.key: str(tag.value)}))

    @answered
    def delete_registered_model_tag(self, name: str, key: str) -> None:
        """Take a tag of a registered model away."""
        self._change(name, "tag", lambda thing: thing["tags"].pop(key, None))


def _untagged(version: dict[str, Any]) -> dict[str, Any]:
    """A version without its tag, for a model of another name."""
    return {key: value for key, value in version.items() if key not in (TAG, COMMIT, tag_making.UNTAGGED)}
