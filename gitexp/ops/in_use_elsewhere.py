"""What the Git remotes have that may refer to data: a colleague has pushed what is not here yet."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from gitexp import errors
from gitexp.ops import sharing
from gitexp.ops.in_use import Tips, called
from gitexp.ops.project import Project
from gitexp.ops.sharing import Contact
from gitexp.repo import exchange
from gitexp.repo.store import PREFIX
from gitexp.words import shorten

_REFS = (PREFIX, "refs/heads/", "refs/tags/")


def tips(project: Project, contact: Contact | None = None) -> Tips:
    """Return the experiments, branches and tags of every Git remote: ids with what people call them.

    Raises UseUnknown if a remote cannot be asked, or has something that is not here.
    """
    found = defaultdict[str, list[str]](list)
    for name in exchange.remotes(project.repo.config):
        remote = sharing.connect(project, name, contact or Contact(), push=False)
        try:
            there = remote.refs(*_REFS)
        except errors.SharingError as error:
            raise _unknown(
                f"The Git remote {name} cannot be asked: {error.message}",
                f"Try again when it answers; if it is no more: git remote remove {name}",
            ) from error
        known = project.repo.find_objects(list(there.values()))
        if absent := [ref for ref, one in zip(there, known, strict=True) if one is None]:
            what = shorten(list(map(called, absent)))
            raise _unknown(f"{name} has what is not here: {what}.", _bring(project, name, absent))
        for ref, oid in there.items():
            found[oid].append(f"{called(ref)} (of {name})")
    return found


def _bring(project: Project, name: str, absent: Sequence[str]) -> str:
    """Return how to have here what a remote has."""
    commands = []
    if any(ref.startswith(PREFIX) for ref in absent):
        commands.append(f"gitexp pull --all --from {name}")
    if not all(ref.startswith(PREFIX) for ref in absent):
        usual = project.repo.config.get(f"remote.{name}.fetch", "")
        rest = "" if "refs/heads/*:" in usual else f" '+refs/heads/*:refs/remotes/{name}/*'"
        commands.append(f"git fetch --tags {name}{rest}")
    return f"Bring it first: {' && '.join(commands)}"


def _unknown(why: str, hint: str) -> errors.UseUnknown:
    return errors.UseUnknown(
        f"Nothing is deleted, since it cannot be told what is in use. {why}",
        f"{hint}. With --force only what is known here counts.",
    )
