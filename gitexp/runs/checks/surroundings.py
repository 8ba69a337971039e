"""What tools leave in a workspace: no code of the next run, and results of the run that wrote it.

At the start of a run, the files that are there are looked up. At its end, those that are new or were written
since become results.
"""

from __future__ import annotations

import posixpath
import shlex
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path

from gitexp.model import Tree
from gitexp.named_tuple import NamedTuple
from gitexp.objects.paths import joined_paths, lies_in, lies_in_any
from gitexp.project import patterns
from gitexp.project.ignore import ignored
from gitexp.project.project import Project
from gitexp.project.tools import tool_files
from gitexp.repo.git.disk_files import files_below
from gitexp.repo.live import RunState
from gitexp.runs.collecting import hydra_output
from gitexp.runs.collecting.left_pointers import left_by_runs
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
    left = tool_files.with_artifacts(left_by_runs(code, found.pointers))
    watched.update(dict.fromkeys((*found.outputs, *left, *of_live.metrics, *of_live.params, *of_live.others)))
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


def after(project: Project, state: RunState, command: str) -> tuple[RunState, list[str]]:
    """The state of an ended run with the written files among its paths, and a warning for files left out.

    `command`: the command for the record, without secrets.
    """
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
    written = [*state.written(files_below(root, by_tools))]
    by_hydra = hydra_output.among(written)
    of_hydra = hydra_output.withheld(by_hydra, command)
    in_job = dict[str, str]()
    if of_hydra.config:
        in_job = hydra_output.metrics_in(of_hydra.folder, scope.metrics, written)
    warnings, secret = list[str](), set[str]()
    if of_hydra.warning:
        warnings.append(of_hydra.warning)
    if of_hydra != by_hydra:
        secret.update(by_hydra.files)
    kept = {*scope.results, *pointed, *of_hydra.files, *in_job.values()}
    written = _to_store(project, state, written, kept, secret)
    if len(written) > _MOST:
        told = f"not stored, more than {_MOST:,} files of tools: {_tops(written)}; have Git ignore them"
        warnings.append(told)
        written = []
    by_patterns = {kind: [*state.written(paths)] for kind, paths in named.items()}
    results = (*written, *by_patterns["metrics"], *by_patterns["params"], *by_patterns["results"])
    metrics = [*_among((*of_live.metrics, *in_job.values()), written), *by_patterns["metrics"]]
    params = [*_among(of_live.params, written), *by_patterns["params"]]
    if of_hydra.config:
        params.append(of_hydra.config)
    more = [path for path in results if not lies_in_any(path, scope.results)]
    scope = scope._replace(
        metrics=joined_paths([name for name in scope.metrics if name not in in_job], metrics),
        written_params=joined_paths(scope.written_params, params),
        results=joined_paths(scope.results, more),
    )
    return state._replace(scope=scope), warnings


def _to_store(
    project: Project, state: RunState, written: Sequence[str], kept: Collection[str], secret: Collection[str]
) -> list[str]:
    """The written files without secret ones, and without ignored ones unless they are among `kept`."""
    if not written:
        return []
    repo = project.repo.linked(Path(state.root), Path(state.git_dir))
    left_out = set(ignored(repo, written)).difference(kept).union(secret)
    return [path for path in written if path not in left_out]


def _among(paths: Iterable[str], written: Collection[str]) -> list[str]:
    return [path for path in paths if path in written]


def by_pattern(
    metrics: Mapping[str, Tree], metric_patterns: Iterable[str], declared: Collection[str]
) -> dict[str, Tree]:
    """The metrics, with the only file of a pattern under the name of the pattern.

    A folder for each run gives each run another path: the values would never be in one column.
    """
    named = dict(metrics)
    for pattern in metric_patterns:
        expression = patterns.compiled(pattern)
        matching = [name for name in named if expression.fullmatch(name)]
        if len(matching) == 1 and matching[0] not in declared:
            named[pattern] = named.pop(matching[0])
    return named


def _tops(paths: Iterable[str]) -> str:
    return ", ".join(sorted({path.partition("/")[0] for path in paths}))
