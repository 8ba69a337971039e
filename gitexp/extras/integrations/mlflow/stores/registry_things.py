"""What the registry keeps of a registered model, as MLflow's values and as it is changed."""

from __future__ import annotations

import contextlib
import logging
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
from mlflow.entities.model_registry.model_version_stages import ALL_STAGES, get_canonical_stage
from mlflow.exceptions import MlflowException
from mlflow.store.entities.paged_list import PagedList
from mlflow.utils.search_utils import SearchUtils
from mlflow.utils.time import get_current_time_millis
from mlflow.utils.validation import _validate_model_name, _validate_model_version

from gitexp.extras.integrations.mlflow.logged_models import LoggedModels
from gitexp.extras.integrations.mlflow.place import OpenedRepository
from gitexp.extras.integrations.mlflow.runs import Runs
from gitexp.extras.integrations.mlflow.shelf import REGISTERED, Changes, Things, registered_path
from gitexp.extras.integrations.mlflow.stores.answers import invalid, missing
from gitexp.extras.integrations.mlflow.stores.model_store import ModelStore
from gitexp.extras.integrations.mlflow.tagged_models import joined
from gitexp.regex import regex

_logger = logging.getLogger("mlflow.gitexp")
_MOST = 200_000  # in one page
_OURS = regex(r"gitexp:/.*/\.gitexp/(run|model)/([^/]+)/artifacts(/.*)?")


class _Models(ModelStore):
    """Logged models, for the versions made of them."""

    def __init__(self, place: OpenedRepository) -> None:
        self.place, self.runs, self._values = place, Runs(place), {}
        self.models = LoggedModels(place, self.runs)


class RegistryThings:
    """The registered models of a repository, for the methods of a registry.

    Attributes:
        place: the repository.
    """

    place: OpenedRepository
    _models: _Models

    def _open(self, place: OpenedRepository) -> None:
        self.place, self._models = place, _Models(place)

    def _thing(self, name: str) -> dict[str, Any] | None:
        _validate_model_name(name)
        return self._things(name).get(registered_path(name))

    def _things(self, name: str = "") -> Things:
        """The registered models: those of the shelf, and those of `gitexp model`, all or that of a name."""
        return joined(self.place.project, self.place.shelf.things(REGISTERED), name)

    def _tell(self, told: list[str]) -> None:
        """Tell what has no tag."""
        for text in told:
            _logger.warning("%s", text)

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
        """The changed copy of a registered model."""
        self._require(name)
        after: dict[str, Any] = {}

        def make(things: Things) -> Changes:
            nonlocal after
            known = joined(self.place.project, things, name)
            if registered_path(name) not in known:
                raise missing(f"Registered Model with name={name} not found")
            after = _deep_copy(known[registered_path(name)])
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
            latest_versions=latest_of(self._versions(thing), None),
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
        """The URI of artifacts in this clone, from a URI written by any clone."""
        match = _OURS.fullmatch(uri or "")
        if match is None:
            return uri
        return self.place.artifacts_of(match[1], match[2]) + (match[3] or "")


def latest_of(versions: list[ModelVersion], stages: list[str] | None) -> list[ModelVersion]:
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


def check_page(max_results: Any) -> None:
    if not isinstance(max_results, int) or not 1 <= max_results <= _MOST:
        raise invalid(
            f"Invalid value for max_results. It must be a positive integer, at most {_MOST}, but got "
            f"{max_results}"
        )


def page_of(found: list[Any], page_token: str | None, max_results: int) -> Any:
    start = SearchUtils.parse_start_offset_from_page_token(page_token)
    end = start + max_results
    return PagedList(found[start:end], SearchUtils.create_page_token(end) if end < len(found) else None)
