"""Experiments put into a repository by Git's plumbing: any record, also those that gitexp would not write."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import zlib
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

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


def put_many(repo: Workspace, count: int) -> None:
    """Stores so many experiments called e00000 and so on, of one commit, in one pack and in packed refs."""
    commit = put(repo, "e00000", baseline="HEAD", metrics={"metrics.json": {"acc": 0.5}})
    base = _git(repo, "rev-parse", "HEAD")
    lines = []
    for number in range(1, count):
        name = f"e{number:05d}"
        record = Record(name, Status.DONE, commit, base, created=CREATED, command="python train.py")
        record = replace(
            record,
            params={"params.yaml": {"train": {"lr": number / 7}, "seed": number}},
            metrics={"metrics.json": {"acc": number / count}},
            tags=("every tenth",) if number % 10 == 0 else (),
            note="ä “quoted” note" if number % 100 == 0 else "",
        )
        message = records.encode(record, name).encode()
        lines.append(f"commit {PREFIX}{name}\ncommitter A <a@b> 1700000000 +0000\n".encode())
        lines.append(b"data %d\n%bfrom %b\n\n" % (len(message), message, commit.encode()))
    with repo.by_user():
        _git(repo, "-c", "fastimport.unpackLimit=1", "fast-import", "--quiet", input=b"".join(lines))
        _git(repo, "pack-refs", "--all")


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
    asked = [f"{baseline}^{{commit}}", f"{baseline}^{{tree}}", "--show-object-format"]
    for place in ("objects", PREFIX + name):
        asked += ["--git-path", place]
    base, tree, algorithm, objects, ref = _git(repo, "rev-parse", *asked).splitlines()
    commits = _Commits(repo.path / objects, algorithm)
    commit = commits.write(tree, base, f"{name}: put here\n".encode())
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
    oid = commits.write(tree, commit, text.encode())
    file = repo.path / ref
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(f"{oid}\n")
    return commit


class _Commits(NamedTuple):
    """Writes commits as `git commit-tree` does, a thousand times over, without a process for each.

    Attributes:
        objects: the folder of the repository's objects.
        algorithm: of the ids, "sha1" or "sha256".
    """

    objects: Path
    algorithm: str

    def write(self, tree: str, parent: str, message: bytes) -> str:
        """The id of a commit that is new, or is there already."""
        lines = [f"tree {tree}", f"parent {parent}"]
        for role in ("author", "committer"):
            parts = [f"GIT_{role.upper()}_{part}" for part in ("NAME", "EMAIL", "DATE")]
            name, email, date = map(os.environ.__getitem__, parts)
            lines.append(f"{role} {name} <{email}> {date}")
        content = "\n".join(lines).encode() + b"\n\n" + message
        stored = b"commit %d\0" % len(content) + content
        oid = hashlib.new(self.algorithm, stored).hexdigest()
        file = self.objects / oid[:2] / oid[2:]
        file.parent.mkdir(exist_ok=True)
        if not file.exists():
            file.write_bytes(zlib.compress(stored, 1))
            file.chmod(0o444)
        return oid


def _git(repo: Workspace, *args: str, input: bytes | None = None) -> str:
    done = subprocess.run(["git", *args], cwd=repo.path, input=input, capture_output=True, check=True)
    return done.stdout.decode().strip()
