"""Hybrids: the first experiment with some units of the second, as ordinary experiments."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from gitexp import errors
from gitexp.datasets import lock_file, wanted
from gitexp.extras.inference.attribution import Hybrid
from gitexp.extras.inference.units import HunkUnit, Unit, with_hunks
from gitexp.model import Artifact, Experiment
from gitexp.named_tuple import NamedTuple
from gitexp.pipeline.lock import write_lock
from gitexp.project.project import Project
from gitexp.repo.git import trees
from gitexp.repo.git.trees import Change
from gitexp.runs.planning.plan import PlannedPoint, plan, rehearse
from gitexp.runs.request import RunRequest
from gitexp.runs.resuming.requeue import is_lost, requeue

# A file in the code of both ends of the hybrids, if run again here. So the ends are no replicates of the
# sides: the sides ran elsewhere.
_HERE = ".gitexp-why"


class NotRun(Exception):
    """A hybrid was never run, and only known hybrids are wanted."""


class HybridMaker(NamedTuple):
    """Plans hybrids.

    Attributes:
        project: the project.
        first: the first experiment.
        units: the units of the second, by their numbers.
        seeds: overrides of the seed, each for a run of every hybrid; () for one run with the first's seed.
        only_known: plan nothing, and raise NotRun for a hybrid without earlier runs.
    """

    project: Project
    first: Experiment
    units: Sequence[Unit]
    seeds: Sequence[str] = ()
    only_known: bool = False

    def planned(self, hybrid: Hybrid) -> list[Experiment]:
        """The runs of a hybrid: earlier runs with the same code, params and command, or queued runs.

        Raises the errors of `plan` for an impossible hybrid: a param of a missing file, say.
        """
        return self._planned(*self._parts(hybrid))

    def planned_here(self, hybrid: Hybrid) -> list[Experiment]:
        """The runs of an end of the hybrids, run here, in the environment of all hybrids."""
        overrides, changes = self._parts(hybrid)
        blob = self.project.repo.write_blob(b"An end of the hybrids of gitexp why, run here.\n")
        return self._planned(overrides, {**changes, _HERE: ("100644", blob)})

    def planned_file(self, path: str, content: bytes, mode: str) -> list[Experiment]:
        """The runs with one file of the first side replaced."""
        blob = self.project.repo.write_blob(content)
        return self._planned((), {path: (mode, blob)})

    def _parts(self, hybrid: Hybrid) -> tuple[tuple[str, ...], dict[str, Change]]:
        """The overrides and the files of a hybrid."""
        overrides, changes, data = list[str](), dict[str, Change](), dict[str, Artifact | None]()
        for number in sorted(hybrid):
            overrides += self.units[number].overrides
            changes.update(self.units[number].changes)
            data.update(self.units[number].data)
        if data:
            blob = self.project.repo.write_blob(self._lock(data))
            changes[lock_file.path_of(self.project.config)] = ("100644", blob)
        return tuple(overrides), changes

    def _lock(self, data: Mapping[str, Artifact | None]) -> bytes:
        """The gitexp.lock of the first side with other data."""
        commit, folder = self.first.record.commit, self.project.config.folder
        lock = wanted.locks(self.project, [commit])[commit]
        assert not isinstance(lock, errors.LockError)  # else there are no units of data
        kept = {path: artifact for path, artifact in lock.data.items() if path not in data}
        lock = lock._replace(data=kept).with_data([one for one in data.values() if one is not None])
        return write_lock(lock, folder)

    def _planned(self, overrides: tuple[str, ...], changes: Mapping[str, Change]) -> list[Experiment]:
        record, repo, note = self.first.record, self.project.repo, note_of(self.first)
        code = record.commit
        if changes:
            tree = trees.changed(repo, f"{record.commit}^{{tree}}", changes)
            code = repo.write_commit(tree, [record.baseline], f"{note}\n")
        request = RunRequest(from_=self.first.name, code=code, note=note)
        points = [PlannedPoint((*overrides, seed)) for seed in self.seeds] or [PlannedPoint(overrides)]
        if self.only_known:
            known = [one for one in rehearse(self.project, request, points) if one is not None]
            if len(known) < len(points):
                raise NotRun
            return known
        found = plan(self.project, request, points)
        return [*map(self._unlost, found.known), *found.queued]

    def _unlost(self, one: Experiment) -> Experiment:
        """A known run, queued again after the death of its worker."""
        if not is_lost(one):
            return one
        return requeue(self.project, one) or one


def note_of(first: Experiment) -> str:
    """The note of the hybrids of an experiment."""
    return f"why {first.name}"


def with_some_hunks(units: Sequence[HunkUnit], hybrid: Hybrid) -> bytes:
    """The file of the first side with some hunks of the second."""
    return with_hunks(units[0].before, [units[number].hunk for number in sorted(hybrid)])
