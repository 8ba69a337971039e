"""The tables with a row a step that the run of an experiment has written: in Git, or in the object store."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Mapping, Sequence

from gitexp import errors
from gitexp.catalog import sources
from gitexp.catalog.result_files import ResultRules
from gitexp.files.limits import MAX_TABLE_BYTES
from gitexp.files.lines.series import is_table
from gitexp.model import Artifact, Experiment, Record
from gitexp.named_tuple import NamedTuple
from gitexp.objects.paths import lies_in
from gitexp.objects.store import ObjectStore
from gitexp.pipeline.lock import Lock, read_lock
from gitexp.pipeline.paths import lock_path
from gitexp.project.project import Project
from gitexp.repo.experiments import RUN_FOLDER

_WITHOUT_RESULT = ("failed", "not run")  # states of a stage: its outs are those of an earlier run


class SeriesTable(NamedTuple):
    """A table written by a run.

    Attributes:
        path: the path from the root.
        blob: id of its content in Git; "" for a table in the object store.
        hash: hash of its content in the object store; "" for a table in Git.
    """

    path: str
    blob: str = ""
    hash: str = ""


def tables_of(project: Project, experiments: Iterable[Experiment]) -> dict[str, list[SeriesTable]]:
    """The tables of each ended experiment by its commit, asked of one Git process.

    They are those that the record names, and the outs of its stages. Where nothing was run by gitexp (`gitexp
    save`, another program's experiments) they are the results that differ from the baseline: others may be
    those of an earlier run.
    """
    ended = {one.record.commit: one for one in experiments if one.record.status.ended}
    found = _in_git(project, ended)
    for commit, lock in _locks(project, ended).items():
        there = {table.path for table in found.get(commit, ())}
        more = []
        for table in _in_lock(project, lock, ended[commit].record):
            if table.path not in there:
                more.append(table)
        if more:
            found.setdefault(commit, []).extend(more)
    return found


def contents(project: Project, tables: Sequence[SeriesTable]) -> dict[str, bytes]:
    """The content of each table that is here, by path."""
    in_git = [table for table in tables if table.blob]
    blobs = project.repo.read_blobs([table.blob for table in in_git], most=MAX_TABLE_BYTES)
    found = {}
    for table, content in zip(in_git, blobs, strict=True):
        if content is not None:
            found[table.path] = content
    store = ObjectStore(project.local.objects)
    for table in tables:
        if table.hash and store.has(table.hash):
            found[table.path] = store.read(table.hash, MAX_TABLE_BYTES + 1)
    return found


def absent(project: Project, tables: Iterable[SeriesTable]) -> list[str]:
    """The paths of the tables whose content is not here."""
    store = ObjectStore(project.local.objects)
    return [table.path for table in tables if table.hash and not store.has(table.hash)]


# -- in Git -------------------------------------------------------------------------------------------


def _in_git(project: Project, ended: Mapping[str, Experiment]) -> dict[str, list[SeriesTable]]:
    without_run, places = dict[str, Experiment](), dict[tuple[str, str], None]()
    for commit, one in ended.items():
        if one.record.command is None or not sources.is_own(one):
            without_run[commit] = one
        for name in _named(one.record):
            places[commit, name] = None
    found: dict[str, list[SeriesTable]] = {}
    names = [f"{commit}:{name}" for commit, name in places]
    for (commit, name), blob in zip(places, project.repo.ids_of(names), strict=True):
        if blob is not None:
            found.setdefault(commit, []).append(SeriesTable(name, blob))
    for commit, changed in _changed_tables(project, without_run.values()).items():
        metrics = [table.path for table in found.get(commit, ())]
        results = ResultRules.of(project).among(changed, metrics)
        more = [SeriesTable(name, changed[name]) for name in sorted(results.difference(metrics))]
        found.setdefault(commit, []).extend(more)
    return found


def _named(record: Record) -> list[str]:
    """The tables that a record names: those written by the run, and those among its metrics files."""
    metrics = []
    for name in record.metrics:
        if is_table(name) and not lies_in(name, RUN_FOLDER):
            metrics.append(name)
    return list(dict.fromkeys([*record.tables, *metrics]))


def _changed_tables(project: Project, experiments: Collection[Experiment]) -> dict[str, dict[str, str]]:
    """By commit, the blobs of the tables that differ from the baseline, by path."""
    if not experiments:
        return {}
    lines = "".join(f"{one.record.commit} {one.record.baseline}\n" for one in experiments)
    args = ("diff-tree", "--stdin", "-r", "-z", "--raw", "--no-abbrev", "--no-renames", "--no-ext-diff")
    try:
        out = project.repo.run(*args, "--ignore-submodules=dirty", stdin=lines.encode())
    except errors.GitFailed:  # commits that are gone: they have no tables here
        return {}
    found: dict[str, dict[str, str]] = {}
    commit, parts = "", iter(out.split(b"\0"))
    for part in parts:
        if not part.startswith(b":"):
            commit = part.decode("ascii", "replace")
            continue
        _, mode, _, blob, status = part.split(b" ")
        path = os.fsdecode(next(parts, b""))
        if status != b"D" and mode.startswith(b"100") and is_table(path):
            found.setdefault(commit, {})[path] = blob.decode()
    return found


# -- in the object store ------------------------------------------------------------------------------


def _locks(project: Project, ended: Mapping[str, Experiment]) -> dict[str, Lock]:
    """The gitexp.lock of each commit that has one; an unreadable one is passed over."""
    name, folder = lock_path(project.config.folder), project.config.folder
    texts = project.repo.read_blobs([f"{commit}:{name}" for commit in ended])
    read: dict[bytes, Lock] = {}
    found = {}
    for commit, text in zip(ended, texts, strict=True):
        if text is None:
            continue
        if text not in read:  # many commits have the same lock
            try:
                read[text] = read_lock(name, text, folder)
            except errors.LockError:
                read[text] = Lock()
        found[commit] = read[text]
    return found


def _in_lock(project: Project, lock: Lock, record: Record) -> list[SeriesTable]:
    """The tables of a lock that are results of the run: named by its record, or outs of its stages."""
    named = set(_named(record))
    found = []
    for path, out in lock.outs.items():
        if path in named:
            found.append(SeriesTable(path, hash=out.hash))
    for name, told in record.stages.items():
        if name in lock.stages and told.get("state") not in _WITHOUT_RESULT:
            for out in lock.stages[name].outs:
                found += _in_artifact(project, out)
    return found


def _in_artifact(project: Project, artifact: Artifact) -> list[SeriesTable]:
    """The tables in a file or folder of the object store."""
    if not artifact.is_folder:
        return [SeriesTable(artifact.path, hash=artifact.hash)] if is_table(artifact.path) else []
    store = ObjectStore(project.local.objects)
    try:
        files = store.manifest(artifact.hash).files
    except errors.DataError:  # the folder is not here: nobody knows what is in it
        return []
    found = []
    for file in files:
        if is_table(file.path) and not file.link:
            found.append(SeriesTable(f"{artifact.path}/{file.path}", hash=file.hash))
    return found
