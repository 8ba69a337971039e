"""Experiments put into a repository by Git's plumbing: any record, also those that gitexp would not write."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

from gitexp.model import Record, Status
from gitexp.repo import records
from gitexp.repo.experiments import PREFIX, RUN_FOLDER
from tests.support.workspace import Workspace

CREATED = "2024-01-01T10:00:00.000Z"


def put(
    repo: Workspace,
    name: str,
    *,
    baseline: str = "HEAD",
    body: str | None = None,
    run_files: dict[str, bytes] | None = None,
    **fields: Any,
) -> str:
    """Stores an experiment whose tree is its baseline's; returns the id of its commit.

    `fields` are a record's; `body` replaces the record's text; `run_files` is what the run left.
    """
    with repo.by_user():
        return _put(repo, name, baseline, body, run_files or {}, fields)


def adopt(repo: Workspace, other: Path) -> Workspace:
    """Takes over the experiments, branches and tags of another copy of the template; returns `repo`."""
    specs = [f"+refs/{kind}/*:refs/{kind}/*" for kind in ("gitexp", "tags")]
    repo.git("fetch", "--quiet", str(other), *specs, "+refs/heads/feature/*:refs/heads/feature/*")
    return repo


def copy_of(template: Path, folder: Path) -> Workspace:
    """A repository to put experiments into once, for many tests to adopt."""
    shutil.copytree(template, folder / "repo", symlinks=True)
    return Workspace(folder / "repo")


def _put(
    repo: Workspace,
    name: str,
    baseline: str,
    body: str | None,
    run_files: dict[str, bytes],
    fields: dict[str, Any],
) -> str:
    base, tree = _git(repo, "rev-parse", f"{baseline}^{{commit}}", f"{baseline}^{{tree}}").split()
    commit = _git(repo, "commit-tree", tree, "-p", base, "-m", f"{name}: put here")
    record = replace(Record(name, Status.DONE, commit, base, created=CREATED), **fields)
    text = records.encode(record, f"{name}: put here") if body is None else f"subject\n\n{body}\n"
    if run_files:
        lines = [
            f"100644 blob {_git(repo, 'hash-object', '-w', '--stdin', input=data)}\t{file}\n"
            for file, data in run_files.items()
        ]
        below = _git(repo, "mktree", input="".join(lines).encode())
        for folder in reversed(RUN_FOLDER.split("/")):
            below = _git(repo, "mktree", input=f"040000 tree {below}\t{folder}\n".encode())
        tree = below
    oid = _git(repo, "commit-tree", tree, "-p", commit, input=text.encode("utf-8", "surrogateescape"))
    _git(repo, "update-ref", PREFIX + name, oid)
    return commit


def _git(repo: Workspace, *args: str, input: bytes | None = None) -> str:
    done = subprocess.run(["git", *args], cwd=repo.path, input=input, capture_output=True, check=True)
    return done.stdout.decode().strip()
