"""The key of a stage's run: the same key, the same outs."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable

from gitexp.files import jsonable
from gitexp.model import Artifact, paths_of
from gitexp.pipeline.lock import LockedStage


def stage_key(stage: LockedStage) -> str:
    """A hash, equal for two runs of a stage exactly if both ran the same commands on the same input.

    The hash covers the commands and their folder, the content of the deps, the values of the params, and
    the paths of the outs; not the content of the outs.
    """
    params = {}
    for file, flat in sorted(stage.params.items()):
        params[file] = {key: jsonable(value) for key, value in sorted(flat.items())}
    counted = [
        "stage 1",  # a change of this list changes this version
        stage.commands,
        stage.wdir,
        sorted_contents(stage.deps),
        params,
        sorted(paths_of(stage.outs)),
    ]
    return hashlib.sha256(json.dumps(counted, ensure_ascii=True).encode()).hexdigest()


def result_of(stage: LockedStage) -> str:
    """A text for all outs of a stage's run; only compared."""
    return json.dumps(sorted_contents(stage.outs))


def sorted_contents(artifacts: Iterable[Artifact]) -> list[tuple[str, str, bool]]:
    """Path, hash and mode of each artifact, to be compared."""
    return sorted((artifact.path, *artifact.content) for artifact in artifacts)
