"""What `gitexp diff` says of data: which files of a folder are new, changed or gone."""

from __future__ import annotations

import pytest

from gitexp.cli.commands.looking import diff as commands_diff
from gitexp.datasets.changes import FileChanges
from gitexp.project.project import Project
from gitexp.views import diff
from gitexp.views.data_diff import DataChange
from tests.support.workspace import Workspace

WANTED = FileChanges(new=["sub/new"], changed=["b"], gone=["a"])


@pytest.fixture
def repo(repo: Workspace) -> Workspace:
    """Data as it was at `old`, and as it is in the workspace, not added yet."""
    repo.allow("files", "gitexp.yaml", "gitexp.lock", ".gitignore", "data/*")
    for name in "abc":
        repo.write(f"data/{name}", name)
    repo.gitexp("add", "-q", "data")
    repo.commit("old")
    repo.git("tag", "old")
    repo.write("data/sub/new", "new")
    repo.write("data/b", "other")
    with repo.by_user():
        (repo.path / "data/a").unlink()
    return repo


def found(repo: Workspace, *words: str) -> diff.Diff:
    project = Project.open(repo.path)
    old, new = (*words, None, None)[:2]
    return diff.diff(project, *diff.points(project, old, new))


def test_data_of_the_workspace_is_as_it_stands(repo: Workspace) -> None:
    (change,) = found(repo).data
    assert (change.path, change.files) == ("data", WANTED)


def test_between_commits(repo: Workspace) -> None:
    repo.gitexp("add", "-q", "data")
    repo.commit("new")
    (change,) = found(repo, "old", "HEAD").data
    assert change.files == WANTED
    (back,) = found(repo, "HEAD", "old").data
    assert back.files == FileChanges(new=["a"], changed=["b"], gone=["sub/new"])


def test_files_that_are_not_known_here(repo: Workspace) -> None:
    repo.allow("git", "*")
    objects = Project.open(repo.path).local.objects
    with repo.by_user():
        for manifest in objects.rglob("*.dir"):
            manifest.unlink()
    (change,) = found(repo).data
    assert change.files is None
    assert repo.gitexp("status").stdout.startswith("data  changed: ")


def test_data_that_is_not_here_has_not_been_changed(repo: Workspace) -> None:
    with repo.by_user():
        for file in (repo.path / "data").rglob("*"):
            if file.is_file():
                file.unlink()
        (repo.path / "data/sub").rmdir()
        (repo.path / "data").rmdir()
    assert not found(repo)


def test_on_the_screen_the_first_files_are_named(repo: Workspace) -> None:
    shown = repo.gitexp("diff").stdout.splitlines()
    assert shown[2:] == ["  + sub/new", "  ~ b", "  - a"]
    (document,) = repo.json("diff")["data"]
    assert document["files"] == {"new": ["sub/new"], "changed": ["b"], "gone": ["a"]}


def test_of_many_files_there_are_figures(repo: Workspace) -> None:
    compared = found(repo)
    (change,) = compared.data
    many = FileChanges(new=[f"{number}" for number in range(1200)], gone=["a"])
    changes = [DataChange("data", change.old, change.new, many)]
    of_many = diff.Diff(compared.old, compared.new, (), (), (), (), data=changes)
    lines = commands_diff.lines(of_many, b"", width=80, colors=False)
    assert len(lines) == 2 + 20 + 1
    assert lines[-1][0][0] == "  … of 1,200 new, 1 gone"
