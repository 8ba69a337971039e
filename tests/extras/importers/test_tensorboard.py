"""Folders of TensorBoard, made by the real tensorboardX."""

from __future__ import annotations

from pathlib import Path

import pytest

from gitexp.extras.integrations.importers.foreign import ForeignRun, Unread
from gitexp.extras.integrations.importers.tensorboard import IMPORTER, TensorBoard
from gitexp.testing import ImporterContract, runs_of
from tests.extras.importers.conftest import Make

SCRIPT = """
import numpy as np
from tensorboardX import SummaryWriter
with SummaryWriter("runs/first") as w:
    for step in range(100):
        w.add_scalar("loss/train", 1 / (step + 1), step)
        w.add_scalar("acc", step / 100, step)
    w.add_text("note", "some words")
    w.add_image("picture", np.zeros((3, 4, 4)))
with SummaryWriter("runs/second") as w:
    w.add_hparams({"lr": 0.1, "depth": 3, "name": "sgd", "flag": True}, {"hparam/acc": 0.5})
with SummaryWriter("runs/second") as w:
    w.add_scalar("later", 1.5, 7)
"""


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory, make: Make) -> Path:
    found = tmp_path_factory.mktemp("tensorboard")
    make(found, SCRIPT)
    return found / "runs"


class TestTensorBoard(ImporterContract):
    @pytest.fixture
    def importer(self) -> TensorBoard:
        return IMPORTER

    @pytest.fixture
    def place(self, folder: Path) -> Path:
        return folder


def test_scalars_are_curves_and_hparams_params(folder: Path) -> None:
    first, *others = runs_of(IMPORTER, folder)
    assert first.name == "first"
    points = list(first.points())
    assert [point.step for point in points] == list(range(100))
    assert points[9].values == pytest.approx({"loss/train": 0.1, "acc": 0.09})
    assert "picture" in first.remarks[0]
    assert "some words" in first.facts["tensorboard"]["texts"]["note"]
    params: dict[str, object] = {}
    values: dict[str, float] = {}
    for run in others:
        params.update(run.params)
        for point in run.points():
            values.update(point.values)
    assert params == {"lr": 0.1, "depth": 3, "name": "sgd", "flag": True}
    assert values["hparam/acc"] == 0.5
    assert values["later"] == 1.5


def test_a_file_that_is_damaged_says_where(folder: Path, tmp_path: Path) -> None:
    (file,) = (folder / "first").iterdir()
    content = file.read_bytes()
    copy = tmp_path / file.name
    copy.write_bytes(content[:5000])
    (run,) = IMPORTER.read(tmp_path)
    assert isinstance(run, ForeignRun)
    assert "ends too early: the last record has no end at byte" in run.remarks[0]
    assert 0 < len(list(run.points())) < 100
    copy.write_bytes(content[:2000] + b"\xff" + content[2001:])
    (run,) = IMPORTER.read(tmp_path)
    assert isinstance(run, ForeignRun)
    assert "checksum" in run.remarks[0]
    copy.write_bytes(b"nothing of TensorBoard's")
    (unread,) = IMPORTER.read(tmp_path)
    assert isinstance(unread, Unread)
    assert copy.name in str(unread)
