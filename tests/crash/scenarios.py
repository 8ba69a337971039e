"""What gitexp is doing when it is struck, and what must hold afterwards.

A new command is a few lines here: how its repository comes about, what is typed, which of the user's
files it may change, and what must be true once it has been typed a second time.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from gitexp.model import Experiment, Status
from gitexp.ops.project import Project
from tests.support.guard import Kind
from tests.support.kills import KILLED, experiments, git
from tests.support.workspace import Workspace

_TEMPLATE = Path(__file__).parent.parent / "support" / "template"
_TRAIN = ("--", "python", "train.py")


def _nothing(repo: Workspace) -> None:
    pass


@dataclass(frozen=True, slots=True)
class Scenario:
    """`prepare` adds to a repository with unsaved work; `args` is the command; `may_change` what of the
    user's it may alter; `refused` the errors with which the same command may end the second time;
    `holds` raises AssertionError where the outcome of the second time is not as it must be.
    """

    name: str
    args: Sequence[str]
    prepare: Callable[[Workspace], None] = _nothing
    may_change: Sequence[tuple[Kind, str]] = ()
    refused: Sequence[str] = ()
    holds: Callable[[Workspace], None] = field(default=_nothing)

    def make(self, folder: Path) -> Workspace:
        """Return a new repository at `folder`, with all that a user may have lying about."""
        shutil.copytree(_TEMPLATE, folder)
        subprocess.run(["git", "init", "--quiet", "-b", "main", str(folder)], check=True)
        shutil.rmtree(folder / ".git" / "hooks", ignore_errors=True)
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

    def copy(self, made: Workspace, folder: Path) -> Workspace:
        """Return a copy of what `make` has made, guarded against all but the announced changes."""
        shutil.copytree(made.path, folder, symlinks=True)
        for state in folder.glob(".git/gitexp/runs/*/state.json"):
            state.write_text(state.read_text().replace(str(made.path), str(folder)))
        repo = Workspace(folder)
        for kind, pattern in self.may_change:
            repo.allow(kind, pattern)
        return repo


def _one(repo: Workspace) -> Experiment:
    (found,) = [e for e in experiments(repo) if e.name == "one"]
    assert found.error is None
    assert found.record.status.ended
    return found


def _stored(repo: Workspace) -> None:
    one = _one(repo)
    assert one.record.status is Status.DONE or one.record.warnings, one


def _saved(repo: Workspace) -> None:
    """E holds what stands in the workspace, new and edited files alike."""
    _stored(repo)
    for name in ("train.py", "new.py", "staged.py", "notes.txt"):
        assert git(repo, "show", f"{_one(repo).record.commit}:{name}") + "\n" == repo.read(name)


def _with_one(repo: Workspace) -> None:
    repo.gitexp("save", "-q", "-n", "one", "-m", "the first")


def _with_a_dead_run(repo: Workspace) -> None:
    env = {"GITEXP_FAILPOINT": "run:ended"}
    repo.allow("files", "metrics.json")
    assert repo.gitexp("run", "-q", "-n", "one", *_TRAIN, env=env, check=False).exit_code == KILLED
    repo.guard.retake()


def _recovered(repo: Workspace) -> None:
    assert _one(repo).record.status is Status.INTERRUPTED
    assert "epoch 3" in repo.gitexp("log", "one").stdout
    project = Project.open(repo.path)
    assert not list(project.local.runs.glob("*/state.json"))


def _promoted(repo: Workspace) -> None:
    assert git(repo, "rev-parse", "refs/heads/promoted") == _one(repo).record.commit


_BRANCH: tuple[tuple[Kind, str], ...] = (("refs", "refs/heads/promoted"), ("reflogs", "refs/heads/promoted"))

SCENARIOS = (
    Scenario("save", ("save", "-n", "one"), refused=("name-taken",), holds=_saved),
    Scenario(
        "run",
        ("run", "-n", "one", "-S", "train.lr=0.2", *_TRAIN),
        may_change=(("files", "params.yaml"), ("files", "metrics.json")),
        refused=("name-taken",),
        holds=_stored,
    ),
    Scenario("run --temp", ("run", "--temp", "-n", "one", *_TRAIN), refused=("name-taken",), holds=_stored),
    Scenario("recovery", ("list",), _with_a_dead_run, holds=_recovered),
    Scenario(
        "branch", ("branch", "one", "promoted"), _with_one, _BRANCH, ("branch-exists",), holds=_promoted
    ),
)
