"""The tests that every exporter of runs must pass."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from gitexp import errors
from gitexp.extras.integrations.exporters.exporter import ExportedRuns, RunExporter
from gitexp.model import Experiment, readable
from gitexp.objects.store import ObjectStore
from gitexp.project.project import Project
from gitexp.testing.repositories import exported_project


class ExporterContract:
    """The contract of every `RunExporter`.

    Fixtures: `exporter`; `place`, a path (as text) with nothing there yet. `names_in` reads a place back.
    `project` and `experiments` come with the contract.
    """

    @pytest.fixture
    def exporter(self) -> Any:
        raise NotImplementedError("a fixture `exporter` with an exporter")

    @pytest.fixture
    def place(self, tmp_path: Path) -> str:
        """A path with nothing there yet."""
        return str(tmp_path / "exported")

    def names_in(self, place: str) -> list[str]:
        """The names of the experiments at a place, as the other tool or its format has them; sorted."""
        raise NotImplementedError("a method `names_in` that reads what was exported")

    @pytest.fixture
    def project(self, tmp_path: Path) -> Project:
        """The repository of `exported_project`."""
        return exported_project(tmp_path)

    @pytest.fixture
    def experiments(self, project: Project) -> list[Experiment]:
        """The experiments, the oldest first."""
        return sorted(readable(project.store.all()), key=lambda one: one.record.created)

    def test_all_are_written_and_twice_adds_nothing(
        self, exporter: RunExporter, project: Project, experiments: list[Experiment], place: str
    ) -> None:
        assert exporter.title
        assert exporter.writes
        assert exporter.place
        before = _state_of(project)
        counts: list[int] = []
        done = exporter.write(project, experiments, place, counts.append)
        assert (done.written, done.known) == (len(experiments), 0)
        assert counts[-1:] == [len(experiments)]
        assert self.names_in(place) == sorted(one.name for one in experiments)
        again = exporter.write(project, experiments, place, _ignore)
        assert (again.written, again.known) == (0, len(experiments))
        assert self.names_in(place) == sorted(one.name for one in experiments)
        self.check_project(project, before)

    def check_project(self, project: Project, before: object) -> None:
        """Nothing of the project has changed; an exporter into the repository itself says otherwise."""
        assert _state_of(project) == before

    def test_new_ones_are_added(
        self, exporter: RunExporter, project: Project, experiments: list[Experiment], place: str
    ) -> None:
        exporter.write(project, experiments[:2], place, _ignore)
        done = exporter.write(project, experiments, place, _ignore)
        assert (done.written, done.known) == (len(experiments) - 2, 2)
        assert self.names_in(place) == sorted(one.name for one in experiments)

    def test_a_dry_run_writes_nothing(
        self, exporter: RunExporter, project: Project, experiments: list[Experiment], place: str
    ) -> None:
        done = exporter.write(project._replace(dry_run=True), experiments, place, _ignore)
        assert done.written == len(experiments)
        assert not os.path.lexists(place)

    def test_an_export_that_is_stopped_is_gone_on_with(
        self, exporter: RunExporter, project: Project, experiments: list[Experiment], place: str
    ) -> None:
        def stop(count: int) -> None:
            if count >= 2:
                raise errors.Interrupted("enough")

        with pytest.raises(errors.Interrupted):
            exporter.write(project, experiments, place, stop)
        exporter.write(project, experiments, place, _ignore)
        assert self.names_in(place) == sorted(one.name for one in experiments)

    def test_what_is_missing_here_is_said_and_keeps_back_nothing_else(
        self, exporter: RunExporter, project: Project, experiments: list[Experiment], place: str
    ) -> None:
        store = ObjectStore(project.local.objects)
        for each in list(store.hashes()):
            store.remove(each.hash)
        done = exporter.write(project, experiments, place, _ignore)
        assert any("model.bin" in remark for remark in done.remarks), done.remarks
        assert done.written == len(experiments)

    def test_a_foreign_file_stays(
        self, exporter: RunExporter, project: Project, experiments: list[Experiment], place: str
    ) -> None:
        Path(place).write_text("of somebody else\n")
        with pytest.raises(errors.GitexpError):
            exporter.write(project, experiments, place, _ignore)
        assert Path(place).read_text() == "of somebody else\n"

    def test_an_unwritable_place_is_an_error(
        self, exporter: RunExporter, project: Project, experiments: list[Experiment], place: str
    ) -> None:
        """Below a file, where nobody may write; and in a folder that is read-only, except for root."""
        file, folder = Path(place).parent / "a-file", Path(place).parent / "read-only"
        file.write_text("x\n")
        folder.mkdir()
        folder.chmod(0o500)
        above = [file]
        if not os.access(folder, os.W_OK):
            above.append(folder)
        for each in above:
            with pytest.raises(errors.GitexpError):
                exporter.write(project, experiments, str(each / Path(place).name), _ignore)
        assert file.read_text() == "x\n"


def exported(exporter: RunExporter, project: Project, place: str) -> ExportedRuns:
    """The result of an export of all experiments of a project."""
    experiments = sorted(readable(project.store.all()), key=lambda one: one.record.created)
    return exporter.write(project, experiments, place, _ignore)


def _state_of(project: Project) -> object:
    """The refs and the files of the user's in a repository."""
    status = project.repo.run("status", "--porcelain", "--ignored")
    return list(project.repo.refs()), status


def _ignore(count: int) -> None:
    pass
