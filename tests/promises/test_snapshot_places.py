"""Repositories of every kind: where the Git folder is, what it borrows, how it names objects."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from gitexp.project.project import Project
from gitexp.runs.save import save
from tests.support.repositories import git, submodule
from tests.support.snapshots import experiment_commit, on_disk, stored
from tests.support.workspace import Workspace

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="modes, links and names of POSIX")

Place = Callable[[Workspace, Path], Path]

PLACES: list[Place] = []


def place(story: Place) -> Place:
    PLACES.append(story)
    return story


@pytest.mark.parametrize("place", PLACES, ids=lambda place: place.__name__)
def test_run_and_save(repo: Workspace, tmp_path: Path, place: Place) -> None:
    folder = place(repo, tmp_path / "place")
    repo.guard.retake()
    here = Workspace(folder)
    here.write("train.py", "print('other')\n")
    here.write("sub/new.py", "new\n", mode=0o755)
    here.writes("canary")
    row = here.json("run", "--", "touch", "canary")
    kept = stored(here, experiment_commit(here, row["name"]))
    assert kept == {path: entry for path, entry in on_disk(folder).items() if path != "canary"}
    assert save(Project.open(folder)).record.warnings == ()
    here.writes("isolated")
    row = here.json("run", "--temp", "--", "sh", "-c", "git status --porcelain; test -x sub/new.py")
    assert stored(here, experiment_commit(here, row["name"])) == on_disk(folder)
    assert here.gitexp("log", row["name"]).stdout == ""
    assert here.git("fsck", "--strict", "--no-dangling") == ""
    here.close()
    repo.allow("files", "library/*", "data/inner/*")
    repo.allow("git", "modules/library/*")


@place
def a_linked_worktree(repo: Workspace, place: Path) -> Path:
    repo.git("worktree", "add", "-q", str(place))
    return place


@place
def a_linked_worktree_with_settings_of_its_own(repo: Workspace, place: Path) -> Path:
    repo.git("worktree", "add", "-q", str(place))
    git(place, "config", "extensions.worktreeConfig", "true")
    git(place, "config", "--worktree", "core.autocrlf", "input")
    (place / "crlf.txt").write_bytes(b"one\r\ntwo\r\n")
    return place


@place
def a_shallow_clone(repo: Workspace, place: Path) -> Path:
    return clone(repo, place, "--depth=1")


@place
def a_clone_without_blobs_and_a_sparse_checkout_of_all(repo: Workspace, place: Path) -> Path:
    repo.git("config", "uploadpack.allowFilter", "true")
    clone(repo, place, "--filter=blob:none", "--sparse")
    return place


@place
def a_clone_that_shares_objects(repo: Workspace, place: Path) -> Path:
    return clone(repo, place, "--shared")


@place
def a_git_folder_elsewhere(repo: Workspace, place: Path) -> Path:
    return clone(repo, place, f"--separate-git-dir={place}.git")


@place
def a_worktree_set_by_configuration(repo: Workspace, place: Path) -> Path:
    clone(repo, place, f"--separate-git-dir={place}.git")
    git(place, "config", "core.worktree", str(place))
    return place


@place
def a_submodule(repo: Workspace, place: Path) -> Path:
    return submodule(repo)


@place
def a_folder_reached_through_a_link(repo: Workspace, place: Path) -> Path:
    clone(repo, place.parent / "real")
    place.symlink_to("real")
    return place


@place
def a_folder_with_an_odd_name(repo: Workspace, place: Path) -> Path:
    return clone(repo, place.parent / 'a b\'s "x" [\N{SNOWMAN}] -- $HOME;')


@place
def a_folder_whose_name_is_no_text(repo: Workspace, place: Path) -> Path:
    return clone(repo, place.parent / os.fsdecode(b"latin\xe9"))


@place
def a_repository_with_sha256(repo: Workspace, place: Path) -> Path:
    return fresh(place, "--object-format=sha256")


@place
def a_repository_with_reftable(repo: Workspace, place: Path) -> Path:
    try:
        return fresh(place, "--ref-format=reftable")
    except subprocess.CalledProcessError:
        pytest.skip("this Git has no reftable")


@place
def a_repository_inside_an_ignored_folder_of_another(repo: Workspace, place: Path) -> Path:
    return clone(repo, repo.path / "data/inner")


def clone(repo: Workspace, folder: Path, *options: str) -> Path:
    source = str(repo.path) if "--shared" in options else f"file://{repo.path}"
    git(repo.path, "clone", "-q", *options, source, str(folder))
    return folder


def fresh(folder: Path, *options: str) -> Path:
    git(folder.parent, "init", "-q", "-b", "main", *options, str(folder))
    (folder / "train.py").write_text("print('first')\n")
    git(folder, "add", ".")
    git(folder, "commit", "-q", "-m", "first")
    return folder
