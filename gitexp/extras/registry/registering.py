"""A model of an experiment, registered as a version."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from typing import Any

from gitexp import errors
from gitexp.catalog import lookup, sources
from gitexp.catalog.flat_values import FlatValues
from gitexp.catalog.lookup import Point
from gitexp.extras.registry import annotation, choosing_versions, versions
from gitexp.extras.registry.choosing_versions import NewVersion
from gitexp.extras.registry.contents import choosing_models, declared, model_content, model_signatures
from gitexp.extras.registry.contents.model_content import ModelContent
from gitexp.extras.registry.registry import Registry
from gitexp.extras.registry.values import ModelFacts
from gitexp.extras.registry.versions import Bump
from gitexp.extras.registry.writing import MadeTags, TagOrder, WantedTag, make
from gitexp.model import Experiment, Files, Status, is_touched
from gitexp.named_tuple import NamedTuple
from gitexp.project.project import Project
from gitexp.repo import model_tags
from gitexp.repo.model_tags import ModelTag, TagAction
from gitexp.words import human_size, shorten


class RegisterRequest(NamedTuple):
    """A model to be registered.

    Attributes:
        subject: `EXP` or `EXP:PATH`; instead of an experiment, a revision of Git.
        model: the name of the model.
        version: the version; "" for the next one.
        bump: the part of the last version to be counted up.
        note: words for the annotation.
    """

    subject: str
    model: str
    version: str = ""
    bump: Bump = Bump.PATCH
    note: str = ""


class FoundModel(NamedTuple):
    """A model in a commit.

    Attributes:
        label: the experiment's name, or the revision.
        target: the commit for tags: of an experiment, the record commit R.
        facts: the facts for the annotation.
        content: its files.
        warnings: what a person should know.
    """

    label: str
    target: str
    facts: ModelFacts
    content: ModelContent
    warnings: tuple[str, ...] = ()


class Registered(NamedTuple):
    """A version that was registered.

    Attributes:
        version: the version.
        found: the model.
        made: its tag.
    """

    version: str
    found: FoundModel
    made: MadeTags


def register(project: Project, request: RegisterRequest, order: TagOrder) -> Registered:
    """Register a model of an experiment as a version.

    Raises InvalidName; unknown-experiment; still-running; UsageError for a model without a path;
    missing-data; version-exists; and the errors of `writing.make`.
    """
    if not model_tags.is_model(request.model):
        raise errors.InvalidName(
            f"'{request.model}' cannot be the name of a model.",
            "Use letters, digits, '_', '-' and '/', with a letter or digit at both ends.",
        )
    found = find(project, request.subject, request.model)
    facts = found.facts._replace(note=request.note)
    candidate = NewVersion(found.label, facts.path, found.target, facts.commit)
    asked = ""
    if request.version:
        asked = versions.parse(request.version)

    def plan(registry: Registry) -> list[WantedTag]:
        model = registry.model(request.model)
        known = registry.facts(version.registration for version in model.versions)
        version = choosing_versions.choose(model, known, candidate, asked, request.bump)
        name = ModelTag(request.model, TagAction.REGISTER, version=version)
        if any(event.name == name for event in registry.events.get(request.model, ())):
            name = name._replace(number=next_number(registry, request.model))
        subject = f"Register {request.model} {version}: {found.label}, {_shown(found.content)}"
        return [WantedTag(name, found.target, subject, facts)]

    made = make(project, request.model, plan, order)
    return Registered(made.events[0].name.version, found, made)


def next_number(registry: Registry, model: str) -> int:
    """The N of the next tag of a model."""
    return max((event.name.number for event in registry.events.get(model, ())), default=0) + 1


def _shown(content: ModelContent) -> str:
    size = content.size
    if size is None:
        return content.path
    return f"{content.path} ({human_size(size)})"


# -- what the model is --------------------------------------------------------------------------------


def find(project: Project, subject: str, model: str) -> FoundModel:
    """The model in the words `EXP` or `EXP:PATH`. Raises the errors of `register`."""
    point, path = _point(project, subject)
    commit = point.commit
    if commit is None:
        raise errors.UsageError(
            "The workspace is no experiment.", "Store it first: gitexp save, or gitexp run."
        )
    experiment, target = point.experiment, commit
    if experiment is not None and sources.is_own(experiment):
        if not experiment.record.status.ended:
            raise errors.ExperimentError(
                f"{experiment.name} has not ended: it is {experiment.record.status}.",
                f"Wait for it: gitexp show {experiment.name} --watch",
                code="still-running",
            )
        lookup.require_whole(project, experiment, with_baseline=False)
        target = experiment.id
    path = path or _default_path(project, point, commit, model)
    content = model_content.find(project, target, path)
    if content is None and project.config.folder:
        content = model_content.find(project, target, posixpath.join(project.config.folder, path))
    if content is None:
        raise errors.MissingData(
            f"{point.label} has no file or folder '{path}'.", _known(project, point), paths=[path]
        )
    model_content.require_here(project, content)
    return _found(project, point, target, content)


def _point(project: Project, subject: str) -> tuple[Point, str]:
    """The experiment or revision in `EXP[:PATH]`, and the path; "" without one."""
    name, colon, path = subject.partition(":")
    if not name or (colon and not path):
        raise errors.UsageError(f"'{subject}' is not EXP or EXP:PATH.", "Such as exp-333c9:model.pt")
    return lookup.find(project, name), path


def _default_path(project: Project, point: Point, commit: str, model: str) -> str:
    """The declared path of a model, or else the only result with the looks of a model."""
    path = declared.find(project, commit, model).path
    if path:
        return path
    if point.experiment is not None and sources.is_own(point.experiment):
        return choosing_models.choose(project, point.experiment)
    raise errors.UsageError(
        f"Nothing says which file of {point.label} is the model.", f"Name it by its path: {point.label}:PATH"
    )


def _known(project: Project, point: Point) -> str:
    """The hint for a path that an experiment does not have."""
    if point.experiment is None or not sources.is_own(point.experiment):
        return f"git ls-tree -r --name-only {point.label} lists the files in Git."
    found = choosing_models.candidates(project, point.experiment)
    if found:
        return f"What looks like a model: {shorten(found)}."
    return f"gitexp artifacts {point.label} lists what its run has logged."


def _found(project: Project, point: Point, target: str, content: ModelContent) -> FoundModel:
    experiment = point.experiment
    warnings = _doubts(experiment)
    if experiment is not None and choosing_models.is_as_before(project, experiment, content):
        warnings.append(
            f"{experiment.name} has {content.path} as it was before the run; what a run writes is stored "
            f"if gitexp.yaml has outs: [{content.path}]"
        )
    signature, told = model_signatures.read(project, target, content)
    warnings += told
    if annotation.is_too_large(signature):
        warnings.append("its signature is too large for the tag, and left out")
        signature = {}
    metrics, told = annotation.fitting(_flat(point.metrics))
    warnings += told
    files = len(content.files) if content.is_folder else None
    facts = ModelFacts(
        experiment=_name(project, experiment),
        commit=point.commit or "",
        path=content.path,
        hash=model_content.hash_of(project, content),
        size=content.size,
        files=files,
        metrics=metrics,
        signature=signature,
    )
    return FoundModel(point.label, target, facts, content, tuple(warnings))


def _doubts(experiment: Experiment | None) -> list[str]:
    """Sentences about an experiment that few would put into production."""
    if experiment is None:
        return []
    found, record = [], experiment.record
    if is_touched(experiment):
        found.append(f"{experiment.name} has changed protected files: {shorten(record.touched)}")
    if record.status is not Status.DONE:
        found.append(f"{experiment.name} has come to no good end: it is {record.status}")
    return found


def _name(project: Project, experiment: Experiment | None) -> str:
    """The name of an experiment. An experiment found by a tag has its name in the tag."""
    if experiment is None:
        return ""
    tag = model_tags.parse(experiment.name)
    if tag is None:
        return experiment.name
    (found,) = project.repo.read_objects([tag.ref], annotation.LARGEST)
    if found is None or found[0] != "tag":
        return experiment.name
    return annotation.read(found[1]).experiment or experiment.name


def _flat(files: Files) -> Mapping[str, Any]:
    return FlatValues(files, ())
