"""The tests that every importer must pass."""

from __future__ import annotations

import contextlib
import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from gitexp import errors
from gitexp.extras.integrations.importers.foreign import ForeignRun, Importer


class ImporterContract:
    """The contract of every `Importer`. Fixtures: `importer`; `place`, with runs that its tool has left."""

    @pytest.fixture
    def importer(self) -> Any:
        raise NotImplementedError("a fixture `importer` with an importer")

    @pytest.fixture
    def place(self) -> Any:
        raise NotImplementedError("a fixture `place` with a file or folder of the tool's")

    def test_it_knows_its_files_and_no_others(self, importer: Importer, place: Path, tmp_path: Path) -> None:
        assert importer.title
        assert importer.looks_for
        assert importer.finds(place)
        (tmp_path / "other").mkdir()
        (tmp_path / "other" / "notes.txt").write_text("nothing\n")
        for nothing in (tmp_path / "other", tmp_path / "other" / "notes.txt", tmp_path / "missing"):
            assert not importer.finds(nothing)
        with pytest.raises(errors.UsageError):
            list(importer.read(tmp_path / "other"))

    def test_each_reading_finds_the_same(self, importer: Importer, place: Path) -> None:
        first, second = runs_of(importer, place), runs_of(importer, place)
        assert first
        assert [(run.id, run.state) for run in first] == [(run.id, run.state) for run in second]
        assert len({run.id for run in first}) == len(first)

    def test_points_are_numbers_with_steps_and_can_be_read_twice(
        self, importer: Importer, place: Path
    ) -> None:
        for run in runs_of(importer, place):
            points = list(run.points())
            assert points == list(run.points()) or repr(points) == repr(list(run.points()))  # NaN
            for point in [*points, *run.system()]:
                assert type(point.step) is int
                assert {type(value) for value in point.values.values()} <= {float, int}

    def test_files_that_are_cut_short_are_reported_or_give_what_is_there(
        self, importer: Importer, place: Path, tmp_path: Path
    ) -> None:
        """Half of every file is missing: a run may be unreadable, or shorter, and nothing else happens."""
        copy = tmp_path / "copy"
        if place.is_dir():
            shutil.copytree(place, copy, symlinks=True)
        else:
            copy.mkdir()
            shutil.copy(place, copy)
        files = [path for path in copy.rglob("*") if path.is_file() and not path.is_symlink()]
        for path in files:
            os.truncate(path, path.stat().st_size // 2)
        with contextlib.suppress(errors.UsageError):
            for one in importer.read(copy if place.is_dir() else copy / place.name):
                if isinstance(one, ForeignRun):
                    list(one.points())
                    list(one.system())
                    one.run_files()
                else:
                    assert str(one)


def runs_of(importer: Importer, place: Path) -> list[ForeignRun]:
    """The runs that an importer can read."""
    return [one for one in importer.read(place) if isinstance(one, ForeignRun)]
