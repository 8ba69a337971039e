"""The models that a repository declares for GTO or DVC: `artifacts.yaml`, and `artifacts:` of a dvc.yaml."""

from __future__ import annotations

import posixpath

from gitexp import errors, files
from gitexp.files.dvc_yaml import DVC_YAML, as_map, inside_root
from gitexp.named_tuple import NamedTuple
from gitexp.project.project import Project, read_inside

ARTIFACTS_YAML, GTO_CONFIG = "artifacts.yaml", ".gto"

_LONGEST = 500  # characters of a description


class DeclaredModel(NamedTuple):
    """A model in the words of a file.

    Attributes:
        path: its path from the root; "" for none.
        kind: its type, like `model`; "" for none.
        description: a text for people; "" for none.
    """

    path: str = ""
    kind: str = ""
    description: str = ""


def find(project: Project, commit: str, model: str) -> DeclaredModel:
    """The declaration of a model at a commit; without any values for a missing or unreadable declaration."""
    folder, _, name = model.rpartition(":")
    places = [(ARTIFACTS_YAML, "", model), (posixpath.join(folder, DVC_YAML), folder, name)]
    texts = project.repo.read_blobs([f"{commit}:{place}" for place, _, _ in places])
    for (place, below, key), text in zip(places, texts, strict=True):
        try:
            tree = files.parse(place, text or b"")
        except errors.FileError:  # GTO and DVC complain themselves
            continue
        if place != ARTIFACTS_YAML:
            tree = dict(as_map(tree.get("artifacts")))
        body = as_map(tree.get(key))
        if body:
            path = body.get("path")
            inside = inside_root(below, path) if isinstance(path, str) else None
            return DeclaredModel(inside or "", _text(body.get("type")), _text(body.get("description")))
    return DeclaredModel()


def _text(value: object) -> str:
    return value[:_LONGEST] if isinstance(value, str) else ""


def stages(project: Project) -> list[str] | None:
    """The stages allowed by the config of GTO in the workspace; None if all are allowed.

    Raises ParseError.
    """
    text = read_inside(project.repo.root, GTO_CONFIG)
    if text is None:
        return None
    allowed = files.parse(f"{GTO_CONFIG}.yaml", text).get("stages")
    if not isinstance(allowed, list):
        return None
    return [stage for stage in allowed if isinstance(stage, str)]
