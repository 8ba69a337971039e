"""`gitexp demo`: the whole job, as a newcomer sees it first."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

from tests.support.workspace import GITEXP, Workspace

PLAIN = {**os.environ, "PATH": str(Path(shutil.which("git") or "").parent)}  # no gitexp on the path


def test_the_demo(repo: Workspace, tmp_path: Path) -> None:
    folder = tmp_path / "a new/folder é"
    # A hook's environment must not lead it into the repository that the hook runs for.
    unset = {"PATH": PLAIN["PATH"], "GIT_AUTHOR_NAME": None, "GIT_AUTHOR_EMAIL": None, "EMAIL": None}
    place = {"GIT_DIR": str(repo.path / ".git"), "GIT_WORK_TREE": str(repo.path)}
    done = repo.gitexp("demo", str(folder), env={**unset, **place})
    commands = [line[2:] for line in done.stdout.splitlines() if line.startswith("$ ")]
    assert [command.split()[1] for command in commands] == [
        *["run"] * 4,
        *("show", "diff", "branch", "log"),
    ]
    assert "├── " in done.stdout
    assert re.search(r"0\.\d+\*", done.stdout)
    # `make demo` installs gitexp where the shell does not look for it: the last line works there too.
    look = done.stdout.splitlines()[-1].removeprefix("Look around: ")
    assert look.startswith(f"cd '{folder}' && ")
    shown = subprocess.run(look, shell=True, capture_output=True, text=True, check=True, env=PLAIN)
    assert "├── " in shown.stdout
    names = subprocess.run([*GITEXP, "list"], cwd=folder, capture_output=True, text=True, check=True)
    assert len(names.stdout.split()) == 4
    branches = subprocess.run(["git", "branch"], cwd=folder, capture_output=True, text=True, check=True)
    assert branches.stdout.split() == ["best", "*", "main"]
    shutil.rmtree(folder)


def test_a_folder_in_use_is_left_alone(repo: Workspace) -> None:
    done = repo.gitexp("demo", ".", check=False)
    assert done.exit_code == 2
    assert "is not empty" in done.stderr
    assert repo.gitexp("demo", "train.py", check=False).exit_code == 2
    done = repo.gitexp("demo", "train.py/below", check=False)
    assert done.exit_code == 2


def test_a_folder_that_cannot_be_made(repo: Workspace, tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o500)
    done = repo.gitexp("demo", str(closed / "x"), check=False, unreadable=True)
    assert done.exit_code == 1
    assert "Permission denied" in done.stderr


def test_not_inside_another_repository(repo: Workspace) -> None:
    result = repo.gitexp("demo", "iris", check=False)
    assert result.exit_code == 2
    assert "inside the repository" in result.stderr
    assert not (repo.path / "iris").exists()
