"""The metrics of a workspace that is saved without a run: those that its params and its code have made."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path, PurePosixPath

from gitexp.catalog import lookup
from gitexp.catalog.result_origin import KnownResult, known_results, makers, other_params, sentence
from gitexp.model import Files, Stored
from gitexp.named_tuple import NamedTuple
from gitexp.objects.paths import lies_in_any
from gitexp.pipeline.paths import lock_path
from gitexp.project import patterns
from gitexp.project.project import Project
from gitexp.repo import live, trash
from gitexp.repo.git.checkout import tree_changes
from gitexp.repo.git.trees import files_in
from gitexp.words import shorten

_CODE = frozenset(
    (
        *(".py", ".pyx", ".pyi", ".sh", ".bash", ".r", ".jl", ".lua", ".m", ".rs", ".go", ".java"),
        *(".c", ".cc", ".cpp", ".cu", ".cuh", ".h", ".hpp", ".scala"),
    )
)
_SETTINGS = frozenset((".yaml", ".yml", ".toml", ".json", ".ini", ".cfg", ".gin", ".jsonnet", ".conf"))
_WORDS = frozenset((".md", ".rst", ".tex", ".gitignore", ".gitattributes", ".gitexpignore"))
_MOST = 20  # experiments with the same values and params whose code is compared


class OwnMetrics(NamedTuple):
    """The metrics of a saved workspace.

    Attributes:
        metrics: the workspace's own values, by file.
        others: the metrics files with results of other runs.
        warnings: a sentence for each file of another run, certain or possible.
    """

    metrics: Files
    others: Sequence[str]
    warnings: Sequence[str]


class MatchingFiles(NamedTuple):
    """The metrics files of a workspace that patterns of gitexp.yaml match.

    Attributes:
        patterns: the pattern by each file that may be a result of the workspace.
        older: the files that are not, as newer ones are there.
    """

    patterns: Mapping[str, str]
    older: Sequence[str]


def matching_files(project: Project) -> MatchingFiles:
    """The files that metric patterns match: those written since the last experiment, else the newest."""
    wanted = project.config.patterns.metrics
    if not wanted:
        return MatchingFiles({}, ())
    root, last = project.repo.root, _last_end(project)
    found, older = dict[str, str](), list[str]()
    for pattern in wanted:
        stamps = live.stamp(root, patterns.matching(root, [pattern]))
        newest_first = sorted(stamps, key=lambda name: stamps[name].modified, reverse=True)
        count = sum(of.modified / 1e9 > last for of in stamps.values())
        for name in newest_first[: count or 1]:
            found.setdefault(name, pattern)
        older += newest_first[count or 1 :]
    return MatchingFiles(found, [name for name in older if name not in found])


def _last_end(project: Project) -> float:
    """The time when the last experiment ended, in seconds since the epoch; 0 without experiments."""
    last = 0.0
    for one in project.store.readable():
        with contextlib.suppress(ValueError, OverflowError):  # anybody may have written the record
            time = datetime.fromisoformat(one.record.finished or one.record.created)
            last = max(last, time.timestamp())
    return last


def own_metrics(
    project: Project, head: str, tree: str, params: Files, metrics: Files, matching: Mapping[str, str]
) -> OwnMetrics:
    """The metrics of the workspace with this tree, without metrics of other runs.

    `matching`: the pattern by each file that a pattern of gitexp.yaml matches.

    A file with the values of an experiment with other params belongs to the experiment. So does a file
    with the values of an experiment with other code, unless written after the code.
    """
    if not metrics:
        return OwnMetrics(metrics, (), ())
    experiments: list[Stored] = [lookup.complete(project, one) for one in lookup.experiments(project)]
    experiments += [one.experiment for one in trash.contents(project.repo)]
    known = known_results(experiments, head, project.read_at([head])[head])
    own, others, warnings = dict(metrics), list[str](), list[str]()
    for name, values in metrics.items():
        found = makers(name, values, known, matching.get(name, ""))
        if not found:
            warnings += _perhaps_older(project.repo.root, name, params)
            continue
        same = [one for one in found if not other_params(one, params)]
        if not same:
            warning = sentence(name, found[0], f"which had {shorten(other_params(found[0], params))}")
            is_others = True
        else:
            warning, is_others = _compared(project, name, same, tree)
        if warning:
            warnings.append(warning)
        if is_others:
            del own[name]
            others.append(name)
    return OwnMetrics(own, others, warnings)


def _compared(project: Project, name: str, found: Sequence[KnownResult], tree: str) -> tuple[str, bool]:
    """A sentence about a metrics file, and whether other code made the file.

    `found`: the results with the file's values and the params of the workspace.
    """
    changed = list[list[str]]()
    for one in found[:_MOST]:
        paths = _changed(project, one, tree)
        if not paths:
            return "", False
        changed.append(paths)
    paths, one = changed[0], found[0]
    if _is_older(project.repo.root, name, [path for path in paths if _is_code(path)]):
        return sentence(name, one, f"and changed since: {shorten(paths)}"), True
    return f"{name} has the values of {one.label}, and changed since: {shorten(paths)}", False


def _changed(project: Project, one: KnownResult, tree: str) -> list[str]:
    """The files of a result's commit that are others in the workspace, results and texts for people aside."""
    config = project.config
    passed_over = (*config.results, *config.params, project.config_file, lock_path(config.folder))
    changes = []
    for change in tree_changes(project.repo, one.commit, tree):
        if change.old is not None and not lies_in_any(change.path, passed_over):
            changes.append(change)
    tracked = set(files_in(project.repo, "HEAD", [change.path for change in changes]))
    found = []
    for change in changes:
        path = PurePosixPath(change.path)
        is_input = path.suffix.lower() in _CODE or change.path in tracked
        if is_input and (path.suffix or path.name).lower() not in _WORDS:
            found.append(change.path)
    return found


def _is_code(path: str) -> bool:
    return PurePosixPath(path).suffix.lower() in _CODE | _SETTINGS


def _perhaps_older(root: Path, name: str, params: Iterable[str]) -> list[str]:
    """A warning if a metrics file was written before the params, in so far as time stamps tell."""
    newer = [path for path in params if _is_older(root, name, [path])]
    if not newer:
        return []
    return [f"{name} is older than {shorten(newer)}: it may be the result of other params"]


def _is_older(root: Path, name: str, others: Iterable[str]) -> bool:
    """Whether a file was last written before the writing, or the moving, of any of the others."""
    with contextlib.suppress(OSError):
        written = (root / name).stat().st_mtime_ns
        for other in others:
            path = root / other
            if not path.exists():
                return True  # nobody knows when it went
            of = path.stat()
            if max(of.st_mtime_ns, of.st_ctime_ns) > written:
                return True
    return False
