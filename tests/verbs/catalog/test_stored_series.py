"""The series of experiments: logged, in tables, of a run that goes on, of several processes."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Mapping, Sequence

import pytest

import gitexp
from gitexp import errors
from gitexp.catalog.series import series_ahead, series_tables, stored_series
from gitexp.files.lines.series_columns import Series
from gitexp.model import Experiment
from gitexp.project.project import Project
from gitexp.repo.git.repository import Repository
from gitexp.repo.git.values import LARGEST
from tests.support.experiments import put
from tests.support.workspace import Workspace


def lines(count: int, **values: float) -> bytes:
    return b"".join(
        json.dumps({"_step": step, "_time": 1000 + step, **values}).encode() + b"\n" for step in range(count)
    )


def experiment(repo: Workspace, name: str) -> tuple[Project, Experiment]:
    project = Project.open(repo.path)
    return project, project.store.require(name)


def in_tables(repo: Workspace, name: str) -> Mapping[str, Series]:
    project, found = experiment(repo, name)
    tables = series_tables.tables_of(project, [found])
    return stored_series.in_tables(project, found, tables.get(found.record.commit, []))


def lengths(found: Mapping[str, Series]) -> dict[str, int]:
    return {name: len(one) for name, one in found.items()}


def test_logged_series_of_any_size(repo: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    files = {"series.jsonl": lines(3, loss=1), "rank-1.jsonl": lines(2, loss=2)}
    put(repo, "one", run_files=files, series=("series.jsonl", "rank-1.jsonl", "system.jsonl"))
    project, one = experiment(repo, "one")
    for most in (stored_series.LARGEST, 10):
        monkeypatch.setattr(series_ahead, "LARGEST", most)
        assert lengths(stored_series.logged(project, one)) == {"loss": 3}
        assert lengths(stored_series.logged(project, one, "rank-1.jsonl")) == {"loss": 2}
    assert stored_series.logged(project, one, "system.jsonl") == {}  # the record says so, the tree has none


WRITES = """
import os, sys
if sys.argv[1:] != ["nothing"]:
    os.makedirs("dvclive/plots/metrics/train", exist_ok=True)
    open("logs.csv", "w").write("epoch,loss,val\\n0,1,2\\n1,0.5,1\\n")
    open("dvclive/plots/metrics/train/acc.tsv", "w").write("step\\tacc\\n0\\t0.1\\n1\\t0.2\\n2\\t0.3\\n")
    open("dvclive/plots/metrics/loss.tsv", "w").write("step\\tloss\\n0\\t0.1\\n")
"""


def test_tables_that_a_run_has_written(repo: Workspace) -> None:
    repo.write("train.py", WRITES)
    repo.writes("logs.csv", "dvclive/*")
    repo.gitexp("run", "-n", "one", "--", sys.executable, "train.py")
    repo.gitexp("run", "-n", "two", "--", sys.executable, "train.py", "nothing")
    written = ("dvclive/plots/metrics/loss.tsv", "dvclive/plots/metrics/train/acc.tsv", "logs.csv")
    assert experiment(repo, "one")[1].record.tables == written
    assert lengths(in_tables(repo, "one")) == {
        "val": 2,
        "train/acc": 3,
        "logs.csv:loss": 2,
        "dvclive/plots/metrics/loss.tsv:loss": 1,
    }
    assert "loss" in repo.git("show", "refs/gitexp/exps/two:logs.csv")  # it is there, and not this run's
    assert in_tables(repo, "two") == {}
    repo.gitexp("save", "-n", "three")
    assert "val" in in_tables(repo, "three")


LOOP = """
import pathlib, time, gitexp
for epoch in range(5):
    gitexp.log({"loss": epoch})
pathlib.Path("logs.csv").write_text("epoch,acc\\n0,1\\n1,2\\n")
pathlib.Path("is-going").touch()
while not pathlib.Path("go-on").exists():
    time.sleep(0.01)
gitexp.log({"loss": 5})
"""


def test_a_run_that_goes_on(repo: Workspace) -> None:
    repo.write(".gitignore", "is-going\ngo-on\n")
    repo.write("train.py", LOOP)
    repo.commit()
    repo.writes("logs.csv", "is-going")
    run = repo.start("run", "-n", "one", "--", sys.executable, "train.py")
    repo.wait_for("is-going")
    project, one = experiment(repo, "one")
    assert list(stored_series.logged(project, one)["loss"]) == [0, 1, 2, 3, 4]
    assert "series.jsonl" in stored_series.files_of(project, one)
    assert lengths(in_tables(repo, "one")) == {"acc": 2}
    repo.write("go-on", "")
    run.communicate()
    assert list(stored_series.logged(project, one)["loss"]) == [0, 1, 2, 3, 4, 5]  # it has ended since


def test_many_are_read_together_if_they_are_asked_for_in_a_row(
    repo: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [f"e{number:02}" for number in range(20)]
    for number, name in enumerate(names):
        put(repo, name, run_files={"series.jsonl": lines(number + 1, loss=1)}, series=("series.jsonl",))
    project = Project.open(repo.path)
    found = project.store.readable()
    read: list[int] = []
    blobs = type(project.repo).read_blobs

    def counted(repo: Repository, names: Sequence[str], most: int | None = LARGEST) -> list[bytes | None]:
        read.append(len(names))
        return blobs(repo, names, most)

    monkeypatch.setattr(type(project.repo), "read_blobs", counted)
    ahead = series_ahead.ReadAhead(project, found)
    for number, one in enumerate(found):
        assert lengths(stored_series.logged(project, one, ahead=ahead)) == {"loss": number + 1}
    assert read == [1, 2, 4, 8, 5]
    assert lengths(stored_series.logged(project, found[3], ahead=ahead)) == {"loss": 4}
    assert read[-1] == 1


STAGES = """
max_untracked: 1 kB
plots: [big.csv]
stages:
  train:
    cmd: python stage.py
    deps: [stage.py]
    outs: [curves]
    plots: [own.csv]
"""
WRITES_IN_STAGE = """
import os
os.makedirs("curves", exist_ok=True)
open("curves/a.csv", "w").write("step,a\\n0,1\\n1,2\\n")
open("own.csv", "w").write("step,own\\n0,1\\n")
"""


def test_tables_in_the_object_store(repo: Workspace) -> None:
    repo.write("gitexp.yaml", STAGES)
    repo.write("stage.py", WRITES_IN_STAGE)
    repo.write("big.py", "open('big.csv', 'w').write('step,big\\n' + '1,2\\n' * 1000)\n")
    repo.commit()
    repo.allow("files", "gitexp.lock", ".gitignore")
    repo.writes("curves/*", "own.csv", "big.csv")
    repo.gitexp("run", "-n", "staged")
    repo.gitexp("run", "-n", "big", "--", sys.executable, "big.py")
    assert lengths(in_tables(repo, "staged")) == {"own": 1, "a": 2}
    assert lengths(in_tables(repo, "big")) == {"big": 1}
    assert repo.json("show", "big")[0]["series"][0]["name"] == "big"
    shutil.rmtree(repo.path / ".git/gitexp/objects")
    assert "curves in big.csv are not on this machine" in repo.gitexp("show", "big").stderr
    with pytest.raises(errors.MissingData, match=r"big\.csv"):
        gitexp.experiment("big", repo=repo.path).history("big")
