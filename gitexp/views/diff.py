"""Two points side by side: params, metrics, code, data, command and environment."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import starmap

from gitexp.catalog import lookup, projects, replicates, rows
from gitexp.catalog.lookup import Point, Workspace
from gitexp.catalog.replicates import Replicates
from gitexp.catalog.result_files import ResultRules
from gitexp.catalog.value_pairs import differs, value_pairs
from gitexp.model import MISSING, Change, Experiment, Tree
from gitexp.project import exclusions
from gitexp.project.project import Project
from gitexp.repo.git import conversions, snapshot
from gitexp.views import environments, uncertainty
from gitexp.views.data_diff import DataChange, DataChanges, data_changes
from gitexp.views.uncertainty import Distance

_BATCH = 20_000  # bytes of paths in one command line; Windows takes 32,767 characters


@dataclass(frozen=True, slots=True)
class FileChange:
    """One changed file.

    Attributes:
        added, deleted: the number of lines; None for a binary file.
        renamed_from: the old path; None if the file was not renamed.
    """

    path: str
    added: int | None
    deleted: int | None
    renamed_from: str | None = None


@dataclass(frozen=True, slots=True)
class Diff:
    """The differences from `old` to `new`; a part without differences is empty.

    Attributes:
        code: the changed files, without files of the other parts.
        other_projects: changed files of other projects in the repository. A run has the code of them all.
        results: changed files written by runs, like curves.
        directions: "min" or "max" by the name of a metric, from gitexp.yaml.
        distances: how sure the change of a metric is, by its key; {} without replicates in the project.
    """

    old: Point
    new: Point
    params: Sequence[Change]
    metrics: Sequence[Change]
    code: Sequence[FileChange]
    environment: Sequence[Change]
    command: Change | None = None
    data: Sequence[DataChange] = ()
    results: Sequence[FileChange] = ()
    other_projects: Sequence[FileChange] = ()
    directions: Mapping[str, str] = field(default_factory=dict)
    distances: Mapping[str, Distance] = field(default_factory=dict)

    def __bool__(self) -> bool:
        told = (self.params, self.metrics, self.code, self.data, self.environment, self.command, self.results)
        return any(told) or bool(self.other_projects)

    @property
    def told_metrics(self) -> Sequence[Change]:
        """The metrics for people: one that a file has, and that was logged as well, is there once."""
        echoes = rows.echoes_side_by_side({change.key: (change.old, change.new) for change in self.metrics})
        return [change for change in self.metrics if change.key not in echoes]


def points(project: Project, old: str | None, new: str | None) -> tuple[Point, Point]:
    """The two sides. Without words: HEAD and the workspace. With one: its baseline and itself."""
    one, other = _points(project, old, new)
    return lookup.beside(project, one, other), lookup.beside(project, other, one)


def beside_baseline(project: Project, experiment: Experiment) -> tuple[Point, Point]:
    """The baseline of an experiment, and the experiment. Raises history-rewritten."""
    one = _whole(project, lookup.of_experiment(project, experiment))
    return lookup.beside(project, _baseline(project, experiment.record.baseline), one), one


def with_replicates(project: Project, point: Point) -> Point:
    """A side with the params and the mean metrics of its replicates; the same side without any.

    The code, the data, the command and the environment are those of the experiment.
    """
    one = point.experiment
    members = one and replicates.groups(project.store.readable(), Replicates.EVERY).get(
        replicates.key_of(one)
    )
    if not members:
        return point
    params, metrics = replicates.files_of(members)
    own = one.record.params if one else {}
    read_too = {name: tree for name, tree in point.params.items() if name not in own}
    return point._replace(params={**read_too, **params}, metrics=metrics)


def _points(project: Project, old: str | None, new: str | None) -> tuple[Point, Point]:
    if old is None:
        head = project.repo.head().commit
        return lookup.of_commit(project, "HEAD", head), lookup.here(project)
    one = _whole(project, lookup.find(project, old))
    if new is not None:
        return one, _whole(project, lookup.find(project, new))
    match one.side:
        case Experiment(record=record):
            return _baseline(project, record.baseline), one
        case Workspace():
            return lookup.of_commit(project, "HEAD", project.repo.head().commit), one
    return one, lookup.here(project)


def _whole(project: Project, point: Point) -> Point:
    """The point, if its commits are here; raises history-rewritten."""
    if point.experiment is not None:
        lookup.require_whole(project, point.experiment, with_baseline=False)
    return point


def _baseline(project: Project, commit: str) -> Point:
    """A baseline; for the commit of an experiment, with the values of the experiment's record."""
    if commit != project.repo.resolve("HEAD"):
        for experiment in project.store.readable():
            if experiment.record.commit == commit:
                return lookup.of_experiment(project, experiment)
    return lookup.of_commit(project, commit[:7], commit)


def diff(project: Project, old: Point, new: Point) -> Diff:
    """The differences between two points."""
    beside = (project.config.named, (old.project, new.project))
    params = _differing(value_pairs(old.params, new.params, *beside))
    metrics = _differing(value_pairs(old.metrics, new.metrics, *beside))
    data = data_changes(project, old, new)
    code: list[FileChange] = []
    results: list[FileChange] = []
    other_projects: list[FileChange] = []
    changed = _changed_files(project, old, new, data)
    paths = [file.path for file in changed]
    written = ResultRules.of(project).among(paths, {*old.metrics, *new.metrics})
    others = projects.files_of_others(project, paths, _own(project, old, new))
    for file in changed:
        if file.path in others:
            other_projects.append(file)
        elif file.path in written:
            results.append(file)
        else:
            code.append(file)
    environment = _environment(project, old, new)
    told = {*old.metrics, *new.metrics}
    other = [change for change in data.changes if change.path not in told]
    command = _command(old, new)
    return Diff(
        old,
        new,
        params,
        metrics,
        code,
        environment,
        command,
        other,
        results,
        other_projects,
        project.config.directions,
    )


def with_distances(project: Project, found: Diff, *, means: bool = False) -> Diff:
    """The same with how sure the changes of metrics are. `means`: those of a side are means of replicates."""
    keys = [change.key for change in found.metrics]
    noise = uncertainty.noise_here(project) if keys else None
    if noise is None:
        return found
    sides = [uncertainty.runs_of_point(project, point, means=means) for point in (found.old, found.new)]
    distances = {key: distance for key, (distance,) in noise.distances(sides, keys).items()}
    return replace(found, distances=distances)


def has_noise(found: Diff) -> bool:
    """Whether a change of a metric is inside the noise."""
    return any(distance.is_inside for distance in found.distances.values())


def _own(project: Project, old: Point, new: Point) -> set[str]:
    """The folders of the compared projects: those of the experiments, else the user's."""
    found = {point.project for point in (old, new) if point.project is not None}
    return found or {project.config.folder}


def patch(project: Project, found: Diff, *, color: bool) -> bytes:
    """Git's patch of the files under `found.code`, without those of the params and metrics sections.

    No external diff or text conversion runs.
    """
    if not found.code:
        return b""
    form = ("--patch", "--find-renames", f"--color={'always' if color else 'never'}")
    with _git_diff(project, found.old, found.new, *form) as git_diff:
        return b"".join(starmap(git_diff, _batches(found.code)))


def _batches(code: Sequence[FileChange]) -> Iterator[list[str]]:
    """The paths in batches for one command line each; both names of a renamed file are in the same batch."""
    paths: list[str] = []
    size = 0
    for file in code:
        for name in (file.renamed_from, file.path):
            if name is not None:
                paths.append(name)
                size += len(os.fsencode(name)) + 1
        if size > _BATCH:
            yield paths
            paths, size = [], 0
    if paths:
        yield paths


def _differing(pairs: Iterable[Change]) -> list[Change]:
    return list(filter(differs, pairs))


def _changed_files(project: Project, old: Point, new: Point, data: DataChanges) -> list[FileChange]:
    """The changed files, without those of the other sections."""
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
        renamed_from = None
        if not name:
            renamed_from, name = os.fsdecode(next(parts)), next(parts)
        path = os.fsdecode(name)
        if not _is_told(path, old, new) and not data.speaks_of(path):
            found.append(FileChange(path, _count(added), _count(deleted), renamed_from))
    if None in (old.commit, new.commit):
        return _without_converted(project, old.commit or new.commit, found)
    return found


def _without_converted(
    project: Project, commit: str | None, changes: Sequence[FileChange]
) -> list[FileChange]:
    """The changes of the workspace, without files that have the bytes of the commit on disk.

    Git compares with the disk after its conversions, and a commit of a run may have unconverted bytes.
    """
    ids = project.repo.ids_of([f"{commit}:{change.path}" for change in changes])
    found = []
    for change, id in zip(changes, ids, strict=True):
        is_of_lines = (change.added, change.deleted) != (0, 0) and change.renamed_from is None
        if is_of_lines and id is not None and conversions.blob_of(project.repo, change.path) == id:
            continue
        found.append(change)
    return found


def _is_told(path: str, old: Point, new: Point) -> bool:
    """Whether the params or metrics section has the differences of a file.

    Not of a .py file, which has code too, nor of a file with changes in comments alone.
    """
    if path.endswith(".py"):
        return False
    empty: Tree = {}
    for before, after in ((old.params, new.params), (old.metrics, new.metrics)):
        if _differing(value_pairs({path: before.get(path, empty)}, {path: after.get(path, empty)})):
            return True
    return False


def _count(text: bytes) -> int | None:
    return None if text == b"-" else int(text)


@contextlib.contextmanager
def _git_diff(project: Project, old: Point, new: Point, *form: str) -> Iterator[Callable[..., bytes]]:
    """A function to run `git diff` between two points, of all files or of its arguments.

    A comparison with the workspace uses a private index with the untracked files.
    """
    args = ["diff", "--no-ext-diff", "--no-textconv", "--submodule=short", *form, "--ignore-submodules=dirty"]
    commits = list(filter(None, (old.commit, new.commit)))
    if isinstance(old.side, Workspace):
        args += ["-R", "--src-prefix=b/", "--dst-prefix=a/"]  # Git swaps the prefixes, too
    else:
        args += ["--src-prefix=a/", "--dst-prefix=b/"]
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
    """The differing packages, and Python; empty unless both sides were run."""
    if old.experiment is None or new.experiment is None:
        return []
    return environments.changes(*environments.packages_of(project, (old.experiment, new.experiment)))
