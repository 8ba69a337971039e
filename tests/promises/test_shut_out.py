"""Places, names and zones that once shut somebody out."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.workspace import Workspace

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="names and zones of POSIX")


@pytest.mark.parametrize("zone", ["<+99>99", "<+99>-99", "nonsense"])
def test_a_zone_that_cannot_be(repo: Workspace, zone: str) -> None:
    env = {"TZ": zone}
    repo.gitexp("run", "-q", "-n", "one", "--", "true", env=env, process=True)
    for command in (["show"], ["show", "one"], ["list"], ["show", "--filter", "created > 2 days ago"]):
        told = repo.gitexp(*command, env=env, check=False, process=True).stderr
        assert "Unexpected" not in told


@pytest.mark.parametrize("name", ["学" * 29, "学" * 80, "s" * 180])
def test_a_stage_with_a_long_name(repo: Workspace, name: str) -> None:
    other = name + "学"
    stages = f"  {name}:\n    cmd: echo one\n  {other}:\n    cmd: echo other\n"
    repo.write("gitexp.yaml", f"stages:\n{stages}")
    repo.commit()
    repo.allow("files", "gitexp.lock", ".gitignore")
    repo.gitexp("run", "-q", "-n", "one")
    logs = repo.git("ls-tree", "--name-only", "refs/gitexp/exps/one:.gitexp/run/stages").splitlines()
    assert len(logs) == 2
    assert repo.gitexp("list").stdout == "one\n"


def test_worktrees_with_long_names_and_with_one_name(repo: Workspace, tmp_path: Path) -> None:
    long, alike = tmp_path / ("w" * 250), tmp_path / "elsewhere" / ".git-like"
    for at, place in enumerate((long, alike)):
        repo.git("worktree", "add", "-q", "-b", f"b{at}", str(place))
        repo.gitexp("run", "-q", "-n", f"e{at}", "--", "true", cwd=str(place))
    assert sorted(repo.gitexp("list", "-A").stdout.split()) == ["e0", "e1"]
    locks = [lock.name for lock in (repo.path / ".git/gitexp/locks").glob("workspace-*")]
    assert len(locks) == 2


@pytest.fixture
def image(repo: Workspace, tmp_path: Path) -> Iterator[Path]:
    """The folder of the repository as a container image has it: the lower layer of an overlay."""
    repo.gitexp("run", "-q", "--temp", "-n", "one", "--", "true")
    for name in ("upper", "work", "image"):
        (tmp_path / name).mkdir()
    layers = f"lowerdir={repo.path},upperdir={tmp_path}/upper,workdir={tmp_path}/work"
    mount = ["mount", "-t", "overlay", "overlay", "-o", layers, str(tmp_path / "image")]
    if shutil.which("mount") is None or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("no overlay can be mounted here")
    yield tmp_path / "image"
    subprocess.run(["umount", str(tmp_path / "image")], check=True)


def test_isolated_runs_in_a_container_image(image: Path) -> None:
    workspace = Workspace(image)
    for name in ("two", "three"):
        workspace.gitexp("run", "-q", "--temp", "-n", name, "--", "true")
    assert sorted(workspace.gitexp("list").stdout.split()) == ["one", "three", "two"]
