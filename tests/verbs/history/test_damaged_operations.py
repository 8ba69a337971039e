"""An operation that cannot be read stops no command; doctor names it, and takes it out of the way."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.repositories import lose
from tests.support.workspace import Workspace

UNDO = "refs/gitexp/undo/"
HOW = ("missing", "damaged", "broken ref")


@pytest.fixture
def repo(repo: Workspace) -> Workspace:
    """A repository with the experiment `one` and two operations."""
    repo.gitexp("save", "-q", "-n", "one")
    repo.gitexp("tag", "-q", "one", "a")
    repo.gitexp("tag", "-q", "one", "b")
    return repo


def loose(repo: Workspace, oid: str) -> Path:
    return repo.path / ".git" / "objects" / oid[:2] / oid[2:]


def damage(repo: Workspace, number: int, how: str) -> None:
    ref = f"{UNDO}{number:08}"
    if how == "broken ref":
        (repo.path / ".git" / ref).write_bytes(b"")
        return
    commit = loose(repo, repo.git("rev-parse", ref))
    lose(repo.path, ref)
    if how == "damaged":
        commit.write_bytes(b"nonsense")


def works(repo: Workspace) -> None:
    """Every command that stores an operation, looks at operations or takes one back."""
    repo.allow("refs", "refs/heads/*")
    repo.allow("reflogs", "refs/heads/*")
    for command in (
        ("tag", "-q", "one", "c"),
        ("note", "-q", "one", "-m", "text"),
        ("undo", "--list"),
        ("undo", "-q"),
        ("rename", "-q", "one", "two"),
        ("branch", "-q", "two", "of-two"),
        ("save", "-q", "-n", "three"),
        ("remove", "-y", "-q", "three"),
        ("undo", "-q"),
        ("list",),
    ):
        repo.gitexp(*command)
    assert sorted(repo.gitexp("list").stdout.split()) == ["three", "two"]


@pytest.mark.parametrize("how", HOW)
def test_a_damaged_operation_stops_no_command(repo: Workspace, how: str) -> None:
    """The newest is damaged in one way, and older ones in every way."""
    for tag in ("older", "newer"):
        repo.gitexp("tag", "-q", "one", tag)
    for number, older in enumerate(HOW, start=1):
        damage(repo, number, older)
    damage(repo, 4, how)
    works(repo)


@pytest.mark.parametrize("how", ["missing", "damaged"])
def test_doctor_takes_it_out_of_the_way(repo: Workspace, how: str) -> None:
    oid = repo.git("rev-parse", f"{UNDO}00000001")
    damage(repo, 1, how)
    (finding,) = repo.json("doctor", check=False)["findings"]
    assert (finding["code"], finding["mendable"]) == ("bad-operation", True)
    assert "The operation 1 cannot be undone" in finding["message"]
    assert repo.json("doctor", "--fix")["healthy"]
    assert repo.json("doctor")["findings"] == []
    assert (repo.path / ".git/gitexp/broken/undo-00000001").read_text() == f"{oid}\n"
    works(repo)


def test_of_an_operation_with_missing_objects_the_rest_stays(repo: Workspace) -> None:
    blob = repo.git("hash-object", "-w", "--stdin", input="only here\n")
    tree = repo.git("mktree", input=f"100644 blob {blob}\tx\n")
    body = '{"format":1,"created":"2026-11-29T00:00:00+00:00","refs":[]}'
    commit = repo.git("commit-tree", tree, input=f"tag one x\n\n{body}\n")
    repo.git("update-ref", f"{UNDO}00000003", commit)
    lose(repo.path, blob)
    (finding,) = repo.json("doctor", "--fix", check=False)["findings"]
    assert (finding["code"], finding["mendable"], finding["mended"]) == ("bad-operation", False, False)
    assert repo.git("rev-parse", f"{UNDO}00000003") == commit
    works(repo)


def test_operations_of_a_strangers_stop_no_command(repo: Workspace) -> None:
    tree = repo.git("rev-parse", "HEAD^{tree}")
    for number, body in enumerate(
        (
            '{"format":1,"created":"x","refs":[],"workspace":{"before":"T","after":"T","worktree":".","modes":{"a":1e999}}}',
            '{"format":1e999,"created":"x","refs":[]}',
            '{"format":1,"created":"x","refs":[],"undoes":1e999}',
            '{"format":1,"created":"x","refs":[["a"]]}',
            "[" * 100_000,
            '{"format":2}',
        ),
        start=3,
    ):
        commit = repo.git("commit-tree", tree, input="apply x\n\n" + body.replace("T", tree) + "\n")
        repo.git("update-ref", f"{UNDO}{number:08}", commit)
    works(repo)


def test_a_ref_in_the_place_of_an_operation(repo: Workspace) -> None:
    repo.git("update-ref", f"{UNDO}00000003/x", "HEAD")
    repo.git("update-ref", f"{UNDO}4", "HEAD")
    works(repo)
