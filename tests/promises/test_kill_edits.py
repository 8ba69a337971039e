"""A kill in the middle of apply, note, tag, rename, remove, restore and branch, and of undo of refs.

Refs: what was to be done is done or not done, never half, after any next command. Files: each is as it
was or as it was to be, and `gitexp undo` makes them as they were.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from gitexp.history import edit, remove, restore
from gitexp.history.undo import undo
from gitexp.project.change import complete_pending
from gitexp.project.project import Project
from gitexp.repo import operations
from gitexp.repo.git.repository import Repository
from gitexp.repo.git.values import RefChange
from tests.support.experiments import copy_of, put
from tests.support.guard import fingerprint
from tests.support.kills import NEXT, assert_sound, copied, git, kill
from tests.support.workspace import Workspace

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL")

FILES = (
    "workspace:removed",
    "workspace:ready",
    "workspace:written@1",
    "workspace:written@2",
)
REFS = ("operation:written", "operation:pending", "operation:moved", "operation:done")
POINTS = {*FILES, *REFS, "takeover:stored"}

NOT_YET = ("operation:written", "operation:pending")  # nothing of what was asked for is done
EDITS: tuple[tuple[str, ...], ...] = (
    ("note", "one", "-m", "new"),
    ("tag", "one", "new"),
    ("branch", "one", "new"),
    ("rename", "one", "new"),
    ("remove", "-y", "one", "two"),
    ("restore", "gone"),
    ("undo",),
)


def state(repo: Workspace) -> str:
    """All refs but those of undo, which tell what was done."""
    form = "--format=%(refname:rstrip=2) %(objectname) %(refname:lstrip=-1)"
    return git(repo, "for-each-ref", form, "refs/heads", "refs/gitexp/exps", "refs/gitexp/trash")


def next_command(repo: Workspace, point: str) -> str:
    """What any other command says on stderr."""
    told = repo.gitexp(*NEXT[sum(map(ord, point)) % len(NEXT)]).stderr
    assert_sound(repo)
    return told


@pytest.fixture(scope="module")
def made(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository with two experiments, and a removed one."""
    repo = copy_of(template, tmp_path_factory.mktemp("made"))
    for name in ("one", "two", "gone"):
        put(repo, name)
    repo.gitexp("remove", "-y", "-q", "gone")
    return repo.path


@pytest.fixture
def several(made: Path, tmp_path: Path) -> Iterator[Workspace]:
    with copied(made, tmp_path) as repo:
        yield repo


@pytest.mark.parametrize("point", REFS)
@pytest.mark.parametrize("command", EDITS, ids="-".join)
def test_refs(several: Workspace, command: tuple[str, ...], point: str) -> None:
    repo = several
    repo.allow("refs", "refs/heads/new")
    repo.allow("reflogs", "refs/heads/new")
    if command == ("undo",):
        repo.gitexp("note", "-q", "one", "-m", "x")
    before = state(repo)
    kill(repo, point, *command)
    next_command(repo, point)
    assert (state(repo) == before) is (point in NOT_YET)
    assert not [*(Project.open(repo.path).local.root / "pending").iterdir()]
    back = ("redo",) if command == ("undo",) else ("undo",)
    repo.gitexp(*(command if point in NOT_YET else back))
    assert (state(repo) == before) is (point not in NOT_YET)


@pytest.mark.parametrize("point", [*REFS, "takeover:stored", *FILES])
def test_files(repo: Workspace, point: str) -> None:
    repo.allow("files", "train.py", "new*", "old*", ".gitattributes")
    repo.write("old.py", "1\n")
    repo.commit()
    (repo.path / "old.py").unlink()
    repo.guard.retake()
    for name in ("train.py", "new.py", ".gitattributes"):
        repo.write(name, "# theirs\n")
    repo.gitexp("save", "-q", "-n", "one")
    wanted = fingerprint(repo.path)["files"]
    repo.git("checkout", "-q", "--", ".")
    repo.git("clean", "-fdq")
    repo.write("new-mine", "mine\n")
    before = fingerprint(repo.path)["files"]
    wanted = {**wanted, "new-mine": before["new-mine"]}
    kill(repo, point, "apply", "one")
    for name, how in fingerprint(repo.path)["files"].items():
        assert how in (before.get(name), wanted.get(name)), name
    told = next_command(repo, point)
    assert ("'apply one' was stopped" in told) is (point not in NOT_YET)
    if point not in NOT_YET:
        repo.gitexp("undo")
    assert fingerprint(repo.path)["files"] == before
    repo.gitexp("apply", "one")
    assert fingerprint(repo.path)["files"] == wanted


def test_one_ref_has_moved_and_the_others_have_not(repo: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    """As when Git is killed between two refs."""
    put(repo, "one")
    project = Project.open(repo.path)
    whole = operations.refs.move

    class Killed(BaseException):
        pass

    def half(repo: Repository, changes: Sequence[RefChange], reason: str) -> None:
        whole(repo, changes[:-1], reason)
        raise Killed

    for number, (command, names) in enumerate(
        {"note": ["one"], "rename": ["new"], "remove": [], "restore": ["new"], "undo": []}.items(), 1
    ):
        monkeypatch.setattr(operations.refs, "move", half)
        with pytest.raises(Killed):
            CUT_SHORT[command](project)
        monkeypatch.setattr(operations.refs, "move", whole)
        assert [done.number for done in complete_pending(project)] == [number]
        assert complete_pending(project) == []
        assert project.store.names() == names
        assert_sound(repo)
    assert project.store.all() == []
    assert [experiment.experiment.record.note for experiment in restore.trashed(project)] == ["said"]


CUT_SHORT: dict[str, Callable[[Project], object]] = {
    "note": lambda project: edit.note(project, "one", "said"),
    "rename": lambda project: edit.rename(project, "one", "new"),
    "remove": lambda project: remove.remove(project, project.store.all()),
    "restore": lambda project: restore.restore(project, "new"),
    "undo": undo,
}


def test_a_ref_that_has_gone_on_since_is_left_there(repo: Workspace) -> None:
    put(repo, "one")
    project = Project.open(repo.path)
    edit.rename(project, "one", "new")
    (project.local.root / "pending" / "1").touch()
    (project.local.root / "pending" / "77").touch()
    edit.note(project, "new", "later")
    assert complete_pending(project) == []
    assert project.store.names() == ["new"]
    assert not any((project.local.root / "pending").iterdir())
