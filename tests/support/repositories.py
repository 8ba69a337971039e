"""What a user does to a repository beyond writing files and committing."""

from __future__ import annotations

import hashlib
import os
import shutil
import struct
import subprocess
import sys
import time
from pathlib import Path

from tests.support.workspace import Workspace


def git(folder: Path, *args: str) -> str:
    """What Git prints in any folder, without the guard of a workspace."""
    return subprocess.run(
        ["git", *args], cwd=folder, check=True, capture_output=True, text=True
    ).stdout.strip()


def copy_repository(template: Path, path: Path) -> None:
    """Copies a repository with hard links and links as they are, and an index that knows the copies."""
    if sys.platform == "linux":
        subprocess.run(["cp", "-a", "--", str(template), str(path)], check=True)
    else:
        shutil.copytree(template, path, symlinks=True)
    refresh_index(path)


def refresh_index(path: Path) -> None:
    """Writes the stats of the files into an index of version 2, as `git update-index --refresh` does.

    Every file must have the content that the index has.
    """
    if sys.platform == "win32":  # whose Git stores other stats
        git(path, "update-index", "-q", "--refresh")
        return
    index = path / ".git" / "index"
    content = bytearray(index.read_bytes()[:-20])
    signature, version, count = struct.unpack_from(">4sII", content)
    assert (signature, version) == (b"DIRC", 2)
    at = 12
    for _ in range(count):
        end = content.index(b"\0", at + 62)
        stats = os.lstat(path / os.fsdecode(bytes(content[at + 62 : end])))
        seconds = [divmod(time, 10**9) for time in (stats.st_ctime_ns, stats.st_mtime_ns)]
        numbers = (*seconds[0], *seconds[1], stats.st_dev & 0xFFFFFFFF, stats.st_ino & 0xFFFFFFFF)
        struct.pack_into(">6I", content, at, *numbers)
        at += (end - at + 8) & ~7
    index.write_bytes(content + hashlib.sha1(content).digest())


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
