"""Data that was changed and not added again: a run stores it as it is, and nothing claims the old."""

from __future__ import annotations

import shutil
import sys

import pytest

from gitexp.model import Artifact, Status
from gitexp.pipeline.lock import LOCK_FILE, Lock, read_lock
from gitexp.project.project import Project
from tests.support.kills import assert_put_right, kill
from tests.support.pipeline import lock, make, start, states
from tests.support.snapshots import experiment_commit, stored
from tests.support.stored import store_of
from tests.support.workspace import Workspace

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the commands are a shell's")

SAID = "changed since gitexp add, and stored as it is now: data"
COUNT = ("sh", "-c", 'printf "{\\"size\\": %d}" $(cat data/* | wc -c) > metrics.json')


@pytest.fixture
def repo(repo: Workspace) -> Workspace:
    """A project with data that has changed since it was added."""
    repo.write("data/one.csv", "1\n")
    with repo.by_user():
        repo.gitexp("add", "data")
    repo.commit("data")
    repo.writes("metrics.json", LOCK_FILE)
    repo.gitexp("run", "-n", "before", "--", *COUNT)
    repo.write("data/two.csv", "22\n")
    return repo


def data_of(repo: Workspace, name: str) -> Artifact:
    files = stored(repo, experiment_commit(repo, name))
    return read_lock(LOCK_FILE, files[LOCK_FILE][1]).data["data"]


def files_of(repo: Workspace, name: str) -> dict[str, bytes]:
    """The data of an experiment, as the store has it."""
    store = store_of(repo)
    files = store.manifest(data_of(repo, name).hash).files
    assert all(store.verify(file.hash) for file in files)
    return {file.path: store.path(file.hash).read_bytes() for file in files}


def said(repo: Workspace, name: str) -> tuple[str, ...]:
    experiment = Project.open(repo.path).store.get(name)
    assert experiment is not None
    return tuple(experiment.record.warnings)


def size(repo: Workspace, name: str) -> object:
    experiment = Project.open(repo.path).store.get(name)
    assert experiment is not None
    return experiment.record.metrics["metrics.json"]["size"]


NOW = {"one.csv": b"1\n", "two.csv": b"22\n"}


def test_a_command(repo: Workspace) -> None:
    repo.gitexp("run", "-n", "one", "--", *COUNT)
    assert (files_of(repo, "one"), said(repo, "one"), size(repo, "one")) == (NOW, (SAID,), 5)
    assert lock(repo).data["data"] == data_of(repo, "one")
    repo.gitexp("run", "-n", "two", "--", *COUNT)
    assert said(repo, "two") == ()
    (row,) = repo.json("diff", "before", "one")["data"]
    assert (row["path"], row["old"]["files"], row["new"]["files"]) == ("data", 1, 2)


def test_in_isolation_and_again(repo: Workspace) -> None:
    before = repo.read(LOCK_FILE)
    repo.gitexp("run", "--temp", "-n", "one", "--", *COUNT)
    assert (files_of(repo, "one"), said(repo, "one"), size(repo, "one")) == (NOW, (SAID,), 5)
    assert repo.read(LOCK_FILE) == before
    repo.gitexp("run", "--from", "one", "-n", "two", "--", *COUNT)
    assert (files_of(repo, "two"), size(repo, "two")) == (NOW, 5)
    repo.gitexp("run", "--from", "before", "-n", "three", "--", *COUNT)
    assert size(repo, "three") == 2


def test_once_sees_the_change(repo: Workspace) -> None:
    assert "same as" not in repo.gitexp("run", "--once", "-n", "one", "--", *COUNT).stderr
    assert "same as one" in repo.gitexp("run", "--once", "--", *COUNT).stderr
    with repo.by_user():
        (repo.path / "data/two.csv").unlink()
    assert "same as before" in repo.gitexp("run", "--once", "--", *COUNT).stderr


def test_save_stores_it_and_writes_nothing_here(repo: Workspace) -> None:
    before = repo.read(LOCK_FILE)
    repo.gitexp("save", "-n", "one")
    assert (files_of(repo, "one"), said(repo, "one"), repo.read(LOCK_FILE)) == (NOW, (SAID,), before)


def test_stages_have_it_in_their_lock(repo: Workspace) -> None:
    stages = "stages: {count: {cmd: cat data/* > sum, deps: [data], outs: [sum]}}\n"
    make(repo, {"gitexp.yaml": "data: [data]\n" + stages})
    repo.writes("sum")
    result = start(repo, name="one")
    assert states(result.experiment) == {"count": "ran"}
    assert files_of(repo, "one") == NOW
    assert lock(repo).stages["count"].deps == (data_of(repo, "one"),)
    assert SAID in said(repo, "one")


def test_what_is_not_there_and_what_was_never_added(repo: Workspace) -> None:
    with repo.by_user():
        shutil.rmtree(repo.path / "data")
    repo.write("gitexp.yaml", "data: [data, more.csv]\n")
    repo.write("more.csv", "3\n")
    repo.gitexp("run", "-n", "one", "--", "true")
    assert said(repo, "one")[:2] == (
        "data that was never added, and is not stored: gitexp add: more.csv",
        "not here: data; gitexp checkout brings it",
    )
    assert Lock(data={"data": data_of(repo, "one")}) == lock(repo)


def test_what_cannot_be_stored_stops_the_run(repo: Workspace) -> None:
    with repo.by_user():
        (repo.path / "data/link").symlink_to("/etc/passwd")
    result = repo.gitexp("run", "-n", "one", "--", *COUNT, check=False)
    assert (result.exit_code, "link" in result.stderr) == (1, True)
    assert Project.open(repo.path).store.get("one") is None


@pytest.mark.parametrize("point", ["lock:made", "lock:written"])
def test_a_kill_while_the_lock_is_written(repo: Workspace, point: str) -> None:
    repo.gitexp("remove", "-y", "before")
    kill(repo, point, "run", "-n", "one", "--", *COUNT)
    assert_put_right(repo, point, Status.INTERRUPTED)
    assert files_of(repo, "one") == NOW
