"""Hybrids: the first experiment with some units of the second, as ordinary experiments."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from gitexp.extras.inference.attribution import Hybrid
from gitexp.extras.inference.units import HunkUnit, Unit, with_hunks
from gitexp.model import Experiment
from gitexp.project.project import Project
from gitexp.repo.git import trees
from gitexp.repo.git.trees import Change
from gitexp.runs.plan import PlannedPoint, plan
from gitexp.runs.request import RunRequest


class HybridMaker(NamedTuple):
    """Plans hybrids.

    Attributes:
        project: the project.
        first: the first experiment.
        units: the units of the second, by their numbers.
    """

    project: Project
    first: Experiment
    units: Sequence[Unit]

    def planned(self, hybrid: Hybrid) -> Experiment:
        """The experiment of a hybrid: an earlier one with the same code, params and command, or a queued one.

        Raises the errors of `plan` for a hybrid that cannot be run: a param of a file that is not there, say.
        """
        overrides, changes = list[str](), dict[str, Change]()
        for number in sorted(hybrid):
            overrides += self.units[number].overrides
            changes.update(self.units[number].changes)
        return self._planned(tuple(overrides), changes)

    def planned_file(self, path: str, content: bytes, mode: str) -> Experiment:
        """The experiment with one file of the first side replaced."""
        blob = self.project.repo.write_blob(content)
        return self._planned((), {path: (mode, blob)})

    def _planned(self, overrides: tuple[str, ...], changes: Mapping[str, Change]) -> Experiment:
        record, repo, note = self.first.record, self.project.repo, f"why {self.first.name}"
        code = record.commit
        if changes:
            tree = trees.changed(repo, f"{record.commit}^{{tree}}", changes)
            code = repo.write_commit(tree, [record.baseline], f"{note}\n")
        request = RunRequest(from_=self.first.name, code=code, note=note)
        found = plan(self.project, request, [PlannedPoint(overrides)])
        return (found.queued or found.known)[0]


def with_some_hunks(units: Sequence[HunkUnit], hybrid: Hybrid) -> bytes:
    """The file of the first side with some hunks of the second."""
    return with_hunks(units[0].before, [units[number].hunk for number in sorted(hybrid)])
