"""Registered models of MLflow and the models of `gitexp model` as one: the shelf joined with the tags.

A version of the shelf whose tag was made has the tag's version under `tag`. A version that only has a tag
gets an MLflow number: the one that MLflow gave it in another clone, else the next free one in the order of
registrations. The first change by MLflow writes the number down on the shelf.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from gitexp import plugins
from gitexp.extras.integrations.mlflow.place import SCHEME
from gitexp.extras.integrations.mlflow.run_index import derived_id
from gitexp.extras.integrations.mlflow.shelf import Things, registered_path
from gitexp.model import Experiment
from gitexp.project.project import Project
from gitexp.repo.experiments import RUN_FOLDER
from gitexp.runs.logged_values.logged_artifacts import FOLDER

TAG, COMMIT = "tag", "tag_commit"  # of a version on the shelf: its version in Git's tags, and their commit
STAGE_TAGS = "stage_tags"  # of a model on the shelf: by stage, its last tag when MLflow wrote there
_PROMPT = "mlflow.prompt.is_prompt"  # MLflow keeps prompts as registered models


def is_prompt(thing: Mapping[str, Any]) -> bool:
    """Whether a thing of the shelf is a prompt, and no model."""
    return str(thing["tags"].get(_PROMPT, "")).lower() == "true"


def joined(project: Project, things: Things, name: str = "") -> Things:
    """The registered models of a shelf with those that have tags, by path; with `name`, of that one alone."""
    models = plugins.load("models", "registry")(project).models(name)
    found = dict(things)
    for each, model in models.items():
        path = registered_path(each)
        thing = things.get(path)
        if thing is not None and is_prompt(thing):
            continue
        if thing is None and not any(version.is_active for version in model.versions):
            continue
        found[path] = _joined(project, thing or _empty(model), model)
    return found


def _empty(model: Any) -> dict[str, Any]:
    """A registered model without versions."""
    created = model.versions[0].created
    return {
        "name": model.name,
        "created": created,
        "updated": created,
        "description": None,
        "aliases": {},
        "tags": {},
        "versions": {},
    }


def _joined(project: Project, thing: Mapping[str, Any], model: Any) -> dict[str, Any]:
    numbers = _numbers(thing, model)
    versions = {}
    for number, said in thing["versions"].items():
        versions[number] = said
        if said.get(TAG) and not _is_of(said, model):
            versions[number] = {key: value for key, value in said.items() if key not in (TAG, COMMIT)}
    unseen = []
    for version in model.versions:
        number = numbers[version.version]
        if not version.is_active:
            versions.pop(number, None)
        elif number not in versions:
            unseen.append(version)
        elif not versions[number].get(TAG):  # a kill came between the tag and the shelf
            versions[number] = {**versions[number], TAG: version.version, COMMIT: version.commit}
    for version, said in zip(unseen, _described(project, unseen), strict=True):
        versions[numbers[version.version]] = said
    aliases = dict(_aliases(thing, model, numbers))
    for alias, number in list(aliases.items()):
        if number not in versions:
            del aliases[alias]
    ordered = dict(sorted(versions.items(), key=_by_number))
    return {**thing, "versions": ordered, "aliases": aliases, STAGE_TAGS: dict(model.changed)}


def _by_number(item: tuple[str, Any]) -> int:
    return int(item[0])


def _numbers(thing: Mapping[str, Any], model: Any) -> dict[str, str]:
    """The MLflow number of each version with a tag."""
    found = {}
    for number, version in thing["versions"].items():
        if version.get(TAG) and _is_of(version, model):
            found[version[TAG]] = number
    taken = set(thing["versions"])
    for version in model.versions:
        own = thing["versions"].get(str(version.number), {})
        if version.version not in found and version.number and not own.get(TAG):
            found[version.version] = str(version.number)
            taken.add(str(version.number))
    free = (str(number) for number in range(1, 1_000_000_000) if str(number) not in taken)
    for version in model.versions:
        if version.version not in found:
            found[version.version] = next(free)
    return found


def _is_of(said: Mapping[str, Any], model: Any) -> bool:
    """Whether the tag that the shelf names is not another one here: two clones may have made one name."""
    for version in model.versions:
        if version.version == said[TAG]:
            return bool(version.commit == said.get(COMMIT))
    return True


def _aliases(thing: Mapping[str, Any], model: Any, numbers: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Yield the aliases: a stage is one. The shelf counts where MLflow has changed it after the last tag."""
    noted = thing.get(STAGE_TAGS)
    if not isinstance(noted, dict):
        noted = {}
    for alias in sorted({*thing["aliases"], *model.changed}):
        number = thing["aliases"].get(alias)
        if alias in model.changed and model.changed[alias] != noted.get(alias):
            number = numbers.get(model.stages.get(alias, ""))
        if number is not None and "/" not in alias:
            yield alias, number


def _described(project: Project, versions: Sequence[Any]) -> list[dict[str, Any]]:
    """Versions that have tags alone, as the shelf keeps versions: the same in each clone."""
    records = project.store.read_commits({version.version: version.commit for version in versions})
    logged = [f"{version.commit}:{RUN_FOLDER}/{FOLDER}/{version.path or '.'}" for version in versions]
    found = []
    for version, one, oid in zip(versions, records, project.repo.ids_of(logged), strict=True):
        run_id, source = None, version.path
        if isinstance(one.experiment, Experiment):
            record = one.experiment.record
            run_id = record.mlflow.get("run") or derived_id(record)
            if version.path and oid is not None:
                source = f"{SCHEME}:///.gitexp/run/{run_id}/artifacts/{version.path}"
        found.append(_version(version, run_id, source))
    return found


def _version(version: Any, run_id: str | None, source: str) -> dict[str, Any]:
    return {
        "created": version.created,
        "updated": version.created,
        "description": version.note or None,
        "stage": "None",
        "source": source,
        "location": source,
        "run": run_id,
        "link": None,
        "model": None,
        "tags": {"gitexp.version": version.version, "gitexp.experiment": version.experiment},
        TAG: version.version,
        COMMIT: version.commit,
    }


def highest_number(project: Project, thing: Mapping[str, Any] | None, name: str) -> int:
    """The highest MLflow number of a model's versions, also of those that were taken back; 0 for none."""
    model = plugins.load("models", "registry")(project).models(name).get(name)
    if model is None:
        return 0
    return max(map(int, _numbers(thing or _empty(model), model).values()), default=0)
