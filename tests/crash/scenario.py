"""What gitexp is doing when it is struck, and what must hold afterwards: the form of all scenarios.

A new command is a few lines in one of the modules beside this one: how its repository comes about, what is
typed, which of the user's files it may change, and what must be true once it has been typed a second time.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from gitexp.model import Experiment, Status
from gitexp.project.project import Project
from gitexp.repo import trash
from tests.support.guard import Kind
from tests.support.kills import experiments
from tests.support.workspace import Workspace

_TEMPLATE = Path(__file__).parent.parent / "support" / "template"

Changes = tuple[tuple[Kind, str], ...]  # as `Workspace.allow` takes them


def nothing(repo: Workspace) -> None:
    """Prepare, or ask for, nothing more."""


@dataclass(frozen=True, slots=True)
class Scenario:
    """`prepare` adds to a repository with unsaved work; `args` is the command; `may_change` what of the
    user's it may alter; `refused` the errors with which the same command may end the second time;
    `holds` raises AssertionError where the outcome of the second time is not as it must be.
    `at_once`: that must be so already where the command has said that all went well.
    `undone`: gitexp undo must bring back all of the user's, whatever it was struck at.
    `same`: typed once more, unless that is refused, it comes to all that it comes to undisturbed.
    `in_steps`: the user's files (shell wildcards) that are something else in between than before and after.
    `may_go`: objects of the stores that it is there to delete.
    `reports`: it may end with 1 and a list of what could not be done, in place of one error.
    `ill`: Git complains of the repository as it is prepared, and no more once this is done.
    `side_by_side`: several processes are at work, so a number may be that of another Git in the next turn.
    `meanwhile` is done before the second time: what whoever keeps the other side would do.
    """

    name: str
    args: Sequence[str]
    prepare: Callable[[Workspace], None] = nothing
    may_change: Changes = ()
    refused: Sequence[str] = ()
    holds: Callable[[Workspace], None] = nothing
    at_once: bool = True
    undone: bool = False
    same: bool = True
    in_steps: Sequence[str] = ()
    may_go: frozenset[str] = frozenset()
    reports: bool = False
    ill: bool = False
    side_by_side: bool = False
    meanwhile: Callable[[Workspace], None] = nothing

    def make(self, folder: Path) -> Workspace:
        """Return a new repository at `folder`, with all that a user may have lying about."""
        shutil.copytree(_TEMPLATE, folder)
        subprocess.run(["git", "init", "--quiet", "-b", "main", str(folder)], check=True)
        make_folders(folder / ".git" / "objects")
        repo = Workspace(folder)
        repo.write(".gitignore", "*.bin\n")
        repo.write("notes.txt", "first\n")
        repo.commit("a training script")
        repo.write("notes.txt", "put away\n")
        repo.git("stash", "--quiet")
        repo.write("train.py", repo.read("train.py") + "# edited\n")
        repo.write("staged.py", "print(1)\n")
        repo.git("add", "staged.py")
        repo.write("new.py", "print(2)\n")
        repo.write("data.bin", b"\0" * 1000)
        self.prepare(repo)
        return repo


def make_folders(objects: Path) -> None:
    """Make all folders that Git has for objects.

    Else it would be up to the ids of objects, and so to the time, which calls make a folder for one.
    """
    for first in range(256):
        (objects / f"{first:02x}").mkdir(exist_ok=True)


# -- what several scenarios begin with, and end with ----------------------------------------------------


def with_one(repo: Workspace) -> None:
    """One experiment."""
    repo.gitexp("save", "-q", "-n", "one", "-m", "the first")


def with_two(repo: Workspace) -> None:
    """Two of them."""
    with_one(repo)
    repo.gitexp("save", "-q", "-n", "two")


def one(repo: Workspace, name: str = "one") -> Experiment:
    """Return the experiment of a name, which must be there, whole and ended."""
    (found,) = [e for e in experiments(repo) if e.name == name]
    assert isinstance(found, Experiment)
    assert found.record.status.ended
    return found


def stored(repo: Workspace, name: str = "one") -> None:
    """The experiment is there; if it did not come to its end, it says so.

    The command, too, may find the disk full; then it fails by itself.
    """
    record = one(repo, name).record
    told = record.warnings or record.exit_code or any("error" in stage for stage in record.stages.values())
    assert record.status is Status.DONE or told, record


def names(repo: Workspace) -> tuple[list[str], list[str]]:
    """Return those of the experiments, and of those in the trash."""
    trashed = [each.experiment for each in trash.contents(Project.open(repo.path).repo)]
    assert all(isinstance(experiment, Experiment) for experiment in trashed)
    return [e.name for e in experiments(repo)], sorted(e.name for e in trashed)
