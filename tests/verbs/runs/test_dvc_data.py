"""`dvc repro` as the command of isolated runs: the data is there, the results too, and no copy is left."""

from __future__ import annotations

import hashlib
import json
import os
import sys
from pathlib import Path

import pytest

from benchmarks import peers
from gitexp.project.project import Project
from gitexp.runs.request import RunRequest
from gitexp.runs.run import run
from tests.support.snapshots import experiment_commit, stored
from tests.support.workspace import Workspace

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="written in sh")

PIPELINE = """stages:
  train:
    cmd: cat data/raw data/many/a data/many/b/c params.yaml >model
    deps: [data/raw, data/many]
    params: [train.lr]
    outs: [model]
"""


def cached(repo: Workspace, content: str, ending: str = "", cache: str = ".dvc/cache/files/md5") -> str:
    """The MD5 of a content that was put into DVC's cache."""
    md5 = hashlib.md5(content.encode(), usedforsecurity=False).hexdigest() + ending
    repo.write(f"{cache}/{md5[:2]}/{md5[2:]}", content)
    return md5


def dvc_project(repo: Workspace, config: str, cache: str = ".dvc/cache/files/md5") -> None:
    """A project with a file and a folder of data under DVC; the workspace has neither."""
    one, two = cached(repo, "1\n", cache=cache), cached(repo, "2\n", cache=cache)
    listed = json.dumps([{"md5": two, "relpath": "a"}, {"md5": one, "relpath": "b/c"}])
    folder = cached(repo, listed, ".dir", cache=cache)
    repo.write("data/raw.dvc", f"outs:\n- md5: {one}\n  hash: md5\n  path: raw\n")
    repo.write("data/many.dvc", f"outs:\n- md5: {folder}\n  hash: md5\n  path: many\n")
    repo.write("data/.gitignore", "/raw\n/many\n")
    repo.write(".gitignore", ".dvc/cache\n.dvc/tmp\n.dvc/config.local\nelsewhere\nmodel\n.venv\n")
    repo.write(".dvc/config", "")
    repo.write("dvc.yaml", PIPELINE)
    repo.write("gitexp.yaml", config)
    repo.commit()


def left_behind(repo: Workspace) -> list[str]:
    """The files of data in gitexp's own folders."""
    local = Project.open(repo.path).local
    names = {"raw", "a", "c", "model"}
    return [
        str(path)
        for top in (local.worktrees, local.root / "left")
        for path in top.rglob("*")
        if path.name in names
    ]


@pytest.mark.parametrize(
    "config", ["", "share: [.venv]\n", "outs: [models]\n", "share: [.venv]\nouts: [a]\ncommand: 'true'\n"]
)
def test_settings_add_to_what_a_dvc_project_shares_and_stores(repo: Workspace, config: str) -> None:
    dvc_project(repo, config)
    found = Project.open(repo.path).config
    assert set(found.share) >= {".dvc/cache", ".dvc/config.local"}
    assert "dvc.lock" in found.outs
    assert (".venv" in found.share) == (".venv" in config)


def test_the_cache_above_the_project_is_shared(repo: Workspace) -> None:
    repo.write(".dvc/config", "")
    repo.write("sub/dvc.yaml", PIPELINE)
    found = Project.open(repo.path / "sub").config
    assert (".dvc/cache" in found.share, "sub/dvc.lock" in found.outs) == (True, True)


@pytest.mark.parametrize("cache", [".dvc/cache/files/md5", ".dvc/cache", "elsewhere/files/md5"])
def test_an_isolated_run_has_the_data_and_leaves_no_copy(repo: Workspace, cache: str) -> None:
    dvc_project(repo, "share: [.venv]\n", cache)
    repo.write(".dvc/config.local", f"[cache]\n    dir = {repo.path}/elsewhere\n")
    line = "cat data/raw data/many/a data/many/b/c; echo new >data/many/b/c"
    result = run(Project.open(repo.path), RunRequest(line, name="one", temp=True))
    assert (result.exit_code, repo.gitexp("log", "one").stdout) == (0, "1\n2\n1\n")
    assert [Path(path).read_text() for path in left_behind(repo)] == ["new\n"]  # no copy of anything
    result = run(Project.open(repo.path), RunRequest("cat data/raw", name="two", from_="one"))
    assert result.exit_code == 0


@pytest.mark.parametrize("own", ["", "[core]\n    analytics = false\n['remote \"own\"']\n    url = ../own\n"])
def test_relative_places_mean_those_of_the_user(repo: Workspace, own: str) -> None:
    dvc_project(repo, "", "elsewhere/files/md5")
    repo.write(".dvc/config", "[cache]\n    dir = ../elsewhere\n['remote \"team\"']\n    url = ../../team\n")
    repo.commit()
    if own:
        repo.write(".dvc/config.local", own)
    line = "cat data/raw; cat .dvc/config.local; git status --short"
    for request in (RunRequest(line, name="one", temp=True), RunRequest(line, name="two", from_="one")):
        record = run(Project.open(repo.path), request).experiment.record
        said = repo.gitexp("log", record.name).stdout
        assert said.startswith("1\n")
        assert f"dir = {repo.path}/elsewhere\n" in said
        assert f"url = {repo.path.parent}/team\n" in said
        assert (f"url = {repo.path}/own" in said, "analytics = false" in said) == (bool(own), bool(own))
        assert not [warning for warning in record.warnings if "config.local" in warning]
    assert not list(Project.open(repo.path).local.worktrees.rglob("config.local"))
    assert not own or repo.read(".dvc/config.local") == own


def test_data_that_is_nowhere_is_named(repo: Workspace) -> None:
    dvc_project(repo, "")
    md5 = "ab" * 16
    repo.write("data/raw.dvc", f"outs:\n- md5: {md5}\n  path: raw\n")
    result = run(Project.open(repo.path), RunRequest("true", name="one", temp=True))
    assert "not there at the start, not in DVC's cache: data/raw" in result.experiment.record.warnings


@pytest.mark.skipif(peers.installed() is None, reason="DVC is not installed: python -m benchmarks.peers")
def test_dvc_itself_reproduces_in_isolation(repo: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    dvc_project(repo, "share: [.venv]\n")
    repo.allow("files", ".dvc/*")
    monkeypatch.setenv("DVC_NO_ANALYTICS", "1")
    monkeypatch.setenv("PATH", f"{Path(str(peers.installed())).parent}{os.pathsep}{os.environ['PATH']}")
    request = RunRequest(("dvc", "repro"), name="one", temp=True, overrides=("train.lr=0.5",))
    assert run(Project.open(repo.path), request).exit_code == 0
    again = RunRequest(("dvc", "repro"), name="two", from_="one", overrides=("train.lr=0.6",))
    assert run(Project.open(repo.path), again).exit_code == 0
    assert left_behind(repo) == []
    locks = [stored(repo, experiment_commit(repo, name))["dvc.lock"][1].decode() for name in ("one", "two")]
    for lock, value in zip(locks, ("0.5", "0.6"), strict=True):
        md5 = lock.rpartition("md5: ")[2].split()[0]
        assert f"lr: {value}" in repo.read(f".dvc/cache/files/md5/{md5[:2]}/{md5[2:]}")
