"""Experiments for Weights & Biases: offline runs, which `wandb sync` uploads."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from gitexp.extras.integrations.exporters.exporter import ExportedRuns, OnRun, RunExporter
from gitexp.extras.integrations.exporters.runs_below import RunsBelow, export
from gitexp.extras.integrations.exporters.stored_run import StoredRun
from gitexp.extras.integrations.exporters.wandb_run_folder import write_run
from gitexp.model import Experiment
from gitexp.project.project import Project

_ABOUT = "gitexp.json"  # in the folder of a run: its experiment, for the next export
_BEGINNING = "offline-run-"
_ID = 16  # letters
_LONGEST_PROJECT = 128
_LONGEST_ABOUT = 64 * 1024  # bytes


class WandbExporter(RunExporter):
    """The writer of wandb's offline runs."""

    title = "Weights & Biases"
    writes = "a folder of offline runs, for wandb sync"
    place = "wandb"

    def write(
        self, project: Project, experiments: Sequence[Experiment], place: str, on_run: OnRun
    ) -> ExportedRuns:
        hint = f"To upload them: wandb sync {shlex.quote(place)}/{_BEGINNING}*"
        return export(project, experiments, place, _RunFolders(project, place), on_run, hint=hint)


EXPORTER = WandbExporter()


class _RunFolders(RunsBelow):
    """The folders of earlier exports."""

    def __init__(self, project: Project, place: str) -> None:
        super().__init__(project, place)
        self._project = project
        self._found: dict[str, Path] = {}
        for path in self.root.glob(f"{_BEGINNING}*/{_ABOUT}"):
            if not path.is_symlink() and not path.parent.is_symlink():
                self._found[path.parent.name.rpartition("-")[2]] = path.parent

    def has(self, run: StoredRun) -> bool:
        folder = self.earlier(run)
        if folder is None:
            return False
        with (folder / _ABOUT).open("rb") as file:
            return file.read(_LONGEST_ABOUT) == _about(run).encode()

    def earlier(self, run: StoredRun) -> Path | None:
        return self._found.get(_id(run))

    def place_for(self, run: StoredRun) -> Path:
        date = datetime.fromtimestamp(run.started or 0.0, UTC).strftime("%Y%m%d_%H%M%S")
        return self.root / f"{_BEGINNING}{date}-{_id(run)}"

    def make(self, run: StoredRun, folder: Path) -> tuple[Path, Sequence[str]]:
        omissions = write_run(self._project, run, folder, _id(run), _project_name(self._project))
        (folder / _ABOUT).write_text(_about(run), "utf-8")
        return folder, omissions


def _id(run: StoredRun) -> str:
    """The id of a run for wandb, which has at most 128 letters there; the beginning of its commit."""
    return run.key[:_ID]


def _about(run: StoredRun) -> str:
    return json.dumps({"experiment": run.name, "commit": run.key, "record": run.state}) + "\n"


def _project_name(project: Project) -> str:
    """The name of the repository, as wandb allows names of projects."""
    name = re.sub(r"[/\\#?%:\s]+", "-", project.repo.root.resolve().name).strip("-")
    return name[:_LONGEST_PROJECT] or "gitexp"
