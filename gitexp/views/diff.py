"""Two points side by side: params, metrics, code, data, command and environment."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from gitexp.catalog import lookup
from gitexp.catalog.lookup import Point, Workspace
from gitexp.catalog.values import differs, value_pairs
from gitexp.model import MISSING, Change, Experiment, Files, Tree
from gitexp.project import exclusions
from gitexp.project.project import Project
from gitexp.repo.git import snapshot
from gitexp.views.data_diff import DataChange, DataChanges, data_changes

_BATCH = 20_000  # bytes of paths in one command line; Windows takes 32,767 characters


@dataclass(frozen=True, slots=True)
class FileChange:
    """One file: lines added and deleted (None for a binary file), and its old path if it was renamed."""

    path: str
    added: int | None
    deleted: int | None
    renamed_from: str | None = None


@dataclass(frozen=True, slots=True)
class Diff:
    """All that differs from `old` to `new`; each part is empty where nothing does."""

    old: Point
    new: Point
    params: Sequence[Change]
    metrics: Sequence[Change]
    code: Sequence[FileChange]
    environment: Sequence[Change]
    command: Change | None = None
    data: Sequence[DataChange] = ()

    def __bool__(self) -> bool:
        told = (self.params, self.metrics, self.code, self.data, self.environment, self.command)
        return any(told)


def points(project: Project, old: str | None, new: str | None) -> tuple[Point, Point]:
    """Return the two sides: none given is HEAD and the workspace, one is its baseline and itself."""
    one, other = _points(project, old, new)
    return lookup.beside(project, one, other), lookup.beside(project, other, one)


def _points(project: Project, old: str | None, new: str | None) -> tuple[Point, Point]:
    if old is None:
        head = project.repo.head().commit
        return lookup.of_commit(project, "HEAD", head), lookup.here(project)
    one = lookup.find(project, old)
    if new is not None:
        return one, lookup.find(project, new)
    match one.side:
        case Experiment(record=record):
            return _baseline(project, record.baseline), one
        case Workspace():
            return lookup.of_commit(project, "HEAD", project.repo.head().commit), one
    return one, lookup.here(project)


def _baseline(project: Project, commit: str) -> Point:
    """Return a baseline; if it is an experiment's, with what the experiment's record says of it."""
    if commit != project.repo.resolve("HEAD"):
        for experiment in project.store.readable():
            if experiment.record.commit == commit:
                return lookup.of_experiment(project, experiment)
    return lookup.of_commit(project, commit[:7], commit)


def diff(project: Project, old: Point, new: Point) -> Diff:
    """Return what differs between two points."""
    params, metrics = _changes(old.params, new.params), _changes(old.metrics, new.metrics)
    data = data_changes(project, old, new)
    code, environment = _code(project, old, new, data), _environment(project, old, new)
    told = {path for files in (old.metrics, new.metrics) for path in files}
    other = [change for change in data.changes if change.path not in told]
    return Diff(old, new, params, metrics, code, environment, _command(old, new), other)


def patch(project: Project, found: Diff, *, color: bool) -> bytes:
    """Return the differences of the files under `found.code` as Git's own patch.

    No external diff or text conversion runs; what the sections of params and metrics say is not in it.
    """
    if not found.code:
        return b""
    form = ("--patch", "--find-renames", f"--color={'always' if color else 'never'}")
    with _git_diff(project, found.old, found.new, *form) as git_diff:
        return b"".join(git_diff(*paths) for paths in _batches(found.code))


def _batches(code: Sequence[FileChange]) -> Iterator[list[str]]:
    """Yield the paths in portions that fit a command line; both names of a renamed file in one."""
    paths: list[str] = []
    size = 0
    for file in code:
        names = [file.path] if file.renamed_from is None else [file.renamed_from, file.path]
        paths += names
        size += sum(len(os.fsencode(name)) + 1 for name in names)
        if size > _BATCH:
            yield paths
            paths, size = [], 0
    if paths:
        yield paths


def _changes(old: Files, new: Files) -> list[Change]:
    return [pair for pair in value_pairs(old, new) if differs(pair)]


def _code(project: Project, old: Point, new: Point, data: DataChanges) -> list[FileChange]:
    """Return the changed files, less those that the other sections speak of."""
    if old.commit == new.commit:
        return []
    form = ("--numstat", "-z", "--find-renames")
    with _git_diff(project, old, new, *form) as git_diff:
        parts = iter(git_diff().split(b"\0"))
    found = []
    for part in parts:
        if not part:
            continue
        added, deleted, name = part.split(b"\t", 2)
        renamed_from = os.fsdecode(next(parts)) if not name else None
        path = os.fsdecode(name or next(parts))
        if not _is_told(path, old, new) and not data.speaks_of(path):
            found.append(FileChange(path, _count(added), _count(deleted), renamed_from))
    return found


def _is_told(path: str, old: Point, new: Point) -> bool:
    """Return whether the params or metrics section says what differs in a file: there is code in a .py,
    and in other files there may be a comment alone."""
    empty: Tree = {}
    return not path.endswith(".py") and any(
        _changes({path: before.get(path, empty)}, {path: after.get(path, empty)})
        for before, after in ((old.params, new.params), (old.metrics, new.metrics))
        if path in before or path in after
    )


def _count(text: bytes) -> int | None:
    return None if text == b"-" else int(text)


@contextlib.contextmanager
def _git_diff(project: Project, old: Point, new: Point, *form: str) -> Iterator[Callable[..., bytes]]:
    """Give what runs `git diff` between two points, of all files or of the paths given.

    For the workspace a private index is made in which untracked files are known, so that they show.
    """
    args = ["diff", "--no-ext-diff", "--no-textconv", "--submodule=short", "--src-prefix=a/", *form]
    args += ["--dst-prefix=b/", "--ignore-submodules=dirty"]
    commits = [point.commit for point in (old, new) if point.commit is not None]
    if isinstance(old.side, Workspace):
        args.append("-R")
    args += ["--end-of-options", *commits, "--"]
    if len(commits) == 2:
        yield partial(project.repo.run, *args)
        return
    with project.local.scratch() as scratch:
        rules = snapshot.Rules(leave_out=exclusions.rule(project.repo.root))
        snapshot.know_untracked(project.repo, scratch, rules)
        yield partial(project.repo.run, *args, index=scratch / "index")


def _command(old: Point, new: Point) -> Change | None:
    match old.side, new.side:
        case Experiment(record=before), Experiment(record=after) if before.command != after.command:
            return Change("command", before.command or MISSING, after.command or MISSING)
    return None


def _environment(project: Project, old: Point, new: Point) -> list[Change]:
    """Return the packages (and Python) that differ; empty unless both sides were run."""
    sides = [_packages(project, point) for point in (old, new)]
    if not all(sides):
        return []
    before, after = sides
    pairs = [(n, before.get(n, MISSING), after.get(n, MISSING)) for n in sorted({*before, *after})]
    return [Change(name, a, b) for name, a, b in pairs if a != b]


def _packages(project: Project, point: Point) -> dict[str, str]:
    if not isinstance(point.side, Experiment):
        return {}
    text = (project.store.run_file(point.side, "environment.txt") or b"").decode("utf-8", "replace")
    packages = {}
    for line in text.splitlines():
        if line.startswith("# python "):
            packages["python"] = line.removeprefix("# python ").strip()
        elif not line.startswith("#") and "==" in line:
            name, _, version = line.partition("==")
            packages[name.strip()] = version.strip()
    return packages
