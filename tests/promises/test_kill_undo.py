"""A kill in the middle of undo and redo of files: the same command goes on, and so does `doctor --fix`.

Whatever it was killed at, the opposite command brings back the other side. A file that the user has edited
meanwhile stays as it is, and is named.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from gitexp import errors
from gitexp.history.apply import apply
from gitexp.history.undo import redo, redoable, undo, undoable
from gitexp.project.change import unfinished
from gitexp.project.project import Project
from gitexp.repo.git import checkout
from gitexp.upkeep import doctor
from tests.support.experiments import copy_of
from tests.support.guard import fingerprint
from tests.support.kills import assert_sound, copied, kill
from tests.support.repositories import lose
from tests.support.workspace import Workspace

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL")

BEFORE_IT = ("operation:written", "operation:pending")  # nothing is stored, and nothing changed
BEGUN = (
    *("operation:moved", "operation:done", "takeover:stored", "workspace:ready"),
    *("workspace:removed", "workspace:written@1", "workspace:written@2", "workspace:written@3"),
)
SOME = ("takeover:stored", "workspace:removed", "workspace:written@2")
POINTS = {*BEFORE_IT, *BEGUN, "unfinished:files"}

Files = dict[str, str]


@pytest.fixture(scope="module")
def made(template: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Files, Files]:
    """A repository with `one` applied, and its files before and after that."""
    repo = copy_of(template, tmp_path_factory.mktemp("applied"))
    repo.write("old/deep/old.py", "1\n")
    repo.write("run.sh", "#!/bin/sh\n", 0o750)
    repo.commit()
    (repo.path / "old").chmod(0o750)
    with repo.by_user():
        (repo.path / "old/deep/old.py").unlink()
        os.removedirs(repo.path / "old/deep")
    repo.write("run.sh", "#!/bin/sh -e\n")
    for name in ("train.py", "new/new.py", "new/er/newer.py"):
        repo.write(name, "# theirs\n")
    repo.gitexp("save", "-q", "-n", "one")
    repo.git("checkout", "-q", "--", ".")
    repo.git("clean", "-fdq")
    (repo.path / "old").chmod(0o750)
    repo.write("mine", "mine\n")
    before = fingerprint(repo.path)["files"]
    apply(Project.open(repo.path), "one")
    return repo.path, before, fingerprint(repo.path)["files"]


@pytest.fixture
def applied(made: tuple[Path, Files, Files], tmp_path: Path) -> Iterator[tuple[Workspace, Files, Files]]:
    """A copy of what was made, which gitexp may change."""
    path, before, after = made
    with copied(path, tmp_path) as repo:
        repo.allow("files", "train.py", "new*", "old*", "run.sh", "data*")
        yield repo, {**before}, {**after}


def is_whole(repo: Workspace, files: Files) -> None:
    assert fingerprint(repo.path)["files"] == files
    assert unfinished(Project.open(repo.path)) == []
    assert_sound(repo)


@pytest.mark.parametrize("point", [*BEFORE_IT, *BEGUN])
def test_the_same_command_goes_on(applied: tuple[Workspace, Files, Files], point: str) -> None:
    repo, before, after = applied
    for verb, action, files in (("undo", undo, before), ("redo", redo, after)):
        kill(repo, point, verb)
        told = repo.gitexp("list").stderr
        assert (f"hint: gitexp {verb} goes on with it" in told) is (point in BEGUN)
        done = action(Project.open(repo.path))
        assert done.step.first.summary == "apply one"
        assert done.step.is_undone is (verb == "redo")
        is_whole(repo, files)
    project = Project.open(repo.path)
    assert [len(undoable(project)), len(redoable(project))] == [1, 0]


@pytest.mark.parametrize("point", SOME)
def test_the_opposite_command_brings_back_the_other_side(
    applied: tuple[Workspace, Files, Files], point: str
) -> None:
    repo, before, after = applied
    kill(repo, point, "undo")
    redo(Project.open(repo.path))
    is_whole(repo, after)
    undo(Project.open(repo.path))
    kill(repo, point, "redo")
    undo(Project.open(repo.path))
    is_whole(repo, before)


@pytest.mark.parametrize("point", SOME)
def test_doctor_goes_on_and_keeps_what_was_edited(
    applied: tuple[Workspace, Files, Files], point: str
) -> None:
    repo, before, _ = applied
    kill(repo, point, "undo")
    repo.write("train.py", "# edited meanwhile\n")
    edited = fingerprint(repo.path)["files"]["train.py"]
    project = Project.open(repo.path)
    (finding,) = [one for one in doctor.examine(project).findings if one.code == "operation-stopped"]
    assert "'undo apply one' was stopped half way" in finding.message
    assert "changed since, and kept: train.py" in finding.message
    report = doctor.examine(project, mend=True)
    assert report.healthy
    is_whole(repo, {**before, "train.py": edited})
    assert doctor.examine(project).findings == []


@pytest.mark.parametrize("verb", ["undo", "redo"])
def test_what_was_edited_meanwhile_is_kept(applied: tuple[Workspace, Files, Files], verb: str) -> None:
    repo, before, after = applied
    if verb == "redo":
        undo(Project.open(repo.path))
    kill(repo, "workspace:ready", verb)
    repo.write("train.py", "# edited meanwhile\n")
    with repo.by_user():
        (repo.path / "mine").write_text("and another file\n")
    told = repo.gitexp(verb).stderr
    assert (
        f"warning: kept as it is, because it was changed since '{verb} apply one' was stopped: train.py"
        in told
    )
    assert repo.read("train.py") == "# edited meanwhile\n"
    now = fingerprint(repo.path)["files"]
    wanted = after if verb == "redo" else before
    for name in ("train.py", "mine"):
        wanted[name] = now[name]
    is_whole(repo, wanted)


def test_with_force_it_is_overwritten_and_stored(applied: tuple[Workspace, Files, Files]) -> None:
    repo, before, _ = applied
    kill(repo, "workspace:ready", "undo")
    repo.write("train.py", "# edited meanwhile\n")
    undo(Project.open(repo.path), force=True)
    is_whole(repo, before)
    undo(Project.open(repo.path))
    assert repo.read("train.py") == "# edited meanwhile\n"


def test_another_change_of_files_finishes_it_first(applied: tuple[Workspace, Files, Files]) -> None:
    repo, before, after = applied
    kill(repo, "workspace:removed", "undo")
    told = repo.gitexp("apply", "one").stderr
    assert "finished first, because it had been stopped: undo apply one" in told
    is_whole(repo, after)
    undo(Project.open(repo.path))
    is_whole(repo, before)


def test_a_kill_while_it_goes_on(applied: tuple[Workspace, Files, Files]) -> None:
    repo, before, _ = applied
    kill(repo, "workspace:ready", "undo")
    kill(repo, "workspace:removed", "undo")
    kill(repo, "unfinished:files", "undo")
    undo(Project.open(repo.path))
    is_whole(repo, before)


def test_an_error_leaves_it_to_go_on(
    applied: tuple[Workspace, Files, Files], monkeypatch: pytest.MonkeyPatch
) -> None:
    repo, before, _ = applied
    project = Project.open(repo.path)

    def save_a_file(point: str) -> None:
        if point == "workspace:removed":
            repo.write("train.py", "# saved just now\n")

    monkeypatch.setattr(checkout, "failpoint", save_a_file)
    with pytest.raises(errors.StorageError, match=r"train\.py was changed") as raised:
        undo(project)
    assert raised.value.hint == "Run the same command again: it goes on with the others."
    monkeypatch.undo()
    done = undo(project)
    assert done.taken is not None
    assert done.taken.kept == ["train.py"]
    is_whole(repo, {**before, "train.py": fingerprint(repo.path)["files"]["train.py"]})


def test_one_that_has_lost_its_files_is_in_nobodys_way(applied: tuple[Workspace, Files, Files]) -> None:
    repo, *_ = applied
    kill(repo, "workspace:removed", "undo")
    project = Project.open(repo.path)
    (operation,) = unfinished(project)
    assert operation.workspace is not None
    lose(repo.path, operation.workspace.before)
    repo.guard.retake()
    with pytest.raises(errors.GitFailed, match="'undo apply one' was stopped, and cannot go on"):
        undo(project)
    assert unfinished(project) == []
    apply(project, "one")
