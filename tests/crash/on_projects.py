"""Scenarios: the project is set up, and what crashes have left is mended."""

from __future__ import annotations

import json
import os
from pathlib import Path

from gitexp.project.project import Project
from gitexp.upkeep import doctor
from tests.crash.on_data import REMOTE, SENT
from tests.crash.scenario import Changes, Scenario, names, with_one
from tests.support.stored import age
from tests.support.workspace import Workspace

_CONFIG: Changes = (("files", "gitexp.yaml"),)
_COMMAND = "command: python train.py  # as ever\n"


def _initialized(repo: Workspace) -> None:
    assert repo.read("gitexp.yaml").splitlines()[1:] == [
        "command: python train.py",
        "params: [params.yaml]",
        "metrics: [metrics.json]",
    ]


def _with_a_config(repo: Workspace) -> None:
    repo.write("gitexp.yaml", _COMMAND)


def _listed(repo: Workspace) -> None:
    """A folder that could not be made is a warning, there and wherever it is used."""
    assert repo.read("gitexp.yaml") == f"{_COMMAND}remotes:\n  store: {REMOTE}\n"


def _with_all_that_crashes_leave(repo: Workspace) -> None:
    """Besides an experiment: one whose ref says no commit, a lock on a ref, files of dead processes, half a
    worktree, and one that was seen in the trash for years."""
    with_one(repo)
    trashed = "refs/gitexp/trash/20200101T000000.000Z/one"
    repo.git("update-ref", trashed, "refs/gitexp/exps/one")
    git_dir = repo.path / ".git"
    seen = {"latest": 1_600_000_000.0, "ages": {trashed: 1e8}}  # seconds
    (git_dir / "gitexp" / "trash.json").write_text(json.dumps(seen))
    (git_dir / "refs" / "gitexp" / "exps" / "cut").write_text("")
    for name in ("refs/gitexp/exps/two.lock", "gitexp/tmp/old/index", "gitexp/worktrees/gitexp-1/train.py"):
        _leave(git_dir / name)
    repo.guard.retake()


def _leave(file: Path) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("half")
    age(file)
    if file.suffix != ".lock":
        os.utime(file.parent, (0, 0))


def _mended(repo: Workspace) -> None:
    assert names(repo) == (["one"], [])
    assert (repo.path / ".git" / "gitexp" / "broken" / "exps-cut").exists()
    assert doctor.examine(Project.open(repo.path)).findings == []


SCENARIOS = (
    Scenario("init", ("init",), may_change=_CONFIG, refused=("config-exists",), holds=_initialized),
    Scenario(
        "remote add",
        ("remote", "add", "store", REMOTE),
        _with_a_config,
        (*_CONFIG, *SENT),
        ("remote-exists",),
        holds=_listed,
    ),
    Scenario(
        "doctor --fix",
        ("doctor", "--fix"),
        _with_all_that_crashes_leave,
        holds=_mended,
        at_once=False,  # what could not be mended and is no problem, it says
        reports=True,
        ill=True,
    ),
)
