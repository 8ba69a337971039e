"""Pipelines: what runs, what does not, and why; what is stored where."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest

from gitexp import errors
from gitexp.history.remove import remove
from gitexp.model import Artifact, Status
from gitexp.objects.store import ObjectStore
from gitexp.pipeline.lock import Lock
from gitexp.pipeline.state import StageResult, StageSelection
from gitexp.process.log import shorten
from gitexp.project.project import Project
from gitexp.runs.request import RunRequest
from gitexp.runs.run import run
from gitexp.stages import commands
from gitexp.stages.execute import StageListener
from gitexp.stages.lock_index import LockIndex
from tests.support.codes import has_code
from tests.support.pipeline import ALL, FILES, STAGES, lock, make, reasons, start, states
from tests.support.workspace import Workspace

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="written in sh")

UP_TO_DATE = dict.fromkeys(ALL, "up to date")


@pytest.fixture
def repo(repo: Workspace) -> Iterator[Workspace]:
    make(repo)
    yield repo
    repo.allow("files", "params.yaml")


def tree(repo: Workspace, commit: str) -> set[str]:
    return set(repo.git("ls-tree", "-r", "--name-only", commit).splitlines())


# -- what is stored ------------------------------------------------------------------------------------


def test_a_pipeline_is_one_experiment(repo: Workspace) -> None:
    result = start(repo)
    record = result.experiment.record
    assert result.exit_code == 0
    assert (record.status, record.command, record.argv) == (Status.DONE, "gitexp run", ("gitexp", "run"))
    assert states(result.experiment) == dict.fromkeys(ALL, "ran")
    assert record.metrics == {"metrics.json": {"size": 37}}
    stored = tree(repo, record.commit)
    assert {"gitexp.lock", "curve.csv", "metrics.json", "train.sh"} <= stored
    assert not {name for name in stored if name.startswith(("data", "model"))}
    assert repo.git("show", f"{record.commit}:gitexp.lock") + "\n" == repo.read("gitexp.lock")
    run_files = tree(repo, f"{result.experiment.id}:.gitexp/run")
    assert {f"stages/{name}.log" for name in ALL} <= run_files
    assert repo.git("show", f"{result.experiment.id}:.gitexp/run/stages/train.log") == "training"
    assert "--- prepare: never run\npreparing\n--- train" in repo.gitexp("log", record.name).stdout


def test_the_lock_knows_what_went_in_and_came_out(repo: Workspace) -> None:
    start(repo)
    store = ObjectStore(Project.open(repo.path).local.objects)
    train = lock(repo).stages["train"]
    assert [dep.path for dep in train.deps] == ["data", "train.sh"]
    assert train.params == {"params.yaml": {"train.lr": 0.1}}
    assert [out.path for out in train.outs] == ["curve.csv", "model.bin"]
    assert all(store.verify(hash_) for out in lock(repo).artifacts for hash_ in store.contents(out.hash))
    assert train.deps[0].hash == lock(repo).stages["prepare"].outs[0].hash


def test_what_is_up_to_date_is_an_experiment_all_the_same(repo: Workspace) -> None:
    first, before = start(repo).experiment, repo.read("gitexp.lock")
    again = start(repo).experiment
    assert states(again) == UP_TO_DATE
    assert repo.read("gitexp.lock") == before
    assert again.record.metrics == first.record.metrics
    assert tree(repo, again.record.commit) == tree(repo, first.record.commit)
    assert repo.git("rev-parse", f"{again.record.commit}^{{tree}}") == repo.git(
        "rev-parse", f"{first.record.commit}^{{tree}}"
    )
    assert again.record.identity == first.record.identity


def test_ignored_results_are_in_the_experiment(repo: Workspace) -> None:
    repo.write(".gitignore", FILES[".gitignore"] + "gitexp.lock\nmetrics.json\n")
    start(repo)
    again = start(repo).experiment
    assert {"gitexp.lock", "metrics.json"} <= tree(repo, again.record.commit)


# -- what runs, and why --------------------------------------------------------------------------------


def test_only_what_depends_on_a_param_runs(repo: Workspace) -> None:
    start(repo)
    repo.allow("files", "params.yaml")
    result = start(repo, ["train.lr=0.25"]).experiment
    assert states(result) == {"prepare": "up to date", "train": "ran", "evaluate": "ran"}
    assert reasons(result)["train"] == ["params train.lr changed 0.1 → 0.25"]
    assert reasons(result)["evaluate"] == ["model.bin changed"]
    assert result.record.params["params.yaml"]["train"]["lr"] == 0.25


@pytest.mark.parametrize(
    ("name", "text", "stage", "said"),
    [
        ("raw.txt", "three\n", "prepare", "raw.txt changed"),
        ("train.sh", FILES["train.sh"] + "# more\n", "train", "train.sh changed"),
        ("gitexp.yaml", STAGES.replace("sh train.sh", "sh -e train.sh"), "train", "command changed"),
        (
            "gitexp.yaml",
            STAGES.replace("deps: [train.sh, data]", "deps: [data, raw.txt]"),
            "train",
            "raw.txt is new",
        ),
        ("gitexp.yaml", STAGES.replace("[train.lr]", "[train.lr, seed]"), "train", "params seed is new: 1"),
        ("gitexp.yaml", STAGES.replace("    params: [train.lr]\n", ""), "train", "params train.lr is gone"),
    ],
)
def test_why_a_stage_runs(repo: Workspace, name: str, text: str, stage: str, said: str) -> None:
    repo.write("params.yaml", repo.read("params.yaml") + "seed: 1\n")
    start(repo)
    repo.write(name, text)
    result = start(repo).experiment
    assert reasons(result)[stage][0] == said
    assert states(result)[stage] == "ran"
    assert states(start(repo).experiment) == UP_TO_DATE


def test_no_change_of_content_is_no_change(repo: Workspace) -> None:
    start(repo)
    repo.write("raw.txt", FILES["raw.txt"])
    os.utime(repo.path / "raw.txt", (1, 1))
    assert states(start(repo).experiment) == UP_TO_DATE


def test_a_stage_whose_outs_are_the_same_stops_the_rest(repo: Workspace) -> None:
    start(repo)
    repo.write("prepare.sh", "# a comment\n" + FILES["prepare.sh"])
    assert states(start(repo).experiment) == {**UP_TO_DATE, "prepare": "ran"}


def test_outs_that_are_gone_are_restored(repo: Workspace) -> None:
    start(repo)
    before = {name: repo.read(name) for name in ("data/a.txt", "data/sub/b.txt", "model.bin", "metrics.json")}
    with repo.by_user():
        shutil.rmtree(repo.path / "data")
        (repo.path / "model.bin").unlink()
        (repo.path / "metrics.json").unlink()
    result = start(repo).experiment
    assert states(result) == dict.fromkeys(ALL, "restored")
    assert reasons(result)["train"] == ["out model.bin is missing"]
    assert {name: repo.read(name) for name in before} == before
    assert result.record.metrics == {"metrics.json": {"size": 37}}


def test_an_out_that_dvc_has_made_a_link_into_its_cache(repo: Workspace, tmp_path: Path) -> None:
    (tmp_path / "cached").write_text("theirs\n")
    with repo.by_user():
        (repo.path / "model.bin").symlink_to(tmp_path / "cached")
    start(repo)
    made = repo.read("model.bin")
    with repo.by_user():
        (repo.path / "model.bin").unlink()
        (repo.path / "model.bin").symlink_to(tmp_path / "cached")
    assert states(start(repo).experiment) == {**UP_TO_DATE, "train": "restored"}
    assert repo.read("model.bin") == made
    assert (tmp_path / "cached").read_text() == "theirs\n"


def test_what_cannot_be_stored_is_moved_away(repo: Workspace) -> None:
    start(repo)
    repo.write("data/theirs/.git/HEAD", "a repository among the outs")
    repo.write("raw.txt", "other\n")
    result = start(repo)
    assert result.failure is None
    left = Project.open(repo.path).local.root / "left"
    assert len(list(left.glob("replaced-*/data/theirs/.git/HEAD"))) == 1


def test_an_out_that_was_edited_is_restored_and_the_edit_is_kept(repo: Workspace) -> None:
    start(repo)
    repo.write("model.bin", "mine\n")
    result = start(repo).experiment
    assert states(result) == {**UP_TO_DATE, "train": "restored"}
    store = ObjectStore(Project.open(repo.path).local.objects)
    sizes = {size for _, size, _ in store.hashes()}
    assert len("mine\n") in sizes


def test_old_values_are_restored_from_the_experiment_that_had_them(repo: Workspace) -> None:
    first = start(repo).experiment
    model = repo.read("model.bin")
    repo.allow("files", "params.yaml")
    start(repo, ["train.lr=0.25"])
    back = start(repo, ["train.lr=0.1"]).experiment
    assert states(back) == {"prepare": "up to date", "train": "restored", "evaluate": "restored"}
    assert {stage.get("source") for stage in back.record.stages.values()} == {None, first.name}
    assert repo.read("model.bin") == model
    log = repo.gitexp("log", back.name).stdout
    assert f"--- train: restored from {first.name}\ntraining\n" in log
    assert repo.git("show", f"{back.id}:.gitexp/run/stages/train.log") == "training"


def test_removed_experiments_and_damaged_objects_restore_nothing(repo: Workspace) -> None:
    first = start(repo).experiment
    repo.allow("files", "params.yaml")
    start(repo, ["train.lr=0.25"])
    project = Project.open(repo.path)
    store = ObjectStore(project.local.objects)
    for out in lock(repo).stages["evaluate"].outs:
        assert out.path == "metrics.json"
    model = next(out for out in lock(repo).stages["train"].outs if out.path == "model.bin")
    with repo.by_user():
        (repo.path / "model.bin").unlink()
    path = store.path(model.hash)
    path.chmod(0o644)
    path.write_bytes(b"x" * model.size)
    mended = start(repo).experiment
    assert states(mended) == {**UP_TO_DATE, "train": "ran"}
    assert store.verify(model.hash)
    remove(project, [first])
    assert states(start(repo, ["train.lr=0.1"]).experiment)["train"] == "ran"


def test_an_out_whose_object_is_damaged_is_stored_again_before_it_is_removed(repo: Workspace) -> None:
    """Nobody has touched it, so it need not be read to be known; but it is the only good copy."""
    start(repo)
    store = ObjectStore(Project.open(repo.path).local.objects)
    model = next(out for out in lock(repo).stages["train"].outs if out.path == "model.bin")
    path = store.path(model.hash)
    path.chmod(0o644)
    path.write_bytes(b"x" * model.size)
    repo.allow("files", "params.yaml")
    assert states(start(repo, ["train.lr=0.25"]).experiment)["train"] == "ran"
    assert store.verify(model.hash)


def test_the_index_of_stages_may_be_lost_or_damaged(repo: Workspace) -> None:
    start(repo)
    repo.allow("files", "params.yaml")
    start(repo, ["train.lr=0.25"])
    index = Project.open(repo.path).local.root / "stages.index"
    whole = index.read_bytes()
    middle = len(whole) // 2
    hostile = b"4 record a b d8f31961\n4 f3b61b38\n\xff\xff 00000000\n"
    damages = (
        b"no index",
        b"",
        whole[:-40],  # cut short by a kill
        whole[:middle] + bytes(100) + whole[middle + 100 :],  # by a power cut
        whole[:middle] + whole,  # mixed by two writers
        hostile,
    )
    for number, damage in enumerate(damages):
        index.write_bytes(damage)
        lr = ("0.1", "0.25")[number % 2]
        assert states(start(repo, [f"train.lr={lr}"]).experiment)["train"] == "restored"
    index.unlink()
    index.mkdir()
    assert states(start(repo, ["train.lr=0.1"]).experiment)["train"] == "restored"


@pytest.mark.skipif(sys.platform == "win32", reason="links need rights there")
def test_the_index_of_stages_is_not_written_through_a_link(repo: Workspace) -> None:
    start(repo)
    repo.allow("files", "params.yaml")
    start(repo, ["train.lr=0.25"])
    target = repo.path.parent / "precious"
    target.write_text("mine\n")
    index = Project.open(repo.path).local.root / "stages.index"
    index.unlink()
    index.symlink_to(target)
    assert states(start(repo, ["train.lr=0.1"]).experiment)["train"] == "restored"
    assert target.read_text() == "mine\n"


def test_several_may_write_the_index_of_stages_at_once(tmp_path: Path) -> None:
    file = tmp_path / "stages.index"

    def write(number: int) -> None:
        for each in range(20):
            blob = f"{number:020}{each:020}"
            artifact = Artifact("a", f"{number:032}{each:032}", 1)
            LockIndex(file).add({blob: blob}, {blob: Lock(data={"a": artifact})})

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(write, range(8)))
    index = LockIndex(file)
    for number in range(8):
        for each in range(20):
            blob = f"{number:020}{each:020}"
            assert index.blob_of(blob) == blob
            assert index.has_artifact(f"{number:032}{each:032}", blob)
    assert not index.has_artifact("f" * 64, "0" * 40)


def test_an_experiment_with_a_hostile_lock_gives_nothing_and_hides_nothing(repo: Workspace) -> None:
    start(repo)
    good = repo.read("gitexp.lock")
    repo.write("gitexp.lock", good.replace("model.bin:", "../../model.bin:"))
    repo.gitexp("save", "-q", "-n", "bad")
    repo.write("gitexp.lock", good)
    repo.allow("files", "params.yaml")
    start(repo, ["train.lr=0.25"])
    back = start(repo, ["train.lr=0.1"]).experiment
    assert states(back)["train"] == "restored"
    assert back.record.stages["train"]["source"] != "bad"
    assert not (repo.path.parent / "model.bin").exists()


# -- fields of stages ----------------------------------------------------------------------------------


def test_frozen_and_always_changed(repo: Workspace) -> None:
    frozen = STAGES.replace("    cmd: sh prepare.sh\n", "    cmd: sh prepare.sh\n    frozen: true\n")
    repo.write("gitexp.yaml", frozen)
    failed = start(repo)
    assert failed.exit_code == 1
    assert "it is frozen" in failed.experiment.record.stages["prepare"]["error"]
    repo.write("gitexp.yaml", STAGES)
    start(repo)
    repo.write("raw.txt", "other\n")
    repo.write("gitexp.yaml", frozen + "    always_changed: true\n")
    again = start(repo).experiment
    assert states(again) == {"prepare": "frozen", "train": "up to date", "evaluate": "ran"}
    assert reasons(again)["evaluate"] == ["always changed"]


def test_what_a_frozen_stage_has_is_stored_whoever_has_written_it(repo: Workspace) -> None:
    frozen = STAGES.replace("    cmd: sh prepare.sh\n", "    cmd: sh prepare.sh\n    frozen: true\n")
    repo.write("gitexp.yaml", frozen)
    repo.write("data/a.txt", "mine\n")
    assert states(start(repo).experiment) == {"prepare": "frozen", "train": "ran", "evaluate": "ran"}
    isolated = start(repo, temp=True).experiment
    assert states(isolated) == {"prepare": "restored", "train": "restored", "evaluate": "up to date"}
    repo.write("data/a.txt", "mine, again\n")
    changed = start(repo).experiment
    assert states(changed) == {"prepare": "frozen", "train": "ran", "evaluate": "ran"}
    repo.gitexp("checkout", isolated.name)
    assert repo.read("data/a.txt") == "mine\n"
    repo.write("gitexp.yaml", STAGES)
    assert states(start(repo).experiment)["prepare"] == "ran"


def test_wdir_lists_of_commands_and_a_place_in_git(repo: Workspace) -> None:
    text = """\
stages:
  one:
    wdir: sub/place
    cmd: ["printf a >out.txt", "printf b >>out.txt; pwd"]
    deps: [../../raw.txt]
    outs: [{out.txt: {cache: false}}]
"""
    repo.write("sub/place/.keep", "")
    repo.write("gitexp.yaml", text)
    repo.writes("sub/place/out.txt")
    result = start(repo).experiment
    assert repo.read("sub/place/out.txt") == "ab"
    assert "sub/place/out.txt" in tree(repo, result.record.commit)
    assert lock(repo).stages["one"].wdir == "sub/place"
    assert states(start(repo).experiment) == {"one": "up to date"}


def test_the_first_command_that_fails_is_the_last(repo: Workspace) -> None:
    repo.write("gitexp.yaml", "stages: {one: {cmd: [exit 7, touch model.bin], outs: [model.bin]}}\n")
    result = start(repo)
    assert (result.exit_code, result.experiment.record.status) == (7, Status.FAILED)
    assert not (repo.path / "model.bin").exists()


def test_persist_keeps_what_is_there(repo: Workspace) -> None:
    repo.write(
        "gitexp.yaml",
        "stages: {one: {cmd: cat raw.txt >>model.bin, deps: [raw.txt], "
        "outs: [{model.bin: {persist: true}}]}}\n",
    )
    start(repo)
    repo.write("raw.txt", "more\n")
    start(repo)
    assert repo.read("model.bin") == "one\ntwo\nmore\n"
    repo.write("raw.txt", FILES["raw.txt"])
    assert states(start(repo).experiment) == {"one": "ran"}  # from what was there: nothing to restore


def test_the_environment_of_a_stage(repo: Workspace) -> None:
    repo.write(
        "gitexp.yaml",
        "stages: {one: {cmd: 'echo $GITEXP_STAGE $DVC_STAGE $GITEXP_NAME >model.bin', outs: [model.bin]}}",
    )
    result = start(repo, name="mine")
    assert repo.read("model.bin") == "one one mine\n"
    assert result.experiment.name == "mine"


# -- which stages --------------------------------------------------------------------------------------


def test_selection(repo: Workspace) -> None:
    assert list(states(start(repo, names=("train",)).experiment)) == ["prepare", "train"]
    result = start(repo, names=("train",), single=True, force=True).experiment
    assert states(result) == {"train": "ran"}
    assert result.record.command == "gitexp run --force --single train"
    assert states(start(repo, names=("train",), downstream=True).experiment) == {
        "train": "up to date",
        "evaluate": "ran",
    }
    with pytest.raises(errors.UnknownStage):
        start(repo, names=("nope",))


def test_metrics_of_stages_that_were_not_asked_for(repo: Workspace) -> None:
    start(repo)
    repo.write("gitexp.yaml", f"{STAGES}metrics: [metrics.json]\n")
    repo.write("raw.txt", "other\n")
    for more in ({"temp": True}, {}):
        record = start(repo, names=("prepare",), **more).experiment.record
        assert (record.metrics, record.warnings) == ({}, ())
    with repo.by_user():
        (repo.path / "metrics.json").unlink()
    assert start(repo, names=("prepare",)).experiment.record.warnings == ()


def test_metrics_of_stages_that_a_failure_has_stopped(repo: Workspace) -> None:
    start(repo)
    repo.write("train.sh", "exit 3\n")
    record = start(repo).experiment.record
    assert (record.metrics, record.warnings) == (
        {},
        ("train failed: exit 3", "evaluate not run: train failed"),
    )


def test_what_a_stage_reads_and_nobody_makes_is_said_before_anything_runs(repo: Workspace) -> None:
    with pytest.raises(
        errors.DataError,
        check=has_code("missing-dep"),
        match="train reads data, which is not there: the stage prepare makes",
    ):
        start(repo, names=("train",), single=True)
    with repo.by_user():
        (repo.path / "evaluate.sh").unlink()
    with pytest.raises(
        errors.DataError,
        check=has_code("missing-dep"),
        match=r"evaluate reads evaluate\.sh.* no stage makes it",
    ):
        start(repo)
    assert Project.open(repo.path).store.all() == []


def test_what_is_not_selected_is_brought_from_the_store(repo: Workspace) -> None:
    start(repo)
    with repo.by_user():
        shutil.rmtree(repo.path / "data")
        (repo.path / "model.bin").unlink()
    assert states(start(repo, names=("train",), single=True, force=True).experiment) == {"train": "ran"}
    assert repo.read("data/a.txt") == FILES["raw.txt"]


def test_a_param_that_is_not_there(repo: Workspace) -> None:
    repo.write("gitexp.yaml", STAGES.replace("train.lr", "train.lrr"))
    with pytest.raises(
        errors.GitexpError, check=has_code("unknown-param"), match=r"train reads the param train.lrr"
    ) as raised:
        start(repo)
    assert raised.value.hint == "Did you mean train.lr?"


def test_an_out_that_git_tracks(repo: Workspace) -> None:
    repo.write("model.bin", "tracked\n")
    repo.git("add", "--force", "model.bin")
    with pytest.raises(errors.DataError, check=has_code("tracked-out")) as raised:
        start(repo)
    assert "git rm -r --cached -- model.bin" in str(raised.value.hint)


def test_an_out_behind_a_link(repo: Workspace, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    with repo.by_user():
        (repo.path / "link").symlink_to(tmp_path / "elsewhere")
    repo.write("gitexp.yaml", "stages: {one: {cmd: echo >link/x, outs: [link/x]}}")
    with pytest.raises(errors.UnsafePath, match="lies behind link"):
        start(repo)
    assert not any((tmp_path / "elsewhere").iterdir())


def test_an_untracked_out_is_not_in_git_though_nothing_ignores_it(repo: Workspace) -> None:
    repo.write(".gitignore", "/data/\n")
    (said,) = start(repo).experiment.record.warnings
    assert said.startswith("Git does not ignore model.bin: ")
    result = start(repo).experiment
    assert "model.bin" not in tree(repo, result.record.commit)
    assert result.record.warnings == ()


def test_what_has_no_effect_is_said_once(repo: Workspace) -> None:
    repo.write("gitexp.yaml", f"{STAGES}artifacts: {{a: {{path: model.bin}}}}\n")
    repo.git("mv", "gitexp.yaml", "dvc.yaml")
    said = ("dvc.yaml:16: 'artifacts' has no effect here",)
    assert [start(repo, temp=True).experiment.record.warnings for _ in range(2)] == [said, said]
    assert [start(repo).experiment.record.warnings for _ in range(2)] == [said, ()]
    assert f"warning: {said[0]}\n" in repo.gitexp("status").stderr


def test_data_that_only_dvc_has(repo: Workspace) -> None:
    repo.write("raw.txt.dvc", "outs: [{path: raw.txt}]\n")
    with repo.by_user():
        (repo.path / "raw.txt").unlink()
    with pytest.raises(errors.DataError, check=has_code("missing-dep")) as raised:
        start(repo)
    assert "dvc pull raw.txt.dvc" in str(raised.value.hint)


def test_a_link_among_outs_does_not_hide_what_is_ignored(repo: Workspace) -> None:
    repo.write("gitexp.yaml", f"{STAGES}  linked: {{cmd: 'ln -sfn data linked', outs: [linked]}}\n")
    repo.writes("linked")
    for _ in range(2):
        result = start(repo, names=("linked", "train"), keep_going=True)
        (said, *_) = result.experiment.record.warnings
        assert said.startswith("Git does not ignore linked: ")
        assert result.failure is None
        assert "not stored: linked: linked is a link" in result.experiment.record.warnings
        with repo.by_user():
            (repo.path / "gitexp.lock").unlink()


def test_what_python_leaves_in_a_folder_of_code_is_no_change(repo: Workspace) -> None:
    repo.write("src/code.py", "x = 1\n")
    repo.write("gitexp.yaml", STAGES.replace("deps: [train.sh, data]", "deps: [train.sh, data, src]"))
    start(repo)
    repo.write("src/__pycache__/code.pyc", b"\0")
    assert states(start(repo).experiment) == UP_TO_DATE
    repo.write("src/more.py", "")
    assert reasons(start(repo).experiment)["train"] == ["src changed"]


# -- failures ------------------------------------------------------------------------------------------


def test_an_out_that_was_not_written(repo: Workspace) -> None:
    repo.write("train.sh", "echo a >curve.csv\n")
    result = start(repo)
    assert result.exit_code == 1
    assert "train failed: it did not write model.bin" in result.experiment.record.warnings
    assert states(result.experiment) == {"prepare": "ran", "train": "failed", "evaluate": "not run"}
    assert result.experiment.record.stages["evaluate"]["error"] == "train failed"


def test_outs_that_are_there_are_not_lost_for_one_that_is_not(repo: Workspace) -> None:
    repo.write("gitexp.yaml", STAGES.replace("outs: [model.bin]", "outs: [model.bin, log.txt]"))
    assert states(start(repo).experiment)["train"] == "failed"
    repo.write("gitexp.yaml", STAGES)
    assert states(start(repo).experiment) == {
        "prepare": "up to date",
        "train": "up to date",
        "evaluate": "ran",
    }


def test_what_was_done_before_a_failure_stays_done(repo: Workspace) -> None:
    repo.write("train.sh", "exit 3\n")
    failed = start(repo)
    assert failed.exit_code == 3
    assert list(lock(repo).stages) == ["prepare"]
    repo.write("train.sh", FILES["train.sh"])
    assert states(start(repo).experiment) == {"prepare": "up to date", "train": "ran", "evaluate": "ran"}


def test_keep_going(repo: Workspace) -> None:
    repo.write(
        "gitexp.yaml",
        "stages:\n  bad: {cmd: exit 4, outs: [x]}\n  after: {cmd: exit 5, deps: [x], outs: [y]}\n"
        "  good: {cmd: printf x >model.bin, outs: [model.bin]}\n",
    )
    assert states(start(repo).experiment) == {"bad": "failed", "after": "not run", "good": "not run"}
    result = start(repo, keep_going=True)
    assert result.exit_code == 4
    assert states(result.experiment) == {"bad": "failed", "good": "ran", "after": "not run"}


def test_stages_at_the_same_time(repo: Workspace) -> None:
    """Each of the two waits for the other to have started: one after the other they would never end."""
    wait = "touch {0}.up; n=0; while [ ! -e {1}.up ] && [ $n -lt 3000 ]; do sleep 0.01; n=$((n+1)); done; "
    text = "stages:\n"
    for one, other in (("a", "b"), ("b", "a")):
        command = f"echo {one}1; {wait.format(one, other)}[ -e {other}.up ]; echo {one}2 | tee {one}.out"
        text += f"  {one}:\n    cmd: '{command}'\n    outs: [{one}.out]\n"
    text += "  c: {cmd: cat a.out b.out >model.bin, deps: [a.out, b.out], outs: [model.bin]}\n"
    repo.write("gitexp.yaml", text)
    repo.writes("?.up", "?.out")
    shown = repo.gitexp("run", "-j", "2", "-n", "one").stdout
    assert repo.read("model.bin") == "a2\nb2\n"
    assert sorted([shown[:6], shown[6:]]) == ["a1\na2\n", "b1\nb2\n"]
    log = repo.gitexp("log", "one").stdout
    assert "--- a: never run\na1\na2\n" in log
    assert "--- b: never run\nb1\nb2\n" in log
    assert states(start(repo, jobs=3).experiment) == dict.fromkeys("abc", "up to date")


def test_a_stage_keeps_its_number(repo: Workspace) -> None:
    wait = "while [ ! -e go ]; do sleep 0.01; done"
    repo.write(
        "gitexp.yaml",
        f"stages: {{a: {{cmd: '{wait}'}}, b: {{cmd: touch go}}, c: {{cmd: 'true', deps: [x]}}, "
        "d: {cmd: exit 1, outs: [x]}}",
    )
    repo.writes("go")
    said: dict[str, set[int]] = {}

    def note(name: str, at: int) -> None:
        said.setdefault(name, set()).add(at)

    listener = StageListener(
        begins=lambda name, why, at, of: note(name, at), ends=lambda result, at, of: note(result.name, at)
    )
    start(repo, jobs=2, listener=listener)
    assert said == {"a": {1}, "b": {2}, "d": {3}, "c": {4}}


def test_all_that_one_of_several_prints_is_shown(repo: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    """More than a log may hold, piece by piece; its own log is shortened."""
    monkeypatch.setattr(commands, "_PIECE", 1000)
    monkeypatch.setattr(commands, "shorten", partial(shorten, limit=2000))
    repo.write("gitexp.yaml", "stages: {one: {cmd: 'seq 2000', outs: []}, two: {cmd: 'echo two'}}\n")
    shown = repo.path.parent / "shown"
    with shown.open("wb") as screen:
        request = RunRequest(selection=StageSelection(jobs=2), stdout=screen.fileno(), stderr=screen.fileno())
        experiment = run(Project.open(repo.path), request).experiment
    lines = shown.read_text().splitlines()
    lines.remove("two")
    assert lines == [str(number) for number in range(1, 2001)]
    log = repo.git("show", f"{experiment.id}:.gitexp/run/stages/one.log")
    assert "bytes left out here" in log
    assert len(log) <= 2000


def test_a_failure_among_several(repo: Workspace) -> None:
    text = (
        "stages:\n  a: {cmd: 'echo no; exit 6', outs: [x]}\n"
        "  b: {cmd: printf x >model.bin, outs: [model.bin]}\n"
    )
    repo.write("gitexp.yaml", text)
    result = start(repo, jobs=2)
    assert result.exit_code == 6
    assert states(result.experiment) == {"a": "failed", "b": "ran"}


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_ctrl_c(repo: Workspace, jobs: str) -> None:
    repo.write("train.sh", "touch up\nsleep 60\n")
    repo.writes("up")
    process = repo.start("run", "-n", "one", "-j", jobs)
    while not (repo.path / "up").exists():
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate()
    assert process.returncode == -signal.SIGINT, said
    (one,) = Project.open(repo.path).store.all()
    assert one.record.status is Status.INTERRUPTED
    assert states(one) == {"prepare": "ran", "train": "failed", "evaluate": "not run"}
    repo.write("train.sh", FILES["train.sh"])
    assert states(start(repo).experiment) == {"prepare": "up to date", "train": "ran", "evaluate": "ran"}


def test_ctrl_c_between_two_stages(repo: Workspace) -> None:
    """What was in order by then is the experiment's, though none of it ran now."""
    start(repo)

    def interrupt(result: StageResult, at: int, of: int) -> None:
        if at == of:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        start(repo, name="one", listener=StageListener(ends=interrupt))
    one = Project.open(repo.path).store.require("one")
    assert one.record.status is Status.INTERRUPTED
    assert one.record.metrics == {"metrics.json": {"size": 37}}


# -- elsewhere -----------------------------------------------------------------------------------------


def test_in_isolation(repo: Workspace) -> None:
    start(repo)
    before = repo.read("gitexp.lock")
    result = start(repo, ["train.lr=0.25"], temp=True).experiment
    assert states(result) == {"prepare": "restored", "train": "ran", "evaluate": "ran"}
    assert repo.read("gitexp.lock") == before
    assert result.record.warnings == ()
    theirs = repo.git("show", f"{result.record.commit}:gitexp.lock")
    assert "train.lr: 0.25" in theirs
    repo.allow("files", "params.yaml")
    again = start(repo, ["train.lr=0.25"]).experiment
    assert states(again) == {"prepare": "up to date", "train": "restored", "evaluate": "restored"}
    assert again.record.stages["train"]["source"] == result.name


def test_from_an_experiment(repo: Workspace) -> None:
    first = start(repo, names=("train",)).experiment
    repo.write("gitexp.yaml", "")
    again = start(repo, ["train.lr=0.25"], from_=first.name).experiment
    assert states(again) == {"prepare": "restored", "train": "ran"}
    assert again.record.baseline == first.record.commit
    assert again.record.command == "gitexp run train"


def test_a_command_beside_the_stages(repo: Workspace) -> None:
    repo.gitexp("run", "-n", "one", "--", "sh", "-c", "echo prepare")
    repo.gitexp("run", "-n", "two", "prepare")
    assert repo.gitexp("log", "one").stdout == "prepare\n"
    assert states(Project.open(repo.path).store.require("two")) == {"prepare": "ran"}


def test_in_a_folder_below(repo: Workspace) -> None:
    for name, text in FILES.items():
        repo.write(f"sub/{name}", text)
    repo.write("sub/params.yaml", "train: {lr: 0.1}\n")
    repo.write("sub/.gitignore", "data\nmodel.bin\n")
    repo.commit("a project below")
    repo.writes("sub/*")
    repo.gitexp("run", "-n", "one", cwd="sub")
    one = Project.open(repo.path).store.require("one")
    assert one.record.metrics == {"sub/metrics.json": {"size": 25}}
    assert "sub/gitexp.lock" in tree(repo, one.record.commit)
    assert "sub/" not in repo.read("sub/gitexp.lock")
    assert repo.gitexp("run", "-n", "two", cwd="sub").stderr.count("up to date") == 3


# -- the command line ----------------------------------------------------------------------------------


def test_what_is_said(repo: Workspace) -> None:
    said = repo.gitexp("run", "-n", "one").stderr
    assert "[1/3] prepare: never run\n[1/3] prepare: done in " in said
    assert "[3/3] evaluate: done in " in said
    repo.allow("files", "params.yaml")
    said = repo.gitexp("run", "-n", "two", "-S", "train.lr=0.25", "evaluate").stderr
    assert "[1/3] prepare: up to date\n[2/3] train: params train.lr changed 0.1 → 0.25\n" in said
    said = repo.gitexp("run", "-S", "train.lr=0.1").stderr
    assert "[2/3] train: restored from one\n" in said
    quiet = repo.gitexp("run", "-q", "-n", "three")
    assert (quiet.stdout, quiet.stderr.count("\n")) == ("", 1)
    assert quiet.stderr.startswith("three done in ")


def test_dry_run(repo: Workspace) -> None:
    start(repo)
    found = json.loads(repo.gitexp("run", "--dry-run", "--json", "-S", "train.lr=0.25", "train").stdout)
    assert found["stages"] == [
        {"name": "prepare", "state": "up to date", "reasons": []},
        {"name": "train", "state": "changed", "reasons": ["params train.lr changed 0.1 → 0.25"]},
    ]
    assert "same as" in repo.gitexp("run", "--dry-run", "--once").stderr
    assert repo.json("run", "--dry-run", "--once")["same"] == Project.open(repo.path).store.all()[0].name
    found = json.loads(repo.gitexp("run", "--dry-run", "--json", "--once", "-S", "train.lr=0.25").stdout)
    assert [stage["state"] for stage in found["stages"]][:2] == ["up to date", "changed"]
    assert len(Project.open(repo.path).store.all()) == 1


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("run", "trian"), "Did you mean train?"),
        (("run", "trian", "--force"), "Did you mean train?"),
        (("run", "sh", "train.sh"), "A command follows --: gitexp run -- sh train.sh\n"),
        (("run", "sh", "train.sh", "--lr", "1"), "A command follows --: gitexp run -- sh train.sh --lr 1\n"),
        (
            ("run", "train", "--lr", "1"),
            "hint: -S changes a param of stages; a program called train runs after --",
        ),
        (("run", "train", "--forse"), "Did you mean --force?"),
        (("run", "train", "--force", "--", "sh"), "Give the one or the other."),
        (("run", "-j", "0"), "0 is not in the range"),
        (("run", "train", "-s", "--downstream"), "--single and --downstream do not go together."),
        (("run", "--dry-run", "--from", "HEAD"), "--dry-run judges the workspace: it does not go"),
        (("run", "--dry-run", "--temp", "--once"), "it does not go together with --temp."),
    ],
)
def test_wrong_words(repo: Workspace, args: tuple[str, ...], said: str) -> None:
    result = repo.gitexp(*args, check=False)
    assert result.exit_code == 2
    assert said in result.stderr


def test_options_may_stand_after_stages(repo: Workspace) -> None:
    found = repo.json(
        "run", "train", "--dry-run", "-S", "train.lr=0.25", "--single", "prepare", "--force", "--json"
    )
    assert [(stage["name"], stage["reasons"]) for stage in found["stages"]] == [
        ("prepare", ["forced"]),
        ("train", ["forced"]),
    ]
    repo.gitexp("run", "prepare", "-n", "one", "-j2")
    assert states(Project.open(repo.path).store.require("one")) == {"prepare": "ran"}


def test_options_after_a_command_are_its_own(repo: Workspace) -> None:
    """After `--`, also if its program is called as a stage is; without `--` nobody could tell."""
    repo.write("bin/train", '#!/bin/sh\necho "$@"\n')
    with repo.by_user():
        (repo.path / "bin" / "train").chmod(0o755)
    environment = {"PATH": f"{repo.path / 'bin'}{os.pathsep}{os.environ['PATH']}"}
    assert repo.gitexp("run", "--", "train", "--force", "-j", env=environment).stdout == "--force -j\n"
    repo.write("gitexp.yaml", "")
    refused = repo.gitexp("run", "train", "--force", "-j", env=environment, check=False)
    assert refused.exit_code == 2
    assert "gitexp run -- train --force -j" in refused.stderr


def test_options_for_stages_where_there_are_none(repo: Workspace) -> None:
    repo.write("gitexp.yaml", "command: echo\n")
    for args in (("--force",), ("--downstream",), ("--keep-going",)):
        assert repo.gitexp("run", *args, check=False).exit_code == 2


def test_a_lock_with_a_conflict_in_it(repo: Workspace) -> None:
    repo.write("gitexp.lock", "<<<<<<< ours\n")
    result = repo.gitexp("run", "--json", check=False)
    assert json.loads(result.stdout)["error"]["code"] == "bad-lock"
    assert repo.read("gitexp.lock") == "<<<<<<< ours\n"


def test_a_lock_that_is_a_folder_is_said_before_anything_runs(repo: Workspace) -> None:
    repo.write("gitexp.lock/file", "")
    error = repo.json("run", check=False)["error"]
    assert (error["code"], error["message"]) == ("bad-lock", "gitexp.lock: it is a folder")
    assert Project.open(repo.path).store.all() == []


# -- compared ------------------------------------------------------------------------------------------


def test_diff_tells_of_data_apart_from_code(repo: Workspace) -> None:
    start(repo, overrides=["train.lr=0.1"], name="one")
    start(repo, overrides=["train.lr=0.25"], name="two")
    found = repo.json("diff", "one", "two", "--json")
    assert found["code"] == []
    assert {each["path"] for each in found["data"]} == {"model.bin"}
    sides = [(each["old"]["hash"], each["new"]["hash"]) for each in found["data"]]
    assert all(old != new for old, new in sides)
    shown = repo.gitexp("diff", "one", "two").stdout
    assert "Data" in shown
    assert "Code" not in shown
    assert repo.json("diff", "one", "one", "--json")["data"] == []


def test_the_column_of_changes_has_no_lock(repo: Workspace) -> None:
    start(repo, name="one")
    assert "gitexp.lock" not in repo.gitexp("show").stdout


def test_a_lock_that_cannot_be_read_does_not_keep_diff_from_its_work(repo: Workspace) -> None:
    start(repo, name="one")
    repo.write("gitexp.lock", "<<<<<<< HEAD\n")
    assert "gitexp.lock" not in {
        each["path"] for each in repo.json("diff", "one", "workspace", "--json")["data"]
    }


# -- data ----------------------------------------------------------------------------------------------


def add_data(repo: Workspace) -> None:
    repo.allow("files", "gitexp.yaml", ".gitignore", "gitexp.lock")
    repo.gitexp("add", "raw.txt", check=False)
    repo.git("rm", "--quiet", "--cached", "raw.txt")
    repo.gitexp("add", "raw.txt")
    repo.commit("data")


def test_data_is_brought_where_it_is_not(repo: Workspace) -> None:
    add_data(repo)
    isolated = start(repo, temp=True).experiment
    assert states(isolated) == dict.fromkeys(ALL, "ran")
    assert "raw.txt" not in tree(repo, isolated.record.commit)
    with repo.by_user():
        (repo.path / "raw.txt").unlink()
    repo.writes("raw.txt")
    assert states(start(repo).experiment) == dict.fromkeys(ALL, "restored")
    assert repo.read("raw.txt") == FILES["raw.txt"]


def test_data_in_a_folder_with_other_files_is_brought(repo: Workspace) -> None:
    repo.write("sets/README", "what it is\n")
    repo.commit("a folder")
    repo.write("sets/big.bin", "big\n")
    repo.allow("files", "gitexp.yaml", "sets/.gitignore", "gitexp.lock")
    repo.gitexp("add", "sets/big.bin")
    text = repo.read("gitexp.yaml").replace("deps: [train.sh, data]", "deps: [train.sh, data, sets]")
    repo.write("gitexp.yaml", text)
    first = start(repo).experiment
    repo.writes("sets/big.bin")
    with repo.by_user():
        (repo.path / "sets" / "big.bin").unlink()
    again = start(repo).experiment
    assert states(again) == UP_TO_DATE
    assert repo.read("sets/big.bin") == "big\n"
    isolated = start(repo, temp=True).experiment
    assert states(isolated) == {"prepare": "restored", "train": "restored", "evaluate": "up to date"}
    assert first.record.warnings == again.record.warnings == isolated.record.warnings == ()


def test_data_that_is_nowhere(repo: Workspace) -> None:
    add_data(repo)
    shutil.rmtree(repo.path / ".git" / "gitexp" / "objects")
    with repo.by_user():
        (repo.path / "raw.txt").unlink()
    with pytest.raises(errors.DataError, check=has_code("missing-dep"), match=r"prepare reads raw\.txt"):
        start(repo)
    isolated = repo.gitexp("run", "--temp", "--", "cat", "raw.txt", check=False)
    assert "The content of raw.txt is not in the store." in isolated.stderr


def test_a_command_in_isolation_has_the_data(repo: Workspace) -> None:
    add_data(repo)
    result = repo.gitexp("run", "--temp", "-n", "one", "--", "cat", "raw.txt")
    assert result.stdout == FILES["raw.txt"]
    one = Project.open(repo.path).store.require("one")
    assert one.record.warnings == ()
    assert "raw.txt" not in tree(repo, one.record.commit)
    again = repo.gitexp("run", "--from", "one", "-n", "two")
    assert again.stdout == FILES["raw.txt"]


def test_saving_leaves_data_and_outs_to_the_store(repo: Workspace) -> None:
    repo.write(".gitignore", "")
    start(repo)
    repo.gitexp("save", "-n", "saved")
    stored = tree(repo, Project.open(repo.path).store.require("saved").record.commit)
    assert "gitexp.lock" in stored
    assert not {"model.bin", "data/a.txt"} & stored


def test_in_isolation_what_git_ignores_is_missing_and_the_way_out_named(repo: Workspace) -> None:
    repo.write("sub dir/raw.bin", "raw")
    repo.write(".gitignore", repo.read(".gitignore") + "sub dir/\n")
    repo.write("gitexp.yaml", "stages: {one: {cmd: 'true', deps: [sub dir/raw.bin]}}\n")
    done = repo.gitexp("run", "--temp", check=False)
    assert done.exit_code == 1
    assert (
        "Store it: gitexp add 'sub dir/raw.bin'; or have isolated runs use it from there: share:"
        in done.stderr
    )
