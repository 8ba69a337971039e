"""A history that was rewritten: what records name is gone, and `gitexp doctor --fix` mends it."""

from __future__ import annotations

import sys

import pytest

from tests.support.workspace import Workspace

REMOVE = "git rm --cached --quiet --ignore-unmatch big.txt"


@pytest.fixture
def rewritten(repo: Workspace) -> Workspace:
    """Two experiments, one from the other and with a note, after filter-branch and gc."""
    repo.write("big.txt", "too large")
    repo.commit("one")
    repo.commit("two")
    run = ("--", sys.executable, "-c", "")
    repo.gitexp("run", "-q", "-n", "a", *run)
    repo.gitexp("run", "-q", "-n", "b", "--from", "a", "-S", "train.lr=7")
    repo.gitexp("note", "-q", "a", "-m", "mine")
    with repo.by_user():
        (repo.path / "big.txt").unlink()
    repo.git("checkout", "-q", ".")
    env = ("-c", "core.hooksPath=/dev/null")
    repo.git(*env, "filter-branch", "-f", "--index-filter", REMOVE, "--", "--all")
    for ref in repo.git("for-each-ref", "--format=%(refname)", "refs/original").split():
        repo.git("update-ref", "-d", ref)
    with repo.by_user():
        for keep in (repo.path / ".git" / "objects" / "pack").glob("*.keep"):
            keep.unlink()
    for line in repo.git("worktree", "list", "--porcelain").splitlines():
        if line.startswith("worktree ") and "/worktrees/" in line:
            repo.git("worktree", "remove", "--force", "--force", line.removeprefix("worktree "))
    repo.git("reflog", "expire", "--expire=now", "--all")
    repo.git("gc", "-q", "--prune=now")
    return repo


def test_doctor_mends_it(rewritten: Workspace) -> None:
    repo = rewritten
    before = repo.json("doctor", check=False)
    assert "history-rewritten" in [finding["code"] for finding in before["findings"]]
    for args in (("apply", "a"), ("branch", "a", "x"), ("run", "--from", "a"), ("diff", "a", "b")):
        done = repo.gitexp(*args, check=False)
        assert done.exit_code == 1
        assert "its history was rewritten" in done.stderr
        assert "gitexp doctor --fix" in done.stderr
    repo.gitexp("doctor", "--fix", check=False)
    a, b = repo.json("show", "a", "b")
    assert a["commit"] == repo.git("rev-parse", "refs/gitexp/exps/a~3")
    assert a["baseline"] == repo.git("rev-parse", "HEAD")
    assert (b["baseline"], b["parent"]) == (a["commit"], "a")
    assert a["note"] == "mine"
    assert "big.txt" not in repo.git("ls-tree", "-r", "--name-only", a["commit"])
    assert "history-rewritten" not in str(repo.json("doctor", check=False))
    assert repo.gitexp("list").stdout.split() == ["b", "a"]
    repo.allow("refs", "refs/heads/x")
    repo.allow("reflogs", "refs/heads/x")
    repo.allow("files", "params.yaml")
    repo.gitexp("diff", "a", "b")
    repo.gitexp("branch", "a", "x")
    repo.gitexp("apply", "b")


def test_what_is_not_certain_is_left(repo: Workspace) -> None:
    """A record on a commit with other files than its own."""
    repo.gitexp("save", "-q", "-n", "a")
    repo.write("more.txt", "")
    other = repo.git("commit-tree", repo.git("write-tree"), "-p", "HEAD", "-m", "other")
    repo.git("add", "more.txt")
    tree = repo.git("write-tree")
    repo.git("reset", "-q")
    body = repo.git("show", "-s", "--format=%B", "refs/gitexp/exps/a")
    repo.git("update-ref", "refs/gitexp/exps/a", repo.git("commit-tree", tree, "-p", other, "-m", body))
    assert "history-rewritten" not in str(repo.json("doctor", check=False))
