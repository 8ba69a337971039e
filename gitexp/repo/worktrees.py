"""Isolated workspaces for runs: Git worktrees that are kept and used again.

Checking out 20,000 files takes seconds, changing a few of them takes none: so a worktree is not
removed after a run but cleaned before the next one. Each is a slot with a lock that dies with the
process holding it. HEAD there is the start snapshot itself, so tools that ask Git for the current
commit get the exact code.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

from gitexp import errors
from gitexp.failpoints import failpoint
from gitexp.repo.git import Repository
from gitexp.repo.local import LocalState, Lock

_SLOTS = 256


@contextlib.contextmanager
def checkout(repo: Repository, commit: str, share: Sequence[str]) -> Iterator[Repository]:
    """Give a worktree that holds `commit` and nothing else, as long as the block lasts.

    `share` are paths that are linked to those of `repo`'s own workspace, where these exist.
    Raises SnapshotRefused for submodules that are not shared: they would be empty.
    """
    _refuse_submodules(repo, commit, share)
    slot, lock = _take_slot(LocalState(repo))
    try:
        worktree = _prepared(repo, slot, commit)
        _link(repo.root, worktree.root, share)
        yield worktree
    finally:
        lock.release()


def _take_slot(local: LocalState) -> tuple[Path, Lock]:
    for number in range(_SLOTS):
        name = f"gitexp-{number}"
        if (lock := local.try_lock(name)) is not None:
            return local.worktrees / name, lock
    raise errors.WorkspaceBusy(f"{_SLOTS} isolated runs are going on already.", "Wait for one to end.")


def _prepared(repo: Repository, path: Path, commit: str) -> Repository:
    worktree = repo.linked(path, repo.common_dir / "worktrees" / path.name)
    if not (path / ".git").is_file() or not (worktree.git_dir / "HEAD").is_file():
        _add(repo, worktree, commit)
    full = ("-c", "core.sparseCheckout=false")
    worktree.run("update-ref", "--no-deref", "HEAD", commit)
    worktree.run(*full, "clean", "-ffdxq")
    failpoint("worktree:cleaned")
    worktree.run(*full, "read-tree", "--reset", "-u", "--end-of-options", commit)
    return worktree


def _add(repo: Repository, worktree: Repository, commit: str) -> None:
    """Make the worktree anew; whatever a crash left of an older one is removed."""
    for left_over in (worktree.root, worktree.git_dir):
        shutil.rmtree(left_over, ignore_errors=True)
    # Locked, so that `git worktree prune` and `remove` leave it alone.
    repo.run("worktree", "add", "--detach", "--no-checkout", "--lock", "--", str(worktree.root), commit)
    failpoint("worktree:added")


def _refuse_submodules(repo: Repository, commit: str, share: Sequence[str]) -> None:
    if repo.resolve(f"{commit}:.gitmodules", "blob") is None:
        return
    shared = {path.rstrip("/") for path in share}
    entries = repo.run("ls-tree", "-r", "-z", "--end-of-options", commit).split(b"\0")
    modules = [os.fsdecode(e.partition(b"\t")[2]) for e in entries if e.startswith(b"160000 ")]
    missing = [path for path in modules if path not in shared]
    if missing:
        raise errors.SnapshotRefused(
            f"An isolated run would not have the submodule: {', '.join(missing)}.",
            "List it under share: in gitexp.yaml to link it from the workspace.",
            paths=missing,
        )


def _link(source: Path, target: Path, share: Sequence[str]) -> None:
    for name in share:
        original, link = source / name, target / name
        if not os.path.lexists(original):
            continue
        if link.is_dir() and not link.is_symlink() and not any(link.iterdir()):
            link.rmdir()  # an empty submodule folder
        if not os.path.lexists(link):
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(original, target_is_directory=original.is_dir())
