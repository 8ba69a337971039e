"""Removed experiments: `refs/gitexp/trash/<time>/<name>` points where the experiment's own ref did.

The time is when it was removed, as `20261121T101530.123Z`, so that several of one name can lie there
and each says when it may go.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from gitexp import errors
from gitexp.model import Experiment, Stored
from gitexp.repo.experiments import PREFIX as EXPERIMENTS
from gitexp.repo.experiments import Store
from gitexp.repo.git.repository import Repository
from gitexp.repo.git.values import RefChange

PREFIX = "refs/gitexp/trash/"
DAYS = 30

_REF = re.compile(r"refs/gitexp/trash/([0-9]{8}T[0-9]{6}\.[0-9]{3}Z)/([^/]+)", re.ASCII)
_STAMP = "%Y%m%dT%H%M%S.%f"


@dataclass(frozen=True, slots=True)
class Trashed:
    """A removed experiment, when it was removed, and the ref that holds it."""

    experiment: Stored
    removed: datetime
    ref: str

    @property
    def commit(self) -> str:
        """The experiment's commit; of a damaged one, the record commit is all that is known."""
        found = self.experiment
        return found.record.commit if isinstance(found, Experiment) else found.id

    def restored_as(self, name: str) -> list[RefChange]:
        """Return what makes the experiment's ref again, and what takes it out of the trash."""
        oid = self.experiment.id
        return [RefChange(EXPERIMENTS + name, None, oid), RefChange(self.ref, oid, None)]


def contents(repo: Repository) -> list[Trashed]:
    """Return what lies in the trash, the last removed first; refs that are none of ours are passed over."""
    found = []
    for ref, experiment in Store(repo).read_below(PREFIX):
        if (match := _REF.fullmatch(ref)) is not None:
            with contextlib.suppress(ValueError):  # the thirteenth month
                time = datetime.strptime(match[1].rstrip("Z"), _STAMP).replace(tzinfo=UTC)
                found.append(Trashed(experiment, time, ref))
    return sorted(found, key=lambda one: one.removed, reverse=True)


def removal(experiments: Sequence[Stored], time: datetime) -> list[RefChange]:
    """Return what moves experiments into the trash; raises BadRecord for one whose ref says no commit."""
    for experiment in experiments:
        if not experiment.id.strip("0"):
            raise errors.BadRecord(
                f"There is nothing of {experiment.name} to keep: its ref is broken.",
                "gitexp doctor --fix moves the ref out of the way.",
            )
    stamp = time.strftime(_STAMP)[:-3] + "Z"
    return [
        change
        for experiment in experiments
        for change in (
            RefChange(f"{PREFIX}{stamp}/{experiment.name}", None, experiment.id),
            RefChange(EXPERIMENTS + experiment.name, experiment.id, None),
        )
    ]


def expired(repo: Repository, time: datetime) -> list[RefChange]:
    """Return what deletes the experiments that have lain in the trash for longer than they are kept."""
    oldest = time - timedelta(days=DAYS)
    return [RefChange(one.ref, one.experiment.id, None) for one in contents(repo) if one.removed < oldest]


def empty_expired(repo: Repository, time: datetime) -> int:
    """Delete for good what has lain in the trash for longer than it is kept; return how many that were."""
    old = expired(repo, time)
    if old:
        repo.update_refs(old, "gitexp: trash")
    return len(old)
