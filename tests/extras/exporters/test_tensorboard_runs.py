"""`gitexp export --as tensorboard`: folders that the real TensorBoard reads."""

from __future__ import annotations

import json
import os
import struct
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from benchmarks.peers import SOURCES
from gitexp import errors, testing
from gitexp.extras.integrations.exporters.tensorboard_runs import EXPORTER
from gitexp.extras.integrations.importers.tensorboard import IMPORTER
from gitexp.model import Status
from gitexp.project.project import Project
from tests.extras.exporters.reading_back import by_name, curve
from tests.support.workspace import Workspace


class TestTensorBoardExporter(testing.ExporterContract):
    @pytest.fixture
    def exporter(self) -> Any:
        return EXPORTER

    def names_in(self, place: str) -> list[str]:
        return sorted(by_name(IMPORTER, Path(place)))


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return testing.exported_project(tmp_path)


def single(number: float) -> float:
    """A number with 32 bits."""
    found: float = struct.unpack("<f", struct.pack("<f", number))[0]
    return found


def test_an_import_gives_the_same_values(project: Project, tmp_path: Path) -> None:
    done = testing.exported(EXPORTER, project, str(tmp_path / "runs"))
    runs = by_name(IMPORTER, tmp_path / "runs")
    ordinary = runs["ordinary"]
    assert ordinary.params == {"train.lr": 0.1, "train.layers": "[64, 32]", "train.name": "größe"}
    assert (ordinary.status, runs["failed"].status) == (Status.DONE, Status.FAILED)
    loss = curve(ordinary, "loss")
    assert loss == [(step, 1764489600.0 + step, single(1 / (step + 1))) for step in range(2_500)]
    assert [(step, value) for step, _, value in curve(ordinary, "val.acc")] == [(2_499, 0.5)]
    odd = runs["odd"]
    assert [(step, repr(value)) for step, _, value in curve(odd, "x")] == [(-1, "nan"), (7, "inf")]
    assert odd.params["ключ"] == "\u2028"
    texts = ordinary.facts["tensorboard"]["texts"]
    assert texts["note"] == "a note\nin two lines"
    assert "| loss | 0.25 |" in texts["metrics"]
    assert "| tags | best, für später |" in texts["experiment"]
    assert any("32 bits" in remark for remark in done.remarks)
    assert any("ordinary: TensorBoard shows the end of a curve" in remark for remark in done.remarks)


READ = """
import json, sys
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.backend.event_processing.data_provider import MultiplexerDataProvider
from tensorboard.backend.event_processing.plugin_event_multiplexer import EventMultiplexer
from tensorboard.context import RequestContext
from tensorboard.plugins import base_plugin
from tensorboard.plugins.hparams import api_pb2, backend_context, list_session_groups, get_experiment
from tensorboard.util import tensor_util

place = sys.argv[1]
one = EventAccumulator(place + "/ordinary", size_guidance={"scalars": 0})
one.Reload()
many = EventMultiplexer()
many.AddRunsFromDirectory(place)
many.Reload()
provider = MultiplexerDataProvider(many, place)
context = backend_context.Context(base_plugin.TBContext(data_provider=provider))
asked = api_pb2.ListSessionGroupsRequest(
    start_index=0, slice_size=10,
    allowed_statuses=[api_pb2.STATUS_SUCCESS, api_pb2.STATUS_FAILURE, api_pb2.STATUS_UNKNOWN],
    col_params=[api_pb2.ColParams(hparam="train.lr")],
)
whole = api_pb2.GetExperimentRequest()
experiment = get_experiment.Handler(RequestContext(), context, "", whole).run()
handler = list_session_groups.Handler(RequestContext(), context, "", asked)
groups = handler.run().session_groups
print(json.dumps({
    "loss": [[e.step, e.wall_time, e.value] for e in one.Scalars("loss")],
    "note": tensor_util.make_ndarray(one.Tensors("note/text_summary")[0].tensor_proto).item().decode(),
    "statuses": {g.sessions[0].name: api_pb2.Status.Name(g.sessions[0].status) for g in groups},
    "lr": [g.hparams["train.lr"].number_value for g in groups if "train.lr" in g.hparams],
    "metrics": sorted(m.name.tag for m in experiment.metric_infos),
    "acc": [v.value for g in groups if g.name == "ordinary" for v in g.metric_values
            if v.name.tag == "val.acc"],
}))
"""


def test_the_real_tensorboard_reads_it(project: Project, tmp_path: Path) -> None:
    if SOURCES.python is None:
        pytest.skip("TensorBoard is not installed here: python -m benchmarks.peers sources does that")
    testing.exported(EXPORTER, project, str(tmp_path / "runs"))
    words = [SOURCES.python, "-W", "ignore", "-c", READ, str(tmp_path / "runs")]
    done = subprocess.run(words, env={**os.environ}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["loss"] == [[step, 1764489600.0 + step, single(1 / (step + 1))] for step in range(2_500)]
    assert found["note"] == "a note\nin two lines"
    assert found["statuses"]["ordinary"] == "STATUS_SUCCESS"
    assert found["statuses"]["failed"] == "STATUS_FAILURE"
    assert found["lr"] == [0.1]
    assert {"loss", "val.acc"} <= set(found["metrics"])
    assert found["acc"] == [0.5]


def test_what_is_noted_later_takes_the_place_of_the_old_file(repo: Workspace) -> None:
    repo.gitexp("save", "-q", "-n", "one")
    repo.allow("files", "runs/*")
    repo.allow("refs", "*")
    repo.gitexp("export", "--as", "tensorboard")
    (before,) = (repo.path / "runs" / "one").iterdir()
    repo.gitexp("rename", "one", "two")
    repo.gitexp("note", "two", "-m", "best of all")
    assert "1 experiment written" in repo.gitexp("export", "--as", "tensorboard").stderr
    (after,) = (repo.path / "runs" / "one").iterdir()
    assert before.name != after.name
    assert [path.name for path in (repo.path / "runs").iterdir()] == ["one"]


def make_full(folder: Path) -> None:
    """A folder with a run of another program."""
    folder.mkdir()
    (folder / "events.out.tfevents.1764489600.host.1.0").write_bytes(b"")


@pytest.mark.parametrize("in_the_way", [make_full, Path.touch, lambda path: path.symlink_to("/")])
def test_what_others_have_left_stays(
    project: Project, tmp_path: Path, in_the_way: Callable[[Path], object]
) -> None:
    place = tmp_path / "runs"
    place.mkdir()
    in_the_way(place / "ordinary")
    before = (place / "ordinary").lstat()
    testing.exported(EXPORTER, project, str(place))
    assert (place / "ordinary").lstat().st_mtime_ns == before.st_mtime_ns
    assert [path.is_dir() for path in place.glob("ordinary-*")] == [True]


def test_a_file_is_no_place(project: Project, tmp_path: Path) -> None:
    (tmp_path / "runs").write_text("mine")
    with pytest.raises(errors.UsageError):
        testing.exported(EXPORTER, project, str(tmp_path / "runs"))
