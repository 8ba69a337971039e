"""Projects with data and stages to measure on: for gitexp and for DVC the same files and commands.

All is deterministic but for the large file, whose bytes are random: no tool is to find a pattern in it.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path

DATA = "data"
STAGES = 50

_CHUNK = 1 << 24
_PER_FOLDER = 100


def data_project(where: Path, env: Mapping[str, str], *, files: int = 0, large: int = 0) -> None:
    """Makes a repository with one commit, and the folder `data` that nobody has added yet.

    In it are `files` files of 1 kB, a hundred to a folder, and one file of `large` bytes.
    """
    _init(where, env)
    for number in range(files):
        file = where / DATA / f"{number // _PER_FOLDER:04}" / f"{number:06}.txt"
        file.parent.mkdir(parents=True, exist_ok=True)
        line = f"{number} ".encode()
        file.write_bytes((line * (1000 // len(line) + 1))[:1000])
    if large:
        (where / DATA).mkdir(exist_ok=True)
        with (where / DATA / "large.bin").open("wb") as file:
            for at in range(0, large, _CHUNK):
                file.write(os.urandom(min(_CHUNK, large - at)))


def stages_project(where: Path, env: Mapping[str, str]) -> None:
    """Makes a repository with a dvc.yaml of fifty stages, each copying what the one before has written."""
    _init(where, env)
    (where / "0.txt").write_text("begin\n")
    lines = ["stages:"]
    for number in range(STAGES):
        lines += [
            f"  step{number:02}:",
            f"    cmd: cp {number}.txt {number + 1}.txt && echo {number} >> {number + 1}.txt",
            f"    deps: [{number}.txt]",
            f"    outs: [{number + 1}.txt]",
        ]
    (where / "dvc.yaml").write_text("\n".join(lines) + "\n")
    (where / ".gitignore").write_text("".join(f"/{number + 1}.txt\n" for number in range(STAGES)))
    commit(where, env, "stages")


def commit(where: Path, env: Mapping[str, str], message: str) -> None:
    """Commits all there is."""
    git(where, env, "add", "--all")
    git(where, env, "commit", "--quiet", "--message", message)


def git(where: Path, env: Mapping[str, str], *arguments: str, stdin: str | None = None) -> str:
    """Runs Git and returns what it says."""
    done = subprocess.run(
        ["git", *arguments],
        cwd=where,
        env=dict(env),
        check=True,
        input=stdin,
        stdout=subprocess.PIPE,
        encoding="utf-8",
    )
    return done.stdout


def tool(where: Path, env: Mapping[str, str], argv: Iterable[str]) -> None:
    """Runs one of the tools, as preparation."""
    subprocess.run([*argv], cwd=where, env=dict(env), check=True, stdout=subprocess.DEVNULL)


def remove(*paths: Path) -> None:
    """Removes files and folders. What was written is on the disk then, and slows down nobody after it."""
    for path in paths:
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
    os.sync()


def empty(folder: Path) -> None:
    """A folder with nothing in it, as a remote is at first: none is made by a push."""
    remove(folder)
    folder.mkdir(parents=True)


def is_up_to_date(status: bytes) -> bool:
    """Whether `gitexp status --json` has nothing to tell of."""
    found = json.loads(status)
    states = [stage["state"] for stage in found["stages"]] + [each["state"] for each in found["data"]]
    return bool(states) and set(states) <= {"up to date", "unchanged"}


def _init(where: Path, env: Mapping[str, str]) -> None:
    where.mkdir(parents=True)
    git(where, env, "init", "--quiet", "--initial-branch=main")
    (where / "README.md").write_text("# Data\n")
    commit(where, env, "a beginning")
