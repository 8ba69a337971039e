"""The registered models of a folder of MLflow's file store.

mlruns/models/<name>/meta.yaml               name, description, creation_timestamp, last_updated_timestamp
mlruns/models/<name>/tags/<key>              text
mlruns/models/<name>/aliases/<alias>         the number of a version
mlruns/models/<name>/version-<n>/meta.yaml   source, run_id, model_id, current_stage, …
mlruns/models/<name>/version-<n>/tags/<key>  text
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gitexp import errors
from gitexp.extras.integrations.importers import folder_files
from gitexp.extras.integrations.importers.foreign import Unread
from gitexp.extras.integrations.mlflow.imports.mlruns import meta_of, texts_in
from gitexp.extras.integrations.mlflow.shelf import Things, registered_path
from gitexp.named_tuple import NamedTuple
from gitexp.regex import regex

_VERSION = regex(r"version-([1-9][0-9]*)")
_OF_MODEL = regex(r".*/models/(m-[^/]+)/artifacts(/.*)?")
_OF_RUN = regex(r".*/([0-9a-f]{32})/artifacts(/.*)?")


class StoredRegistry(NamedTuple):
    """The registered models of a folder by their paths on the shelf, and a sentence for each omission."""

    things: Things
    warnings: list[str]


def read(folder: Path, artifacts: str) -> StoredRegistry:
    """The registered models. `artifacts`: the pattern of local addresses, with `{kind}` and `{owner}`."""
    found = StoredRegistry({}, [])
    unread: list[Unread] = []
    for each in folder_files.folders_in(folder / "models", unread):
        try:
            _read_model(each, artifacts, found)
        except (OSError, errors.ParseError) as error:
            unread.append(Unread(str(each), folder_files.reason(error)))
    found.warnings.extend(f"not imported: {each}" for each in unread)
    return found


def _read_model(folder: Path, artifacts: str, found: StoredRegistry) -> None:
    """Add a registered model. Raises OSError and ParseError: half a model would look like a whole one."""
    meta = meta_of(folder)
    name = meta.get("name")
    if not isinstance(name, str) or not name:
        found.warnings.append(f"not read, no registered model of MLflow's: {folder}")
        return
    told: list[str] = []
    versions = _versions(folder, artifacts, told)
    aliases = {}
    for alias, text in texts_in(folder / "aliases", told).items():
        if text.strip() in versions:
            aliases[alias] = text.strip()
    found.things[registered_path(name)] = {
        "name": name,
        **_times(meta),
        "description": meta.get("description"),
        "aliases": aliases,
        "tags": texts_in(folder / "tags", told),
        "versions": versions,
    }
    found.warnings.extend(told)


def _versions(folder: Path, artifacts: str, told: list[str]) -> dict[str, Any]:
    versions = {}
    unread: list[Unread] = []
    for each in folder_files.folders_in(folder, unread):
        match = _VERSION.fullmatch(each.name)
        if match is None:
            continue
        meta = meta_of(each)
        source = meta.get("source")
        if meta.get("current_stage") == "Deleted_Internal":  # MLflow's own word for a deleted version
            continue
        if not isinstance(source, str):
            told.append(f"not read, no version of a registered model: {each}")
            continue
        versions[match[1]] = {
            **_times(meta),
            "description": meta.get("description"),
            "stage": meta.get("current_stage") or "None",
            "source": _here(source, artifacts),
            "location": _here(str(meta.get("storage_location") or source), artifacts),
            "run": meta.get("run_id"),
            "link": meta.get("run_link"),
            "model": meta.get("model_id"),
            "tags": texts_in(each / "tags", told),
        }
    told += [f"not imported: {each}" for each in unread]
    return versions


def _times(meta: Mapping[str, Any]) -> dict[str, int]:
    created = meta.get("creation_timestamp")
    updated = meta.get("last_updated_timestamp")
    return {
        "created": created if isinstance(created, int) else 0,
        "updated": updated if isinstance(updated, int) else 0,
    }


def _here(uri: str, artifacts: str) -> str:
    """An URI of artifacts in this repository, for the artifacts of an imported run or model."""
    for kind, pattern in (("model", _OF_MODEL), ("run", _OF_RUN)):
        if (match := pattern.fullmatch(uri)) is not None:
            return artifacts.format(kind=kind, owner=match[1]) + (match[2] or "")
    return uri
