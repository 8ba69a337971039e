"""Whether a file is executable is part of its content, where the disk can tell."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from gitexp.repo.git import disk_settings
from tests.support.pipeline import lock, make, reasons, start, states
from tests.support.workspace import Workspace

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="written in sh")

FILES = {
    "gitexp.yaml": """\
data: [data.bin]
stages:
  build:
    cmd: if [ -x tool ]; then echo fast >out; else echo slow >out; fi
    deps: [tool, data.bin]
    outs: [out]
""",
    "tool": "x\n",
    "data.bin": "data\n",
    ".gitignore": "out\ndata.bin\n",
}


@pytest.fixture
def repo(repo: Workspace) -> Workspace:
    make(repo, FILES)
    repo.writes("out", "gitexp.lock")
    repo.gitexp("add", "data.bin")
    return repo


def executable(path: Path, *, yes: bool) -> None:
    path.chmod(0o755 if yes else 0o644)


def test_a_dep_that_becomes_executable_is_another(repo: Workspace) -> None:
    start(repo)
    repo.write("tool", FILES["tool"], mode=0o755)
    status = repo.gitexp("status").stdout
    assert "tool changed its mode" in status
    result = start(repo).experiment
    assert reasons(result) == {"build": ["tool changed its mode"]}
    assert repo.read("out") == "fast\n"
    assert states(start(repo).experiment) == {"build": "up to date"}
    repo.write("tool", FILES["tool"], mode=0o644)
    assert states(start(repo).experiment) == {"build": "restored"}
    assert repo.read("out") == "slow\n"


def test_an_out_that_becomes_executable_is_brought_back(repo: Workspace) -> None:
    start(repo)
    executable(repo.path / "out", yes=True)
    result = start(repo).experiment
    assert (states(result), reasons(result)) == (
        {"build": "restored"},
        {"build": ["out out changed its mode"]},
    )
    assert not (repo.path / "out").stat().st_mode & 0o100


def test_data_that_becomes_executable_has_changed(repo: Workspace) -> None:
    start(repo)
    repo.write("data.bin", FILES["data.bin"], mode=0o755)
    (data,) = repo.json("status")["data"]
    assert data == {"path": "data.bin", "state": "changed"}


def test_a_disk_that_cannot_tell_is_not_believed(repo: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    """With core.fileMode=false, as Git has it on Windows: whatever the lock says, and the disk."""
    monkeypatch.setattr(disk_settings, "_has_modes", lambda file: False)
    repo.write("tool", FILES["tool"], mode=0o755)
    start(repo)
    assert [dep.executable for dep in lock(repo).stages["build"].deps] == [False, True]
    repo.git("config", "core.fileMode", "false")
    for mode in (0o755, 0o644):
        repo.write("tool", FILES["tool"], mode=mode)
        repo.write("data.bin", FILES["data.bin"], mode=mode)
        executable(repo.path / "out", yes=mode == 0o755)
        said = repo.json("status")
        assert [stage["state"] for stage in said["stages"]] == ["up to date"]
        assert said["data"][0]["state"] == "up to date"
        after = start(repo).experiment
        assert (states(after), after.record.warnings) == ({"build": "up to date"}, ())
