"""`gitexp status`: what a run would find, said without running anything."""

from __future__ import annotations

import shlex
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gitexp import errors
from gitexp.datasets.workspace import DataState
from gitexp.pipeline.state import StageSelection
from gitexp.project.project import Project
from gitexp.stages.status import WorkspaceStatus, status
from tests.support.pipeline import ALL, FILES, STAGES, make, start, states
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
    assert said(look(repo, force=True)) == dict.fromkeys(ALL, "forced")


def test_what_an_experiment_has_already(repo: Workspace) -> None:
    first = start(repo).experiment
    repo.allow("files", "params.yaml")
    start(repo, ["train.lr=0.25"])
    assert said(look(repo, overrides=("train.lr=0.1",))) == {
        "prepare": "up to date",
        "train": f"params train.lr changed 0.25 → 0.1, would be restored from {first.name}",
        "evaluate": f"model.bin changed, would be restored from {first.name}",
    }
    with repo.by_user():
        (repo.path / "model.bin").unlink()
    assert said(look(repo))["train"] == "out model.bin is missing, would be restored"
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
    assert (
        "other     changed (1 new): gitexp add other keeps that, gitexp checkout other takes it back\n"
        in shown
    )
    found = repo.json("status")["data"]
    assert found[0] == {"path": "big.bin", "state": "missing"}
    assert found[1]["files"] == {"new": ["y.bin"], "changed": [], "gone": []}


def test_commands_are_for_pasting_where_one_stands(repo: Workspace) -> None:
    repo.write("raw data/it's.bin", "x")
    repo.write("--odd", "x")
    repo.write("sub/x", "x")
    repo.allow("files", "gitexp.yaml", ".gitignore", "gitexp.lock", "raw data/*", "--odd")
    repo.gitexp("add", "raw data", "./--odd")
    with repo.by_user():
        shutil.rmtree(repo.path / "raw data")
        (repo.path / "--odd").unlink()
    for folder in (".", "sub"):
        commands = [line.split(": ")[1] for line in repo.gitexp("status", cwd=folder).stdout.splitlines()[3:]]
        assert len(commands) == 2
        for command in commands:
            repo.gitexp(*shlex.split(command)[1:], cwd=folder)
        assert repo.read("raw data/it's.bin") == repo.read("--odd") == "x"
        with repo.by_user():
            shutil.rmtree(repo.path / "raw data")
            (repo.path / "--odd").unlink()
    assert Project.open(repo.path / "sub").typed("raw data/it's.bin") == shlex.quote("../raw data/it's.bin")


def test_without_stages(repo: Workspace) -> None:
    repo.write("gitexp.yaml", "")
    result = repo.gitexp("status")
    assert (result.stdout, result.stderr) == ("", "There are no stages here, no data and no large results.\n")
    with pytest.raises(errors.UsageError):
        look(repo, "train")


def test_the_columns_stand_in_line(repo: Workspace) -> None:
    lines = repo.gitexp("status").stdout.splitlines()
    assert [line.index("never") for line in lines] == [10, 10, 10]


# -- what would be restored ------------------------------------------------------------------------------


def becomes(repo: Workspace, **request: Any) -> dict[str, str]:
    """What a run makes of each stage, in the words in which `look` foretells it."""
    words = {"restored": "restorable", "ran": "changed"}
    return {
        name: words.get(state, state) for name, state in states(start(repo, **request).experiment).items()
    }


def foretold(found: WorkspaceStatus) -> dict[str, str]:
    return {stage.name: str(stage.state) for stage in found.stages}


def remove(repo: Workspace, *names: str) -> None:
    with repo.by_user():
        for name in names:
            path = repo.path / name
            shutil.rmtree(path) if path.is_dir() else path.unlink()


def to_remote(repo: Workspace, box: Path) -> None:
    """Moves all objects from this machine to a data remote."""
    box.mkdir()
    repo.write("gitexp.yaml", f"remotes: {{box: {{url: {box}}}}}\n{STAGES}")
    repo.gitexp("data", "push", "--all")
    shutil.rmtree(repo.path / ".git" / "gitexp" / "objects")


def test_outs_that_are_gone(repo: Workspace) -> None:
    start(repo)
    remove(repo, "data", "model.bin")
    found = look(repo)
    assert said(found) == {
        "prepare": "out data is missing, would be restored",
        "train": "out model.bin is missing, would be restored",
        "evaluate": "up to date",
    }
    assert becomes(repo) == foretold(found)


def test_reasons_of_one_kind_are_said_together(repo: Workspace) -> None:
    outs = [f"{name}.out" for name in "abcde"]
    text = f"stages: {{one: {{cmd: touch {' '.join(outs)}, outs: [{', '.join(outs)}]}}}}\n"
    repo.write("gitexp.yaml", text)
    repo.writes("?.out")
    start(repo)
    remove(repo, *outs[:2])
    assert said(look(repo)) == {"one": "outs a.out, b.out are missing, would be restored"}
    remove(repo, *outs[2:])
    assert said(look(repo)) == {"one": "outs a.out, b.out, c.out and 2 more are missing, would be restored"}
    assert look(repo).stages[0].as_json()["reasons"] == [f"out {name} is missing" for name in outs]


def test_nothing_is_here_but_what_experiments_know(repo: Workspace) -> None:
    first = start(repo, name="first").experiment
    remove(repo, "data", "model.bin", "curve.csv", "metrics.json", "gitexp.lock")
    found = look(repo)
    assert said(found) == dict.fromkeys(ALL, f"never run, would be restored from {first.name}")
    assert found.as_json()["stages"][0] == {
        "name": "prepare",
        "state": "restorable",
        "reasons": ["never run"],
        "source": "first",
    }
    assert becomes(repo) == foretold(found)


def test_a_stage_that_would_run_leaves_those_below_open(repo: Workspace) -> None:
    start(repo)
    remove(repo, "model.bin")
    repo.write("raw.txt", "other\n")
    found = look(repo)
    assert said(found) == {
        "prepare": "raw.txt changed",
        "train": "out model.bin is missing, after prepare",
        "evaluate": "after train",
    }
    assert set(foretold(found).values()) == {"changed"}


def test_outs_of_stages_that_are_not_asked_for(repo: Workspace) -> None:
    start(repo)
    remove(repo, "data", "model.bin")
    found = look(repo, "evaluate", single=True)
    assert said(found) == {"evaluate": "up to date"}
    assert becomes(repo, names=("evaluate",), single=True) == foretold(found)


PARTS = """\
stages:
  prepare:
    cmd: sh prepare.sh
    deps: [prepare.sh, raw.txt]
    outs: [data, set/one/a.txt]
    params: [seed]
  within:
    cmd: cat data/sub/b.txt >model.bin
    deps: [data/sub]
    outs: [model.bin]
  file:
    cmd: cat data/a.txt >a.out
    deps: [data/a.txt]
    outs: [a.out]
  around:
    cmd: cat set/one/a.txt set/b.txt >b.out
    deps: [set]
    outs: [b.out]
  reads:
    cmd: cat best.yaml >c.out
    params: [best.yaml: [lr]]
    outs: [c.out]
  makes:
    cmd: "grep lr: params.yaml | tr -d ' ' | sed 's/:/: /' >best.yaml"
    deps: [data/a.txt]
    outs: [best.yaml]
"""


def test_parts_of_folders_that_would_be_restored(repo: Workspace) -> None:
    repo.write("gitexp.yaml", PARTS)
    repo.write("params.yaml", repo.read("params.yaml") + "seed: 1\n")
    repo.write("prepare.sh", FILES["prepare.sh"] + "mkdir -p set/one; cp raw.txt set/one/a.txt\n")
    repo.write("set/b.txt", "b\n")
    repo.writes("?.out", "set/*", "best.yaml")
    assert said(look(repo))["reads"] == "never run, after makes"
    first = start(repo).experiment
    assert set(said(look(repo)).values()) == {"up to date"}
    remove(repo, "data", "set/one", "best.yaml")
    found = look(repo)
    assert {name for name, state in foretold(found).items() if state == "restorable"} == {"prepare", "makes"}
    assert becomes(repo) == foretold(found)
    repo.allow("files", "params.yaml")
    start(repo, ["seed=2"])
    repo.write("raw.txt", "other\n")
    start(repo)
    repo.write("raw.txt", FILES["raw.txt"])
    found = look(repo, overrides=("seed=1",))
    assert [stage.name for stage in found.stages if stage.state == "up to date"] == ["reads"]
    assert {stage.source for stage in found.stages if stage.state == "restorable"} == {first.name}
    assert becomes(repo, overrides=["seed=1"]) == foretold(found)


def test_what_the_data_remote_has(repo: Workspace, tmp_path: Path) -> None:
    first = start(repo).experiment
    to_remote(repo, tmp_path / "box")
    remove(repo, "data", "model.bin", "gitexp.lock")
    found = look(repo)
    assert said(found)["prepare"] == f"never run, would be restored from {first.name}, fetched from box"
    assert found.as_json()["stages"][0]["remote"] == "box"
    assert becomes(repo) == foretold(found)


def test_what_the_data_remote_does_not_have(repo: Workspace, tmp_path: Path) -> None:
    start(repo)
    to_remote(repo, tmp_path / "box")
    shutil.rmtree(tmp_path / "box")
    (tmp_path / "box").mkdir()
    remove(repo, "data", "model.bin")
    found = look(repo)
    assert said(found)["prepare"] == "out data is missing"
    assert foretold(found)["prepare"] == becomes(repo)["prepare"] == "changed"


def test_a_server_is_asked_only_where_that_is_wanted(repo: Workspace) -> None:
    start(repo)
    shutil.rmtree(repo.path / ".git" / "gitexp" / "objects")
    repo.write("gitexp.yaml", f"remotes: {{box: {{url: 'http://127.0.0.1:9/data'}}}}\n{STAGES}")
    remove(repo, "data", "model.bin")
    assert said(look(repo)) == {
        "prepare": "out data is missing, would be restored, if box has it",
        "train": "out model.bin is missing, would be restored, if box has it",
        "evaluate": "up to date",
    }
    assert repo.json("status")["stages"][0]["sure"] is False
    asked = repo.gitexp("run", "--dry-run")
    assert "what the data remote box has is not known" in asked.stderr
    assert asked.stdout.splitlines()[:2] == [
        "prepare   out data is missing",
        "train     out model.bin is missing, after prepare",
    ]


def test_data_that_a_run_would_bring(repo: Workspace) -> None:
    repo.git("rm", "--quiet", "--cached", "raw.txt")
    repo.allow("files", "gitexp.yaml", ".gitignore", "gitexp.lock")
    repo.gitexp("add", "raw.txt")
    start(repo)
    remove(repo, "raw.txt")
    found = look(repo)
    assert said(found) == dict.fromkeys(ALL, "up to date")
    assert found.data == {"raw.txt": DataState.RESTORABLE}
    assert "raw.txt   missing, would be restored\n" in repo.gitexp("status").stdout
    repo.writes("raw.txt")
    assert becomes(repo) == foretold(found)


def test_what_a_run_would_refuse(repo: Workspace) -> None:
    start(repo)
    remove(repo, "evaluate.sh")
    assert said(look(repo))["evaluate"] == (
        "not run: The stage evaluate reads evaluate.sh, which is not there, and no stage makes it"
    )
    frozen = STAGES.replace("    cmd: sh prepare.sh\n", "    cmd: sh prepare.sh\n    frozen: true\n")
    repo.write("gitexp.yaml", frozen)
    remove(repo, "data")
    assert said(look(repo, "prepare"))["prepare"] == "out data is missing, would be restored"
    shutil.rmtree(repo.path / ".git" / "gitexp" / "objects")
    found = said(look(repo, "train"))
    assert found == {"prepare": "not run: it is frozen, and out data is missing", "train": "after prepare"}
