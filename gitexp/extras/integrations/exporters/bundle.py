"""Experiments as one file for `gitexp import`, without a network: a bundle of `sharing.bundles`."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from gitexp.extras.integrations.exporters.exporter import ExportedRuns, OnRun, RunExporter
from gitexp.extras.integrations.exporters.places import local_path, require_file
from gitexp.folders import make_folder
from gitexp.model import Experiment
from gitexp.objects.disk import translated
from gitexp.project.project import Project
from gitexp.sharing.bundles import writing


class BundleExporter(RunExporter):
    """Writes a bundle."""

    title = "gitexp import"
    writes = "one file with experiments, code and data"
    place = "experiments.gitexp"

    def write(
        self, project: Project, experiments: Sequence[Experiment], place: str, on_run: OnRun
    ) -> ExportedRuns:
        path = local_path(project, place)
        require_file(path, place)
        with translated(f"could not write {place}"):
            if not project.dry_run:
                make_folder(path.parent)
            done = writing.write(project, experiments, path)
        on_run(len(experiments))
        hint = f"In any clone or new repository: gitexp import {shlex.quote(path.name)}"
        return ExportedRuns(place, done.written, done.known, done.remarks, hint)


EXPORTER = BundleExporter()
