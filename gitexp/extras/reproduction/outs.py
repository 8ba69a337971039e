"""The results of two runs of the same code, byte by byte."""

from __future__ import annotations

import csv
import io
from collections.abc import Collection, Mapping
from typing import NamedTuple

from gitexp import errors
from gitexp.catalog.result_files import ResultRules
from gitexp.model import Artifact, Experiment
from gitexp.pipeline.lock import Lock, read_lock
from gitexp.pipeline.paths import lock_path
from gitexp.project import tool_files
from gitexp.project.directions import of_config
from gitexp.project.project import Project
from gitexp.repo.git.checkout import files_of, tree_changes
from gitexp.repo.git.values import in_commit

_SEPARATORS = {"csv": ",", "tsv": "\t"}


class DifferingOut(NamedTuple):
    """A result that is not the same.

    Attributes:
        path: the path from the root.
        original, again: the hash of the content, as Git or the object store has it; "" for no such file.
        stage: the stage that made it; "" for a command.
    """

    path: str
    original: str
    again: str
    stage: str = ""


class ComparedOuts(NamedTuple):
    """The results of both sides.

    Attributes:
        compared: the number of results of the experiment.
        differing: those that are not the same, in the order of their stages.
        not_compared: logs of tools, which have times and names of machines in them.
    """

    compared: int
    differing: list[DifferingOut]
    not_compared: list[str]


def compare(project: Project, one: Experiment, again: Experiment) -> ComparedOuts:
    """The results of an experiment and of its reproduction. Raises LockError for an unreadable lock."""
    locks = _lock(project, one), _lock(project, again)
    stages = _stages(locks[0], one)
    differing, compared = list[DifferingOut](), set[str]()
    before, after = _artifacts(locks[0]), _artifacts(locks[1])
    for path in dict.fromkeys([*before, *after]):
        compared.add(path)
        sides = before.get(path), after.get(path)
        if sides[0] is None or sides[1] is None or sides[0].content != sides[1].content:
            hashes = _hash(sides[0]), _hash(sides[1])
            differing.append(DifferingOut(path, *hashes, stages.get(path, "")))
    changed = {}
    for change in tree_changes(project.repo, one.record.commit, again.record.commit):
        changed[change.path] = change
    values = {*one.record.metrics, *again.record.metrics}  # compared value by value
    skipped = values | compared | {lock_path(project.config.folder)}
    logs = _logs([path for path in changed if path not in values])
    for path in sorted(changed.keys() - skipped - logs):
        before_id, after_id = (entry[1] if entry else "" for entry in changed[path][1:])
        if not _same_table(project, path, (before_id, after_id)):
            differing.append(DifferingOut(path, before_id, after_id, stages.get(path, "")))
    order = {name: at for at, name in enumerate(one.record.stages)}
    differing.sort(key=lambda out: order.get(out.stage, len(order)))
    return ComparedOuts(len(compared | _results(project, one)), differing, sorted(logs))


def count(project: Project, one: Experiment) -> int:
    """The number of results of an experiment that can be compared."""
    try:
        in_store = _artifacts(_lock(project, one))
    except errors.LockError:
        in_store = {}
    return len(in_store.keys() | _results(project, one))


def _results(project: Project, one: Experiment) -> set[str]:
    """The files of an experiment in Git that are results, but for metrics, which are values."""
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
    """The results that a lock names."""
    found = dict(lock.outs)
    for stage in lock.stages.values():
        found.update({out.path: out for out in stage.outs})
    return found


def _stages(lock: Lock, one: Experiment) -> dict[str, str]:
    """The stage of each result, of those that ran."""
    found = {}
    for name in one.record.stages:
        if name in lock.stages:
            found.update({out.path: name for out in lock.stages[name].outs})
    return found


def _hash(artifact: Artifact | None) -> str:
    return "" if artifact is None else artifact.hash


def _same_table(project: Project, path: str, ids: tuple[str, str]) -> bool:
    """Whether two tables are the same but for columns for which gitexp.yaml allows any distance."""
    separator = _SEPARATORS.get(path.rpartition(".")[2])
    tolerance = project.config.tolerance
    if separator is None or "any" not in tolerance.values() or not all(ids):
        return False
    before, after = (_rows(content, separator, tolerance) for content in project.repo.read_blobs(ids))
    return before is not None and before == after


def _rows(content: bytes | None, separator: str, tolerance: Mapping[str, str]) -> list[list[str]] | None:
    """The cells of a table, without those columns; None for what is no table."""
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
