"""Experiments read back from Python: values, curves, files, code, data frames."""

from __future__ import annotations

import pickle
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import gitexp
from gitexp import errors, plugins
from gitexp.extras.reading import frames
from gitexp.extras.reading.values import Values
from gitexp.views.typed_columns import TypedColumn, kind_of
from tests.support.experiments import copy_of, put
from tests.support.workspace import Workspace

TRAIN = """
import sys, gitexp
lr = float(sys.argv[1])
with gitexp.start_run(params={"opt": {"name": "sgd", "layers": [{"units": 4}, {"units": 2}]}}) as run:
    for epoch in range(5):
        run.log({"loss": lr / (epoch + 1), "acc": epoch / 5}, step=10 * epoch)
    with open("small.bin", "wb") as file:
        file.write(b"small \\xff")
    with open("large.bin", "wb") as file:
        file.write(b"0" * 3_000_000)
    run.log_artifact("small.bin")
    run.log_artifact("large.bin", "models/large.bin")
print("trained with", lr)
"""
CONFIG = "max_untracked: 1 MB\noutput: {}\n"


@pytest.fixture(scope="module")
def trained(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    """A repository with two runs that have logged, and a third experiment of an older commit."""
    repo = copy_of(template, tmp_path_factory.mktemp("reading"))
    repo.write(".gitignore", "*.bin\n")
    repo.write("gitexp.yaml", "max_untracked: 1 MB\n")
    put(repo, "older", metrics={"metrics.json": {"loss": 7.5}}, created="2023-01-01T10:00:00.000Z")
    repo.write("train.py", TRAIN)
    repo.commit()
    repo.writes("*.bin")
    for lr in ("0.1", "0.2"):
        repo.gitexp("run", "-n", f"lr-{lr}", "--", sys.executable, "train.py", lr)
    repo.gitexp("tag", "lr-0.1", "good")
    repo.gitexp("note", "lr-0.1", "-m", "the small one")
    yield repo
    repo.close()


def test_experiments_of_a_repository(trained: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(trained.path)
    found = gitexp.experiments()
    assert [one.name for one in found] == ["lr-0.2", "lr-0.1", "older"]
    assert [one.name for one in gitexp.experiments(baseline="HEAD")] == ["lr-0.2", "lr-0.1"]
    assert [one.name for one in gitexp.experiments(baseline="HEAD~1")] == ["older"]
    assert [one.name for one in gitexp.experiments("loss < 0.03 and 'good' in tags")] == ["lr-0.1"]
    assert [one.name for one in gitexp.experiments(names=["lr-*"], limit=1)] == ["lr-0.2"]
    monkeypatch.chdir("/")
    assert gitexp.experiments(repo=trained.path) == found
    project = gitexp.Project.open(trained.path)
    stored, elsewhere = gitexp.experiments(project, gitexp.Query())
    assert ([one.name for one in stored], elsewhere) == (["lr-0.2", "lr-0.1"], 1)
    with pytest.raises(errors.UsageError, match="no commit 'nope'"):
        gitexp.experiments(baseline="nope", repo=project)
    with pytest.raises(errors.UsageError, match="no folder"):
        gitexp.experiments(repo=trained.path / "nope")
    with pytest.raises(errors.UsageError, match="no -1 experiments"):
        gitexp.experiments(limit=-1, repo=project)
    assert list(gitexp.dataframe(columns="acc", names="lr-0.1", repo=project, kind="polars").columns) == [
        "name",
        "acc",
    ]


def test_the_values_of_one(trained: Workspace) -> None:
    one = gitexp.experiment("lr-0.1", repo=trained.path)
    assert (one.status, one.tags, one.note) == (gitexp.Status.DONE, ("good",), "the small one")
    assert one.created is not None
    assert abs((datetime.now(UTC) - one.created).total_seconds()) < 3600
    assert one.duration is not None
    assert one.metrics == {"loss": 0.1 / 5, "acc": 0.8}
    assert one.params["opt.name"] == one.params["opt"]["name"] == one.params.opt.name == "sgd"
    assert one.params.opt["layers[0].units"] == 4
    assert one.params.to_dict()["opt"] == {"name": "sgd", "layers": [{"units": 4}, {"units": 2}]}
    assert Values({'"a..b"': 3, "v.x": 2})["a..b"] == 3  # what was logged as a..b
    with pytest.raises(AttributeError, match="no 'nope'"):
        one.params.nope  # noqa: B018
    assert one.code("train.py") == TRAIN
    assert "trained with 0.1" in one.log()
    assert [file.path for file in one.diff("lr-0.2").code] == []
    assert [change.key for change in one.diff(gitexp.experiment("older", repo=trained.path)).metrics] == [
        "loss",
        "acc",
    ]
    assert one.as_json()["name"] == "lr-0.1"
    again = pickle.loads(pickle.dumps(one))  # as for another process
    assert (again, list(again.history("loss"))) == (one, list(one.history("loss")))


def test_its_curves(trained: Workspace) -> None:
    one = gitexp.experiment("lr-0.1", repo=trained.path)
    loss = one.history("loss")
    assert np.asarray(loss).tolist() == [0.1 / (epoch + 1) for epoch in range(5)]
    assert np.asarray(loss.steps).tolist() == [0, 10, 20, 30, 40]
    assert sorted(one.history()) == ["acc", "loss"]
    assert one.history("loss") is not None
    assert dict(one.history(of="rank-3")) == {}
    assert one.history().get("nope") is None
    with pytest.raises(errors.UsageError, match="no series of 'tables'"):
        one.history(of="tables")
    with pytest.raises(errors.UsageError, match="There is no series 'los'") as told:
        one.history("los")
    assert told.value.hint == "Did you mean loss?"
    assert dict(gitexp.experiment("older", repo=trained.path).history()) == {}


def test_logged_curves_and_those_of_tables_in_any_order(repo: Workspace) -> None:
    repo.write(
        "train.py",
        "import gitexp\n"
        "gitexp.log({'loss': 1, 'both': 1})\n"
        "open('logs.csv', 'w').write('step,acc,both\\n0,5,5\\n')\n",
    )
    repo.writes("logs.csv")
    repo.gitexp("run", "-n", "one", "--", sys.executable, "train.py")
    one = gitexp.experiment("one", repo=repo.path)
    assert [list(one.history(name)) for name in ("loss", "acc", "both", "loss")] == [[1], [5], [1], [1]]
    assert sorted(one.history()) == ["acc", "both", "loss"]
    assert sorted(gitexp.experiment("one", repo=repo.path).history()) == ["acc", "both", "loss"]


def test_its_files(trained: Workspace) -> None:
    one = gitexp.experiment("lr-0.1", repo=trained.path)
    assert {each.name: each.size for each in one.artifacts()} == {
        "small.bin": 7,
        "models/large.bin": 3_000_000,
    }
    assert one.data() == []
    with one.open("small.bin") as file:
        assert file.read() == b"small \xff"
    with one.open("models/large.bin") as file:
        assert file.read() == b"0" * 3_000_000
    with one.open("train.py") as file:
        assert file.read().decode() == TRAIN
    with pytest.raises(errors.ExperimentError, match="no file") as told:
        one.open("small.bim")
    assert (told.value.code, told.value.hint) == ("no-file", "Did you mean small.bin?")
    with pytest.raises(errors.ExperimentError, match="no file 'nope'"):
        one.code("nope")
    for path in ("", ".", "..", "../x", "/etc/passwd", "a/../.."):
        for ask in (one.open, one.code):
            with pytest.raises(errors.ExperimentError, match="begins at the root"):
                ask(path)
    for folder in ("models", "data/.."):
        with pytest.raises(errors.ExperimentError):
            one.open(folder)


def test_a_file_whose_content_is_not_here(repo: Workspace) -> None:
    repo.write("data/x.csv", "1\n")
    repo.allow("files", "data/*", "gitexp.*", ".gitignore")
    repo.gitexp("add", "data/x.csv")
    repo.git("add", ".gitignore", "gitexp.yaml", "gitexp.lock")
    repo.gitexp("save", "-n", "one")
    one = gitexp.experiment("one", repo=repo.path)
    with one.open("data/x.csv") as file:
        assert file.read() == b"1\n"
    (stored,) = [each for each in (repo.path / ".git/gitexp/objects").rglob("*") if each.is_file()]
    stored.chmod(0o644)
    stored.write_bytes(b"2\n")
    with pytest.raises(errors.DamagedObject):
        one.open("data/x.csv")
    stored.unlink()
    assert [each.path for each in one.data()] == ["data/x.csv"]
    with pytest.raises(errors.MissingData, match="not on this machine") as told:
        one.open("data/x.csv")
    assert told.value.hint is not None
    assert "gitexp data pull one" in told.value.hint


def test_a_damaged_experiment_is_left_out_with_a_warning(repo: Workspace) -> None:
    put(repo, "good")
    put(repo, "bad", body="{}")
    with pytest.warns(UserWarning, match="left out: .*bad"):
        found = gitexp.experiments(repo=repo.path)
    assert [one.name for one in found] == ["good"]


LOOP = """
import pathlib, time, gitexp
gitexp.log({"loss": 1})
pathlib.Path("out.txt").write_text("so far")
run = gitexp.active_run()
run.log_artifact("out.txt")
pathlib.Path("is-going").touch()
while not pathlib.Path("go-on").exists():
    time.sleep(0.01)
gitexp.log({"loss": 2})
"""


def test_a_run_that_goes_on(repo: Workspace) -> None:
    repo.write(".gitignore", "is-going\ngo-on\nout.txt\n")
    repo.write("train.py", LOOP)
    repo.commit()
    repo.writes("is-going", "out.txt")
    run = repo.start("run", "-n", "one", "--", sys.executable, "train.py")
    repo.wait_for("is-going")
    one = gitexp.experiment("one", repo=repo.path)
    assert (one.status, list(one.history("loss"))) == (gitexp.Status.RUNNING, [1])
    assert [each.name for each in one.artifacts()] == ["out.txt"]
    with one.open("out.txt") as file:
        assert file.read() == b"so far"
    assert one.code("train.py") == LOOP
    repo.write("go-on", "")
    run.communicate()
    assert list(one.history("loss")) == [1, 2]
    with one.open("out.txt") as file:
        assert file.read() == b"so far"


# -- data frames --------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["pandas", "polars"])
def test_a_data_frame(trained: Workspace, kind: str) -> None:
    frame = gitexp.dataframe(repo=trained.path, kind=kind)
    types = {name: str(of) for name, of in zip(frame.columns, frame.dtypes, strict=True)}
    assert list(frame.columns)[:6] == ["name", "status", "created", "duration", "loss", "acc"]
    if kind == "pandas":
        expected = ("string", "datetime64[ms, UTC]", "float64", "Int64")
    else:
        expected = ("String", "Datetime(time_unit='ms', time_zone='UTC')", "Float64", "Int64")
    assert tuple(types[name] for name in ("name", "created", "loss", "opt.layers[0].units")) == expected
    assert list(frame["name"]) == ["lr-0.2", "lr-0.1", "older"]
    assert list(frame["loss"]) == [0.2 / 5, 0.1 / 5, 7.5]
    few = gitexp.dataframe("acc > 0", ["acc", "opt.*", "tags"], repo=trained.path, kind=kind)
    assert list(few.columns) == [
        "name",
        "acc",
        "opt.name",
        "opt.layers[0].units",
        "opt.layers[1].units",
        "tags",
    ]
    assert [list(tags) for tags in few["tags"]] == [[], ["good"]]
    with pytest.raises(errors.UsageError, match="no param or metric 'nope'"):
        gitexp.dataframe(columns=["nope"], repo=trained.path)


@pytest.mark.parametrize("kind", ["pandas", "polars"])
def test_a_data_frame_of_curves(trained: Workspace, kind: str) -> None:
    history = gitexp.experiment("lr-0.1", repo=trained.path).history()
    frame = history.dataframe(kind=kind)
    assert list(frame.columns) == ["step", "time", "loss", "acc"]
    assert list(frame["step"]) == [0, 10, 20, 30, 40]
    assert list(frame["loss"]) == list(history["loss"])
    for names in (["acc"], "acc"):
        assert list(history.dataframe(names, kind=kind).columns) == ["step", "time", "acc"]
    with pytest.raises(errors.UsageError, match="There is no series 'los'"):
        history.dataframe(["los"], kind=kind)


def test_data_frames_without_a_package(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[Any] = []
    monkeypatch.setattr(plugins, "load", lambda kind, name: lambda columns: made.append((kind, name)))
    monkeypatch.setattr(frames, "find_spec", lambda name: None if name == "pandas" else name)
    frames.frame([])
    assert made == [("frame", "polars")]
    monkeypatch.setattr(frames, "find_spec", lambda name: None)
    with pytest.raises(errors.UsageError, match="pandas or polars is needed") as told:
        frames.frame([])
    assert told.value.hint == "pip install pandas"
    with pytest.raises(errors.UsageError, match="polars is needed"):
        frames.frame([], "polars")
    with pytest.raises(errors.UsageError, match="no data frames of 'dask'"):
        frames.frame([], "dask")


@pytest.mark.parametrize("kind", ["pandas", "polars"])
def test_columns_of_every_kind(kind: str) -> None:
    values: dict[str, list[Any]] = {
        "whole": [1, 2, 3],
        "gap": [1, None, 3],
        "mixed": [1, 2.5, None],
        "truth": [True, None, False],
        "text": ["a", None, "b"],
        "any": [1, "a", [1, 2]],
        "none": [None, None, None],
        "huge": [2**70, 1, None],
    }
    columns = [TypedColumn(name, kind_of(each), each) for name, each in values.items()]
    frame = frames.frame(columns, kind)
    types = {name: str(of) for name, of in zip(frame.columns, frame.dtypes, strict=True)}
    if kind == "pandas":
        assert (types["whole"], types["gap"], types["truth"]) == ("int64", "Int64", "boolean")
    else:
        assert (types["whole"], types["gap"], types["truth"]) == ("Int64", "Int64", "Boolean")
    assert [types[name].lower() for name in ("mixed", "text", "any")] == ["float64", "string", "object"]
    assert list(frame["any"]) == values["any"]
