"""`gitexp doctor`: it finds what is really broken, mends what it may, and calls nothing else broken."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gitexp import errors
from gitexp.folders import clear_away
from gitexp.history import edit, remove, restore
from gitexp.model import Damaged, Experiment, ProcessId, Status
from gitexp.project.project import Project
from gitexp.repo import trash
from gitexp.upkeep import doctor
from tests.support.deep import make_deep
from tests.support.experiments import put
from tests.support.kills import assert_sound
from tests.support.repositories import lose
from tests.support.workspace import Workspace

LONG_AGO = 1_600_000_000.0


@pytest.fixture
def project(repo: Workspace) -> Project:
    put(repo, "one")
    project = Project.open(repo.path)
    project.local.prepare()
    return project


def codes(project: Project, *, mend: bool = False) -> list[tuple[str, bool]]:
    """What is found, and whether it was mended."""
    return [(finding.code, finding.mended) for finding in doctor.examine(project, mend=mend).findings]


def aged(path: Path) -> Path:
    os.utime(path, (LONG_AGO, LONG_AGO))
    return path


def test_all_in_order(repo: Workspace) -> None:
    repo.writes("metrics.json")
    repo.gitexp("run", "-q", "-n", "real", "--temp", "--", "python", "train.py")
    repo.gitexp("note", "-q", "real", "-m", "x")
    repo.gitexp("rename", "-q", "real", "other")
    repo.gitexp("save", "-q", "-n", "gone")
    repo.gitexp("remove", "-y", "-q", "gone")
    answer = repo.gitexp("doctor")
    assert answer.stdout == ""
    assert "1 experiments, 1 in the trash: all in order." in answer.stderr.replace(
        "experiment,", "experiments,"
    )
    assert repo.json("doctor") == {
        "healthy": True,
        "experiments": 1,
        "trashed": 1,
        "operations": 3,
        "findings": [],
    }


def test_a_record_that_cannot_be_read(repo: Workspace, project: Project) -> None:
    put(repo, "bad", body="\x1b[31mno JSON")
    answer = repo.gitexp("doctor", check=False)
    assert answer.exit_code == 1
    assert answer.stdout.splitlines() == [
        "problem: The record of bad is not JSON.",
        "  If it was pushed somewhere, fetch it again; else: gitexp remove bad",
    ]
    repo.gitexp("remove", "-y", "bad")
    assert codes(project) == []


@pytest.mark.parametrize("mend", [False, True])
def test_objects_that_are_gone(repo: Workspace, project: Project, mend: bool) -> None:
    repo.write("only-here.py", "here\n")
    repo.gitexp("save", "-q", "-n", "two")
    with repo.by_user():
        lose(repo.path, "refs/gitexp/exps/two^:only-here.py")
    (finding,) = doctor.examine(project, mend=mend).findings
    assert (finding.code, finding.mended) == ("objects-missing", False)
    assert "of two." in finding.message


def test_the_record_is_gone(repo: Workspace, project: Project) -> None:
    lose(repo.path, project.store.require("one").id)
    (finding,) = [f for f in doctor.examine(project).findings if f.code == "bad-record"]
    assert finding.hint is not None
    repo.git(*finding.hint.partition("else: git ")[2].split())
    assert "one" not in project.store.names()
    assert codes(project) == []


def test_a_commit_that_is_gone(repo: Workspace, project: Project) -> None:
    repo.write("new.py", "here\n")
    repo.gitexp("save", "-q", "-n", "two")
    with repo.by_user():
        lose(repo.path, "refs/gitexp/exps/two^")
    assert ("objects-missing", False) in codes(project)
    assert ("commit-missing", False) in codes(project)


@pytest.mark.parametrize("content", ["garbage\n", "", "0" * 40 + "\n"])
def test_a_ref_that_says_no_commit(repo: Workspace, project: Project, content: str) -> None:
    refs = project.repo.common_dir / "refs" / "gitexp"
    for name in ("exps/e", "trash/20261121T101530.123Z/gone", "undo/00000001"):
        (refs / name).parent.mkdir(parents=True, exist_ok=True)
        (refs / name).write_text(content)
    damaged, one = project.store.all()
    assert isinstance(damaged, Damaged)
    assert (damaged.name, damaged.error) == ("e", "The ref of e is broken: it says no commit.")
    assert isinstance(one, Experiment)
    assert project.store.names() == ["e", "one"]
    with pytest.raises(errors.BadRecord, match="nothing of e to keep") as refused:
        remove.remove(project, [damaged])
    assert "doctor --fix" in (refused.value.hint or "")
    found = doctor.examine(project, mend=True).findings
    assert [(f.code, f.mended) for f in found] == [("broken-ref", True)] * 3
    assert "refs/gitexp/exps/e " in found[0].message
    assert (project.local.root / "broken" / "exps-e").read_text() == content
    assert project.store.names() == ["one"]
    assert codes(project) == []


def test_a_broken_ref_hides_no_missing_object(repo: Workspace, project: Project) -> None:
    put(repo, "two")
    refs = project.repo.common_dir / "refs" / "gitexp" / "exps"
    (refs / "e").write_text("garbage\n")
    lose(repo.path, "refs/gitexp/exps/two")
    assert [e.name for e in project.store.all() if isinstance(e, Damaged)] == ["e", "two"]
    assert {code for code, _ in codes(project)} == {"broken-ref", "bad-record"}


def test_a_commit_that_nothing_holds(repo: Workspace, project: Project) -> None:
    record = project.store.require("one").record
    repo.git("update-ref", "refs/heads/keep", record.commit)
    text = repo.git("show", "-s", "--format=%B", "refs/gitexp/exps/one")
    tree = repo.git("rev-parse", "HEAD^{tree}")
    repo.git("update-ref", "refs/gitexp/exps/one", repo.git("commit-tree", tree, "-p", "HEAD", input=text))
    assert codes(project) == [("commit-unreachable", False)]


def test_an_experiment_that_stands_elsewhere_than_it_says(repo: Workspace, project: Project) -> None:
    put(repo, "two")
    other = repo.git("rev-parse", "HEAD~1")
    text = repo.git("show", "-s", "--format=%B", "refs/gitexp/exps/two")
    record = project.store.require("two").record
    text = text.replace(record.baseline, other)
    tree = repo.git("rev-parse", "HEAD^{tree}")
    commit = repo.git("commit-tree", tree, "-p", record.commit, input=text)
    repo.git("update-ref", "refs/gitexp/exps/two", commit)
    assert codes(project) == [("not-on-baseline", False)]
    assert repo.json("doctor")["healthy"] is True


def test_names(repo: Workspace, project: Project) -> None:
    at = repo.git("rev-parse", "refs/gitexp/exps/one")
    repo.git("update-ref", "refs/gitexp/exps/One", at)
    repo.git("update-ref", "refs/gitexp/exps/a/b", at)
    repo.git("symbolic-ref", "refs/gitexp/exps/link", "refs/gitexp/exps/one")
    assert {code for code, _ in codes(project)} == {"names-differ-in-case", "bad-name", "symbolic-ref"}


def test_a_run_on_another_machine(repo: Workspace, project: Project) -> None:
    process = ProcessId("another-host", 1, "x")
    put(repo, "two", status=Status.RUNNING, process=process)
    assert codes(project, mend=True) == [("running-elsewhere", False)]
    assert project.store.require("two").record.status is Status.RUNNING


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere nobody knows which Git is at work")
def test_a_lock_that_was_left(repo: Workspace, project: Project) -> None:
    ours = project.repo.common_dir / "refs" / "gitexp" / "exps" / "one.lock"
    ours.touch()
    assert codes(project) == []  # somebody may be at it
    aged(ours)
    assert codes(project) == [("stale-lock", False)]
    assert codes(project, mend=True) == [("stale-lock", True)]
    assert not ours.exists()
    with repo.by_user():
        users = aged(repo.write(".git/index.lock", ""))
    (finding,) = doctor.examine(project, mend=True).findings
    assert (finding.code, finding.mended) == ("stale-lock", False)
    assert f"rm {users}" in (finding.hint or "")
    assert users.exists()


@pytest.fixture
def git_at_work(repo: Workspace) -> Iterator[None]:
    """A Git that waits for its standard input in the repository."""
    import subprocess

    process = subprocess.Popen(["git", "cat-file", "--batch"], cwd=repo.path, stdin=subprocess.PIPE)
    yield
    process.communicate()


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere nobody knows which Git is at work")
@pytest.mark.usefixtures("git_at_work")
def test_a_lock_while_a_git_is_at_work(project: Project) -> None:
    lock = project.repo.common_dir / "refs" / "gitexp" / "exps" / "one.lock"
    lock.touch()
    aged(lock)
    assert codes(project, mend=True) == []
    lock.unlink()


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere nobody knows which Git is at work")
@pytest.mark.parametrize(("program", "mended"), [("gitexp", True), ("git-remote-http", False)])
def test_gitexp_itself_is_no_git_at_work(
    project: Project, tmp_path: Path, program: str, mended: bool
) -> None:
    """As installed, gitexp is a process of that name, and it stands in the repository."""
    import subprocess

    lock = project.repo.common_dir / "refs" / "gitexp" / "exps" / "one.lock"
    lock.touch()
    aged(lock)
    called = shutil.copy(shutil.which("sleep") or "", tmp_path / program)
    with subprocess.Popen([called, "60"], cwd=project.repo.root) as process:
        assert codes(project, mend=True) == ([("stale-lock", True)] if mended else [])
        process.kill()
    assert lock.exists() is not mended
    lock.unlink(missing_ok=True)


def test_a_folder_of_refs_of_any_depth(project: Project) -> None:
    top = project.repo.common_dir / "refs" / "gitexp" / "deep"
    make_deep(top, 1050)
    try:
        assert codes(project) == [("broken-ref", False)]
        assert codes(project, mend=True) == [("broken-ref", True)]
    finally:
        clear_away(top)


def test_worktrees_that_are_left(repo: Workspace, project: Project) -> None:
    repo.gitexp("run", "-q", "--temp", "--", "true")
    slot = project.local.worktrees / "gitexp-0"
    (git_dir,) = (project.repo.common_dir / "worktrees").iterdir()
    aged(git_dir / "HEAD")
    assert codes(project) == [("leftover-worktree", False)]
    (git_dir / "gitdir").write_text("/elsewhere\n")
    assert codes(project) == [("leftover-worktree", False)]
    assert codes(project, mend=True) == [("leftover-worktree", True)]
    assert not slot.exists()
    repo.gitexp("run", "-q", "--temp", "--", "true")
    assert_sound(repo)


@pytest.mark.skipif(sys.platform == "win32", reason="permissions")
def test_a_worktree_that_cannot_be_removed(repo: Workspace, project: Project) -> None:
    (project.local.worktrees / "gitexp-0").mkdir()
    project.local.worktrees.chmod(0o500)
    told = repo.gitexp("doctor", "--fix", unreadable=True).stdout
    project.local.worktrees.chmod(0o700)
    assert "could not be mended: The folder could not be removed." in told
    assert "mended: The worktree" not in told


def test_folders_that_are_left(repo: Workspace, project: Project) -> None:
    for folder in (project.local.root / "tmp" / "x", project.local.runs / "y"):
        folder.mkdir()
        aged(folder)
    left = project.local.root / "left" / "one"
    left.mkdir(parents=True)
    (left / "model.bin").write_bytes(bytes(2048))
    found = doctor.examine(project, mend=True).findings
    # The runs' folder is swept by every command.
    assert {(f.code, f.mended) for f in found} == {("leftover-folder", True), ("left-files", False)}
    assert found[-1].message.startswith("1 isolated run left files that nobody declared: 2.0 kB in ")
    assert (left / "model.bin").exists()


def test_the_trash_is_emptied_of_what_is_old(project: Project) -> None:
    old = datetime.now(UTC) - timedelta(days=trash.DAYS, hours=1)
    project.repo.update_refs(trash.removal([project.store.require("one")], old))
    for days in range(0, 30, 7):
        trash.look(project.repo, old + timedelta(days=days))
    assert codes(project) == [("trash-expired", False)]
    assert codes(project, mend=True) == [("trash-expired", True)]
    assert restore.trashed(project) == []


def test_after_a_renaming_and_a_gc_all_is_there(repo: Workspace, project: Project) -> None:
    edit.rename(project, "one", "two")
    repo.git("gc", "-q", "--prune=now")
    assert codes(project) == []


def test_what_cannot_be_mended_says_why(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = project.local.root / "tmp" / "x"
    folder.mkdir()
    aged(folder)

    def fail(path: Path) -> None:
        raise OSError(5, "Input/output error", str(path))

    monkeypatch.setattr(doctor, "remove_folder", fail)
    (finding,) = doctor.examine(project, mend=True).findings
    assert (finding.mended, finding.hint) == (False, "It could not be mended: Input/output error")


def test_what_goes_with_something_else_that_is_mended(repo: Workspace, project: Project) -> None:
    old = datetime.now(UTC) - timedelta(days=trash.DAYS, hours=1)
    project.repo.update_refs(trash.removal([project.store.require("one")], old))
    for days in range(0, 30, 7):
        trash.look(project.repo, old + timedelta(days=days))
    (project.local.root / "tmp" / "x").mkdir()  # swept by whoever has a use for such a folder
    aged(project.local.root / "tmp" / "x")
    assert codes(project, mend=True) == [("trash-expired", True), ("leftover-folder", True)]


def test_a_wrong_config_is_a_problem(repo: Workspace) -> None:
    repo.write("gitexp.yaml", "comand: x\n")
    (finding,) = repo.json("doctor", check=False)["findings"]
    assert (finding["code"], finding["problem"]) == ("bad-config", True)
    assert finding["hint"] == "Did you mean command?"
