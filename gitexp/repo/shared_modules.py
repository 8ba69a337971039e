"""Submodules that an isolated run has from the workspace: only as the code of the run has them.

The workspace has one commit of a submodule, and links give a run nothing else. So a run whose code has
another commit is refused: its record would name code that did not run.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Sequence

from gitexp import errors
from gitexp.named_tuple import NamedTuple
from gitexp.repo.git import indexes
from gitexp.repo.git.disk_files import is_repository
from gitexp.repo.git.repository import Repository
from gitexp.repo.local import LocalState

_MODE = "160000"
_MODULE = b"\x00160000 "  # the beginning of a tree's entry for a submodule, after the end of another entry


class _OtherModule(NamedTuple):
    """A shared submodule that is not as the code has it.

    Attributes:
        path: its path in the repository.
        told: the difference, in words.
        remedy: the commands that lay out what the code has.
    """

    path: str
    told: str
    remedy: str


def refuse(repo: Repository, commit: str, share: Sequence[str]) -> None:
    """Raise SnapshotRefused for submodules of a commit, or of a tree, that an isolated run would not have.

    A submodule must be shared, and in the workspace it must be as the commit has it, without changes.
    """
    wanted = _modules(repo, commit)
    shared = {path.rstrip("/") for path in share}
    missing = [path for path in wanted if path not in shared]
    if missing:
        raise errors.SnapshotRefused(
            f"An isolated run would not have the submodule: {', '.join(missing)}.",
            "List it under share: in gitexp.yaml to link it from the workspace.",
            paths=missing,
        )
    if others := _others(repo, wanted):
        told = ", ".join(f"{each.path} {each.told}" for each in others)
        commands = " && ".join(each.remedy for each in others)
        raise errors.SnapshotRefused(
            f"An isolated run would have other code than its commit: the submodule {told}.",
            f"{commands} lays out what the commit has.",
            paths=[each.path for each in others],
        )


def _modules(repo: Repository, commit: str) -> dict[str, str]:
    """The commit of each submodule of a commit, or of a tree, by path."""
    entries = b"\0" + repo.run("ls-tree", "-r", "-z", "--end-of-options", commit)
    found = {}
    for entry in entries.split(_MODULE)[1:]:
        head, _, name = entry.partition(b"\0")[0].partition(b"\t")
        found[os.fsdecode(name)] = head.split(b" ")[-1].decode()
    return found


def _others(repo: Repository, wanted: dict[str, str]) -> list[_OtherModule]:
    """The submodules of the workspace that are not on the `wanted` commits, or have changes."""
    absent = [path for path in wanted if not is_repository(repo.root / path)]
    found = [_OtherModule(path, "is not there", _init(repo, path)) for path in absent]
    here = {path: (_MODE, commit) for path, commit in wanted.items() if path not in absent}
    if not here:
        return found
    with LocalState(repo).scratch() as scratch:
        indexes.put(repo, scratch / "index", here)
        args = ["status", "--porcelain=v2", "-z", "--no-renames", "--untracked-files=no"]
        args += ["--ignore-submodules=none", "--", *here]
        status, out, err = repo.call(*args, index=scratch / "index")
        if status != 0:
            raise indexes.refusal(args, status, err)
    for entry in out.split(b"\0"):
        if entry[:1] == b"1" and entry[3:4] != b".":
            _, _, state, _, _, _, _, _, name = entry.split(b" ", 8)
            path = os.fsdecode(name)
            found.append(_other(repo, path, wanted[path], state.decode()))
    return found


def _other(repo: Repository, path: str, commit: str, state: str) -> _OtherModule:
    """`state`: Git's four letters on a submodule in `git status --porcelain=v2`."""
    at = shlex.quote(os.path.relpath(repo.root / path))
    told, remedy = list[str](), list[str]()
    if state[2:] != "..":
        told.append("has uncommitted changes")
        remedy.append(f"git -C {at} stash -u")
    if state[1:2] == "C" or not told:
        told.append(f"is not on {commit[:7]}")
        remedy.append(f"git -C {at} checkout {commit[:12]}")
    return _OtherModule(path, " and ".join(told), " && ".join(remedy))


def _init(repo: Repository, path: str) -> str:
    root = os.path.relpath(repo.root)
    where = f"-C {shlex.quote(root)} " if root != "." else ""
    return f"git {where}submodule update --init -- {shlex.quote(path)}"
