"""The results of a run that has ended: which files are its own, and where they are stored.

A run leaves whatever it leaves: nothing here fails for that, and a file that cannot be stored is named.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from gitexp import errors, files
from gitexp.catalog.names import numbered
from gitexp.datasets import large_results, lock_file
from gitexp.files.lines.series import is_table
from gitexp.model import Tree
from gitexp.named_tuple import NamedTuple
from gitexp.nofollow import NotPlain
from gitexp.objects.paths import is_foreign, lies_in, lies_in_any
from gitexp.pipeline.paths import lock_path
from gitexp.process.liveness import current_process
from gitexp.project import exclusions, ignore
from gitexp.project.config import Config
from gitexp.project.project import Project, parse_all, read
from gitexp.project.tools import dvc_data
from gitexp.repo import left_files, live, worktrees
from gitexp.repo.experiments import is_name
from gitexp.repo.git import snapshot
from gitexp.repo.git.disk_files import files_below
from gitexp.repo.git.repository import Repository
from gitexp.repo.git.snapshot import Snapshot
from gitexp.repo.git.trees import files_in
from gitexp.repo.live import RunState
from gitexp.repo.scope import Scope
from gitexp.runs.collecting.unstorable import note_unreached
from gitexp.words import shorten

_MOST_TABLES = 1000  # in a record; a table of experiments reads all records


@dataclass(slots=True)
class _ResultFiles:
    """The result files of a run, by their place.

    Attributes:
        in_git: files to store in Git.
        large: files written by the run and too large for Git.
        large_before: large results of an earlier run, not written by this run.
        tables: the tables among the files written by the run.
        new: files written by the run.
        left_out: files not stored, by the reason.
    """

    in_git: list[str] = field(default_factory=list)
    large: list[str] = field(default_factory=list)
    large_before: list[str] = field(default_factory=list)
    tables: list[str] = field(default_factory=list)
    new: list[str] = field(default_factory=list)
    left_out: dict[str, list[str]] = field(default_factory=dict)

    @property
    def warnings(self) -> list[str]:
        told = [f"not stored, {why}: {shorten(names)}" for why, names in self.left_out.items()]
        if (more := len(self.tables) - _MOST_TABLES) > 0:
            told.append(f"tables whose curves are not shown, for there are too many: {more:,}")
        return told


class StoredResults(NamedTuple):
    """The stored files of an ended run.

    Attributes:
        tree: the tree of the experiment.
        warnings: sentences for a person.
        exact: results to check out without conversion.
        tables: the tables written by the run.
        checkpoints: the declared paths of what another run can go on from.
    """

    tree: str
    warnings: Sequence[str] = ()
    exact: Sequence[str] = ()
    tables: Sequence[str] = ()
    checkpoints: Sequence[str] = ()


def if_written(state: RunState, name: str) -> bytes | None:
    """The content of a file written by the run; None for an older file."""
    if not state.written([name]):
        return None
    return read(Path(state.root) / name)


def withheld(project: Project, state: RunState, names: Iterable[str]) -> set[str]:
    """The files left out of the experiment: by a secret's name, or by `.gitexpignore`.

    Their values stay out of the record too: it is no less public than the files.
    """
    leave_out = exclusions.rule(project.repo.root)
    there = live.stamp(Path(state.root), [*names])
    refused = [name for name in there if leave_out(name) is not None]
    if not refused:
        return set()
    return set(refused).difference(files_in(project.repo, state.baseline, refused))


def metrics(
    project: Project, state: RunState, logged_in: str | None = None
) -> tuple[dict[str, Tree], list[str]]:
    """The metrics of this run, and a warning for each metrics file not written by the run.

    `logged_in` is the file with the logged values of the run; the workspace's copy may be another writer's.
    """
    scope = state.scope
    secret = withheld(project, state, scope.metrics)
    found = {name: if_written(state, name) for name in scope.metrics if name not in secret}
    trees, warnings = parse_all(found, files.parse_metrics)
    for name, data in found.items():
        if data is not None or name == logged_in or lies_in_any(name, scope.by_stages):
            continue
        if live.stamp(Path(state.root), [name]):
            warnings.append(f"not this run's result: {name} was there before and has not been written")
        elif name in scope.declared:
            warnings.append(f"not written: {name}")
    return trees, warnings


def store(
    project: Project,
    state: RunState,
    workspace: Repository | None,
    name: str,
    begun_with: Sequence[str] = (),
) -> StoredResults:
    """Store the files of an ended run.

    The tree is the start tree with the present declared results. `workspace` is the run's; None if
    removed. Undeclared files of an isolated run are kept under the experiment's `name`. `begun_with` are
    the checkpoints at the start of the run. Raises GitFailed, StorageError or DiskFull.
    """
    if workspace is None:
        gone = f"results not stored: the workspace is gone, {state.root}"
        return StoredResults(state.tree, (gone,), checkpoints=begun_with)
    found = _found(project, state)
    taken = _in_git(project, state, workspace, found.in_git)
    tree = taken.tree
    lock, stored, refused = _large(project, state, workspace, tree, found)
    if lock:
        with project.local.scratch() as scratch:
            tree = snapshot.with_contents(workspace, scratch, tree, lock)
    scope = state.scope._replace(stored=(*state.scope.stored, *stored))
    left = _keep_left(project, state._replace(scope=scope), workspace, tree, name)
    told = (*found.warnings, *refused, *taken.warnings, *left)
    tables = sorted(found.tables)[:_MOST_TABLES]
    return StoredResults(tree, told, taken.exact, tables, _checkpoints(state.scope, found, begun_with))


def _checkpoints(scope: Scope, found: _ResultFiles, begun_with: Sequence[str]) -> list[str]:
    """The declared paths with a checkpoint at or below them, written by the run or left unchanged."""
    stored = [*found.in_git, *found.large, *found.large_before]
    paths = []
    for path in dict.fromkeys([*scope.checkpoints, *begun_with]):
        candidates = stored if path in begun_with else found.new
        if any(lies_in(name, path) for name in candidates):
            paths.append(path)
    return paths


def _in_git(project: Project, state: RunState, workspace: Repository, names: Sequence[str]) -> Snapshot:
    """The start tree with these results, and a warning for each that cannot be stored."""
    results, lock = state.scope.results, dict[str, bytes]()
    with contextlib.suppress(FileNotFoundError, NotPlain):
        lock[lock_path(state.scope.project)] = state.read(state.lock)
    with project.local.scratch() as scratch:
        try:
            return snapshot.with_files(workspace, scratch, state.tree, results, names, lock)
        except errors.SnapshotRefused:
            pass  # One of them cannot be read; that is no reason to lose the others.
        gone = set(files_in(project.repo, state.tree, results)).difference(names)
        tree = snapshot.with_files(workspace, scratch, state.tree, sorted(gone), [], lock).tree
        others = [name for name in names if name not in lock]
        return _by_halves(workspace, scratch, Snapshot(tree), others)


def _found(project: Project, state: RunState) -> _ResultFiles:
    """The result files of this run.

    A file from before the run and not written since belongs to the run if the baseline or the start tree has
    it, as a possible input. A metrics file from before belongs to another run.
    """
    root, scope, found = Path(state.root), state.scope, _ResultFiles()
    below = files_below(root, scope.results, partial(note_unreached, found.left_out, root))
    there = [name for name in below if not lies_in_any(name, scope.in_store)]
    now_there = live.stamp(root, there)
    if not now_there:
        return found
    tracked = set(files_in(project.repo, state.baseline, scope.results))
    unwritten = _unwritten(state, now_there)
    untouched = unwritten - tracked
    inputs = _inputs(project, state, untouched)
    secret = exclusions.rule(project.repo.root)
    for name, stamp in now_there.items():
        if name in tracked or name in inputs:
            found.in_git.append(name)
        elif name in untouched:
            if name in scope.large:
                found.large_before.append(name)
        elif (why := secret(name)) is not None:
            found.left_out.setdefault(why, []).append(name)
        elif stamp.size > scope.max_size and not (root / name).is_symlink():
            found.large.append(name)
        else:
            found.in_git.append(name)
    found.new = [name for name in (*found.in_git, *found.large) if name not in unwritten]
    found.tables = [name for name in found.new if is_table(name)]
    return found


def _inputs(project: Project, state: RunState, untouched: Collection[str]) -> set[str]:
    """The unwritten and untracked result files that may be inputs: files of the start tree, no metrics."""
    if not untouched:
        return set()
    at_start = files_in(project.repo, state.tree, state.scope.results)
    return set(untouched).intersection(at_start).difference(state.scope.metrics)


def _large(
    project: Project, state: RunState, workspace: Repository, tree: str, found: _ResultFiles
) -> tuple[dict[str, bytes], list[str], list[str]]:
    """Put large results in the object store, and name them in the lock of the workspace.

    Returns:
        the lock for the tree, by its path, if it differs;
        the files named in the lock;
        a warning for each other file.
    """
    scope = state.scope
    if not found.large and not scope.large:
        return {}, [], []
    root, config = Path(state.root), Config(folder=scope.project)
    kept = large_results.keep(
        project,
        root,
        config,
        tree,
        found.large,
        before=found.large_before,
        beside_stages=state.lock.is_file(),
    )
    warnings, outs = [*kept.refused], kept.after.outs
    # An isolated run's workspace is not for people, and where one died somebody may have been at work since.
    is_here = state.process == current_process() and not _is_isolated(project, workspace)
    if is_here and kept.after != kept.before:
        try:
            lock_file.change(root, config, project.local, lambda lock: lock.with_outs([*outs.values()]))
        except errors.LockError as error:  # a merge, say, while it ran
            warnings.append(f"the workspace's lock was left as it is: {error.message.rstrip('.')}")
        warnings += ignore.advice(workspace, [path for path in outs if path not in kept.before.outs])
    return kept.contents(config), [*outs], warnings


def _is_isolated(project: Project, workspace: Repository) -> bool:
    return worktrees.is_isolated(project.repo, workspace.root)


def _by_halves(workspace: Repository, scratch: Path, before: Snapshot, names: Sequence[str]) -> Snapshot:
    """The tree with the storable files, and another warning for each other file."""
    if not names:
        return before
    tree, warnings, exact = before.tree, before.warnings, before.exact
    try:
        stored = snapshot.with_files(workspace, scratch, tree, [], names)
        return Snapshot(stored.tree, (*warnings, *stored.warnings), (*exact, *stored.exact))
    except errors.SnapshotRefused as error:
        if len(names) == 1:
            return Snapshot(tree, (*warnings, f"not stored: {names[0]}: {error.message}"), exact)
    half = len(names) // 2
    first = _by_halves(workspace, scratch, before, names[:half])
    return _by_halves(workspace, scratch, first, names[half:])


def _as_it_was(state: RunState) -> set[str]:
    """The result files from before the run, not written since."""
    root = Path(state.root)
    return _unwritten(state, live.stamp(root, files_below(root, state.scope.results)))


def _unwritten(state: RunState, now_there: Mapping[str, live.Stamp]) -> set[str]:
    """The files that still have their stamps from the start of the run."""
    return {name for name, stamp in now_there.items() if stamp == state.stamps.get(name)}


def _left_folder(project: Project, state: RunState, name: str) -> Path:
    """The run's own folder: `left/<name>`, or `left/<name>-2` after an earlier run of the name.

    The run's state keeps the choice: a second attempt, after a kill, uses the same folder.
    """
    folder, noted = project.local.root / "left", state.folder / "left-folder"
    with contextlib.suppress(OSError, ValueError):
        chosen = state.read(noted).decode("utf-8")
        if is_name(chosen) and not is_foreign(str(folder / chosen)):
            return folder / chosen
    chosen = state.folder.name
    for free in numbered(name, ()):
        if not os.path.lexists(folder / free):
            chosen = free
            break
    state.put(noted, chosen.encode())
    return folder / chosen


def _keep_left(project: Project, state: RunState, workspace: Repository, tree: str, name: str) -> list[str]:
    """Move the undeclared files of an isolated run to their folder; a warning about them."""
    if not _is_isolated(project, workspace) or worktrees.is_kept(workspace.root):
        return []
    dvc_data.drop(project.repo.root, workspace.root)
    scope, target = state.scope, _left_folder(project, state, name)
    # A kill, or a second attempt, may find some of it moved already.
    kept = set(files_below(target, ["."]))
    with contextlib.suppress(errors.GitFailed, OSError), project.local.scratch() as scratch:
        # Neither results of this run, nor left by it.
        given = _as_it_was(state).difference(files_in(workspace, tree, scope.results))
        tree = _by_halves(workspace, scratch, Snapshot(tree), sorted(given)).tree
        left = left_files.keep(workspace, state.tree, tree, scope.share, scratch, target, stored=scope.stored)
        kept.update(left)
    if not kept:
        return []
    return [
        f"not stored, moved to .git/gitexp/left/{target.name}: {shorten(sorted(kept))}; "
        "declare them under outs: to keep them"
    ]
