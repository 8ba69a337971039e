"""The results of a run that has ended: which files are its own, and where they are stored.

What a run leaves behind is whatever it is: nothing here fails for it, and what cannot be stored is said.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from gitexp import errors, files
from gitexp.model import Tree
from gitexp.pipeline.paths import lock_path
from gitexp.process.liveness import current_process
from gitexp.project import exclusions
from gitexp.project.config import Config
from gitexp.project.project import Project, parse_all, read
from gitexp.repo import live, worktrees
from gitexp.repo.git import snapshot
from gitexp.repo.git.repository import Repository
from gitexp.repo.live import LiveRun
from gitexp.words import shorten


@dataclass(slots=True)
class _ResultFiles:
    """The result files that are a run's own: those for Git, those too large for it, and of these again
    those that it found and left as they were. `left_out` are the others, by the reason."""

    in_git: list[str] = field(default_factory=list)
    large: list[str] = field(default_factory=list)
    large_before: list[str] = field(default_factory=list)
    left_out: dict[str, list[str]] = field(default_factory=dict)

    @property
    def warnings(self) -> list[str]:
        return [f"not stored, {why}: {shorten(names)}" for why, names in self.left_out.items()]


def if_written(run: LiveRun, name: str) -> bytes | None:
    """Return the content of a file that the run wrote; None for one that stood there before."""
    root = Path(run.root)
    after = live.stamp(root, [name]).get(name)
    return None if after is None or after == run.stamps.get(name) else read(root / name)


def metrics(run: LiveRun) -> tuple[dict[str, Tree], list[str]]:
    """Return the metrics that this run wrote, and what is to be said of those it did not."""
    found = {name: if_written(run, name) for name in run.metrics}
    trees, warnings = parse_all(found, files.parse_metrics)
    for name, data in found.items():
        if data is not None or snapshot.is_below(name, run.by_stages):
            continue
        if (Path(run.root) / name).exists():
            warnings.append(f"not this run's result: {name} was there before and has not been written")
        elif name in run.declared:
            warnings.append(f"not written: {name}")
    return trees, warnings


def store(project: Project, run: LiveRun, workspace: Repository | None, name: str) -> tuple[str, list[str]]:
    """Store what a run has written and return its tree, and what is to be said of that.

    The tree is the one that it started with, with the declared results as they are now. `workspace` is where
    it ran, None if that is gone; `name` is the experiment's, under which an isolated run's other files are
    kept. Raises GitFailed, StorageError or DiskFull.
    """
    if workspace is None:
        return run.tree, [f"results not stored: the workspace is gone, {run.root}"]
    found = _found(project, run)
    tree, warnings = _in_git(project, run, workspace, found.in_git)
    lock, stored, refused = _large(project, run, workspace, tree, found)
    if lock:
        with project.local.scratch() as scratch:
            tree = snapshot.with_contents(workspace, scratch, tree, lock)
    run = replace(run, stored=(*run.stored, *stored))
    left = _keep_left(project, run, workspace, tree, name)
    return tree, [*found.warnings, *refused, *warnings, *left]


def _in_git(
    project: Project, run: LiveRun, workspace: Repository, names: Sequence[str]
) -> tuple[str, list[str]]:
    """Return the start tree with these results, and what is to be said of them."""
    is_kept = run.lock.is_file() and not run.lock.is_symlink()
    lock = {lock_path(run.project): run.lock.read_bytes()} if is_kept else {}
    with project.local.scratch() as scratch:
        try:
            stored = snapshot.with_files(workspace, scratch, run.tree, run.results, names, lock)
            return stored.tree, [*stored.warnings]
        except errors.SnapshotRefused:
            pass  # One of them cannot be read; that is no reason to lose the others.
        gone = set(project.repo.files_in(run.tree, run.results)).difference(names)
        tree = snapshot.with_files(workspace, scratch, run.tree, sorted(gone), [], lock).tree
        return _by_halves(workspace, scratch, tree, [name for name in names if name not in lock], [])


def _found(project: Project, run: LiveRun) -> _ResultFiles:
    """Return the result files that belong to this run.

    What stood there before and was not written is part of this run where the baseline or the start has
    it, as an input may be; but metrics are another run's then.
    """
    root, found = Path(run.root), _ResultFiles()
    there = [name for name in snapshot.files_below(root, run.results) if not _is_elsewhere(run, name)]
    now_there = live.stamp(root, there)
    if not now_there:
        return found
    tracked = set(project.repo.files_in(run.baseline, run.results))
    untouched = {n for n, stamp in now_there.items() if stamp == run.stamps.get(n)}.difference(tracked)
    at_start = project.repo.files_in(run.tree, run.results) if untouched else ()
    inputs = untouched.intersection(at_start).difference(run.metrics)
    secret = exclusions.rule(project.repo.root)
    for name, stamp in now_there.items():
        if name in tracked or name in inputs:
            found.in_git.append(name)
        elif name in untouched:
            if name in run.large:
                found.large_before.append(name)
        elif (why := secret(name)) is not None:
            found.left_out.setdefault(why, []).append(name)
        elif stamp.size > run.max_size and not (root / name).is_symlink():
            found.large.append(name)
        else:
            found.in_git.append(name)
    return found


def _large(
    project: Project, run: LiveRun, workspace: Repository, tree: str, found: _ResultFiles
) -> tuple[dict[str, bytes], list[str], list[str]]:
    """Put large results in the object store, and name them in the lock of the workspace.

    Return the lock that the tree is to have, by its path, if it differs; the files that it names, and a
    sentence for each other one.
    """
    if not found.large and not run.large:
        return {}, [], []
    from gitexp.datasets import large_results, lock_file  # as much as half a short run without them
    from gitexp.project import ignore

    root, config = Path(run.root), Config(folder=run.project)
    kept = large_results.keep(
        project,
        root,
        config,
        tree,
        found.large,
        before=found.large_before,
        beside_stages=run.lock.is_file(),
    )
    warnings, outs = [*kept.refused], kept.after.outs
    # An isolated run's workspace is not for people, and where one died somebody may have been at work since.
    is_here = run.process == current_process() and not _is_isolated(project, workspace)
    if is_here and kept.after != kept.before:
        try:
            lock_file.change(root, config, project.local, lambda lock: lock.with_outs([*outs.values()]))
        except errors.LockError as error:  # a merge, say, while it ran
            warnings.append(f"the workspace's lock was left as it is: {error.message.rstrip('.')}")
        warnings += ignore.advice(workspace, [path for path in outs if path not in kept.before.outs])
    return kept.contents(config), [*outs], warnings


def _is_isolated(project: Project, workspace: Repository) -> bool:
    return workspace.root.parent == project.local.worktrees


def _by_halves(
    workspace: Repository, scratch: Path, tree: str, names: Sequence[str], warnings: Sequence[str]
) -> tuple[str, list[str]]:
    """Return the tree with those files that can be stored, and a warning more for each other one."""
    if not names:
        return tree, [*warnings]
    try:
        stored = snapshot.with_files(workspace, scratch, tree, [], names)
        return stored.tree, [*warnings, *stored.warnings]
    except errors.SnapshotRefused as error:
        if len(names) == 1:
            return tree, [*warnings, f"not stored: {names[0]}: {error.message}"]
    half = len(names) // 2
    tree, told = _by_halves(workspace, scratch, tree, names[:half], warnings)
    return _by_halves(workspace, scratch, tree, names[half:], told)


def _as_it_was(run: LiveRun) -> set[str]:
    """Return the result files that stood there before the run and have not been written since."""
    root = Path(run.root)
    now_there = live.stamp(root, snapshot.files_below(root, run.results))
    return {name for name, stamp in now_there.items() if stamp == run.stamps.get(name)}


def _is_elsewhere(run: LiveRun, name: str) -> bool:
    return snapshot.is_below(name, run.elsewhere)


def _keep_left(project: Project, run: LiveRun, workspace: Repository, tree: str, name: str) -> list[str]:
    """Put what an isolated run left and nobody declared where it stays; return what is to be said of it."""
    if not _is_isolated(project, workspace):
        return []
    target = project.local.root / "left" / name
    # A kill, or a second attempt, may find some of it moved already.
    kept = set(snapshot.files_below(target, ["."]))
    with contextlib.suppress(errors.GitFailed, OSError), project.local.scratch() as scratch:
        # Neither results of this run, nor left by it.
        given = _as_it_was(run).difference(workspace.files_in(tree, run.results))
        tree, _ = _by_halves(workspace, scratch, tree, sorted(given), [])
        kept.update(worktrees.keep_left(workspace, tree, run.share, scratch, target, stored=run.stored))
    if not kept:
        return []
    return [
        f"not stored, moved to .git/gitexp/left/{name}: {shorten(sorted(kept))}; "
        "declare them under outs: to keep them"
    ]
