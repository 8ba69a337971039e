"""Scenarios: an experiment is edited, removed, brought back, or brought into the workspace."""

from __future__ import annotations

import shutil

from gitexp.repo.record_cache import MANY
from tests.crash.scenario import Changes, Scenario, names, one, with_one, with_two
from tests.support.experiments import put_many
from tests.support.kills import experiments, git
from tests.support.workspace import Workspace

_BRANCH: Changes = (("refs", "refs/heads/promoted"), ("reflogs", "refs/heads/promoted"))
_UNKNOWN = ("unknown-experiment",)
_UNDONE = ("nothing-to-undo",)


def _with_one_removed(repo: Workspace) -> None:
    with_one(repo)
    repo.gitexp("remove", "-q", "-y", "one")


def _promoted(repo: Workspace) -> None:
    assert git(repo, "rev-parse", "refs/heads/promoted") == one(repo).record.commit


def _noted(repo: Workspace) -> None:
    assert one(repo).record.note == "better"


def _tagged(repo: Workspace) -> None:
    assert one(repo).record.tags == ("best", "kept")


def _renamed(repo: Workspace) -> None:
    assert [e.name for e in experiments(repo)] == ["two"]
    assert one(repo, "two").record.note == "the first"


def _removed(repo: Workspace) -> None:
    assert names(repo) == ([], ["one", "two"])


def _restored(repo: Workspace) -> None:
    assert names(repo) == (["one"], [])


def _here_or_in_the_trash(repo: Workspace) -> None:
    assert names(repo) in ((["one"], []), ([], ["one"]))


_CHANGED: Changes = (
    ("files", "train.py"),
    ("files", "new.py"),
    ("files", "params.yaml"),
)


def _with_one_elsewhere(repo: Workspace) -> None:
    """One that differs from the workspace in files that are as in HEAD, beside others that are not."""
    repo.write("params.yaml", repo.read("params.yaml").replace("lr: 0.1", "lr: 0.5"))
    with_one(repo)
    repo.git("checkout", "--quiet", "--", "train.py", "params.yaml")
    with repo.by_user():
        (repo.path / "new.py").unlink()
    repo.write("notes.txt", "nowhere else\n")


def _with_one_applied(repo: Workspace) -> None:
    _with_one_elsewhere(repo)
    for kind, name in _CHANGED:
        repo.allow(kind, name)
    repo.gitexp("apply", "-q", "one")
    repo.guard.retake()


def _with_one_taken_back(repo: Workspace) -> None:
    _with_one_applied(repo)
    repo.gitexp("undo", "-q")
    repo.guard.retake()


def _is_applied(repo: Workspace) -> bool:
    """Whether the experiment's files are here; raises AssertionError if some are and some are not."""
    of_one = [
        "# edited\n" in repo.read("train.py"),
        (repo.path / "new.py").exists() and repo.read("new.py") == "print(2)\n",
        "lr: 0.5" in repo.read("params.yaml"),
    ]
    assert len(set(of_one)) == 1, f"half applied: {of_one}"
    assert (repo.path / "new.py").exists() == of_one[0]
    return of_one[0]


def _applied(repo: Workspace) -> None:
    assert _is_applied(repo)


def _not_applied(repo: Workspace) -> None:
    assert not _is_applied(repo)


def _switched(repo: Workspace) -> None:
    """The workspace is on the branch, with the experiment's files and index; the rest is the user's."""
    assert git(repo, "symbolic-ref", "HEAD") == "refs/heads/promoted"
    _promoted(repo)
    _applied(repo)
    assert git(repo, "diff", "--cached", "--name-only") == ""
    assert git(repo, "diff", "--name-only") == "notes.txt"


_SWITCHED: Changes = (
    *(*_BRANCH, *_CHANGED),
    *(("git", "HEAD"), ("git", "index"), ("git", "logs/HEAD"), ("reflogs", "HEAD")),
)


def _with_many(repo: Workspace) -> None:
    """So many that the table keeps their records in a cache."""
    put_many(repo, MANY)


def _told_right(repo: Workspace) -> None:
    """The table is the one that Git alone gives."""
    table = repo.gitexp("show", "-A", "--json").stdout
    shutil.rmtree(repo.path / ".git" / "gitexp" / "records")
    assert repo.gitexp("show", "-A", "--json").stdout == table


SCENARIOS = (
    Scenario("a table of many", ("show", "-A", "--json"), _with_many, holds=_told_right),
    Scenario("branch", ("branch", "one", "promoted"), with_one, _BRANCH, ("branch-exists",), holds=_promoted),
    Scenario("note", ("note", "one", "-m", "better"), with_one, holds=_noted),
    Scenario("tag", ("tag", "one", "best", "kept"), with_one, holds=_tagged),
    Scenario("rename", ("rename", "one", "two"), with_one, refused=_UNKNOWN, holds=_renamed),
    Scenario("remove", ("remove", "-y", "one", "two"), with_two, refused=_UNKNOWN, holds=_removed),
    Scenario("restore", ("restore", "one"), _with_one_removed, refused=_UNKNOWN, holds=_restored),
    # Done twice, there is nothing left to undo.
    Scenario("undo of remove", ("undo",), _with_one_removed, refused=_UNDONE, holds=_here_or_in_the_trash),
    Scenario("apply", ("apply", "one"), _with_one_elsewhere, _CHANGED, holds=_applied, undone=True),
    Scenario(
        "branch --switch",
        ("branch", "one", "promoted", "--switch"),
        _with_one_elsewhere,
        _SWITCHED,
        holds=_switched,
    ),
    Scenario("undo of apply", ("undo",), _with_one_applied, _CHANGED, _UNDONE, holds=_not_applied),
    Scenario("redo of apply", ("redo",), _with_one_taken_back, _CHANGED, _UNDONE, holds=_applied),
)
