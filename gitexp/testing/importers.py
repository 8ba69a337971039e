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
from gitexp.named_tuple import NamedTuple
from gitexp.regex import regex

_WRITTEN = regex(r'"_time": [0-9.]+')  # when a line of gitexp's was written


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

    def test_a_file_that_cannot_be_read_is_reported(
        self, importer: Importer, place: Path, tmp_path: Path
    ) -> None:
        """A pipe stands in place of each file, in turn: nobody waits for it, and what is missing is said."""
        if not hasattr(os, "mkfifo"):
            pytest.skip("this system has no pipes with names")
        if place.is_file():  # the user names it: without it there is nothing to import
            return
        copy = tmp_path / "copy"
        shutil.copytree(place, copy, symlinks=True)
        whole = _told_by(importer, copy)
        for path in [path for path in copy.rglob("*") if path.is_file() and not path.is_symlink()]:
            if ".git" in path.relative_to(copy).parts:  # it is Git's to read
                continue
            path.rename(tmp_path / "away")
            os.mkfifo(path)
            told = _told_by(importer, copy)
            assert told.runs == whole.runs or not told.sentences <= whole.sentences, path
            path.unlink()
            (tmp_path / "away").rename(path)


class _Told(NamedTuple):
    """The content of the runs of a place, and all sentences on what is missing."""

    runs: list[str]
    sentences: set[str]


def _told_by(importer: Importer, place: Path) -> _Told:
    told = _Told([], set())
    try:
        for one in importer.read(place):
            if isinstance(one, ForeignRun):
                told.runs.append(_content(one))
                told.sentences.update(one.remarks)
            else:
                told.sentences.add(str(one))
    except (errors.GitexpError, OSError) as error:
        told.sentences.add(str(error))
    return told


def _content(run: ForeignRun) -> str:
    """All of a run but its state, times and remarks, as text. Raises OSError and GitexpError."""
    values: list[Any] = [run.id, run.name, run.params, run.metrics, list(run.points()), list(run.system())]
    values += [run.commit, run.patch, sorted(run.code), sorted(run.files), run.log, run.environment]
    values += [run.command, run.user, run.host, run.note, run.tags, run.facts, run.run_files()]
    return _WRITTEN.sub("", repr(values))


def runs_of(importer: Importer, place: Path) -> list[ForeignRun]:
    """The runs that an importer can read."""
    return [one for one in importer.read(place) if isinstance(one, ForeignRun)]
