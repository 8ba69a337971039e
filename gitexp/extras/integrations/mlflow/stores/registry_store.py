"""The registry for the scheme `gitexp`: registered models, their versions and aliases, on the shelf."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable
from typing import Any

from mlflow.entities.model_registry import (
    ModelVersion,
    ModelVersionTag,
    RegisteredModel,
    RegisteredModelAlias,
    RegisteredModelTag,
)
from mlflow.entities.model_registry.model_version import ModelParam
from mlflow.entities.model_registry.model_version_stages import (
    ALL_STAGES,
    DEFAULT_STAGES_FOR_GET_LATEST_VERSIONS,
    STAGE_ARCHIVED,
    STAGE_NONE,
    get_canonical_stage,
)
from mlflow.exceptions import MlflowException
from mlflow.prompt.registry_utils import (
    add_prompt_filter_string,
    handle_resource_already_exist_error,
    has_prompt_tag,
)
from mlflow.protos import databricks_pb2
from mlflow.store.artifact.utils.models import _parse_model_uri
from mlflow.store.entities.paged_list import PagedList
from mlflow.store.model_registry.abstract_store import AbstractStore
from mlflow.utils.search_utils import SearchModelUtils, SearchModelVersionUtils, SearchUtils
from mlflow.utils.time import get_current_time_millis
from mlflow.utils.validation import (
    _validate_model_alias_name,
    _validate_model_name,
    _validate_model_version,
    _validate_model_version_tag,
    _validate_registered_model_tag,
)

from gitexp import errors
from gitexp.extras.integrations.mlflow import place as places
from gitexp.extras.integrations.mlflow.runs import Runs
from gitexp.extras.integrations.mlflow.shelf import ALIASES_SET, REGISTERED, Changes, Things, registered_path
from gitexp.extras.integrations.mlflow.stores.answers import answered, invalid, missing, translated
from gitexp.extras.integrations.mlflow.stores.model_store import ModelStore
from gitexp.extras.integrations.mlflow.stores.unkept import answering_for

_LATEST = "latest"  # an alias that nobody sets
_RESERVED = re.compile(r"latest|v[0-9]+", re.IGNORECASE)
_MOST = 200_000  # in one page
_OURS = re.compile(r"gitexp:/.*/\.gitexp/(run|model)/([^/]+)/artifacts(/.*)?")
_ORDER = ("last_updated_timestamp DESC", "name ASC", "version_number DESC")


class _Models(ModelStore):
    """Logged models, for the versions made of them."""

    def __init__(self, place: places.OpenedRepository) -> None:
        self.place, self.runs, self._values = place, Runs(place), {}


@answering_for(AbstractStore)
class GitRegistryStore(AbstractStore):
    """MLflow's registry of models, for one repository: a JSON file for each registered model."""

    def __init__(self, store_uri: str) -> None:
        super().__init__(store_uri, store_uri)
        try:
            self.place = places.at(store_uri)
        except (errors.GitexpError, OSError) as error:
            raise translated(error) from error
        self._models = _Models(self.place)

    # -- registered models ------------------------------------------------------------------------

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
            if registered_path(name) in things:
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
        self._require(name)

        def make(things: Things) -> Changes:
            if registered_path(new_name) in things:
                raise MlflowException(
                    f"Registered Model (name={new_name}) already exists.",
                    databricks_pb2.RESOURCE_ALREADY_EXISTS,
                )
            thing = {**things[registered_path(name)], "name": new_name, "updated": get_current_time_millis()}
            return {registered_path(name): None, registered_path(new_name): thing}

        self.place.shelf.change(make, f"rename {name}")
        return self._registered(self._require(new_name))

    @answered
    def delete_registered_model(self, name: str) -> None:
        """Delete a registered model; the runs of its versions stay."""
        self._require(name)
        self.place.shelf.change(lambda things: {registered_path(name): None}, f"delete {name}")

    @answered
    def search_registered_models(
        self,
        filter_string: str | None = None,
        max_results: Any = 100,
        order_by: list[str] | None = None,
        page_token: str | None = None,
    ) -> Any:
        """A page of registered models."""
        _check_page(max_results)
        filter_string = add_prompt_filter_string(filter_string, is_prompt=False)
        found = [self._registered(thing) for thing in self.place.shelf.things(REGISTERED).values()]
        found = SearchModelUtils.sort(SearchModelUtils.filter(found, filter_string), order_by)
        return _page(found, page_token, max_results)

    @answered
    def get_registered_model(self, name: str) -> RegisteredModel:
        """The registered model of a name."""
        return self._registered(self._require(name))

    @answered
    def get_latest_versions(self, name: str, stages: list[str] | None = None) -> list[ModelVersion]:
        """The latest version of each stage."""
        thing = self._require(name)
        return _latest(self._versions(thing), stages)

    @answered
    def set_registered_model_tag(self, name: str, tag: Any) -> None:
        """Set a tag of a registered model."""
        _validate_registered_model_tag(tag.key, tag.value)
        self._change(name, "tag", lambda thing: thing["tags"].update({tag.key: str(tag.value)}))

    @answered
    def delete_registered_model_tag(self, name: str, key: str) -> None:
        """Take a tag of a registered model away."""
        self._change(name, "tag", lambda thing: thing["tags"].pop(key, None))

    # -- versions ---------------------------------------------------------------------------------

    @answered
    def create_model_version(
        self,
        name: str,
        source: str,
        run_id: str | None = None,
        tags: Any = None,
        run_link: str | None = None,
        description: str | None = None,
        local_model_path: str | None = None,
        model_id: str | None = None,
    ) -> ModelVersion:
        """A new version of a registered model."""
        _validate_model_name(name)
        for tag in tags or ():
            _validate_model_version_tag(tag.key, tag.value)
        location = source
        if source.startswith("models:"):
            location, run_id = self._location(source, run_id)
        if model_id and not run_id:
            run_id = self._models.get_logged_model(model_id).source_run_id
        now = get_current_time_millis()
        number = 0

        def add(thing: dict[str, Any]) -> None:
            nonlocal number
            number = 1 + max(map(int, thing["versions"]), default=0)
            thing["versions"][str(number)] = {
                "created": now,
                "updated": now,
                "description": description,
                "stage": STAGE_NONE,
                "source": source,
                "location": location,
                "run": run_id,
                "link": run_link,
                "model": model_id,
                "tags": {tag.key: str(tag.value) for tag in tags or ()},
            }

        thing = self._change(name, "add a version of", add)
        return self._version(thing, str(number))

    def _location(self, source: str, run_id: str | None) -> tuple[str, str | None]:
        """Where the files of `models:/…` stand, and the run that made them."""
        parsed = _parse_model_uri(source)
        if parsed.model_id is not None:
            model = self._models.get_logged_model(parsed.model_id)
            return model.artifact_location, run_id or model.source_run_id
        return self.get_model_version_download_uri(parsed.name, parsed.version), run_id

    @answered
    def update_model_version(self, name: str, version: Any, description: str | None) -> ModelVersion:
        """Change the description of a version."""
        change = {"description": description}
        return self._change_version(name, version, "describe", lambda found: found.update(change))

    @answered
    def transition_model_version_stage(
        self, name: str, version: Any, stage: str, archive_existing_versions: bool
    ) -> ModelVersion:
        """Bring a version to a stage."""
        wanted = get_canonical_stage(stage)
        if archive_existing_versions and wanted not in DEFAULT_STAGES_FOR_GET_LATEST_VERSIONS:
            raise invalid(
                f"Model version transition cannot archive existing model versions because '{stage}' is not "
                f"an Active stage. Valid stages are {DEFAULT_STAGES_FOR_GET_LATEST_VERSIONS}"
            )
        self._require_version(name, version)

        def move(thing: dict[str, Any]) -> None:
            for number, found in thing["versions"].items():
                if number == str(version):
                    found["stage"] = wanted
                elif archive_existing_versions and found["stage"] == wanted:
                    found["stage"] = STAGE_ARCHIVED

        return self._version(self._change(name, f"{stage} for", move), str(version))

    @answered
    def delete_model_version(self, name: str, version: Any) -> None:
        """Delete a version, and the aliases that lead to it."""
        self._require_version(name, version)

        def drop(thing: dict[str, Any]) -> None:
            del thing["versions"][str(version)]
            for alias in [each for each, number in thing["aliases"].items() if number == str(version)]:
                _set_alias(thing, alias, None)

        self._change(name, "delete a version of", drop)

    @answered
    def get_model_version(self, name: str, version: Any) -> ModelVersion:
        """The version of a number."""
        return self._version(self._require_version(name, version), str(version))

    @answered
    def get_model_version_download_uri(self, name: str, version: Any) -> str:
        """Where the files of a version stand."""
        found = self._require_version(name, version)["versions"][str(version)]
        return self._here(found["location"] or found["source"])

    @answered
    def search_model_versions(
        self,
        filter_string: str | None = None,
        max_results: Any = 10_000,
        order_by: list[str] | None = None,
        page_token: str | None = None,
    ) -> Any:
        """A page of versions of all registered models."""
        _check_page(max_results)
        filter_string = add_prompt_filter_string(filter_string, is_prompt=False)
        found: list[ModelVersion] = []
        for thing in self.place.shelf.things(REGISTERED).values():
            found += self._versions(thing)
        found = SearchModelVersionUtils.filter(found, filter_string)
        found = SearchModelVersionUtils.sort(found, order_by or [*_ORDER])
        return _page(found, page_token, max_results)

    @answered
    def set_model_version_tag(self, name: str, version: Any, tag: Any) -> None:
        """Set a tag of a version."""
        _validate_model_version_tag(tag.key, tag.value)
        new = {tag.key: str(tag.value)}
        self._change_version(name, version, "tag", lambda found: found["tags"].update(new))

    @answered
    def delete_model_version_tag(self, name: str, version: Any, key: str) -> None:
        """Take a tag of a version away."""
        self._change_version(name, version, "tag", lambda found: found["tags"].pop(key, None))

    # -- aliases ----------------------------------------------------------------------------------

    @answered
    def set_registered_model_alias(self, name: str, alias: str, version: Any) -> None:
        """Have an alias lead to a version."""
        _validate_model_alias_name(alias)
        if _RESERVED.fullmatch(alias):
            raise invalid(f"'{alias}' is reserved: it means the latest version, or the one of that number.")
        self._require_version(name, version)
        self._change(name, f"{alias} for", lambda thing: _set_alias(thing, alias, str(version)))

    @answered
    def delete_registered_model_alias(self, name: str, alias: str) -> None:
        """Take an alias away."""
        self._change(name, "delete an alias of", lambda thing: _set_alias(thing, alias, None))

    @answered
    def get_model_version_by_alias(self, name: str, alias: str) -> ModelVersion:
        """The version that an alias leads to; `latest` is the highest one."""
        thing = self._require(name)
        number = thing["aliases"].get(alias)
        if alias.lower() == _LATEST and thing["versions"]:
            number = max(thing["versions"], key=int)
        if number is None:
            raise invalid(f"Registered model alias {alias} not found.")
        return self._version(self._require_version(name, number), number)

    def _await_model_version_creation(self, mv: ModelVersion, await_creation_for: int) -> None:
        """Nothing to wait for: a version is there when it is made."""

    # -- what is kept -----------------------------------------------------------------------------

    def _thing(self, name: str) -> dict[str, Any] | None:
        _validate_model_name(name)
        return self.place.shelf.things(REGISTERED).get(registered_path(name))

    def _require(self, name: str) -> dict[str, Any]:
        found = self._thing(name)
        if found is None:
            raise missing(f"Registered Model with name={name} not found")
        return found

    def _require_version(self, name: str, version: Any) -> dict[str, Any]:
        number = _validate_model_version(version)
        thing = self._require(name)
        if str(version if number is None else number) not in thing["versions"]:
            raise missing(f"Model Version (name={name}, version={version}) not found")
        return thing

    def _change(self, name: str, verb: str, change: Callable[[dict[str, Any]], object]) -> dict[str, Any]:
        """A registered model after a change of a copy of it."""
        self._require(name)
        after: dict[str, Any] = {}

        def make(things: Things) -> Changes:
            nonlocal after
            if registered_path(name) not in things:
                raise missing(f"Registered Model with name={name} not found")
            after = _deep_copy(things[registered_path(name)])
            change(after)
            after["updated"] = get_current_time_millis()
            return {registered_path(name): after}

        self.place.shelf.change(make, f"{verb} {name}")
        return after

    def _change_version(
        self, name: str, version: Any, verb: str, change: Callable[[dict[str, Any]], object]
    ) -> ModelVersion:
        self._require_version(name, version)

        def both(thing: dict[str, Any]) -> None:
            found = thing["versions"][str(version)]
            change(found)
            found["updated"] = get_current_time_millis()

        return self._version(self._change(name, verb, both), str(version))

    def _registered(self, thing: dict[str, Any]) -> RegisteredModel:
        return RegisteredModel(
            name=thing["name"],
            creation_timestamp=thing["created"],
            last_updated_timestamp=thing["updated"],
            description=thing["description"],
            latest_versions=_latest(self._versions(thing), None),
            tags=[RegisteredModelTag(key, value) for key, value in thing["tags"].items()],
            aliases=[RegisteredModelAlias(alias, number) for alias, number in thing["aliases"].items()],
        )

    def _versions(self, thing: dict[str, Any]) -> list[ModelVersion]:
        return [self._version(thing, number) for number in thing["versions"]]

    def _version(self, thing: dict[str, Any], number: str) -> ModelVersion:
        found = thing["versions"][number]
        metrics, params = None, None
        if found["model"]:
            with contextlib.suppress(MlflowException):  # its run is not here
                model = self._models.get_logged_model(found["model"])
                metrics = model.metrics
                params = [ModelParam(name, value) for name, value in model.params.items()]
        return ModelVersion(
            name=thing["name"],
            version=number,
            creation_timestamp=found["created"],
            last_updated_timestamp=found["updated"],
            description=found["description"],
            current_stage=found["stage"],
            source=self._here(found["source"]),
            run_id=found["run"],
            run_link=found["link"],
            tags=[ModelVersionTag(key, value) for key, value in found["tags"].items()],
            aliases=[alias for alias, of in thing["aliases"].items() if of == number],
            model_id=found["model"],
            metrics=metrics,
            params=params,
        )

    def _here(self, uri: str) -> str:
        """An URI of artifacts in this clone, wherever the one was that wrote it."""
        match = _OURS.fullmatch(uri or "")
        if match is None:
            return uri
        return self.place.artifacts_of(match[1], match[2]) + (match[3] or "")


def _set_alias(thing: dict[str, Any], alias: str, number: str | None) -> None:
    """Have an alias lead to a version, or nowhere; the time tells two clones which of them was later."""
    if number is not None:
        thing["aliases"][alias] = number
    elif thing["aliases"].pop(alias, None) is None:
        return
    thing.setdefault(ALIASES_SET, {})[alias] = get_current_time_millis()


def _latest(versions: list[ModelVersion], stages: list[str] | None) -> list[ModelVersion]:
    wanted = [get_canonical_stage(stage) for stage in stages or ALL_STAGES]
    latest: dict[str, ModelVersion] = {}
    for version in versions:
        before = latest.get(version.current_stage)
        if before is None or int(before.version) < int(version.version):
            latest[version.current_stage] = version
    return [latest[stage] for stage in dict.fromkeys(wanted) if stage in latest]


def _deep_copy(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _deep_copy(each) for key, each in value.items()}
    return value


def _check_page(max_results: Any) -> None:
    if not isinstance(max_results, int) or not 1 <= max_results <= _MOST:
        raise invalid(
            f"Invalid value for max_results. It must be a positive integer, at most {_MOST}, but got "
            f"{max_results}"
        )


def _page(found: list[Any], page_token: str | None, max_results: int) -> Any:
    start = SearchUtils.parse_start_offset_from_page_token(page_token)
    end = start + max_results
    return PagedList(found[start:end], SearchUtils.create_page_token(end) if end < len(found) else None)
