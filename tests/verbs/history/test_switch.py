"""`gitexp branch --switch`: over to the branch of an experiment, past what its run has left here."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.support.workspace import Workspace

SCRIPT = "open('metrics.json', 'w').write('{\"acc\": 1}'); open('log.csv', 'w').write('x')"


@pytest.fixture
def ran(repo: Workspace) -> Workspace:
    """An experiment `x` whose results, and a changed and a new file, are here: git switch refuses them."""
    repo.writes("metrics.json", "log.csv")
    repo.write("train.py", "# mine\n")
    repo.write("new.py", "# new\n")
    repo.write("gitexp.yaml", "plots: [log.csv]\n")
    repo.gitexp("run", "-q", "-n", "x", "--", sys.executable, "-c", SCRIPT)
    repo.allow("git", "HEAD", "index", "logs/HEAD")
    repo.allow("refs", "*")
    repo.allow("reflogs", "*")
    return repo


def test_it_goes_where_git_switch_does_not(ran: Workspace) -> None:
    ran.write("untracked.txt", "mine\n")
    told = ran.gitexp("branch", "x", "b").stderr
    assert "gitexp branch x b --switch" in told
    with pytest.raises(AssertionError, match="would be overwritten"):
        ran.git("switch", "b")
    told = ran.gitexp("branch", "x", "b", "--switch").stderr
    assert "To go back: git switch -\nThat takes away what only b has: gitexp.yaml, log.csv, " in told
    assert "To have a file there too: git restore --source b PATH" in told
    assert ran.git("symbolic-ref", "HEAD") == "refs/heads/b"
    assert ran.git("status", "--porcelain") == "?? untracked.txt"
    assert ran.read("metrics.json") == '{"acc": 1}'
    ran.git("switch", "-q", "-")
    assert ran.git("branch", "--show-current") == "main"
    assert not (ran.path / "new.py").exists()
    with ran.by_user():
        ran.git("restore", "--source", "b", "new.py")
    assert ran.read("new.py") == "# new\n"


def test_what_is_stored_nowhere_stays(ran: Workspace) -> None:
    ran.write("new.py", "# edited since\n")
    done = ran.gitexp("branch", "x", "b", "--switch", check=False)
    assert "unsaved changes in new.py" in done.stderr
    assert ran.git("branch", "--show-current") == "main"
    ran.allow("files", "new.py")
    ran.gitexp("branch", "x", "b", "--switch", "--force")
    assert ran.read("new.py") == "# new\n"
    ran.gitexp("undo")
    assert ran.read("new.py") == "# edited since\n"


def test_an_edit_of_another_file_comes_along(ran: Workspace) -> None:
    ran.write("README.md", "edited since\n")
    ran.gitexp("branch", "x", "b", "--switch")
    assert ran.read("README.md") == "edited since\n"
    assert ran.git("status", "--porcelain") in (" M README.md", "?? README.md")


def test_what_is_staged_stays(ran: Workspace) -> None:
    ran.write("train.py", "# staged\n")
    ran.git("add", "train.py")
    ran.write("train.py", "# mine\n")
    done = ran.gitexp("branch", "x", "b", "--switch", check=False)
    assert "What is staged would be lost: train.py." in done.stderr
    assert ran.git("branch", "--list", "b") == ""
    assert ran.git("show", ":train.py") == "# staged"
    ran.git("add", "train.py")
    ran.gitexp("branch", "x", "b", "--switch")
    assert ran.git("status", "--porcelain") == ""


def test_not_in_the_middle_of_a_merge(ran: Workspace) -> None:
    (ran.path / ".git" / "MERGE_HEAD").write_text(ran.git("rev-parse", "HEAD"))
    ran.guard.retake()
    done = ran.gitexp("branch", "x", "b", "--switch", check=False)
    assert "in the middle of a merge" in done.stderr


def test_force_goes_with_switch(ran: Workspace) -> None:
    assert "--force goes with --switch" in ran.gitexp("branch", "x", "b", "--force", check=False).stderr


def test_taken_back_file_by_file_and_then_the_branch(ran: Workspace) -> None:
    """`git switch -` would refuse, or take away the files that are new here: the hint goes another way."""
    ran.write("new.py", "# edited since\n")
    before = {name: ran.read(name) for name in ("train.py", "new.py", "metrics.json")}
    ran.allow("files", "new.py")
    ran.gitexp("branch", "x", "b", "--switch", "--force")
    ran.gitexp("undo")
    assert {name: ran.read(name) for name in before} == before
    told = ran.gitexp("undo", check=False).stderr
    assert "The branch b is checked out." in told
    hint = " ".join(told.split()).partition("To be on main with the files as they are: ")[2]
    with ran.by_user():
        subprocess.run(["sh", "-c", hint], cwd=ran.path, check=True)
    ran.gitexp("undo")
    assert ran.git("branch", "--format=%(refname:short)") == "main"
    assert {name: ran.read(name) for name in before} == before


def test_a_git_that_writes_the_index_is_not_disturbed(ran: Workspace) -> None:
    lock = ran.write(".git/index.lock", "")
    ran.gitexp("branch", "x", "b", "--switch", check=False)
    assert ran.git("branch", "--show-current") == "main"
    assert lock.exists()
