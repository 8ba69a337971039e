"""A folder of MLflow's file store as a source of runs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from gitexp import errors
from gitexp.extras.integrations.importers import folder_files
from gitexp.extras.integrations.importers.foreign import Unread
from gitexp.extras.integrations.mlflow.imports import mlruns, mlruns_registry
from gitexp.extras.integrations.mlflow.imports.stored_runs import RunAtMlflow, RunSource, StoredExperiments
from gitexp.extras.integrations.mlflow.shelf import Things


def is_there(place: Path, unread: list[Unread]) -> bool:
    """Whether a folder is one of MLflow's file store. If not, its unreadable parts are added to `unread`."""
    faults: list[Unread] = []
    for folder in folder_files.folders_in(place, faults):
        try:
            meta = mlruns.meta_of(folder)
        except OSError as error:
            faults.append(Unread(str(folder), folder_files.reason(error)))
        except errors.ParseError:  # of another tool
            continue
        else:
            if "artifact_location" in meta and "experiment_id" in meta:
                return True
    unread += faults
    return False


class RunFolder(RunSource):
    """A folder of MLflow's file store."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def experiments(self) -> StoredExperiments:
        """The experiments."""
        return mlruns.read_experiments(self._folder, [])

    def runs(self) -> Iterator[RunAtMlflow | Unread]:
        """Yield the runs, the oldest first, and the unreadable places."""
        found = mlruns.read(self._folder)
        yield from found.warnings
        yield from found.runs

    def registered(self, artifacts: str, told: list[str]) -> Things:
        """The registered models."""
        found = mlruns_registry.read(self._folder, artifacts)
        told.extend(found.warnings)
        return found.things
