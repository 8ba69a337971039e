"""The last known refs of other repositories: `refs/gitexp/remotes/<remote>/<name>`.

They mirror the refs of experiments, the way `refs/remotes/` mirrors branches. Nothing depends on them.
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
    """The prefix of the refs of one remote."""
    return f"{PREFIX}{remote}/"


def known(repo: Repository, remote: str) -> dict[str, str]:
    """The last known refs of a remote, by their names there, with their record commits."""
    prefix = below(remote)
    found = repo.refs(prefix)
    return {os.fsdecode(ref).removeprefix(prefix): oid.decode() for oid, ref in found}


def holders(repo: Repository) -> dict[str, list[str]]:
    """The names of the remotes with each record commit."""
    found: dict[str, list[str]] = {}
    for oid, ref in repo.refs(PREFIX):
        remote = os.fsdecode(ref).removeprefix(PREFIX).rpartition("/")[0]
        names = found.setdefault(oid.decode(), [])
        if remote not in names:
            names.append(remote)
    return found


def remember(repo: Repository, remote: str, now: Mapping[str, str], gone: Callable[[str], bool]) -> None:
    """Write down the refs of a remote: the refs `now`, and the refs known before without the `gone` ones.

    If somebody else pushes or pulls just now, nothing is written: the other process knows as much.
    """
    before = known(repo, remote)
    changes = []
    for name, oid in before.items():
        if gone(name):
            changes.append(RefChange(below(remote) + name, oid, None))
    for name, oid in now.items():
        if before.get(name) != oid:
            changes.append(RefChange(below(remote) + name, before.get(name), oid))
    if changes:
        with contextlib.suppress(RefConflict):
            refs.move(repo, changes, f"gitexp: {remote}", durable=False)
