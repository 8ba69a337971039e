"""Lines of experiments made from experiments: the parent of each, and the commit at which a line began."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from gitexp.catalog import lookup, rows
from gitexp.catalog.fields import Row
from gitexp.model import Experiment, Stored, readable
from gitexp.project.project import Project
from gitexp.repo import tracking, trash

_REMOVED = "trash"  # the source of a removed experiment, in here

_Key: TypeAlias = tuple[str, str, str]  # source, baseline, name: DVC's names are unique on one baseline only


@dataclass(frozen=True, slots=True)
class Lineage:
    """The parents of the experiments of a repository.

    A line begins anew on HEAD, even if HEAD is the commit of an experiment.
    """

    _parents: Mapping[_Key, Experiment]
    _roots: Mapping[_Key, str]  # the commits that lines began on
    _above: Mapping[_Key, _Key]  # within one line, from an experiment to its parent

    @classmethod
    def of(cls, experiments: Sequence[Stored], head: str | None, removed: Sequence[Stored] = ()) -> Lineage:
        """The lineage of all experiments of a repository; removed ones connect a line."""
        gone = [one._replace(source=_REMOVED, name=one.id) for one in readable(removed)]
        sound = [*gone, *readable(experiments)]
        made = {experiment.record.commit: experiment for experiment in sound}
        if not _has_parents(sound, made):  # most repositories: ten thousand experiments, and nothing to climb
            return cls({}, {}, {})
        baselines = {_key(experiment): experiment.record.baseline for experiment in sound}
        parents = _by_code(sound, made)
        above: dict[_Key, _Key] = {}
        for experiment, outer in _outer_runs(sound):
            parents[_key(experiment)] = outer
            above[_key(experiment)] = _key(outer)
        if not parents:
            return cls({}, {}, {})
        for key, parent in parents.items():
            if baselines[key] != head or parent.record.commit != head:
                above[key] = _key(parent)
        first = _climbed(above, above, lambda key: key not in above)
        for key, root in first.items():
            if root is None:  # its own ancestor: only a forged record can say so
                del above[key], parents[key]
        roots = {}
        for key in baselines:
            roots[key] = baselines[first.get(key) or key]
        return cls(parents, roots, above)

    def parent(self, experiment: Stored) -> Experiment | None:
        """The parent of an experiment, if still here."""
        if not self._parents or not isinstance(experiment, Experiment):
            return None
        parent = self._parents.get(_key(experiment))
        if parent is None or parent.source == _REMOVED:
            return None
        return parent

    def root(self, experiment: Experiment) -> str:
        """The commit at which an experiment's line began: the baseline of its first ancestor, or its own."""
        if not self._roots:
            return experiment.record.baseline
        return self._roots[_key(experiment)]

    def tree(self, rows: Sequence[Row]) -> tuple[list[int], Sequence[Row]]:
        """The rows of readable experiments as a tree, from the top down: the depth of each, and the rows.

        A row stands below its nearest ancestor among the rows, otherwise in the given order.
        """
        if not self._above:
            return [0] * len(rows), rows
        by_key: dict[_Key, Row] = {}
        row_of: dict[_Key, _Key] = {}  # the key of the row of an experiment, which may be a group's
        for row in rows:
            if isinstance(row.experiment, Experiment):
                key = _key(row.experiment)
                by_key[key] = row
                row_of.update(dict.fromkeys(map(_key, _experiments(row.members)), key))
                row_of[key] = key
        starts = [self._above[key] for key in by_key if key in self._above]
        nearest = _climbed(starts, self._above, row_of.__contains__)
        children: dict[_Key | None, list[_Key]] = {}
        for key in by_key:
            above = None
            if key in self._above:
                ancestor = nearest[self._above[key]]
                above = row_of[ancestor] if ancestor is not None else None
            children.setdefault(above, []).append(key)
        depths = _depths(by_key, children)
        return list(depths.values()), [by_key[key] for key in depths]


def _has_parents(experiments: Sequence[Experiment], made: Mapping[str, Experiment]) -> bool:
    """Whether an experiment may have a parent: it names one, or was made from the commit of one."""
    records = [one.record for one in experiments]
    if any(record.parent or record.resumed_from for record in records):
        return True
    return not made.keys().isdisjoint([record.baseline for record in records])


def _experiments(rows: Iterable[Row]) -> list[Experiment]:
    return [row.experiment for row in rows if isinstance(row.experiment, Experiment)]


def _depths(keys: Iterable[_Key], children: Mapping[_Key | None, Sequence[_Key]]) -> dict[_Key, int]:
    """The depth of each row in the tree, in the order of the tree.

    Two groups may have members made from each other's; then the first of the two is at the top.
    """
    depths: dict[_Key, int] = {}
    waiting = [(0, key) for key in reversed([*children.get(None, ()), *keys])]
    while waiting:  # not by recursion: lines are hundreds long
        depth, key = waiting.pop()
        if key not in depths:
            depths[key] = depth
            for child in reversed(children.get(key, ())):
                waiting.append((depth + 1, child))
    return depths


def read(project: Project, experiments: Sequence[Stored], head: str | None) -> Lineage:
    """The lineage of all experiments of a repository.

    The trash is read only if an experiment's baseline is neither HEAD nor an experiment's commit: the
    baseline may belong to a removed one.
    """
    records = [experiment.record for experiment in readable(experiments)]
    without = {record.baseline for record in records} - {head}
    if without and without <= {record.commit for record in records}:
        without = set()
    if not without:
        return Lineage.of(experiments, head)
    return Lineage.of(experiments, head, [one.experiment for one in trash.contents(project.repo)])


def row_of(project: Project, experiment: Stored) -> Row:
    """The row of one experiment of the repository, with its parent."""
    (row,) = rows_of(project, [experiment])
    return row


def rows_of(project: Project, experiments: Sequence[Stored]) -> list[Row]:
    """The rows of some experiments of the repository, with their parents."""
    if not experiments:
        return []
    lineage = Lineage.of(lookup.experiments(project), None)
    holders = tracking.holders(project.repo)
    found = []
    for one in experiments:
        found.append(rows.of_one(one, lineage.parent(one), holders.get(one.id, ())))
    return found


def _key(experiment: Experiment) -> _Key:
    return experiment.source, experiment.record.baseline, experiment.name


def _by_code(experiments: Sequence[Experiment], made: Mapping[str, Experiment]) -> dict[_Key, Experiment]:
    """The run that an experiment went on from, or whose commit is its baseline; not for nested runs."""
    parents = {}
    for experiment in experiments:
        if experiment.record.parent:
            continue
        resumed = made.get(experiment.record.resumed_from.get("commit", ""))
        if resumed is not None and resumed is not experiment:
            parents[_key(experiment)] = resumed
        elif experiment.record.baseline in made:
            parents[_key(experiment)] = made[experiment.record.baseline]
    return parents


def _outer_runs(experiments: Sequence[Experiment]) -> list[tuple[Experiment, Experiment]]:
    """Each run begun by another run's command, with the other run, if still there."""
    nested = [one for one in experiments if one.record.parent]
    if not nested:
        return []
    by_name = {one.name: one for one in experiments if one.source != _REMOVED}
    found = []
    for one in nested:
        outer = by_name.get(one.record.parent)
        if outer is None:
            continue
        begun, ended = outer.record.created, outer.record.finished
        # Another may have the name by now: the outer run was under way when this one was made.
        if begun <= one.record.created and (not ended or one.record.created <= ended):
            found.append((one, outer))
    return found


def _climbed(
    starts: Iterable[_Key], above: Mapping[_Key, _Key], is_wanted: Callable[[_Key], bool]
) -> dict[_Key, _Key | None]:
    """For each start, the first wanted key on the way up, beginning with the start; None without one.

    Every key is looked at once, and a circle has an end.
    """
    found: dict[_Key, _Key | None] = {}
    for start in starts:
        path: dict[_Key, None] = {}
        at: _Key | None = start
        while at is not None and at not in found and at not in path and not is_wanted(at):
            path[at] = None
            at = above.get(at)
        end = None
        if at is not None and at not in path:
            end = found.get(at, at)
        found.update(dict.fromkeys([*path, start], end))
    return found
