"""A pipe or a link to a device in place of a file that gitexp or Git reads: said, and never waited for."""

from __future__ import annotations

import os
import sys

import pytest

from gitexp import errors
from gitexp.datasets import lock_file
from gitexp.project.project import Project
from gitexp.repo.git import launch
from gitexp.runs import save
from gitexp.upkeep import gc
from tests.support.workspace import Workspace

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="no pipes among files")


def put(repo: Workspace, name: str, kind: str) -> None:
    with repo.by_user():
        (repo.path / name).unlink(missing_ok=True)
        if kind == "pipe":
            os.mkfifo(repo.path / name)
        else:
            (repo.path / name).symlink_to("/dev/zero")


@pytest.mark.parametrize(
    ("kind", "why"), [("pipe", "it is no file"), ("device", "it is a link, which gitexp does not follow")]
)
def test_a_lock(repo: Workspace, kind: str, why: str) -> None:
    put(repo, "gitexp.lock", kind)
    project = Project.open(repo.path)
    with pytest.raises(errors.GitexpError, match=why):
        gc.find(project)
    with pytest.raises(errors.LockError, match=why):
        lock_file.change(repo.path, project.config, project.local, lambda lock: lock)


@pytest.mark.parametrize("name", [".gitignore", ".gitattributes"])
def test_what_git_reads(repo: Workspace, name: str) -> None:
    put(repo, name, "pipe")
    project = Project.open(repo.path)
    with pytest.raises(errors.RepositoryError, match="is a pipe: Git would wait") as raised:
        save.save(project, "x")
    assert raised.value.hint == f"Remove it: rm {repo.path / name}"
    assert repo.gitexp("list").exit_code == 0


@pytest.mark.parametrize("name", [".gitignore", ".gitattributes"])
def test_what_git_reads_in_a_folder_below(
    repo: Workspace, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(launch, "_PATIENCE", 0.5)
    repo.write("below/deep/file", "x")
    put(repo, f"below/deep/{name}", "pipe")
    with pytest.raises(errors.RepositoryError, match=f"below/deep/{name} is a pipe: Git would wait"):
        save.save(Project.open(repo.path), "x")


@pytest.mark.parametrize("kind", ["pipe", "device"])
@pytest.mark.parametrize("name", ["dvc.yaml", "gitexp.yaml", "params.yaml", "train.py"])
def test_what_is_looked_at(repo: Workspace, name: str, kind: str) -> None:
    put(repo, name, kind)
    repo.writes("gitexp.yaml")
    for command in (("show",), ("init",), ("init", "--force", "--yes"), ("status",)):
        assert repo.gitexp(*command, check=False).exit_code in (0, 1, 2)
