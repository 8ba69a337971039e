"""`gitexp engine check`: what jobs would lack, on each host and for each kind of reach."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from tests.support.clones import Team, make_team, refs_of
from tests.support.lab import make_lab
from tests.support.servers import Place
from tests.support.workspace import Workspace


@pytest.fixture
def team(repo: Workspace, tmp_path: Path) -> Team:
    return make_team(repo, tmp_path)


def test_what_is_missing_on_a_host_is_told_with_a_hint(
    team: Team, ssh_server: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab = make_lab(ssh_server, tmp_path)
    for name, value in lab.env.items():
        monkeypatch.setenv(name, value)
    section = lab.section("origin").replace("{host: bob,", "{host: bob, python: /nowhere/python,")
    team.ann.write("gitexp.yaml", f"{section}remotes: {{store: {tmp_path}/store}}\n")
    told = team.ann.gitexp("engine", "check", "lab", check=False)
    assert told.exit_code == 1
    assert "data remote store" in told.stderr
    assert "says which interpreter has gitexp" in told.stderr
    (tmp_path / "store").mkdir()
    ada, bob = team.ann.json("engine", "check", "lab", check=False)
    assert (ada["place"], ada["ok"], ada["repository"], ada["data"]) == ("ada", True, None, {"store": None})
    assert (bob["place"], bob["ok"]) == ("bob", False)
    assert refs_of(team.bare, "refs/gitexp/") == {}
    team.reject("exit 1", "update")
    team.bare.rename(tmp_path / "away.git")
    ada, _ = team.ann.json("engine", "check", "lab", check=False)
    assert ada["repository"]["code"] == "remote-failed"


def test_an_engine_of_this_machine_has_all(repo: Workspace) -> None:
    told = repo.gitexp("engine", "check", "local")
    assert told.stdout.split()[:4] == ["place", "Python", "Git", "gitexp"]
    assert sys.version.split()[0] in told.stdout
    (repo.path.parent / "file").touch()
    disk = repo.path.parent / "file/below"
    repo.write("gitexp.yaml", f"engines: {{here: {{kind: local, scratch: {disk}, environment: uv}}}}\n")
    (found,) = repo.json("engine", "check", "here", check=False, env={"PATH": "/usr/bin:/bin"})
    assert found["environment"] is None
    assert [each["what"] for each in found["missing"]] == [
        f"scratch: No workspace can be made in {disk}/gitexp-{os.geteuid()}: Not a directory."
    ]
    repo.write("python", "#!/bin/sh\nexec sleep 60\n", 0o755)
    repo.write("gitexp.yaml", f"engines: {{slow: {{kind: local, python: {repo.path}/python}}}}\n")
    late = repo.gitexp("engine", "check", "slow", "--wait", "1", check=False)
    assert (late.exit_code, "no answer in time: its job is running" in late.stderr) == (1, True)
