"""What other repositories had when we last spoke to them: `refs/gitexp/remotes/<remote>/<name>`.

A mirror of their experiments' refs, as `refs/remotes/` is of their branches. Nothing of ours hangs on it.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Mapping

from gitexp.repo.git import refs
from gitexp.repo.git.repository import Repository
from gitexp.repo.git.values import RefChange, RefConflict

PREFIX = "refs/gitexp/remotes/"


def below(remote: str) -> str:
    """Return the prefix of the refs of one remote."""
    return f"{PREFIX}{remote}/"


def known(repo: Repository, remote: str) -> dict[str, str]:
    """Return the refs that a remote had, by their names there, with their record commits."""
    prefix = below(remote)
    found = repo.refs(prefix)
    return {os.fsdecode(ref).removeprefix(prefix): oid.decode() for oid, ref in found}


def holders(repo: Repository) -> dict[str, list[str]]:
    """Return for each record commit that is known to be elsewhere the names of the remotes that have it."""
    found: dict[str, list[str]] = {}
    for oid, ref in repo.refs(PREFIX):
        remote = os.fsdecode(ref).removeprefix(PREFIX).rpartition("/")[0]
        names = found.setdefault(oid.decode(), [])
        names += [remote] if remote not in names else []
    return found


def remember(repo: Repository, remote: str, now: Mapping[str, str], gone: Callable[[str], bool]) -> None:
    """Write down what a remote has: these refs, and of those that it had before the ones that are not `gone`.

    Where somebody else pushes or pulls just now, it is left to him: he knows as well as we do.
    """
    before = known(repo, remote)
    changes = [
        *(RefChange(below(remote) + name, oid, None) for name, oid in before.items() if gone(name)),
        *(
            RefChange(below(remote) + name, before.get(name), oid)
            for name, oid in now.items()
            if before.get(name) != oid
        ),
    ]
    if changes:
        with contextlib.suppress(RefConflict):
            refs.move(repo, changes, f"gitexp: {remote}", durable=False)
