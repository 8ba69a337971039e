"""The results of two runs of the same code, byte by byte."""

from __future__ import annotations

import csv
import io
from collections.abc import Collection, Mapping
from pathlib import PurePosixPath

from gitexp import errors
from gitexp.catalog.result_files import ResultRules
from gitexp.files.tables.delimited import SEPARATORS
from gitexp.model import Artifact, Experiment
from gitexp.named_tuple import NamedTuple
from gitexp.pipeline.lock import Lock, read_lock
from gitexp.pipeline.paths import lock_path
from gitexp.project.project import Project
from gitexp.project.sections.directions import of_config
from gitexp.project.tools import tool_files
from gitexp.repo.git.checkout import files_of, tree_changes
from gitexp.repo.git.indexes import Entry
from gitexp.repo.git.values import in_commit


class DifferingOut(NamedTuple):
    """A result with different contents.

    Attributes:
        path: the path from the root.
        original, again: the hash of the content in Git or in the object store; "" for a missing file.
        stage: the stage of the result; "" for a command.
    """

    path: str
    original: str
    again: str
    stage: str = ""


class ComparedOuts(NamedTuple):
    """The results of both sides.

    Attributes:
        compared: the number of results of the experiment.
        differing: the differing results, in the order of their stages.
        not_compared: logs of tools: they have times and names of machines in them.
    """

    compared: int
    differing: list[DifferingOut]
    not_compared: list[str]


def compare(project: Project, one: Experiment, again: Experiment) -> ComparedOuts:
    """The results of an experiment and of its reproduction. Raises LockError for an unreadable lock."""
    first_lock, second_lock = _lock(project, one), _lock(project, again)
    before, after = _artifacts(first_lock), _artifacts(second_lock)
    stages = _stages(first_lock, one)
    compared = {*before, *after}
    changed = {}
    for change in tree_changes(project.repo, one.record.commit, again.record.commit):
        changed[change.path] = change
    values = {*one.record.metrics, *again.record.metrics}  # compared value by value
    skipped = values | compared | {lock_path(project.config.folder)}
    logs = _logs([path for path in changed if path not in values])
    differing = _differing_artifacts(before, after, stages)
    for path in sorted(changed.keys() - skipped - logs):
        old, new = changed[path].old, changed[path].new
        before_id, after_id = _blob(old), _blob(new)
        if not _same_table(project, path, (before_id, after_id)):
            differing.append(DifferingOut(path, before_id, after_id, stages.get(path, "")))
    order = {name: at for at, name in enumerate(one.record.stages)}
    differing.sort(key=lambda out: order.get(out.stage, len(order)))
    return ComparedOuts(len(compared | _results(project, one)), differing, sorted(logs))


def _differing_artifacts(
    before: Mapping[str, Artifact], after: Mapping[str, Artifact], stages: Mapping[str, str]
) -> list[DifferingOut]:
    """The differing results of two locks; `stages`: the stage of each result."""
    found = []
    for path in dict.fromkeys([*before, *after]):
        old, new = before.get(path), after.get(path)
        if old is None or new is None or old.content != new.content:
            found.append(DifferingOut(path, _hash(old), _hash(new), stages.get(path, "")))
    return found


def _blob(entry: Entry | None) -> str:
    return "" if entry is None else entry[1]


def count(project: Project, one: Experiment) -> int:
    """The number of comparable results of an experiment."""
    try:
        in_store = _artifacts(_lock(project, one))
    except errors.LockError:
        in_store = {}
    return len(in_store.keys() | _results(project, one))


def _results(project: Project, one: Experiment) -> set[str]:
    """The results of an experiment in Git, without metrics: their values are compared."""
    files = files_of(project.repo, one.record.commit).keys() - one.record.metrics.keys()
    found = ResultRules.of(project).among(files, [*one.record.tables])
    return found - _logs(found) - {lock_path(project.config.folder)}


def _logs(paths: Collection[str]) -> set[str]:
    """The logs of tools, as TensorBoard's."""
    return {path for path in tool_files.among(paths) if tool_files.is_log(path)}


def _lock(project: Project, one: Experiment) -> Lock:
    name, folder = lock_path(project.config.folder), project.config.folder
    (text,) = project.repo.read_blobs(in_commit(one.record.commit, [name]))
    return Lock() if text is None else read_lock(name, text, folder)


def _artifacts(lock: Lock) -> dict[str, Artifact]:
    """The results in a lock, by path."""
    found = dict(lock.outs)
    for stage in lock.stages.values():
        found.update({out.path: out for out in stage.outs})
    return found


def _stages(lock: Lock, one: Experiment) -> dict[str, str]:
    """The stage of each result, for the stages of the run."""
    found = {}
    for name in one.record.stages:
        if name in lock.stages:
            found.update({out.path: name for out in lock.stages[name].outs})
    return found


def _hash(artifact: Artifact | None) -> str:
    return "" if artifact is None else artifact.hash


def _same_table(project: Project, path: str, ids: tuple[str, str]) -> bool:
    """Whether two tables are the same, without columns of the tolerance `any` in gitexp.yaml."""
    separator = SEPARATORS.get(PurePosixPath(path).suffix)
    tolerance = project.config.tolerance
    if separator is None or "any" not in tolerance.values() or not all(ids):
        return False
    before, after = (_rows(content, separator, tolerance) for content in project.repo.read_blobs(ids))
    return before is not None and before == after


def _rows(content: bytes | None, separator: str, tolerance: Mapping[str, str]) -> list[list[str]] | None:
    """The cells of a table, without columns of the tolerance `any`; None for any other content."""
    if content is None:
        return None
    try:
        rows = list(csv.reader(io.StringIO(content.decode()), delimiter=separator))
    except (UnicodeDecodeError, csv.Error):
        return None
    if not rows:
        return None
    kept = [at for at, name in enumerate(rows[0]) if of_config(name, tolerance) != "any"]
    found = []
    for row in rows:
        found.append([row[at] for at in kept if at < len(row)])
    return found
