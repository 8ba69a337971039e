"""What cannot be read is not passed over in silence."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from gitexp.model import Experiment, Status
from gitexp.project.project import Project
from tests.support.snapshots import experiment_commit, stored
from tests.support.workspace import Workspace

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="modes of POSIX")

MODES = ("000", "444", "111", "300")


def get(repo: Workspace, name: str) -> Experiment:
    return Project.open(repo.path).store.require(name)


def open_again(repo: Workspace, *folders: str) -> None:
    with repo.by_user():
        for folder in folders:
            (repo.path / folder).chmod(0o755)


@pytest.mark.parametrize("mode", MODES)
def test_a_result_folder(repo: Workspace, mode: str) -> None:
    repo.write("gitexp.yaml", "outs: [out]\n")
    repo.allow("files", "out/*")
    make = (
        f"mkdir -p out/closed out/open; echo 1 > out/closed/f; echo 1 > out/open/f; chmod {mode} out/closed"
    )
    told = repo.gitexp("run", "-n", "one", "--", "sh", "-c", make, unreadable=True).stderr
    one = get(repo, "one")
    assert one.record.status is Status.DONE
    kept = stored(repo, experiment_commit(repo, "one"))
    assert "out/open/f" in kept
    if mode != "111":  # its files can be opened by name, and nobody knows the names
        assert any("out/closed" in text for text in one.record.warnings), one.record.warnings
    assert "out/closed" in told
    open_again(repo, "out/closed")


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("ignored", [False, True])
def test_save_refuses_a_result_folder(repo: Workspace, mode: str, ignored: bool) -> None:
    repo.write("gitexp.yaml", "outs: [out]\n")
    repo.write(".gitignore", "out\n" if ignored else "")
    repo.write("out/closed/f", "1\n")
    (repo.path / "out/closed").chmod(int(mode, 8))
    done = repo.gitexp("save", "-n", "one", check=False, unreadable=True)
    open_again(repo, "out/closed")
    assert done.exit_code == 1
    assert "out/closed" in done.stderr
    assert Project.open(repo.path).store.names() == []


@pytest.mark.parametrize("mode", MODES)
def test_metrics_and_params_in_a_closed_folder(repo: Workspace, mode: str) -> None:
    repo.write("gitexp.yaml", "metrics: [m/x.json]\nparams: [params.yaml]\n")
    repo.allow("files", "m/*")
    make = f"""mkdir m; echo '{{"a": 1}}' > m/x.json; chmod {mode} m"""
    repo.gitexp("run", "-n", "one", "--", "sh", "-c", make, unreadable=True)
    one = get(repo, "one")
    open_again(repo, "m")
    assert one.record.status is Status.DONE
    if one.record.metrics != {"m/x.json": {"a": 1}}:
        assert any("m" in text for text in one.record.warnings)
    else:
        assert mode in ("111", "300")


def test_an_isolated_run_leaves_a_closed_folder(repo: Workspace) -> None:
    repo.write("gitexp.yaml", "outs: [out]\n")
    make = "mkdir -p out/closed left; echo 1 > left/f; chmod 000 left out/closed"
    told = repo.gitexp("run", "-n", "one", "--temp", "--", "sh", "-c", make, unreadable=True).stderr
    assert "out/closed" in told
    again = repo.gitexp("run", "-n", "two", "--temp", "--", "ls", unreadable=True)
    assert "left" not in again.stdout
    assert Path(repo.path / ".git/gitexp/left/one").exists() or "left" in told


def test_gc_refuses_where_a_folder_cannot_be_looked_into(repo: Workspace) -> None:
    """There may be a gitexp.lock in it."""
    repo.allow("files", "*")
    repo.write("data", "1\n")
    repo.gitexp("add", "-q", "data")
    repo.write(".gitignore", "data\nclosed\n")
    with repo.by_user():
        (repo.path / "closed").mkdir()
        (repo.path / "gitexp.lock").rename(repo.path / "closed/gitexp.lock")
        (repo.path / "gitexp.yaml").unlink()
    for file in Project.open(repo.path).local.objects.rglob("*"):
        os.utime(file, (1e9, 1e9))
    (repo.path / "closed").chmod(0)
    refused = repo.gitexp("gc", "--yes", check=False, unreadable=True)
    open_again(repo, "closed")
    assert refused.exit_code == 1
    assert "closed" in refused.stderr
    with repo.by_user():
        (repo.path / "closed/gitexp.lock").rename(repo.path / "gitexp.lock")
        (repo.path / "data").unlink()
    repo.gitexp("checkout", "-q")


def test_apply_refuses_where_a_closed_folder_is_in_the_way(repo: Workspace) -> None:
    repo.write("new", "theirs\n")
    repo.gitexp("save", "-q", "-n", "one")
    with repo.by_user():
        (repo.path / "new").unlink()
    repo.write(".gitignore", "new\n")
    repo.write("train.py", "mine\n")
    repo.write("new/in/f", "mine\n")
    (repo.path / "new/in").chmod(0)
    refused = repo.gitexp("apply", "one", "--force", check=False, unreadable=True)
    open_again(repo, "new/in")
    assert refused.exit_code == 1
    assert "new/" in refused.stderr
    assert repo.read("train.py") == "mine\n"
