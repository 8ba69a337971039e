"""What a stage's run is known by: the same key, the same outs."""

from __future__ import annotations

import hashlib
import json

from gitexp.files import jsonable
from gitexp.pipeline.lock import LockedStage


def stage_key(stage: LockedStage) -> str:
    """Return what two runs of a stage share if and only if they ran the same commands on the same input.

    That is: the commands and where they run, the content of the deps, the values of the params, and the
    paths of the outs; not what is in these.
    """
    params = {
        file: {key: jsonable(value) for key, value in sorted(flat.items())}
        for file, flat in sorted(stage.params.items())
    }
    what = [
        "stage 1",  # whoever changes what counts, changes this
        stage.commands,
        stage.wdir,
        sorted((dep.path, *dep.content) for dep in stage.deps),
        params,
        sorted(out.path for out in stage.outs),
    ]
    return hashlib.sha256(json.dumps(what, ensure_ascii=True).encode()).hexdigest()


def result_of(stage: LockedStage) -> str:
    """Return what stands for all that a stage's run has written; only to be compared."""
    return json.dumps(sorted((out.path, *out.content) for out in stage.outs))
