"""What becomes of the outs that stood there before a stage ran."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from gitexp.data.objects import ObjectStore
from gitexp.ops.project import Project
from tests.support.pipeline import make, start, states
from tests.support.workspace import Workspace

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="written in sh")


def one_stage(repo: Workspace, outs: str, command: str = "sh make.sh", top: str = "") -> None:
    text = f"{top}stages:\n  make:\n    cmd: {command}\n    deps: [in.txt]\n    {outs}\n"
    files = {"gitexp.yaml": text, "in.txt": "1\n", "make.sh": "cat in.txt >>hist.txt\n"}
    make(repo, {**files, ".gitignore": "hist.txt\nhist/\nout\n"})
    repo.writes("hist.txt", "hist", "hist/*", "scores.json", "curves/*", "out")


# -- those in Git, when their stage fails --------------------------------------------------------------


@pytest.mark.parametrize("command", ["exit 3", "echo kept >out"])
def test_what_git_tracks_comes_back_when_its_stage_fails(repo: Workspace, command: str) -> None:
    one_stage(repo, "outs: [out]\n    metrics: [scores.json]\n    plots: [curves]", command)
    repo.write("scores.json", '{"acc": 0.5}')
    repo.write("curves/a.csv", "x\n1\n")
    repo.git("add", "--force", ".")
    repo.git("rm", "--quiet", "--cached", "--ignore-unmatch", "out")
    repo.git("commit", "--quiet", "--message", "results")
    result = start(repo)
    assert states(result.experiment) == {"make": "failed"}
    assert repo.git("status", "--porcelain") == ""
    assert result.experiment.record.metrics == {}


def test_what_a_stage_wrote_before_it_failed_stays(repo: Workspace) -> None:
    one_stage(repo, "outs: [out]\n    metrics: [scores.json]", "echo '{}' >scores.json; exit 3")
    repo.write("scores.json", '{"acc": 0.5}')
    repo.git("add", "scores.json")
    start(repo)
    assert repo.read("scores.json") == "{}\n"


# -- those that persist --------------------------------------------------------------------------------


def is_sound(repo: Workspace) -> bool:
    store = ObjectStore(Project.open(repo.path).local.objects)
    return all(store.verify(hash_) for hash_, _, _ in store.hashes())


@pytest.mark.parametrize("out", ["hist.txt", "hist"])
def test_to_append_to_a_hard_link_does_not_change_the_object(repo: Workspace, out: str) -> None:
    """As root, and in every container, nothing else would keep the command from writing into the store."""
    command = "mkdir -p hist; cat in.txt >>hist/a; cp -f in.txt hist/b" if out == "hist" else "sh make.sh"
    one_stage(repo, f"outs: [{{{out}: {{persist: true}}}}]", command, top="link: [hardlink]\n")
    file = repo.path / ("hist/a" if out == "hist" else "hist.txt")
    one = start(repo).experiment
    for left in (file, file.with_name("b")):
        left.unlink(missing_ok=True)
    repo.gitexp("checkout")
    assert file.stat().st_nlink > 1
    repo.write("in.txt", "2\n")
    assert states(start(repo).experiment) == {"make": "ran"}
    assert file.read_text() == "1\n2\n"
    assert is_sound(repo)
    repo.gitexp("checkout", "--force", one.name)
    assert file.read_text() == "1\n"


def test_a_link_into_the_cache_of_dvc_is_written_to_as_a_copy(repo: Workspace) -> None:
    one_stage(repo, "outs: [{hist.txt: {persist: true}}]")
    cached = repo.path / ".dvc" / "cache" / "ab" / "cd"
    repo.write(".dvc/cache/ab/cd", "0\n", mode=0o444)
    (repo.path / "hist.txt").symlink_to(cached)
    assert states(start(repo).experiment) == {"make": "ran"}
    assert cached.read_text() == "0\n"
    assert repo.read("hist.txt") == "0\n1\n"


def test_what_was_a_link_of_an_object_that_is_gone_can_be_written(repo: Workspace) -> None:
    one_stage(repo, "outs: [{hist.txt: {persist: true}}]")
    hist = repo.write("hist.txt", "0\n", mode=0o444)
    assert states(start(repo).experiment) == {"make": "ran"}
    assert os.access(hist, os.W_OK)
    assert hist.stat().st_mode & 0o200
    assert repo.read("hist.txt") == "0\n1\n"


def test_a_link_to_a_file_of_the_users_own_stays(repo: Workspace, tmp_path: Path) -> None:
    """It is meant: what is written goes where the user wants it."""
    one_stage(repo, "outs: [{hist: {persist: true}}]", "echo 1 >>hist/log")
    repo.write("logs/log", "0\n")
    repo.writes("logs/log")
    (repo.path / "hist").mkdir()
    (repo.path / "hist" / "log").symlink_to("../logs/log")
    assert states(start(repo).experiment) == {"make": "ran"}
    assert (repo.path / "hist" / "log").is_symlink()
    assert repo.read("logs/log") == "0\n1\n"
