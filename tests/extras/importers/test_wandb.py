"""Runs of wandb, from folders that the real wandb has made."""

from __future__ import annotations

import math
import shutil
import struct
import subprocess
import zlib
from pathlib import Path

import pytest

from gitexp.extras.integrations.file_formats import wandb_file
from gitexp.extras.integrations.importers.foreign import ForeignRun, Unread
from gitexp.extras.integrations.importers.from_wandb.wandb import IMPORTER, Wandb
from gitexp.model import Status
from gitexp.project.project import Project
from gitexp.testing import ImporterContract, runs_of
from tests.extras.importers.conftest import Make
from tests.support.workspace import Workspace

SCRIPT = """
import math, wandb
run = wandb.init(project="digits", name="first run", config={"lr": 0.1, "model": {"depth": 3}},
                 tags=["paper"], notes="a note", group="g1")
for step in range(300):
    wandb.log({"loss": 1 / (step + 1), "val/f1": step * 2, "nested": {"a": step},
               "bad": math.nan if step == 3 else 1.0, "word": "hello"})
wandb.log({"hist": wandb.Histogram([1, 2, 3])})
print("printed line")
open("kept.txt", "w").write("kept")
wandb.save("kept.txt")
wandb.summary["best"] = 0.98
wandb.config.update({"late": 5})
wandb.finish()
failed = wandb.init(project="digits", config={"lr": 0.2})
wandb.log({"loss": 0.5})
wandb.finish(exit_code=3)
"""


@pytest.fixture(scope="session")
def wandb_folder(tmp_path_factory: pytest.TempPathFactory, make: Make) -> Path:
    folder = tmp_path_factory.mktemp("wandb")
    for args in (["init", "-q"], ["commit", "-q", "--allow-empty", "-m", "start"]):
        subprocess.run(["git", *args], cwd=folder, check=True)
    make(folder, SCRIPT)
    return folder / "wandb"


class TestWandb(ImporterContract):
    @pytest.fixture
    def importer(self) -> Wandb:
        return IMPORTER

    @pytest.fixture
    def place(self, wandb_folder: Path) -> Path:
        return wandb_folder


def test_everything_comes_along(repo: Workspace, wandb_folder: Path) -> None:
    told = repo.gitexp("import", "wandb", str(wandb_folder))
    assert "Imported 2 runs of Weights & Biases." in told.stderr
    project = Project.open(repo.path)
    one = project.store.require("first-run")
    record = one.record
    assert record.status is Status.DONE
    assert record.params[".gitexp/run/params.json"] == {"lr": 0.1, "model": {"depth": 3}, "late": 5}
    metrics = record.metrics[".gitexp/run/summary.json"]
    assert metrics["best"] == 0.98
    assert metrics["loss"] == pytest.approx(1 / 300)
    assert metrics["nested"] == {"a": 299}
    assert "hist" not in metrics
    assert (record.tags, record.note, record.imported["group"]) == (("paper",), "a note", "g1")
    assert record.command == "python script.py"
    assert "printed line" in str(project.store.run_file(one, "output.log"))
    assert project.store.run_file(one, "artifacts/kept.txt") == b"kept"
    assert "wandb==" in str(project.store.run_file(one, "environment.txt"))
    lines = str(project.store.run_file(one, "series.jsonl")).count("_step")
    assert lines == 300
    failed = project.store.readable()
    assert sorted((each.record.status, each.record.exit_code) for each in failed) == [
        (Status.DONE, 0),
        (Status.FAILED, 3),
    ]
    again = repo.gitexp("import", str(wandb_folder))
    assert "Imported 0 runs of Weights & Biases; 2 were here already." in again.stderr
    shown = repo.gitexp("show", "-A", "--filter", "imported == 'wandb' and lr < 0.15").stdout
    assert "first-run" in shown
    repo.gitexp("undo")
    assert project.store.names() == []


def test_nan_and_steps_are_kept(wandb_folder: Path) -> None:
    (first, _) = runs_of(IMPORTER, wandb_folder)
    points = list(first.points())
    assert [point.step for point in points] == list(range(300))
    assert math.isnan(points[3].values["bad"])
    assert points[7].values["val/f1"] == 14


def test_a_run_that_was_killed_has_what_it_has_logged(wandb_folder: Path, tmp_path: Path) -> None:
    folder = _copy_of_first(wandb_folder, tmp_path)
    (file,) = folder.glob("*.wandb")
    content = file.read_bytes()
    counts = []
    for share in (0.3, 0.6, 0.9):
        file.write_bytes(content[: int(len(content) * share)])
        (run,) = IMPORTER.read(folder)
        assert isinstance(run, ForeignRun)
        assert run.status is Status.INTERRUPTED
        assert "ends too early" in run.remarks[0]
        counts.append(len(list(run.points())))
    assert counts == sorted(counts)
    assert 0 < counts[0] < counts[-1] < 300


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda content: b"", "it has no header"),
        (lambda content: b"nothing of wandb's", "does not begin like a file of wandb's"),
        (lambda content: content[:6] + b"\x09" + content[7:], "its format is version 9"),
        (lambda content: content[:7] + bytes(9000), "zeros in place of a record at byte 7"),
        (lambda content: content[:20] + b"\xff" + content[21:], "checksum of a record is wrong at byte 7"),
    ],
)
def test_a_file_that_cannot_be_read(wandb_folder: Path, tmp_path: Path, change: object, why: str) -> None:
    folder = _copy_of_first(wandb_folder, tmp_path)
    (file,) = folder.glob("*.wandb")
    assert callable(change)
    file.write_bytes(change(file.read_bytes()))
    (unread,) = IMPORTER.read(folder)
    assert isinstance(unread, Unread)
    assert str(file) in str(unread)
    assert why in str(unread)


def test_no_byte_of_a_file_can_stop_the_reader(wandb_folder: Path, tmp_path: Path) -> None:
    """Content behind a right checksum, as somebody with bad intent would write it."""
    file = tmp_path / "run-x.wandb"
    bodies = [
        b"\xff" * 40,
        b"\x8a\x01\xff\xff\xff\xff\x7f",
        b"\x0b",
        b"\x12\x02\x0a\x05",
        b"\x08" + b"\x80" * 20,
    ]
    for body in bodies:
        head = struct.pack("<4sHB", b":W&B", 0xBEE1, 0)
        checksum = zlib.crc32(body, zlib.crc32(b"\x01"))
        file.write_bytes(head + struct.pack("<IHB", checksum, len(body), 1) + body)
        (unread,) = IMPORTER.read(file)
        assert isinstance(unread, Unread)
    assert list(wandb_file.read(file))


def test_a_link_to_a_file_elsewhere_is_not_followed(wandb_folder: Path, tmp_path: Path) -> None:
    folder = _copy_of_first(wandb_folder, tmp_path)
    (tmp_path / "secret").write_text("a secret")
    (folder / "files" / "shown.txt").symlink_to(tmp_path / "secret")
    (run,) = IMPORTER.read(folder)
    assert isinstance(run, ForeignRun)
    assert "shown.txt" not in run.files
    assert "a link to outside is not followed: shown.txt" in run.remarks


def _copy_of_first(wandb_folder: Path, tmp_path: Path) -> Path:
    """A copy of the first run's folder, in a folder wandb."""
    runs = [path for path in wandb_folder.glob("offline-run-*") if path.is_dir()]
    first = min(runs, key=lambda path: next(path.glob("*.wandb")).stat().st_mtime)
    target = tmp_path / "project" / "wandb" / first.name
    shutil.copytree(first, target, symlinks=True)
    return target
