"""Run by the Python of DVC itself: prints as JSON what DVC makes of the dvc.yaml in a folder."""

from __future__ import annotations

import json
import os
import sys
from typing import Any


def described(folder: str) -> dict[str, Any]:
    """Return the stages and edges that DVC sees, or the error that it raises."""
    from dvc.dependency import ParamsDependency
    from dvc.repo import Repo
    from dvc.stage.run import _enforce_cmd_list

    def relative(path: str) -> str:
        return os.path.relpath(path, folder).replace(os.sep, "/")

    try:
        index = Repo(folder).index
        return {
            "stages": {
                stage.name: {
                    "cmd": _enforce_cmd_list(stage.cmd),
                    "wdir": relative(stage.wdir),
                    "deps": [relative(d.fs_path) for d in stage.deps if not isinstance(d, ParamsDependency)],
                    "params": {
                        relative(dep.fs_path): dep.params
                        for dep in stage.deps
                        if isinstance(dep, ParamsDependency)
                    },
                    "outs": [
                        [relative(out.fs_path), bool(out.metric), bool(out.plot), out.use_cache, out.persist]
                        for out in stage.outs
                    ],
                    "frozen": stage.frozen,
                    "always_changed": stage.always_changed,
                    "desc": stage.desc,
                    "meta": stage.meta,
                }
                for stage in index.stages
            },
            "edges": sorted([reader.name, maker.name] for reader, maker in index.graph.edges),
        }
    except Exception as error:
        return {"error": f"{type(error).__name__}: {error}"}


if __name__ == "__main__":
    print(json.dumps(described(sys.argv[1])))
