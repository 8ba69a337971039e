"""What becomes of the outs that stood there before a stage ran."""

from __future__ import annotations

import hashlib
import os
import sys
from pathlib import Path

import pytest

from gitexp.objects.store import ObjectStore
from gitexp.project.project import Project
from gitexp.runs.run import Result
from tests.support.kills import kill
from tests.support.pipeline import make, start, states
from tests.support.workspace import Workspace

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="written in sh")


def one_stage(repo: Workspace, outs: str, command: str = "sh make.sh", top: str = "") -> None:
    text = f"{top}stages:\n  make:\n    cmd: {command}\n    deps: [in.txt]\n    {outs}\n"
    files = {"gitexp.yaml": text, "in.txt": "1\n", "make.sh": "cat in.txt >>hist.txt\n"}
    make(repo, {**files, ".gitignore": "hist.txt\nhist/\nout\n"})
    repo.writes("hist.txt", "hist", "hist/*", "scores.json", "curves/*", "out")


def test_a_secret_in_an_out_is_said(repo: Workspace) -> None:
    one_stage(repo, "outs: [hist]", "mkdir hist && echo TOKEN >hist/.env")
    (warning,) = start(repo).experiment.record.stages["make"]["warnings"]
    assert warning.startswith("stored, and pushed with the data, though it looks like a secret: hist/.env;")


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
    assert repo.git("status", "--porcelain").replace("?? gitexp.lock", "") == ""
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


@pytest.mark.usefixtures("not_root")
@pytest.mark.parametrize("out", ["hist.txt", "hist"])
def test_to_append_to_a_hard_link_does_not_change_the_object(repo: Workspace, out: str) -> None:
    """A command may make its file writable, and root need not."""
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


# -- those that no run has made ------------------------------------------------------------------------

LABELS = "three days of labelling\n"


def by_hand(repo: Workspace) -> None:
    one_stage(
        repo,
        "outs: [hist]\n    metrics: [scores.json]",
        "mkdir -p hist; cp in.txt hist/x; echo {} >scores.json",
    )
    repo.write("hist/labels.csv", LABELS)
    repo.write("scores.json", "{}")
    (repo.path / "hist" / "labels.csv").chmod(0o600)


def said_of(result: Result) -> str:
    """The command that brings back what was replaced, as the run says it."""
    (warning,) = (text for text in result.experiment.record.warnings if "no run that is known" in text)
    assert warning in result.warnings
    assert warning in result.experiment.record.stages["make"]["warnings"]
    return warning.partition("comes back with: gitexp ")[2]


@pytest.mark.parametrize("more", [{}, {"force": True}])
def test_what_no_run_has_made_comes_back(repo: Workspace, more: dict[str, bool]) -> None:
    """In the first run of a stage, and where one is run or restored over what somebody has edited."""
    by_hand(repo)
    first = start(repo)
    assert not (repo.path / "hist" / "labels.csv").exists()
    assert "scores.json" not in " ".join(first.warnings)
    back = said_of(first)
    repo.gitexp(*back.split())
    assert repo.read("hist/labels.csv") == LABELS
    repo.write("hist/notes.txt", "by hand\n")
    second = start(repo, **more)
    assert states(second.experiment) == {"make": "ran" if more else "restored"}
    assert not (repo.path / "hist" / "notes.txt").exists()
    repo.gitexp(*said_of(second).split())
    assert repo.read("hist/notes.txt") == "by hand\n"


def test_what_a_run_has_made_is_replaced_without_a_word(repo: Workspace) -> None:
    one_stage(repo, "outs: [out]", "cp in.txt out")
    start(repo)
    repo.write("in.txt", "2\n")
    start(repo)
    before = repo.read("gitexp.lock")
    for text in ("1\n", "2\n", "3\n"):
        repo.write("in.txt", text)
        assert start(repo).experiment.record.warnings == ()
    repo.write("gitexp.lock", before)  # as after git switch: other experiments know it
    repo.write("in.txt", "4\n")
    assert start(repo).experiment.record.warnings == ()


def test_gc_leaves_what_was_replaced_as_long_as_the_experiment_is_there(repo: Workspace) -> None:
    by_hand(repo)
    first = start(repo)
    _, hash_, _ = said_of(first).split()
    store = ObjectStore(Project.open(repo.path).local.objects)
    contents = store.contents(hash_)
    for each in contents:
        os.utime(store.path(each), (1, 1))
    repo.gitexp("gc", "--yes")
    assert store.missing(contents) == []
    store.remove(contents[-1])
    repo.gitexp("fsck")  # it is no promise: another clone has the experiment without it
    (repo.path / "hist" / "x").unlink()
    removed = Project.open(repo.path)
    removed.repo.run("update-ref", "-d", f"refs/gitexp/exps/{first.experiment.name}")
    repo.gitexp("gc", "--yes")
    assert not store.has(hash_)


def test_a_list_of_what_was_replaced_that_is_none_is_passed_over(repo: Workspace) -> None:
    by_hand(repo)
    kill(repo, "stages:ran", "run", "-n", "one")
    (folder,) = Project.open(repo.path).local.runs.iterdir()
    (folder / "kept.lock").write_text("<<<<<<< not a lock\n")
    repo.gitexp("list")
    names = repo.git("ls-tree", "-r", "--name-only", "refs/gitexp/exps/one").splitlines()
    assert not [name for name in names if "kept" in name]


def test_a_file_of_the_store_at_a_path(repo: Workspace) -> None:
    by_hand(repo)
    start(repo)
    hash_ = hashlib.sha256(LABELS.encode()).hexdigest()
    repo.writes("sub/*")
    repo.gitexp("checkout", hash_, "sub/labels.csv")
    assert repo.read("sub/labels.csv") == LABELS
    assert "All is as the store says." in repo.gitexp("checkout", hash_, "sub/labels.csv").stderr
    repo.write("mine", "kept nowhere\n")
    assert "would be lost" in repo.gitexp("checkout", hash_, "mine", check=False).stderr
    for words in ((hash_, ".."), (hash_, "."), (hash_, ".git/x"), ("0" * 64, "x"), ("0" * 64 + ".dir", "x")):
        assert repo.gitexp("checkout", *words, check=False).exit_code not in (0, 70)
