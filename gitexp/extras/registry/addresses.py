"""The words for a model, a version of a model, or the version in a stage."""

from __future__ import annotations

from gitexp import errors
from gitexp.extras.registry import versions
from gitexp.extras.registry.registry import Registry
from gitexp.extras.registry.values import ModelVersion, RegisteredModel
from gitexp.named_tuple import NamedTuple
from gitexp.regex import regex
from gitexp.repo import model_tags
from gitexp.words import did_you_mean, shorten

LATEST = "latest"

_ADDRESS = regex(r"(?P<model>[^@#]+)(?:@(?P<version>[^@#]+)|#(?P<stage>[^@#]+))?")


class ModelAddress(NamedTuple):
    """A model, perhaps with a version or a stage.

    Attributes:
        version: `latest`, or a version like `v1.2.0`; "" for none.
        stage: the stage; "" for none.
    """

    model: str
    version: str = ""
    stage: str = ""

    @property
    def is_of_version(self) -> bool:
        """Whether a version is meant, rather than the whole model."""
        return bool(self.version or self.stage)


def parse(text: str) -> ModelAddress:
    """The address in `NAME`, `NAME@v1.2.0`, `NAME@latest` or `NAME#prod`. Raises UsageError."""
    found = _ADDRESS.fullmatch(text)
    if found is None or not model_tags.is_model(found["model"]):
        raise errors.UsageError(
            f"'{text}' names no model.", "A model is NAME, NAME@v1.2.0, NAME@latest or NAME#prod."
        )
    version = found["version"] or ""
    if version and version != LATEST:
        version = versions.parse(version)
    return ModelAddress(found["model"], version, found["stage"] or "")


def require_version(registry: Registry, address: ModelAddress) -> tuple[RegisteredModel, ModelVersion]:
    """The model of an address, and its version: the latest, if none is named.

    Raises unknown-model and unknown-version.
    """
    model = registry.require(address.model)
    if address.stage:
        return model, _in_stage(model, address.stage)
    if address.version and address.version != LATEST:
        return model, _of_version(model, address.version)
    if model.latest is None:
        raise errors.ModelError(
            f"{model.name} has no version.", f"gitexp model show {model.name}", code="unknown-version"
        )
    return model, model.latest


def _in_stage(model: RegisteredModel, stage: str) -> ModelVersion:
    found = model.stages.get(stage)
    if found is None:
        stages = list(model.stages)
        hint = f"Give it one: gitexp model promote {model.name}@latest {stage}"
        if stages:
            hint = did_you_mean(stage, stages, f"There is a version in: {shorten(stages)}.")
        raise errors.ModelError(f"No version of {model.name} is in {stage}.", hint, code="unknown-version")
    return found.version


def _of_version(model: RegisteredModel, version: str) -> ModelVersion:
    for one in model.versions:
        if one.version == version:
            return one
    known = [one.version for one in model.versions if one.is_registered]
    hint = f"It has {shorten(known)}." if known else f"gitexp model register EXP {model.name}"
    raise errors.ModelError(f"{model.name} has no version {version}.", hint, code="unknown-version")
