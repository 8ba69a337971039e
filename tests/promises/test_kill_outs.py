"""A kill while room is made for outs: what was shared is whole, and what Git tracks can be had again."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from gitexp.model import Status
from gitexp.objects import disk
from gitexp.objects.store import ObjectStore
from gitexp.project.project import Project
from tests.support.experiments import copy_of
from tests.support.kills import assert_put_right, assert_sound, copied, kill
from tests.support.pipeline import make, start, states
from tests.support.workspace import Workspace

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL")

LINKS = ("private:copied", "place:ready", "place:written@1", "place:written@2", "stages:removed@1")
BACK = ("stages:kept", "stages:removed@2", "place:written", "stages:back")
POINTS = {*LINKS, *BACK}

STAGES = """\
link: [hardlink]
stages:
  make:
    cmd: cat in.txt >>hist/a; cat in.txt >>hist/b; cat in.txt >>hist/c; sh end.sh
    deps: [in.txt]
    outs: [hist: {persist: true}]
    plots: [curve.csv]
"""


@pytest.fixture(scope="module")
def made(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The user's files a and b are links of objects, and c is one into DVC's cache."""
    repo = copy_of(template, tmp_path_factory.mktemp("made"))
    make(
        repo, {"gitexp.yaml": STAGES, "in.txt": "1\n", "end.sh": "echo x >curve.csv", ".gitignore": "hist/\n"}
    )
    repo.writes("hist", "hist/*", "curve.csv", "gitexp.lock")
    repo.write("hist/c", "")
    start(repo)
    repo.git("add", "curve.csv")
    for name in "ab":
        (repo.path / "hist" / name).unlink()
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(disk, "is_writable", lambda path: False)  # as for a user who is not root
        repo.gitexp("checkout")
    assert (repo.path / "hist" / "a").stat().st_nlink > 1
    repo.write("cache/c", "1\n", mode=0o444)
    (repo.path / "hist" / "c").unlink()
    (repo.path / "hist" / "c").symlink_to("../cache/c")
    repo.write("in.txt", "2\n")
    return repo.path


@pytest.fixture
def repo(made: Path, tmp_path: Path, not_root: None) -> Iterator[Workspace]:
    with copied(made, tmp_path) as repo:
        repo.writes("hist", "hist/*", "curve.csv", "gitexp.lock")
        yield repo


def assert_nothing_shared_has_changed(repo: Workspace) -> None:
    store = ObjectStore(Project.open(repo.path).local.objects)
    assert all(store.verify(hash_) for hash_, _, _ in store.hashes())
    assert repo.read("cache/c") == "1\n"
    assert_sound(repo)


@pytest.mark.parametrize("point", LINKS)
def test_while_links_become_files(repo: Workspace, point: str) -> None:
    kill(repo, point, "run", "-n", "one")
    assert_put_right(repo, point, Status.INTERRUPTED)
    assert states(start(repo).experiment) == {"make": "ran"}
    assert [repo.read(f"hist/{name}") for name in "abc"] == ["1\n2\n"] * 3
    assert_nothing_shared_has_changed(repo)


@pytest.mark.parametrize("point", BACK)
def test_while_a_stage_fails(repo: Workspace, point: str) -> None:
    """What was removed for it is in the store by then, and in Git."""
    repo.write("end.sh", "exit 3")
    kill(repo, point, "run", "-n", "one")
    assert_put_right(repo, point, Status.INTERRUPTED)
    assert_nothing_shared_has_changed(repo)
    repo.git("checkout", "--", "curve.csv")
    assert repo.read("curve.csv") == "x\n"
