"""The signature of a model, its inputs and outputs, from an MLmodel or a signature.json with the model."""

from __future__ import annotations

import posixpath
from typing import Any

from gitexp import errors, files
from gitexp.extras.registry.contents.choosing_models import MLMODEL
from gitexp.extras.registry.contents.model_content import ModelContent, ModelFile, find, pieces
from gitexp.project.project import Project

SIGNATURE_JSON = "signature.json"

_MOST = 256 * 1024  # bytes


def read(project: Project, commit: str, content: ModelContent) -> tuple[dict[str, Any], list[str]]:
    """The signature of a model, {} for none, and a sentence about an unreadable signature.

    The places are the model's folder, or the folder of the model's file.
    """
    own = {file.name: file for file in content.files}
    for name in (MLMODEL, SIGNATURE_JSON):
        place = posixpath.join(content.path, name)
        file = own.get(name)
        if not content.is_folder:
            place = posixpath.join(posixpath.dirname(content.path), name)
            file = _beside(project, commit, place)
        if file is None:
            continue
        try:
            return _parsed(name, _content(project, file)), []
        except (errors.GitexpError, OSError) as error:
            return {}, [f"the signature in {place} is not read: {error}"]
    return {}, []


def _beside(project: Project, commit: str, place: str) -> ModelFile | None:
    found = find(project, commit, place)
    if found is None or found.is_folder:
        return None
    return found.files[0]


def _content(project: Project, file: ModelFile) -> bytes:
    text = b""
    with pieces(project, file) as found:
        for piece in found:
            text += piece
            if len(text) > _MOST:
                break
    return text


def _parsed(name: str, text: bytes) -> dict[str, Any]:
    """The signature in the text of a file. Raises ParseError."""
    if len(text) > _MOST:
        raise errors.ParseError("it is too large", file=name)
    if name == SIGNATURE_JSON:
        return files.parse(name, text)
    found = files.parse(f"{name}.yaml", text).get("signature")
    return found if isinstance(found, dict) else {}
