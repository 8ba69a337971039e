"""`gitexp status`: what a run would find, said without running anything."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator

import pytest

from gitexp import errors
from gitexp.ops.project import Project
from gitexp.ops.status import DataState, WorkspaceStatus, status
from gitexp.pipeline.state import StageSelection
from tests.support.pipeline import ALL, STAGES, make, start
from tests.support.workspace import Workspace

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="written in sh")


@pytest.fixture
def repo(repo: Workspace) -> Iterator[Workspace]:
    make(repo)
    yield repo
    repo.allow("files", "params.yaml")


def look(repo: Workspace, *names: str, overrides: tuple[str, ...] = (), **selection: bool) -> WorkspaceStatus:
    return status(Project.open(repo.path), StageSelection(names, **selection), overrides)


def said(found: WorkspaceStatus) -> dict[str, str]:
    return {stage.name: stage.text for stage in found.stages}


def test_before_and_after_a_run(repo: Workspace) -> None:
    assert said(look(repo)) == {
        "prepare": "never run",
        "train": "never run, after prepare",
        "evaluate": "never run, after train",
    }
    start(repo)
    assert said(look(repo)) == dict.fromkeys(ALL, "up to date")


def test_what_has_changed_and_what_stands_on_it(repo: Workspace) -> None:
    start(repo)
    repo.write("params.yaml", repo.read("params.yaml").replace("lr: 0.1 ", "lr: 0.25 "))
    assert said(look(repo)) == {
        "prepare": "up to date",
        "train": "params train.lr changed 0.1 → 0.25",
        "evaluate": "after train",
    }
    assert said(look(repo, "prepare")) == {"prepare": "up to date"}
    assert said(look(repo, "train", single=True)) == {"train": "params train.lr changed 0.1 → 0.25"}
    assert said(look(repo, "evaluate", single=True)) == {"evaluate": "up to date"}
    assert said(look(repo, "evaluate", force=True, single=True)) == {"evaluate": "forced"}


def test_what_an_experiment_has_already(repo: Workspace) -> None:
    first = start(repo).experiment
    repo.allow("files", "params.yaml")
    start(repo, ["train.lr=0.25"])
    found = look(repo, overrides=("train.lr=0.1",))
    assert said(found)["train"] == f"params train.lr changed 0.25 → 0.1 ({first.name} has it)"
    with repo.by_user():
        (repo.path / "model.bin").unlink()
    assert said(look(repo))["train"] == "out model.bin is missing (gitexp.lock has it)"
    with repo.by_user():
        shutil.rmtree(repo.path / ".git" / "gitexp" / "objects")
    assert said(look(repo))["train"] == "out model.bin is missing"


def test_nothing_is_changed_by_looking(repo: Workspace) -> None:
    """The guard looks whether a file has changed; nor may there be an experiment."""
    look(repo, overrides=("train.lr=0.5",))
    repo.gitexp("status")
    assert Project.open(repo.path).store.all() == []
    assert not (repo.path / "gitexp.lock").exists()


def test_one_stage_that_is_wrong_hides_no_other(repo: Workspace) -> None:
    start(repo)
    repo.write("gitexp.yaml", STAGES.replace("train.lr", "train.lrr"))
    found = said(look(repo))
    assert found["prepare"] == "up to date"
    assert found["train"].startswith("not run: The stage train reads the param train.lrr")


def test_data(repo: Workspace) -> None:
    repo.write("big.bin", "data")
    repo.write("other/x.bin", "x")
    repo.allow("files", "gitexp.yaml", ".gitignore", "gitexp.lock", "other/*")
    repo.gitexp("add", "big.bin", "other")
    assert look(repo).data == dict.fromkeys(("big.bin", "other"), DataState.UP_TO_DATE)
    repo.write("other/y.bin", "y")
    with repo.by_user():
        (repo.path / "big.bin").unlink()
    assert look(repo).data == {"big.bin": DataState.MISSING, "other": DataState.CHANGED}
    shown = repo.gitexp("status").stdout
    assert "big.bin   missing: gitexp checkout big.bin\n" in shown
    assert "other     changed: gitexp add other\n" in shown
    assert repo.json("status")["data"][0] == {"path": "big.bin", "state": "missing"}


def test_without_stages(repo: Workspace) -> None:
    repo.write("gitexp.yaml", "")
    result = repo.gitexp("status")
    assert (result.stdout, result.stderr) == ("", "There are no stages here, and no data.\n")
    with pytest.raises(errors.UsageError):
        look(repo, "train")


def test_the_columns_stand_in_line(repo: Workspace) -> None:
    lines = repo.gitexp("status").stdout.splitlines()
    assert [line.index("never") for line in lines] == [10, 10, 10]
