"""A version of a model on its way to a server: what an exporter gets, and what it gives back."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

from gitexp.extras.registry.handoff.model_forms import ModelForm
from gitexp.extras.registry.handoff.own_code import OwnCode
from gitexp.extras.registry.handoff.recorded_packages import RecordedPackages
from gitexp.named_tuple import NamedTuple


class HandedModel(NamedTuple):
    """A version of a model, to be exported.

    Attributes:
        name: the name of the model.
        version: such as `v1.2.0`; the commit of a version without one.
        experiment: the name of the experiment; "" for a commit without one.
        commit: the commit that the tag leads to.
        hash: the hash of the model, which its bytes have.
        created: the time of the registration in ISO 8601, UTC; "" if unknown.
        place: a copy of the file or folder, which `move` takes.
        form: the form of the model.
        signature: the signature as MLflow writes it; {} for none.
        packages: the Python and the packages of the experiment.
        code: the experiment's own modules that the model needs.
    """

    name: str
    version: str
    experiment: str
    commit: str
    hash: str
    created: str
    place: Path
    form: ModelForm
    signature: Mapping[str, Any]
    packages: RecordedPackages
    code: OwnCode

    def move(self, target: Path) -> None:
        """Move the copy to its place in the export. Raises OSError."""
        target.parent.mkdir(parents=True, exist_ok=True)
        self.place.rename(target)


class HandedOver(NamedTuple):
    """The result of an exporter.

    Attributes:
        remarks: sentences about what the user should know.
        next_step: the command to serve it, with `{folder}` for the export, or `{path}` for its whole path.
    """

    remarks: Sequence[str] = ()
    next_step: str = ""


# Writes a model into a folder that is empty. It raises UsageError for a form of model that it cannot export,
# and loads none. An entry point of the group `gitexp.model exporter` names such a function.
ModelExporter: TypeAlias = Callable[[HandedModel, Path], HandedOver]
