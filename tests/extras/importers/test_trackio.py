"""Files of trackio, made by the real trackio."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from gitexp.extras.integrations.importers.foreign import ForeignRun
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
