"""The part that all new records share: time, machine, user and version of gitexp."""

from __future__ import annotations

from dataclasses import replace

from gitexp.model import Record
from gitexp.process.environment import machine
from gitexp.repo.git.repository import Repository
from gitexp.repo.git.values import Head
from gitexp.times import now
from gitexp.version import __version__


def made_here(record: Record, repo: Repository) -> Record:
    """The record of an experiment that begins now, on this machine, by Git's user or else the login."""
    here = machine()
    return replace(
        record,
        created=now(),
        user=repo.user_name() or here.user,
        host=here.host,
        platform=here.platform,
        cpus=here.cpus,
        gitexp=__version__,
    )


def branch_of(head: Head) -> str | None:
    """The short name of the branch at HEAD; None if HEAD is detached."""
    return head.branch.removeprefix("refs/heads/") if head.branch else None
