"""What a user does to a repository beyond writing files and committing."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path

from tests.support.workspace import Workspace


def git(folder: Path, *args: str) -> str:
    """What Git prints in any folder, without the guard of a workspace."""
    return subprocess.run(
        ["git", *args], cwd=folder, check=True, capture_output=True, text=True
    ).stdout.strip()


def submodule(repo: Workspace) -> Path:
    """A submodule `library` with one commit, committed."""
    library = repo.path.parent / "library"
    git(repo.path.parent, "init", "-q", "-b", "main", str(library))
    (library / "lib.py").write_text("1\n")
    (library / ".gitignore").write_text("ignored/\n")
    git(library, "add", ".")
    git(library, "commit", "-q", "-m", "one")
    repo.git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(library), "library")
    repo.commit("with a submodule")
    return repo.path / "library"


def remove(repo: Workspace, *names: str) -> None:
    with repo.by_user():
        for name in names:
            path = repo.path / name
            path.rmdir() if path.is_dir() and not path.is_symlink() else path.unlink()


def link(repo: Workspace, name: str, target: str) -> None:
    with repo.by_user():
        (repo.path / name).parent.mkdir(parents=True, exist_ok=True)
        os.symlink(target, repo.path / name)  # noqa: PTH211 - the target as it is, not tidied up


def lose(folder: Path, *revisions: str) -> None:
    """Take objects out of a repository, wherever Git has them: all packs become loose objects first."""
    objects = folder / ".git" / "objects"
    ids = [git(folder, "rev-parse", revision) for revision in revisions]
    for pack in (objects / "pack").glob("*.pack"):
        content = pack.read_bytes()
        for file in (objects / "pack").glob(f"{pack.stem}.*"):
            file.unlink()
        subprocess.run(["git", "unpack-objects", "-q"], cwd=folder, input=content, check=True)
    for oid in ids:
        (objects / oid[:2] / oid[2:]).unlink()


def age_packs(folder: Path, seconds: float) -> None:
    """Let time pass, by every clock, for the packs that gitexp keeps."""
    for keep in (folder / ".git" / "objects" / "pack").glob("*.keep"):
        keep.chmod(0o644)
        keep.write_text(f"gitexp: new objects\n{time.monotonic() - seconds:.0f}\n")
        os.utime(keep, (time.time() - seconds, time.time() - seconds))
