"""gc beside a process that stores, fetches or sends the very objects that gc is about to delete.

All of them are old and nobody refers to them when gc looks; when the other one has ended, somebody does.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from gitexp.objects.remotes.folder import FolderRemote
from gitexp.objects.store import ObjectStore
from gitexp.pipeline.lock import Lock, read_lock
from gitexp.project.project import Project
from gitexp.upkeep import gc
from tests.support.clones import Team, make_team
from tests.support.stored import age, store_of
from tests.support.workspace import Workspace

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the stage is written in sh")

ROUNDS = 2
FILES = 150


@pytest.fixture
def repo(repo: Workspace) -> Workspace:
    """A stage that copies a folder, which is data as well."""
    repo.write("gitexp.yaml", "stages:\n  copy: {cmd: cp -r data out, deps: [data], outs: [out]}\n")
    repo.write(".gitignore", "/out/\n/data/\n")
    repo.commit()
    write_data(repo)
    repo.allow("files", "gitexp.lock", "gitexp.yaml", "out/*")
    return repo


def write_data(repo: Workspace) -> None:
    """Writes the data, which has to be read again even if it was there before."""
    with repo.by_user():
        (repo.path / "data").mkdir(exist_ok=True)
        for number in range(FILES):
            (repo.path / "data" / f"{number}.txt").write_text(f"content {number}\n")


def collected_beside(collector: Workspace, user: Workspace, *command: str, remote: str | None = None) -> None:
    """Has one person's gc look, and then delete object by object while a command of a person's goes on."""
    project = Project.open(collector.path)
    garbage = gc.find(project, remote=remote)
    assert len(garbage.unused) >= FILES
    running = user.start(*command)
    temporary = store_of(user).folder / "tmp"
    while remote is None and running.poll() is None and not list(temporary.iterdir()):
        time.sleep(0.001)  # until it begins to store
    for each in garbage.unused:
        gc.collect(project, replace(garbage, unused=(each,)))
        if remote is not None and running.poll() is None:
            time.sleep(0.002)  # nobody sees when it begins
    told = running.communicate()
    assert running.returncode == 0, told


def forget(repo: Workspace) -> None:
    """Has nobody refer to any object, and all of them be old."""
    with repo.by_user():
        (repo.path / "gitexp.lock").unlink(missing_ok=True)
        refs = repo.git("for-each-ref", "--format=delete %(refname)", "refs/gitexp/")
        repo.git("update-ref", "--stdin", input=f"{refs}\n" if refs else "")
    grow_old(store_of(repo))


def grow_old(store: ObjectStore) -> None:
    for hash_, _, _ in store.hashes():
        age(store.path(hash_))


def assert_whole(store: ObjectStore, lock: Lock) -> None:
    assert lock.artifacts
    for artifact in lock.artifacts:
        for hash_ in store.contents(artifact.hash):
            assert store.verify(hash_), hash_


def lock_in(repo: Workspace, name: str) -> Lock:
    return read_lock("gitexp.lock", repo.git("show", f"refs/gitexp/exps/{name}:gitexp.lock").encode() + b"\n")


def test_what_is_added_meanwhile_is_there(repo: Workspace) -> None:
    repo.gitexp("add", "-q", "data")
    for _ in range(ROUNDS):
        forget(repo)
        write_data(repo)
        collected_beside(repo, repo, "add", "-q", "data")
        assert_whole(store_of(repo), read_lock("gitexp.lock", repo.read("gitexp.lock").encode() + b"\n"))


def test_what_a_run_makes_meanwhile_is_there(repo: Workspace) -> None:
    repo.gitexp("run", "-q", "-n", "first")
    for number in range(ROUNDS):
        forget(repo)
        collected_beside(repo, repo, "run", "-q", "--force", "-n", f"run-{number}")
        assert_whole(store_of(repo), lock_in(repo, f"run-{number}"))


@pytest.fixture
def team(repo: Workspace, tmp_path: Path) -> Iterator[Team]:
    (tmp_path / "store").mkdir()
    with repo.by_user(), (repo.path / "gitexp.yaml").open("a") as config:
        config.write(f"remotes:\n  store: {{url: '{(tmp_path / 'store').as_posix()}'}}\n")
    repo.commit()
    team = make_team(repo, tmp_path)
    write_data(team.bob)
    team.bob.allow("files", "gitexp.lock", "out/*")
    yield team
    team.bob.close()


def test_what_is_pulled_meanwhile_can_be_had(team: Team) -> None:
    team.ann.gitexp("run", "-q", "-n", "one")
    team.ann.gitexp("push", "-q", "one")
    team.bob.gitexp("pull", "-q")
    team.bob.gitexp("data", "pull", "-q", "one")
    for _ in range(ROUNDS):
        forget(team.bob)
        collected_beside(team.bob, team.bob, "pull", "-q")
        team.bob.gitexp("data", "pull", "-q", "one")
        assert_whole(store_of(team.bob), lock_in(team.bob, "one"))


def test_a_remote_is_listed_while_a_colleague_collects(tmp_path: Path) -> None:
    """An object that is removed after its folder was listed, and before it was looked at, is passed over."""
    store = ObjectStore(tmp_path / "store")
    hashes = [f"ab{number:062x}" for number in range(500)]
    (store.folder / "ab").mkdir(parents=True)
    for hash_ in hashes:
        store.path(hash_).touch()
    with FolderRemote("ann", "", store.folder) as ann, FolderRemote("bob", "", store.folder) as bob:

        def collect() -> None:
            for hash_ in hashes:
                ann.remove_unused(hash_, time.time() + 60)

        collecting = threading.Thread(target=collect)
        collecting.start()
        while collecting.is_alive():
            bob.has_many(hashes)
        collecting.join()
        assert bob.has_many(hashes) == {}


def test_what_is_pushed_while_a_colleague_collects_is_there(team: Team, tmp_path: Path) -> None:
    """What Bob sends is on the remote already, old and spare; Ann's gc has looked before he came."""
    there = ObjectStore(tmp_path / "store")
    team.bob.gitexp("run", "-q", "-n", "one")
    team.bob.gitexp("data", "push", "-q", "one")
    (remote,) = Project.open(team.ann.path).config.remotes
    for number in range(ROUNDS):
        grow_old(there)
        team.bob.gitexp("run", "-q", "-n", f"run-{number}")
        collected_beside(team.ann, team.bob, "push", "-q", f"run-{number}", remote=remote)
        assert_whole(there, lock_in(team.bob, f"run-{number}"))
        team.bob.gitexp("remove", "-q", "--remote", "origin", "--yes", f"run-{number}")
