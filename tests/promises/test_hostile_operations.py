"""Operations that somebody else has made up: `undo` writes and deletes nothing outside, and nothing unasked.

And while files are brought into the workspace, somebody puts links in the place of its folders.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from gitexp.objects import place
from gitexp.project import params, whole_file
from gitexp.repo.git import checkout
from tests.support.hostile import Lair, check_answer
from tests.support.workspace import Workspace

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="links and modes of POSIX")

Entries = list[tuple[str, str, str]]
Trees = tuple[str, str, str]  # before, after, raw


@pytest.fixture
def lair(repo: Workspace, tmp_path: Path) -> Lair:
    outside = tmp_path / "theirs"
    (outside / "folder").mkdir(parents=True)
    for name in ("file", "folder/x", "folder/zz"):
        (outside / name).write_text("theirs")
    repo.allow("files", "*")
    repo.allow("refs", "*")
    repo.allow("reflogs", "*")
    return Lair(repo, outside)


def workspace(lair: Lair, trees: Trees, modes: dict[str, int] | None = None, worktree: str = ".") -> None:
    """Stores an operation that took the workspace from one tree to another."""
    before, after, raw = trees
    work = {"worktree": worktree, "before": before, "after": after, "raw": raw, "modes": modes or {}}
    operation(lair, [], work)


def operation(lair: Lair, refs: list[list[str | None]], work: dict[str, object] | None = None) -> None:
    body = {"format": 1, "created": "2026-11-29T10:00:00Z", "refs": refs}
    if work is not None:
        body["workspace"] = work
    commit = lair.commit(lair.tree(), f"apply x\n\n{json.dumps(body)}\n".encode(), lair.head)
    lair.ref("refs/gitexp/undo/00000001", commit)


def head_with(lair: Lair, *entries: tuple[str, str, str]) -> str:
    """A tree of the files of HEAD, and more; not in Git's order, if they are not given so."""
    found = []
    for line in lair.git("ls-tree", "HEAD").splitlines():
        meta, name = line.split("\t")
        mode, _, oid = meta.split()
        found.append((mode, name, oid))
    return lair.tree(*found, *entries)


def raw_through_a_link(lair: Lair) -> Trees:
    """The link is checked out, and then the bytes of the file are written."""
    lair.file("zz", "n\n")
    link, new = lair.blob(os.fsencode(lair.outside / "file")), lair.blob(b"n\n")
    raw = lair.tree(("100644", "zz", lair.blob(b"PWNED\n")))
    return head_with(lair, ("120000", "zz", link)), head_with(lair, ("100644", "zz", new)), raw


def below_a_link_of_its_own(lair: Lair) -> Trees:
    link = lair.blob(os.fsencode(lair.outside / "folder"))
    inner = lair.tree(("100644", "x", lair.blob(b"PWNED\n")))
    before = head_with(lair, ("120000", "zz", link), ("40000", "zz", inner))
    return before, head_with(lair), lair.tree()


def below_a_link_that_is_here(lair: Lair) -> Trees:
    lair.link("zz", lair.outside / "folder")
    inner = lair.tree(("100644", "x", lair.blob(b"PWNED\n")))
    link = lair.blob(os.fsencode(lair.outside / "folder"))
    return head_with(lair, ("40000", "zz", inner)), head_with(lair, ("120000", "zz", link)), lair.tree()


def removed_behind_a_link(lair: Lair) -> Trees:
    lair.link("zz", lair.outside / "folder")
    inner = lair.tree(("100644", "x", lair.blob(b"theirs")))
    return head_with(lair), head_with(lair, ("40000", "zz", inner)), lair.tree()


def written_above(lair: Lair) -> Trees:
    theirs = lair.tree(("40000", "theirs", lair.tree(("100644", "file", lair.blob(b"PWNED\n")))))
    return head_with(lair, ("40000", "..", theirs)), head_with(lair), lair.tree()


def removed_above(lair: Lair) -> Trees:
    theirs = lair.tree(("40000", "theirs", lair.tree(("100644", "file", lair.blob(b"theirs")))))
    return head_with(lair), head_with(lair, ("40000", "..", theirs)), lair.tree()


def removed_above_by_detours(lair: Lair) -> Trees:
    theirs = lair.tree(("100644", "file", lair.blob(b"theirs")))
    up = lair.tree(("40000", "..", lair.tree(("40000", "..", lair.tree(("40000", "theirs", theirs))))))
    return head_with(lair), head_with(lair, ("40000", "tools", up)), lair.tree()


def into_git(lair: Lair) -> Trees:
    hooks = lair.tree(("40000", "hooks", lair.tree(("100755", "pre-commit", lair.blob(b"#!/bin/sh\n")))))
    return head_with(lair, ("40000", ".git", hooks)), head_with(lair), lair.tree()


def into_git_spelled_otherwise(lair: Lair) -> Trees:
    inner = lair.tree(("100644", "config", lair.blob(b"[core]\n")))
    names = (".GIT", "git~1", ".g\u200cit", ".git ")
    return head_with(lair, *(("40000", name, inner) for name in names)), head_with(lair), lair.tree()


def gits_own_config_removed(lair: Lair) -> Trees:
    inner = lair.tree(("100644", "config", lair.blob((lair.path / ".git" / "config").read_bytes())))
    return head_with(lair), head_with(lair, ("40000", ".git", inner)), lair.tree()


def raw_of_a_path_behind_a_link(lair: Lair) -> Trees:
    link = lair.blob(os.fsencode(lair.outside / "folder"))
    raw = lair.tree(("40000", "zz", lair.tree(("100644", "x", lair.blob(b"PWNED\n")))))
    return head_with(lair, ("120000", "zz", link)), head_with(lair), raw


def raw_above(lair: Lair) -> Trees:
    raw = lair.tree(("40000", "..", lair.tree(("100644", "zz", lair.blob(b"PWNED\n")))))
    return head_with(lair, ("100644", "zz", lair.blob())), head_with(lair), raw


OPERATIONS = (
    raw_through_a_link,
    below_a_link_of_its_own,
    below_a_link_that_is_here,
    removed_behind_a_link,
    written_above,
    removed_above,
    removed_above_by_detours,
    into_git,
    into_git_spelled_otherwise,
    gits_own_config_removed,
    raw_of_a_path_behind_a_link,
    raw_above,
)


@pytest.mark.parametrize("make", OPERATIONS, ids=lambda make: make.__name__)
def test_undo_changes_nothing_outside(lair: Lair, make: Callable[[Lair], Trees]) -> None:
    workspace(lair, make(lair))
    outside, git = _texts(lair.outside), _texts(lair.path / ".git", "config", "hooks/*")
    beside = sorted(lair.path.parent.iterdir())
    for command in ("undo --list", "undo", "undo --force", "redo", "redo --list", "doctor"):
        check_answer(lair.repo.gitexp(*command.split(), check=False), command)
        assert _texts(lair.outside) == outside
        assert _texts(lair.path / ".git", "config", "hooks/*") == git
        assert sorted(lair.path.parent.iterdir()) == beside


def _texts(top: Path, *patterns: str) -> dict[Path, str]:
    files = [path for pattern in patterns or ("**/*",) for path in top.glob(pattern) if path.is_file()]
    return {path: path.read_text() for path in files}


@pytest.mark.parametrize("mode", [0o4777, 0o2777, 0o1777, 0o777, 0o7755, -1, 2**70])
def test_an_operation_gives_nobody_else_a_right(lair: Lair, mode: int) -> None:
    trees = (head_with(lair, ("100755", "zz", lair.blob(b"x\n"))), head_with(lair), lair.tree())
    workspace(lair, trees, {"zz": mode})
    lair.repo.gitexp("undo")
    assert (lair.path / "zz").stat().st_mode & 0o7002 == 0


def test_an_operation_of_another_worktree_is_none_of_this_one(lair: Lair) -> None:
    trees = (head_with(lair, ("100644", "zz", lair.blob())), head_with(lair), lair.tree())
    for worktree in ("..", "/", "worktrees/../..", "worktrees/other"):
        workspace(lair, trees, worktree=worktree)
        assert lair.repo.gitexp("undo", check=False).exit_code == 1
        assert not (lair.path / "zz").exists()


@pytest.mark.parametrize("is_pending", [False, True])
@pytest.mark.parametrize("ref", ["refs/heads/main", "refs/heads/other", "refs/tags/v1", "HEAD", "refs/stash"])
def test_an_operation_moves_no_branch(lair: Lair, ref: str, is_pending: bool) -> None:
    """Neither when it is taken back, nor as one that gitexp died over, to be completed."""
    evil = lair.commit(lair.head_tree, b"evil\n", lair.head)
    lair.git("branch", "other")
    listed = ("for-each-ref", "--format=%(refname) %(objectname)", "refs/heads", "refs/tags")
    before = lair.git(*listed)
    for old, new in ((lair.head, evil), (evil, lair.head)):
        operation(lair, [[ref, old, new]])
        if is_pending:
            marker = lair.path / ".git" / "gitexp" / "pending" / "1"
            marker.parent.mkdir(parents=True, exist_ok=True)
            marker.touch()
        for command in ("list", "undo"):
            check_answer(lair.repo.gitexp(command, check=False), command)
        assert lair.git(*listed) == before


def test_the_branch_of_the_user_stays(lair: Lair) -> None:
    operation(lair, [["refs/heads/main", lair.head, None]])
    marker = lair.path / ".git" / "gitexp" / "pending" / "1"
    marker.parent.mkdir(parents=True, exist_ok=True)
    marker.touch()
    lair.repo.gitexp("list")
    assert lair.git("rev-parse", "refs/heads/main") == lair.head
    assert not marker.exists()


# -- folders that become links ---------------------------------------------------------------------------


def refused_inside(lair: Lair, *command: str, cwd: str = ".") -> None:
    """Runs a command that is refused, and changes nothing outside of the workspace."""
    before = _texts(lair.outside)
    done = lair.repo.gitexp(*command, cwd=cwd, check=False)
    check_answer(done, command[0])
    assert done.exit_code == 1
    assert _texts(lair.outside) == before


def swapping(lair: Lair, name: str, at: str) -> Callable[[str], None]:
    """A failpoint that puts a link in the place of a folder, once."""
    done = []

    def reached(point: str) -> None:
        if point == at and not done:
            done.append(point)
            (lair.path / name).rename(lair.path / "moved")
            (lair.path / name).symlink_to(lair.outside / "folder")

    return reached


@pytest.mark.parametrize("point", ["workspace:ready", "workspace:written", "workspace:removed"])
def test_apply_does_not_follow_a_folder_that_became_a_link(
    lair: Lair, monkeypatch: pytest.MonkeyPatch, point: str
) -> None:
    names = [f"d/sub/{number}" for number in range(3)]
    for name in (*names, "d/zz"):
        lair.file(name, "first\n")
    lair.repo.gitexp("save", "-q", "-n", "one")
    for name in names:
        lair.file(name, "second\n")
    lair.file("d/x", "second\n")
    (lair.path / "d" / "zz").unlink()
    lair.repo.gitexp("save", "-q", "-n", "two")
    before = _texts(lair.outside)
    with monkeypatch.context() as patched:
        patched.setattr(checkout, "failpoint", swapping(lair, "d", point))
        done = lair.repo.gitexp("apply", "one", "--force", check=False)
    check_answer(done, "apply")
    assert done.exit_code == (0 if point == "workspace:removed" and not (lair.path / "moved").exists() else 1)
    assert _texts(lair.outside) == before


@pytest.mark.parametrize("folder", ["d", "d/sub"])
@pytest.mark.parametrize("point", ["place:ready", "place:written", "place:removed"])
def test_checkout_does_not_follow_a_folder_that_became_a_link(
    lair: Lair, monkeypatch: pytest.MonkeyPatch, point: str, folder: str
) -> None:
    for number in range(3):
        lair.file(f"d/sub/{number}", f"first {number}\n")
    lair.file(".gitignore", "/d\n/moved\n")
    lair.repo.gitexp("add", "-q", "d")
    lair.file("d/sub/0", "second\n")
    lair.file("d/sub/zz", "second\n")
    (lair.path / "d" / "sub" / "2").unlink()
    with monkeypatch.context() as patched:
        patched.setattr(place, "failpoint", swapping(lair, folder, point))
        refused_inside(lair, "checkout", "--force")


def test_an_edit_does_not_follow_a_folder_that_became_a_link(
    lair: Lair, monkeypatch: pytest.MonkeyPatch
) -> None:
    lair.file("conf/params.yaml", "lr: 1\n")
    (lair.outside / "folder" / "params.yaml").write_text("lr: 1\n")
    lair.file("gitexp.yaml", "params: [conf/params.yaml]\n")
    with monkeypatch.context() as patched:
        patched.setattr(params, "failpoint", swapping(lair, "conf", "params:temporary"))
        refused_inside(lair, "run", "-S", "lr=2", "--", "true")


def test_the_lock_does_not_follow_a_folder_that_became_a_link(
    lair: Lair, monkeypatch: pytest.MonkeyPatch
) -> None:
    lair.file("sub/gitexp.yaml", "data: [d]\n")
    lair.file("sub/.gitignore", "/d\n")
    lair.file("sub/d/a", "a\n")
    with monkeypatch.context() as patched:
        patched.setattr(whole_file, "failpoint", swapping(lair, "sub", "whole-file:written"))
        refused_inside(lair, "add", "d", cwd="sub")
