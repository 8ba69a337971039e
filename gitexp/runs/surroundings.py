"""What tools leave in a workspace: no code of the next run, and results of the run that wrote it.

At the start of a run, the files that are there are looked up. At its end, those that are new or were written
since become results.
"""

from __future__ import annotations

import posixpath
import shlex
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

from gitexp.model import Tree
from gitexp.objects.paths import joined_paths, lies_in, lies_in_any
from gitexp.project import patterns, tool_files
from gitexp.project.ignore import ignored
from gitexp.project.project import Project
from gitexp.repo.git import snapshot
from gitexp.repo.live import RunState
from gitexp.runs.ready import PlainCommand, Work

_MOST = 20_000  # files of tools to be stored with one run


class Surroundings(NamedTuple):
    """The files beside the code in a workspace before a run.

    Attributes:
        aside: files other than code: the logs of tools, and metrics found by patterns.
        watched: further paths: files written by the run are results, not inputs.
        pointers: `.dvc` files, possible inputs.
    """

    aside: tuple[str, ...]
    watched: tuple[str, ...]
    pointers: tuple[str, ...]


def before(code: Project, work: Work) -> Surroundings:
    """The surroundings of a run of `work`.

    A path named in the command itself is an input, like the checkpoint of an earlier run.
    """
    root, config = code.repo.root, code.config
    found = tool_files.find(root, (*config.data, *config.share))
    of_live = tool_files.live_files(found, root, config.folder)
    words = _words(work)
    aside, watched = dict[str, None](), dict[str, None]()
    for path in (*found.logs, *found.databases, *patterns.matching(root, config.patterns.metrics)):
        if any(lies_in(word, path) for word in words) or lies_in_any(path, config.outs):
            watched[path] = None
        else:
            aside[path] = None
    watched.update(dict.fromkeys((*found.outputs, *of_live.metrics, *of_live.params, *of_live.others)))
    return Surroundings(tuple(aside), tuple(watched), tuple(found.pointers))


def _words(work: Work) -> list[str]:
    """The paths in the words of a command, whole or after an equals sign."""
    if not isinstance(work, PlainCommand):
        return []
    try:
        words = shlex.split(work.text)
    except ValueError:
        words = work.text.split()
    return [posixpath.normpath(word.rpartition("=")[2]) for word in words]


def after(project: Project, state: RunState) -> tuple[RunState, list[str]]:
    """The state of an ended run with the written files among its paths, and a warning for files left out."""
    root, scope = Path(state.root), state.scope
    found = tool_files.find(root, (*scope.in_store, *scope.share))
    of_live = tool_files.live_files(found, root, scope.project)
    pointed = tool_files.with_artifacts([*state.written(found.pointers)])
    by_tools = (*found.logs, *found.outputs, *of_live.metrics, *of_live.params, *of_live.others, *pointed)
    named = {
        "metrics": patterns.matching(root, scope.metric_patterns),
        "params": patterns.matching(root, scope.param_patterns),
        "results": patterns.matching(root, scope.result_patterns),
    }
    written = [*state.written(snapshot.files_below(root, by_tools))]
    if written:
        passed_over = set(ignored(project.repo.linked(root, Path(state.git_dir)), written))
        passed_over.difference_update(scope.results, pointed)
        written = [path for path in written if path not in passed_over]
    warnings = []
    if len(written) > _MOST:
        told = f"not stored, more than {_MOST:,} files of tools: {_tops(written)}; have Git ignore them"
        warnings.append(told)
        written = []
    by_patterns = {kind: [*state.written(paths)] for kind, paths in named.items()}
    results = (*written, *by_patterns["metrics"], *by_patterns["params"], *by_patterns["results"])
    metrics = [*(path for path in of_live.metrics if path in written), *by_patterns["metrics"]]
    params = [*(path for path in of_live.params if path in written), *by_patterns["params"]]
    more = [path for path in results if not lies_in_any(path, scope.results)]
    scope = scope._replace(
        metrics=joined_paths(scope.metrics, metrics),
        written_params=joined_paths(scope.written_params, params),
        results=joined_paths(scope.results, more),
    )
    return state._replace(scope=scope), warnings


def by_pattern(state: RunState, metrics: Mapping[str, Tree]) -> dict[str, Tree]:
    """The metrics, with the only file of a pattern under the name of the pattern.

    A folder for each run gives each run another path: the values would never be in one column.
    """
    named = dict(metrics)
    for pattern in state.scope.metric_patterns:
        expression = patterns.compiled(pattern)
        matching = [name for name in named if expression.fullmatch(name)]
        if len(matching) == 1 and matching[0] not in state.scope.declared:
            named[pattern] = named.pop(matching[0])
    return named


def _tops(paths: Iterable[str]) -> str:
    return ", ".join(sorted({path.partition("/")[0] for path in paths}))
