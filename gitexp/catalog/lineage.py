"""Experiments made from experiments: which one each was made from, and on which commit a line began."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from gitexp.catalog import lookup, rows
from gitexp.catalog.fields import Row
from gitexp.model import Experiment, Stored
from gitexp.project.project import Project
from gitexp.repo import tracking, trash

_REMOVED = "trash"  # as the source of an experiment

_Key: TypeAlias = tuple[str, str, str]  # of a ref: two may be at one commit, and DVC has names by baseline


@dataclass(frozen=True, slots=True)
class Lineage:
    """How the experiments of a repository stand on one another.

    A line begins anew on HEAD, also where that is the commit of an experiment.
    """

    _parents: Mapping[_Key, Experiment]
    _roots: Mapping[_Key, str]  # the commits that lines began on
    _above: Mapping[_Key, _Key]  # within one line, from an experiment to its parent

    @classmethod
    def of(cls, experiments: Sequence[Stored], head: str | None, removed: Sequence[Stored] = ()) -> Lineage:
        """Return the lineage of all experiments there are; a line goes on through those that were removed."""
        gone = [replace(e, source=_REMOVED, name=e.id) for e in _readable(removed)]
        sound = [*gone, *_readable(experiments)]
        made = {experiment.record.commit: experiment for experiment in sound}
        parents = {_key(e): made[e.record.baseline] for e in sound if e.record.baseline in made}
        if not parents:  # as in most repositories: ten thousand experiments, and nothing to climb
            return cls({}, {}, {})
        above = {
            _key(e): _key(parents[_key(e)])
            for e in sound
            if e.record.baseline in made and e.record.baseline != head
        }
        baselines = {_key(e): e.record.baseline for e in sound}
        first = _climbed(above, above, lambda key: key not in above)
        for key in [key for key, root in first.items() if root is None]:
            del above[key], parents[key]  # it is its own ancestor, as only a forged record can be
        return cls(parents, {key: baselines[first.get(key) or key] for key in baselines}, above)

    def parent(self, experiment: Stored) -> Experiment | None:
        """Return the experiment that this one was made from; None if there is none, or it was removed."""
        if not self._parents or not isinstance(experiment, Experiment):
            return None
        parent = self._parents.get(_key(experiment))
        return parent if parent is not None and parent.source != _REMOVED else None

    def root(self, experiment: Experiment) -> str:
        """Return the commit that an experiment's line began on: its own or an ancestor's baseline."""
        return self._roots[_key(experiment)] if self._roots else experiment.record.baseline

    def tree(self, rows: Sequence[Row]) -> list[tuple[int, Row]]:
        """The rows of readable experiments as a tree, from the top down, with the depth of each.

        Each stands below the nearest of its ancestors that is among them, otherwise in the given order.
        """
        if not self._above:
            return [(0, row) for row in rows]
        by_key = {_key(row.experiment): row for row in rows if isinstance(row.experiment, Experiment)}
        starts = [self._above[key] for key in by_key if key in self._above]
        nearest = _climbed(starts, self._above, by_key.__contains__)
        children: dict[_Key | None, list[_Key]] = {}
        for key in by_key:
            above = nearest[self._above[key]] if key in self._above else None
            children.setdefault(above, []).append(key)
        found = []
        waiting = [(0, key) for key in reversed(children.get(None, []))]
        while waiting:  # not by recursion: lines are hundreds long
            depth, key = waiting.pop()
            found.append((depth, by_key[key]))
            waiting += [(depth + 1, child) for child in reversed(children.get(key, []))]
        return found


def read(project: Project, experiments: Sequence[Stored], head: str | None) -> Lineage:
    """Return the lineage of all experiments there are, which are these.

    The trash is looked through only if some experiment is made from a commit that is neither HEAD nor
    another's: it may be a removed one's.
    """
    readable = _readable(experiments)
    known = {head, *(experiment.record.commit for experiment in readable)}
    if all(experiment.record.baseline in known for experiment in readable):
        return Lineage.of(experiments, head)
    return Lineage.of(experiments, head, [one.experiment for one in trash.contents(project.repo)])


def row_of(project: Project, experiment: Stored) -> Row:
    """Return the row of one experiment of the repository, with what it was made from."""
    lineage = Lineage.of(lookup.experiments(project), None)
    pushed = tracking.holders(project.repo).get(experiment.id, ())
    return rows.of_one(experiment, lineage.parent(experiment), pushed)


def _readable(experiments: Iterable[Stored]) -> list[Experiment]:
    return [one for one in experiments if isinstance(one, Experiment)]


def _key(experiment: Experiment) -> _Key:
    return experiment.source, experiment.record.baseline, experiment.name


def _climbed(
    starts: Iterable[_Key], above: Mapping[_Key, _Key], is_wanted: Callable[[_Key], bool]
) -> dict[_Key, _Key | None]:
    """Return for each start the first of itself and those above it that is wanted; None if none is.

    Each is looked at once; what goes round in a circle ends.
    """
    found: dict[_Key, _Key | None] = {}
    for start in starts:
        path: dict[_Key, None] = {}
        at: _Key | None = start
        while at is not None and at not in found and at not in path and not is_wanted(at):
            path[at] = None
            at = above.get(at)
        end = None if at is None or at in path else found.get(at, at)
        found.update(dict.fromkeys([*path, start], end))
    return found
