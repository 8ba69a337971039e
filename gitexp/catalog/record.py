"""What every new record says alike: when and where it was made, by whom, and by which gitexp."""

from __future__ import annotations

from dataclasses import replace

from gitexp.model import Record
from gitexp.process.environment import machine
from gitexp.repo.git.values import Head
from gitexp.times import now
from gitexp.version import __version__


def made_here(record: Record) -> Record:
    """Return the record of an experiment that begins now, on this machine."""
    here = machine()
    return replace(
        record,
        created=now(),
        user=here.user,
        host=here.host,
        platform=here.platform,
        cpus=here.cpus,
        gitexp=__version__,
    )


def branch_of(head: Head) -> str | None:
    """Return the name of the branch that HEAD is on, as a record has it; None if it is detached."""
    return head.branch.removeprefix("refs/heads/") if head.branch else None
