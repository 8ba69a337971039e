"""Tags for what MLflow has registered: each version whose run has ended, and its aliases as stages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gitexp import errors, plugins
from gitexp.extras.integrations.mlflow.artifacts import Artifacts
from gitexp.extras.integrations.mlflow.place import OpenedRepository
from gitexp.extras.integrations.mlflow.shelf import REGISTERED, Changes, Things, registered_path
from gitexp.extras.integrations.mlflow.tagged_models import COMMIT, TAG, is_prompt
from gitexp.failpoints import failpoint
from gitexp.project.project import Project
from gitexp.regex import regex

UNTAGGED = "untagged"  # of a version on the shelf: why it has no tag

_OF_RUN = regex(r"runs:/([^/]+)/(.+)")
_PLACE = regex(r"gitexp:/.*/\.gitexp/(run|model)/([^/]+)/artifacts(?:/(.*))?")


def settle(place: OpenedRepository, name: str = "") -> list[str]:
    """Make the tags that are still to be made, of one registered model or of all; why some are not.

    A version of a run that goes on gets its tag later. What cannot have one is told once.
    """
    told = list[str]()
    for thing in list(place.shelf.things(REGISTERED).values()):
        if name in ("", thing["name"]) and not is_prompt(thing):
            told += _settle(place, thing)
    return told


def _settle(place: OpenedRepository, thing: Mapping[str, Any]) -> list[str]:
    registry = plugins.load("models", "registry")(place.project)
    news, told = dict[str, dict[str, str]](), list[str]()
    for number, version in sorted(thing["versions"].items(), key=lambda item: int(item[0])):
        if version.get(TAG) or version.get(UNTAGGED):
            continue
        try:
            made = _register(place, registry, thing["name"], int(number), version)
        except (errors.UsageError, errors.ModelError, errors.DataError) as error:
            made = {UNTAGGED: str(error)}
        if made is None:
            continue
        news[number] = made
        if UNTAGGED in made:
            told.append(f"version {number} of {thing['name']} is for MLflow alone: {made[UNTAGGED]}")
    if not news:
        return told
    _write(place, thing["name"], news)
    for alias, number in thing["aliases"].items():
        if TAG in news.get(number, {}):
            told += assigned(place, thing["name"], alias, news[number][TAG])
    return told


def _register(
    place: OpenedRepository, registry: Any, name: str, number: int, version: Mapping[str, Any]
) -> dict[str, str] | None:
    """What the shelf is to know of a version: its tag, or why it has none; None for later."""
    if not registry.can_have(name):
        return {UNTAGGED: "its name cannot be that of a tag"}
    where = _where(version["location"] or version["source"] or "")
    if where is None:
        return {UNTAGGED: "its files are not in this repository"}
    kind, owner, below = where
    artifacts = Artifacts(place, kind, owner)
    if not artifacts.run_id:
        return {UNTAGGED: "no run has logged its files"}
    run = place.index.get(artifacts.run_id)
    if run is None or not run.record.status.ended:
        return None
    path = "/".join(part for part in (artifacts.below, below) if part)
    if not path:
        return {UNTAGGED: "it is all the artifacts of a run"}
    made = _made(registry, name, number)
    if made is None:
        registry.register(run.experiment.name, path, name, number, version["description"] or "")
        made = _made(registry, name, number)
    failpoint("shelf:tagged")
    return made


def _made(registry: Any, name: str, number: int) -> dict[str, str] | None:
    """The tag of MLflow's version of a number, if there is one."""
    model = registry.models(name).get(name)
    if model is None:
        return None
    for version in model.versions:
        if version.number == number:
            return {TAG: version.version, COMMIT: version.commit}
    return None


def _where(uri: str) -> tuple[str, str, str] | None:
    """The parts of the URI of a model's files: `run` or `model`, its id, and the path in its artifacts."""
    if found := _PLACE.fullmatch(uri):
        return found[1], found[2], found[3] or ""
    if found := _OF_RUN.fullmatch(uri):
        return "run", found[1], found[2]
    return None


def _write(place: OpenedRepository, name: str, news: Mapping[str, Mapping[str, str]]) -> None:
    def make(things: Things) -> Changes:
        thing = things.get(registered_path(name))
        if thing is None:
            return {}
        versions = dict(thing["versions"])
        for number, more in news.items():
            if number in versions:
                versions[number] = {**versions[number], **more}
        return {registered_path(name): {**thing, "versions": versions}}

    place.shelf.change(make, f"tags of {name}")


# -- changes by MLflow --------------------------------------------------------------------------------


def assigned(place: OpenedRepository, name: str, alias: str, version: str) -> list[str]:
    """Make the tag of an alias; why it cannot be made."""
    return _tried(place.project, "assign", name, alias, version, alias)


def emptied(place: OpenedRepository, name: str, alias: str) -> list[str]:
    """Make the tags that end an alias; why they cannot be made."""
    return _tried(place.project, "empty", name, alias, alias)


def taken_back(place: OpenedRepository, name: str, version: str) -> list[str]:
    """Make the tag that takes a version back; why it cannot be made."""
    return _tried(place.project, "take_back", name, version, version)


def _tried(project: Project, verb: str, name: str, what: str, *words: str) -> list[str]:
    registry = plugins.load("models", "registry")(project)
    if not registry.can_have(name):
        return []
    try:
        getattr(registry, verb)(name, *words)
    except (errors.GitexpError, OSError) as error:
        return [f"{what} of {name} is for MLflow alone: {error}"]
    return []


def settle_all(project: Project) -> list[str]:
    """The same as `settle` for the models of a project, in a process without MLflow."""
    try:
        with OpenedRepository(project.repo.root) as place:
            return settle(place)
    except (errors.GitexpError, OSError) as error:
        return [f"the models that MLflow has registered have no tags yet: {error}"]
