"""A small real project to try gitexp on: Fisher's irises and a trainer in plain Python."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from gitexp import errors
from gitexp.catalog.query import Query
from gitexp.project.project import Project
from gitexp.repo.git.repository import Repository
from gitexp.views import table

FILES = ("train.py", "params.yaml", "iris.csv", ".gitignore")
_PYTHON = Path(sys.executable)
_TRAIN = ("python" if (_PYTHON.parent / "python").exists() else _PYTHON.name, "train.py")
_RUNS: tuple[tuple[str, ...], ...] = (
    ("-S", "train.lr=0.01"),
    ("-S", "train.lr=0.1"),
    ("-S", "train.lr=0.5", "-S", "train.epochs=200"),
    ("-S", "train.lr=0.1", "-S", "train.epochs=60", "-S", "train.l2=0.1"),
)


@dataclass(frozen=True, slots=True)
class TourStep:
    """A command as a user would type it, and its reason."""

    command: tuple[str, ...]
    explanation: str = ""


def prepare(folder: Path | None) -> Path:
    """The folder of a new repository with the demo project and one commit.

    By default the folder is temporary. Raises UsageError for a folder with files, or inside another
    repository.
    """
    if folder is None:
        folder = Path(tempfile.mkdtemp(prefix="gitexp-demo-"))
    folder = folder.absolute()
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise errors.UsageError(f"{folder} is not empty.", "Give a new folder, or none for a temporary one.")
    with contextlib.suppress(errors.RepositoryError):
        around = Repository.find(next(place for place in (folder, *folder.parents) if place.is_dir())).root
        raise errors.UsageError(
            f"{folder} is inside the repository {around}, which could then not be stored exactly.",
            "Give a folder elsewhere, or none for a temporary one.",
        )
    folder.mkdir(parents=True, exist_ok=True)
    for name in FILES:
        (folder / name).write_bytes(resources.files("gitexp.demo").joinpath(name).read_bytes())
    Repository.create(folder, "Irises and a small trainer")
    return folder


def steps(folder: Path) -> Iterator[TourStep]:
    """The steps in turn. The last steps depend on the results of the first."""
    why = "Four runs. Each stores the exact code, params, metrics, log and environment."
    for options in _RUNS:
        yield TourStep(("gitexp", "run", *options, "--", *_TRAIN), why)
        why = ""
    yield TourStep(("gitexp", "show", "--sort", "acc", "--desc"), "All runs side by side, the best first.")
    query = Query(sort="acc", descending=True)
    best, second, *_ = table.table(Project.open(folder), query).experiments
    yield TourStep(
        ("gitexp", "diff", second.name, best.name), "What made the best one better than the second?"
    )
    yield TourStep(
        ("gitexp", "branch", best.name, "best"), "Keep it as a Git branch: code, params and results."
    )
    yield TourStep(("git", "log", "--oneline", "--stat", "-1", "best"), "It is an ordinary commit.")


def perform(folder: Path, step: TourStep) -> int:
    """The exit status of a step, run in the folder; its output goes where ours goes."""
    here = str(_PYTHON.parent)
    environment = {**os.environ, "PATH": os.pathsep.join([here, os.environ.get("PATH", "")])}
    environment |= {"GIT_PAGER": "cat", "GITEXP_PAGER": "cat"}
    command = list(step.command)
    if command[0] == "gitexp":
        command[:1] = [sys.executable, "-m", "gitexp"]
    return subprocess.run(command, cwd=folder, env=environment, check=False).returncode
