"""What stands on disk and what an experiment holds, read without gitexp, in one form to compare."""

from __future__ import annotations

import os
import stat
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeAlias

from tests.support.workspace import Workspace

Tree: TypeAlias = dict[str, tuple[str, bytes]]  # path -> mode, content (of a link its target)

SUBMODULE = "160000"

_PLAIN = (
    "-c",
    "core.sparseCheckout=false",
    "-c",
    "core.fsmonitor=false",
    "-c",
    f"core.hooksPath={os.devnull}",
)


def on_disk(root: Path) -> Tree:
    """Every file and link below `root`; a repository inside is one entry, its commit."""
    found: Tree = {}
    for name, folders, files in os.walk(root):
        folder = Path(name)
        if folder != root and ".git" in (*folders, *files):
            head = ["git", "-C", str(folder), "rev-parse", "HEAD"]
            commit = subprocess.run(head, check=True, capture_output=True).stdout.strip()
            found[str(folder.relative_to(root))] = (SUBMODULE, commit)
            folders.clear()
            continue
        if folder == root and ".git" in folders:
            folders.remove(".git")
        for file in [folder / name for name in (*files, *folders)]:
            if file != root / ".git" and (file.is_symlink() or file.is_file()):
                found[str(file.relative_to(root))] = entry_of(file)
    return found


def stored(repo: Workspace, commit: str, *, raw: bool = False) -> Tree:
    """What plain Git makes of a commit's tree when it checks all of it out; with `raw`, the blobs."""
    with TemporaryDirectory() as folder:
        index, out = Path(folder, "index"), Path(folder, "out")
        env = {**os.environ, "GIT_INDEX_FILE": str(index), "GIT_WORK_TREE": str(repo.path)}

        def git(*args: str) -> bytes:
            command = ["git", "--no-replace-objects", *_PLAIN, *args]
            return subprocess.run(command, cwd=repo.path, env=env, check=True, capture_output=True).stdout

        git("read-tree", commit)
        if not raw:
            git("checkout-index", "--all", f"--prefix={out}/")
        found: Tree = {}
        for entry in git("ls-tree", "-r", "-z", commit).split(b"\0")[:-1]:
            meta, _, name = entry.partition(b"\t")
            mode, kind, oid = meta.decode().split()
            path = os.fsdecode(name)
            if kind == "commit":
                found[path] = (mode, oid.encode())
            elif raw:
                found[path] = (mode, git("cat-file", "blob", oid))
            else:
                found[path] = entry_of(out / path)
                assert found[path][0] == mode or mode == "120000"  # core.symlinks=false
        return found


def entry_of(file: Path) -> tuple[str, bytes]:
    """Mode and content of one file or link."""
    if file.is_symlink():
        return "120000", os.fsencode(os.readlink(file))  # noqa: PTH115 - Path would tidy up the target
    return "100755" if file.stat().st_mode & stat.S_IXUSR else "100644", file.read_bytes()


def experiment_commit(repo: Workspace, name: str) -> str:
    """The commit with the code of the experiment `name`: its record's only parent."""
    return repo.git("rev-parse", f"refs/gitexp/exps/{name}^")
