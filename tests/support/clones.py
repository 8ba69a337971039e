"""A team: a bare repository, and clones of it in which different people work."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gitexp.model import Experiment
from gitexp.project.project import Project
from tests.support.repositories import copy_repository, git
from tests.support.workspace import Workspace

REMOTES = ("refs/remotes/*",)


@dataclass(frozen=True)
class Team:
    """Two people's clones of `url`, which is served from the bare repository `bare`."""

    bare: Path
    url: str
    ann: Workspace
    bob: Workspace

    def there(self) -> dict[str, str]:
        """The experiments that the bare repository has, with their record commits."""
        return refs_of(self.bare)

    def reject(self, script: str, hook: str = "pre-receive") -> None:
        """Has the server run a hook."""
        file = self.bare / "hooks" / hook
        file.parent.mkdir(exist_ok=True)
        file.write_text(f"#!/bin/sh\n{script}\n")
        file.chmod(0o755)


def make_team(repo: Workspace, folder: Path, url: str = "", bare: Path | None = None) -> Team:
    """Makes `repo` Ann's clone of a new bare repository, and another clone of it Bob's."""
    bare = bare or folder / "team.git"
    url = url or str(bare)
    # Made once for all tests with the same commit, beside their folders.
    made = folder.parent / f"team-of-{repo.git('rev-parse', 'main')}"
    if not made.exists():
        git(folder, "init", "--quiet", "--bare", "-b", "main", str(made / "team.git"))
        repo.git("push", "--quiet", str(made / "team.git"), "main")
        git(folder, "clone", "--quiet", str(made / "team.git"), str(made / "bob"))
    shutil.copytree(made / "team.git", bare, symlinks=True)
    copy_repository(made / "bob", folder / "bob")
    repo.git("remote", "add", "origin", url)
    config = folder / "bob/.git/config"
    config.write_text(config.read_text().replace(str(made / "team.git"), url))
    return Team(bare, url, repo, Workspace(folder / "bob"))


def clone(bare: Path, path: Path, url: str = "", *options: str) -> Workspace:
    """Another person's clone."""
    subprocess.run(["git", "clone", "--quiet", *options, str(bare), str(path)], check=True)
    workspace = Workspace(path)
    workspace.git("remote", "set-url", "origin", url or str(bare))
    return workspace


def refs_of(path: Path, prefix: str = "refs/gitexp/exps/") -> dict[str, str]:
    """The refs below a prefix in any repository, by the rest of their names."""
    out = _git(path, "for-each-ref", "--format=%(objectname) %(refname)", prefix)
    lines = (line.split(" ", 1) for line in out.splitlines())
    return {ref.removeprefix(prefix): oid for oid, ref in lines}


def assert_whole(*paths: Path) -> None:
    """Git finds nothing wrong in these repositories."""
    for path in paths:
        command = ["git", "fsck", "--strict", "--no-dangling", "--no-progress"]
        done = subprocess.run(command, cwd=path, capture_output=True, text=True, check=False)
        told = [line for line in done.stderr.splitlines() if not line.startswith("notice: ")]
        assert (done.returncode, done.stdout, told) == (0, "", []), path


def experiment(workspace: Workspace, name: str) -> Experiment:
    return Project.open(workspace.path).store.require(name)


def outcomes(answer: Any) -> dict[str, str]:
    """What `push --json` or `pull --json` says of each experiment."""
    return {one["name"]: one["outcome"] for one in answer["experiments"]}


def _git(path: Path, *args: str) -> str:
    env = {**os.environ, "GIT_DIR": str(path / ".git" if (path / ".git").exists() else path)}
    return subprocess.run(["git", *args], env=env, capture_output=True, text=True, check=True).stdout
