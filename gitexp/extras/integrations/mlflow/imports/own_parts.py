"""The parts of a run that gitexp itself has exported, put back in their places."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from gitexp.extras.integrations.file_formats.param_trees import as_tree
from gitexp.extras.integrations.importers import folder_files
from gitexp.extras.integrations.mlflow.exported_names import ID, METRICS, OUTPUT, PACKAGES, PATCH_FILE
from gitexp.extras.integrations.mlflow.imports.stored_runs import RunAtMlflow
from gitexp.extras.integrations.mlflow.plain_params import plain_params
from gitexp.extras.integrations.mlflow.tags import PATCH
from gitexp.files import is_number


@dataclass(frozen=True)
class OwnParts:
    """Parts of a run; those of any other program's run as MLflow has them.

    Attributes:
        params: the params, as maps in maps for a run from gitexp.
        metrics: the metrics that are not the end of their curve.
        files: the artifacts without gitexp's own.
        patch: the changes of the code since the commit.
        log: the output.
        environment: the packages.
    """

    params: Mapping[str, Any]
    metrics: Mapping[str, float]
    files: Mapping[str, Path]
    patch: bytes
    log: bytes = b""
    environment: str = ""

    @classmethod
    def of(cls, run: RunAtMlflow) -> Self:
        """The parts of a run; adds a remark on a cut of its output. Raises OSError."""
        params, patch = plain_params(run.params), run.tags.get(PATCH, "").encode()
        if ID not in run.tags:
            return cls(params, {}, run.artifacts, patch)
        files = dict(run.artifacts)
        own = {name: _content(files.pop(name, None)) for name in (PATCH_FILE, PACKAGES)}
        output = files.pop(OUTPUT, None)
        return cls(
            as_tree(params),
            _metrics(run.tags.get(METRICS, "")),
            files,
            own[PATCH_FILE] or patch,
            b"" if output is None else folder_files.beginning(output, run.remarks),
            own[PACKAGES].decode("utf-8", "replace"),
        )


def _content(file: Path | None) -> bytes:
    return b"" if file is None else folder_files.content(file)


def _metrics(text: str) -> dict[str, float]:
    """The numbers in the tag of further metrics."""
    try:
        found = json.loads(text or "{}")
    except (ValueError, RecursionError):
        return {}
    if not isinstance(found, dict):
        return {}
    return {name: value for name, value in found.items() if is_number(value)}
