"""An archive's `.git` that is another project's, or that leads into another project.

`theirs` is a project of the user's: whatever is done in what the archive brought, nothing there changes.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.experiments import copy_of
from tests.support.hostile import check_answer
from tests.support.workspace import Workspace

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="links of POSIX")

COMMANDS = (
    "save -n mine",
    "show -A",
    "undo",
    "remove -y one",
    "run --temp -n ran -- true",
    "gc --yes",
    "doctor --fix",
)


@pytest.fixture
def theirs(template: Path, tmp_path: Path) -> Workspace:
    theirs = copy_of(template, tmp_path)
    theirs.allow("refs", "refs/heads/*")
    theirs.gitexp("save", "-q", "-n", "one")
    theirs.gitexp("tag", "-q", "one", "best")
    subprocess.run(["git", "worktree", "add", "-q", "../tree"], cwd=theirs.path, check=True)
    return theirs


def _file(here: Path, theirs: Path) -> None:
    (here / ".git").write_text(f"gitdir: {theirs}/.git\n")


def _relative_file(here: Path, theirs: Path) -> None:
    (here / ".git").write_text(f"gitdir: {os.path.relpath(theirs, here)}/.git\n")


def _link(here: Path, theirs: Path) -> None:
    (here / ".git").symlink_to(theirs / ".git")


def _worktree(here: Path, theirs: Path) -> None:
    """After a day, Git believes whatever `.git` leads there."""
    os.utime(theirs / ".git" / "worktrees" / "tree" / "gitdir", (0, 0))
    (here / ".git").write_text(f"gitdir: {theirs}/.git/worktrees/tree\n")


def _link_to_a_worktree(here: Path, theirs: Path) -> None:
    (here / ".git").symlink_to(theirs / ".git" / "worktrees" / "tree")


def _of_its_own(here: Path) -> None:
    subprocess.run(["git", "init", "-q", "-b", "main"], cwd=here, check=True)


def _common_folder(here: Path, theirs: Path) -> None:
    _of_its_own(here)
    (here / ".git" / "commondir").write_text(f"{theirs}/.git\n")


def _common_folder_through_a_link(here: Path, theirs: Path) -> None:
    _of_its_own(here)
    (here / "named").write_text(f"{theirs}/.git\n")
    (here / ".git" / "commondir").symlink_to(here / "named")


def _made_up_worktree(here: Path, theirs: Path) -> None:
    (here / "git").mkdir()
    for name, text in (
        ("HEAD", "ref: refs/heads/main"),
        ("commondir", f"{theirs}/.git"),
        ("gitdir", f"{here}/.git"),
    ):
        (here / "git" / name).write_text(f"{text}\n")
    (here / ".git").write_text("gitdir: git\n")


def _workspace_elsewhere(here: Path, theirs: Path) -> None:
    _of_its_own(here)
    subprocess.run(["git", "config", "core.worktree", str(theirs)], cwd=here, check=True)


def _workspace_above(here: Path, theirs: Path) -> None:
    _of_its_own(here)
    subprocess.run(["git", "config", "core.worktree", str(here.parent)], cwd=here, check=True)


def _workspace_by_an_included_file(here: Path, theirs: Path) -> None:
    _of_its_own(here)
    (here / "more").write_text(f"[core]\n\tworktree = {theirs}\n")
    subprocess.run(["git", "config", "include.path", "../more"], cwd=here, check=True)


def _refs(here: Path, theirs: Path) -> None:
    _of_its_own(here)
    (here / ".git" / "refs" / "gitexp").symlink_to(theirs / ".git" / "refs" / "gitexp")


def _experiments(here: Path, theirs: Path) -> None:
    _of_its_own(here)
    (here / ".git" / "refs" / "gitexp").mkdir()
    (here / ".git" / "refs" / "gitexp" / "exps").symlink_to(theirs / ".git" / "refs" / "gitexp" / "exps")


def _worktrees(here: Path, theirs: Path) -> None:
    _of_its_own(here)
    (here / ".git" / "worktrees").symlink_to(theirs / ".git" / "worktrees")


KINDS = (
    _worktrees,
    _file,
    _relative_file,
    _link,
    _worktree,
    _link_to_a_worktree,
    _common_folder,
    _common_folder_through_a_link,
    _made_up_worktree,
    _workspace_elsewhere,
    _workspace_above,
    _workspace_by_an_included_file,
    _refs,
    _experiments,
)


HARMLESS = (_workspace_by_an_included_file,)  # Git does not read this one in an included file


def _picture(top: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in top.rglob("*") if path.is_file()}


@pytest.mark.parametrize("make", KINDS, ids=lambda make: make.__name__.strip("_"))
def test_another_project_stays_as_it_is(
    theirs: Workspace, tmp_path: Path, make: Callable[[Path, Path], None]
) -> None:
    here = tmp_path / "here"
    here.mkdir()
    (here / "params.yaml").write_text("lr: 1\n")
    make(here, theirs.path)
    before, beside = _picture(theirs.path), sorted(tmp_path.iterdir())
    for command in COMMANDS:
        done = theirs.gitexp(*command.split(), cwd=str(here), check=False)
        check_answer(done, command)
        assert done.exit_code == 1 or make in HARMLESS, command
    assert _picture(theirs.path) == before
    assert sorted(tmp_path.iterdir()) == beside


def test_the_hints_work(theirs: Workspace, tmp_path: Path) -> None:
    """A worktree that was moved, and a workspace that is meant to be elsewhere."""
    (tmp_path / "tree").rename(tmp_path / "moved")
    done = theirs.gitexp("list", cwd=str(tmp_path / "moved"), check=False)
    assert "git worktree repair" in done.stderr
    subprocess.run(["git", "worktree", "repair"], cwd=tmp_path / "moved", check=True, capture_output=True)
    theirs.gitexp("list", cwd=str(tmp_path / "moved"))
    (here := tmp_path / "here").mkdir()
    _file(here, theirs.path)
    done = theirs.gitexp("list", cwd=str(here), check=False)
    env = dict(word.split("=") for word in done.stderr.split("export ")[1].split())
    assert theirs.gitexp("list", cwd=str(here), env=env).stdout.split() == ["one"]
