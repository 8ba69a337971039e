"""The one loop of exporters that write a file or a folder for each run below a folder."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path

from gitexp.extras.integrations.exporters.exporter import ExportedRuns, OnRun
from gitexp.extras.integrations.exporters.places import local_path, require_folder
from gitexp.extras.integrations.exporters.stored_run import StoredRun, StoredRuns
from gitexp.extras.integrations.exporters.whole_runs import WholeRuns
from gitexp.model import Experiment
from gitexp.objects.disk import translated
from gitexp.project.project import Project


class RunsBelow(ABC):
    """One tool's runs below a folder: those of earlier exports, and new ones.

    Attributes:
        root: the folder.
    """

    def __init__(self, project: Project, place: str) -> None:
        """Raises UsageError for a place that is no folder."""
        self.root = local_path(project, place)
        require_folder(self.root, place)

    @abstractmethod
    def has(self, run: StoredRun) -> bool:
        """Whether a run is there as it is now."""

    @abstractmethod
    def earlier(self, run: StoredRun) -> Path | None:
        """The file or folder of an earlier state of a run."""

    @abstractmethod
    def place_for(self, run: StoredRun) -> Path:
        """The place of a run's new file or folder."""

    @abstractmethod
    def make(self, run: StoredRun, folder: Path) -> tuple[Path, Sequence[str]]:
        """A new file or folder of a run, made in an empty folder, and a sentence for each omission."""


def export(
    project: Project,
    experiments: Sequence[Experiment],
    place: str,
    there: RunsBelow,
    on_run: OnRun,
    *,
    hint: str,
) -> ExportedRuns:
    """The result of an export, as `RunExporter.write` has it; a dry run has no hint."""
    runs = StoredRuns(project, experiments)
    if project.dry_run:
        new = sum(not there.has(run) for run in runs)
        return ExportedRuns(place, new, len(runs) - new)
    done, remarks = 0, list[str]()
    with translated(f"could not write to {place}"), WholeRuns(there.root) as whole:
        for number, run in enumerate(runs, start=1):
            if not there.has(run):
                made, omissions = there.make(run, whole.scratch())
                earlier = there.earlier(run)  # before the place is given to the new one
                whole.put(made, there.place_for(run), instead_of=earlier)
                done += 1
                remarks += [*run.remarks, *omissions]
            on_run(number)
    return ExportedRuns(place, done, len(runs) - done, remarks, hint)
