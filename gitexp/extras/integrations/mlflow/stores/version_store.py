"""The versions of registered models, and the aliases that lead to them."""

from __future__ import annotations

import re
from typing import Any

from mlflow.entities.model_registry import ModelVersion
from mlflow.entities.model_registry.model_version_stages import (
    DEFAULT_STAGES_FOR_GET_LATEST_VERSIONS,
    STAGE_ARCHIVED,
    STAGE_NONE,
    get_canonical_stage,
)
from mlflow.prompt.registry_utils import add_prompt_filter_string
from mlflow.store.artifact.utils.models import _parse_model_uri
from mlflow.utils.search_utils import SearchModelVersionUtils
from mlflow.utils.time import get_current_time_millis
from mlflow.utils.validation import (
    _validate_model_alias_name,
    _validate_model_name,
    _validate_model_version_tag,
)

from gitexp.extras.integrations.mlflow import tag_making
from gitexp.extras.integrations.mlflow.shelf import ALIASES_SET
from gitexp.extras.integrations.mlflow.stores.answers import answered, invalid
from gitexp.extras.integrations.mlflow.stores.registry_things import (
    RegistryThings,
    check_page,
    latest_of,
    page_of,
)
from gitexp.extras.integrations.mlflow.tagged_models import TAG, highest_number
from gitexp.regex import regex

_LATEST = "latest"  # an alias that nobody sets
_RESERVED = regex(r"latest|v[0-9]+", re.IGNORECASE)
_ORDER = ("last_updated_timestamp DESC", "name ASC", "version_number DESC")


class VersionStore(RegistryThings):
    """The methods of a registry for versions and aliases."""

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
        number, highest = 0, highest_number(self.place.project, self._thing(name), name)

        def add(thing: dict[str, Any]) -> None:
            nonlocal number
            number = 1 + max([highest, *map(int, thing["versions"])])
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
        self._tell(tag_making.settle(self.place, name))
        return self._version(thing, str(number))

    def _location(self, source: str, run_id: str | None) -> tuple[str, str | None]:
        """Where the files of `models:/…` stand, and the run that made them."""
        parsed = _parse_model_uri(source)
        if parsed.model_id is not None:
            model = self._models.get_logged_model(parsed.model_id)
            return model.artifact_location, run_id or model.source_run_id
        return self.get_model_version_download_uri(parsed.name, parsed.version), run_id

    @answered
    def get_latest_versions(self, name: str, stages: list[str] | None = None) -> list[ModelVersion]:
        """The latest version of each stage."""
        thing = self._require(name)
        return latest_of(self._versions(thing), stages)

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
        """Delete a version and its aliases."""
        gone = self._require_version(name, version)["versions"][str(version)]

        def drop(thing: dict[str, Any]) -> None:
            del thing["versions"][str(version)]
            for alias in [each for each, number in thing["aliases"].items() if number == str(version)]:
                _set_alias(thing, alias, None)

        self._change(name, "delete a version of", drop)
        if gone.get(TAG):
            self._tell(tag_making.taken_back(self.place, name, gone[TAG]))

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
        check_page(max_results)
        filter_string = add_prompt_filter_string(filter_string, is_prompt=False)
        found: list[ModelVersion] = []
        for thing in self._things().values():
            found += self._versions(thing)
        found = SearchModelVersionUtils.filter(found, filter_string)
        found = SearchModelVersionUtils.sort(found, order_by or [*_ORDER])
        return page_of(found, page_token, max_results)

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
        """Set an alias of a version."""
        _validate_model_alias_name(alias)
        if _RESERVED.fullmatch(alias):
            raise invalid(f"'{alias}' is reserved: it means the latest version, or the one of that number.")
        self._require_version(name, version)
        thing = self._change(name, f"{alias} for", lambda thing: _set_alias(thing, alias, str(version)))
        tag = thing["versions"][str(version)].get(TAG)
        if tag:
            self._tell(tag_making.assigned(self.place, name, alias, tag))
        else:
            self._tell(tag_making.emptied(self.place, name, alias))

    @answered
    def delete_registered_model_alias(self, name: str, alias: str) -> None:
        """Take an alias away."""
        self._change(name, "delete an alias of", lambda thing: _set_alias(thing, alias, None))
        self._tell(tag_making.emptied(self.place, name, alias))

    @answered
    def get_model_version_by_alias(self, name: str, alias: str) -> ModelVersion:
        """The version of an alias; `latest`: the highest version."""
        thing = self._require(name)
        number = thing["aliases"].get(alias)
        if alias.lower() == _LATEST and thing["versions"]:
            number = max(thing["versions"], key=int)
        if number is None:
            raise invalid(f"Registered model alias {alias} not found.")
        return self._version(self._require_version(name, number), number)

    def _await_model_version_creation(self, mv: ModelVersion, await_creation_for: int) -> None:
        """Do nothing: a created version is ready at once."""


def _set_alias(thing: dict[str, Any], alias: str, number: str | None) -> None:
    """Set or delete an alias. The time of the change decides between two clones."""
    if number is not None:
        thing["aliases"][alias] = number
    elif thing["aliases"].pop(alias, None) is None:
        return
    thing.setdefault(ALIASES_SET, {})[alias] = get_current_time_millis()
