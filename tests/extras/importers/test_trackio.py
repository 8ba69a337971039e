"""Files of trackio, made by the real trackio."""

from __future__ import annotations

import math
import os
import shutil
import sys
from pathlib import Path

import pytest

from gitexp.extras.integrations.importers.foreign import ForeignRun, Unread
from gitexp.extras.integrations.importers.trackio import IMPORTER, Trackio
from gitexp.testing import ImporterContract, runs_of
from tests.extras.importers.conftest import Make

SCRIPT = """
import math, os
os.environ["TRACKIO_DIR"] = os.path.abspath("trackio")
import trackio
for number in range(2):
    trackio.init(project="digits", name=f"run-{number}", config={"lr": 0.1 * (number + 1)})
    for step in range(20):
        trackio.log({"loss": math.nan if step == 3 else 1 / (step + 1), "word": "x"})
    trackio.finish()
"""


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory, make: Make) -> Path:
    found = tmp_path_factory.mktemp("trackio")
    make(found, SCRIPT)
    return found / "trackio"


class TestTrackio(ImporterContract):
    @pytest.fixture
    def importer(self) -> Trackio:
        return IMPORTER

    @pytest.fixture
    def place(self, folder: Path) -> Path:
        return folder


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pipes with names")
def test_a_file_that_is_damaged_is_said_beside_a_good_one(folder: Path, tmp_path: Path) -> None:
    (good,) = folder.glob("*.db")
    shutil.copy(good, tmp_path / "good.db")
    (tmp_path / "damaged.db").write_bytes(good.read_bytes()[:100])
    os.mkfifo(tmp_path / "pipe.db")
    (tmp_path / "other.db").write_bytes(b"of another tool")
    found = list(IMPORTER.read(tmp_path))
    assert [type(one) for one in found] == [Unread, Unread, ForeignRun, ForeignRun]
    assert [Path(one.where).name for one in found if isinstance(one, Unread)] == ["damaged.db", "pipe.db"]


def test_params_and_curves(folder: Path) -> None:
    before = sorted(path.name for path in folder.iterdir())
    first, second = runs_of(IMPORTER, folder)
    assert isinstance(first, ForeignRun)
    assert (first.name, second.name) == ("run-0", "run-1")
    assert (first.params, second.params) == ({"lr": 0.1}, {"lr": 0.2})
    points = list(first.points())
    assert [point.step for point in points] == list(range(20))
    assert math.isnan(points[3].values["loss"])
    assert points[9].values["loss"] == 0.1
    assert first.created is not None
    assert first.finished is not None
    assert sorted(path.name for path in folder.iterdir()) == before
