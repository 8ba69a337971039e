"""Settings of Git that say something wrong about the disk: the disk is asked, and nothing is lost."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from gitexp.repo.git import disk_settings
from tests.support.repositories import link
from tests.support.snapshots import entry_of, experiment_commit, on_disk, stored
from tests.support.workspace import Workspace

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="a disk where case, modes and links count")


def kept(repo: Workspace, *args: str) -> dict[str, tuple[str, bytes]]:
    """What plain Git checks out of a new experiment, where it is told the truth about the disk."""
    name = repo.json(*args)["name"]
    for key in ("core.ignoreCase", "core.fileMode", "core.symlinks"):
        repo.git("config", "--unset-all", key, check=False)
    return stored(repo, experiment_commit(repo, name))


@pytest.mark.parametrize("command", [("save",), ("run", "--", "true")])
def test_two_names_with_a_difference_in_case(repo: Workspace, command: tuple[str, ...]) -> None:
    repo.write("Sub/M.py", "1\n")
    repo.commit()
    repo.git("config", "core.ignoreCase", "true")
    repo.write("Sub/m.py", "2\n")
    repo.write("sub/M.py", "3\n")
    assert kept(repo, *command) == on_disk(repo.path)


@pytest.mark.parametrize("command", [("save",), ("run", "--", "true")])
def test_modes(repo: Workspace, command: tuple[str, ...]) -> None:
    repo.write("was.sh", "1\n", mode=0o755)
    repo.write("is.sh", "1\n")
    repo.commit()
    repo.git("config", "core.fileMode", "false")
    for name, mode in (("was.sh", 0o644), ("is.sh", 0o755)):
        with repo.by_user():
            (repo.path / name).chmod(mode)
    repo.write("new.sh", "1\n", mode=0o755)
    assert kept(repo, *command) == on_disk(repo.path)


@pytest.mark.parametrize("command", [("save",), ("run", "--", "true")])
def test_links(repo: Workspace, command: tuple[str, ...]) -> None:
    link(repo, "was", "train.py")
    repo.write("is", "text\n")
    repo.commit()
    repo.git("config", "core.symlinks", "false")
    with repo.by_user():
        (repo.path / "was").unlink()
        (repo.path / "was").write_text("train.py")
        (repo.path / "is").unlink()
        (repo.path / "is").symlink_to("train.py")
    link(repo, "new", "params.yaml")
    assert kept(repo, *command) == on_disk(repo.path)


def test_an_isolated_run_and_its_results(repo: Workspace) -> None:
    repo.write("gitexp.yaml", "outs: [out]\n")
    repo.write("M.py", "1\n")
    repo.write("m.py", "2\n")
    repo.write(
        "go.sh", "#!/bin/sh\nmkdir out; cat M.py m.py; echo > out/a; echo > out/A; chmod +x out/a\n", 0o755
    )
    link(repo, "link", "go.sh")
    for key, value in (("ignoreCase", "true"), ("fileMode", "false"), ("symlinks", "false")):
        repo.git("config", f"core.{key}", value)
    found = kept(repo, "run", "-n", "one", "--temp", "--", "./link")
    assert repo.gitexp("log", "one").stdout == "1\n2\n"
    assert (found["out/a"][0], found["out/A"][0]) == ("100755", "100644")
    repo.gitexp("run", "-q", "--from", "one", "--", "./link")


def test_apply_and_undo_write_links_and_modes(repo: Workspace) -> None:
    repo.git("config", "core.symlinks", "false")
    repo.git("config", "core.fileMode", "false")
    link(repo, "link", "train.py")
    repo.write("go.sh", "1\n", mode=0o755)
    before = {name: entry_of(repo.path / name) for name in ("link", "go.sh")}
    repo.gitexp("save", "-q", "-n", "one")
    with repo.by_user():
        for name in before:
            (repo.path / name).unlink()
    repo.allow("files", "link", "go.sh")
    repo.gitexp("apply", "one")
    assert {name: entry_of(repo.path / name) for name in before} == before
    repo.gitexp("undo")
    repo.gitexp("redo")
    assert {name: entry_of(repo.path / name) for name in before} == before


def test_a_disk_that_cannot_be_asked_is_as_git_says(tmp_path: Path) -> None:
    assert disk_settings.ask(tmp_path, tmp_path / "nowhere") == {}
    assert disk_settings.ask(tmp_path, tmp_path)["core.ignoreCase"] == "false"  # no .git to ask for
    (tmp_path / ".git").mkdir()
    asked = disk_settings.ask(tmp_path, tmp_path)
    assert asked == {"core.ignoreCase": "false", "core.fileMode": "true", "core.symlinks": "true"}
    (tmp_path / ".GIT").mkdir()  # another folder, and no other name
    assert disk_settings.ask(tmp_path, tmp_path)["core.ignoreCase"] == "false"
    assert os.listdir(tmp_path) in ([".git", ".GIT"], [".GIT", ".git"])  # noqa: PTH208
