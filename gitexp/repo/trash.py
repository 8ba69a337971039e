"""Removed experiments: `refs/gitexp/trash/<time>/<name>` points where the experiment's own ref did.

The time is the time of removal, in the form `20261121T101530.123Z`, so several experiments of one name can
lie in the trash. It is for people: `Watch` decides when an experiment may go, for the clock may have been
wrong.
"""

from __future__ import annotations

import contextlib
import errno
import json
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

from gitexp import errors
from gitexp.model import Experiment, Stored
from gitexp.named_tuple import NamedTuple
from gitexp.regex import regex
from gitexp.repo.experiments import PREFIX as EXPERIMENTS
from gitexp.repo.experiments import Store
from gitexp.repo.git.repository import Repository
from gitexp.repo.git.values import RefChange
from gitexp.repo.local import LocalState

PREFIX = "refs/gitexp/trash/"
DAYS = 30

_WATCH = "trash.json"  # in .git/gitexp
_LARGEST_WATCH = 64 << 20  # bytes
_NO_WATCH = (errno.ENOENT, errno.EFBIG, errno.ELOOP, errno.ENOTDIR)  # no file of gitexp's is there
_MOST_BETWEEN = 86400.0 * DAYS / 4  # seconds that the time between two looks counts
_TOLERATED = timedelta(minutes=5)  # clocks of machines that share a repository differ by that

_REF = regex(r"refs/gitexp/trash/([0-9]{8}T[0-9]{6}\.[0-9]{3}Z)/([^/]+)", re.ASCII)
_STAMP = "%Y%m%dT%H%M%S.%f"


class Trashed(NamedTuple):
    """A removed experiment, the time of its removal, and its ref in the trash."""

    experiment: Stored
    removed: datetime
    ref: str

    @property
    def commit(self) -> str:
        """The experiment's commit; for a damaged experiment, the record commit."""
        found = self.experiment
        return found.record.commit if isinstance(found, Experiment) else found.id

    def restored_as(self, name: str) -> list[RefChange]:
        """The changes that make the experiment's ref again and empty its place in the trash."""
        oid = self.experiment.id
        return [RefChange(EXPERIMENTS + name, None, oid), RefChange(self.ref, oid, None)]


def contents(repo: Repository) -> list[Trashed]:
    """The experiments in the trash, the last removed first; foreign refs are passed over."""
    found = []
    for ref, experiment in Store(repo).read_below(PREFIX):
        if (match := _REF.fullmatch(ref)) is not None:
            with contextlib.suppress(ValueError):  # the thirteenth month
                time = datetime.strptime(match[1].rstrip("Z"), _STAMP).replace(tzinfo=UTC)
                found.append(Trashed(experiment, time, ref))
    return sorted(found, key=lambda one: one.removed, reverse=True)


def removal(experiments: Sequence[Stored], time: datetime) -> list[RefChange]:
    """The changes that move experiments into the trash; raises BadRecord for a ref without a commit."""
    for experiment in experiments:
        if not experiment.id.strip("0"):
            raise errors.BadRecord(
                f"There is nothing of {experiment.name} to keep: its ref is broken.",
                "gitexp doctor --fix moves the ref out of the way.",
            )
    stamp = time.strftime(_STAMP)[:-3] + "Z"
    changes = []
    for experiment in experiments:
        changes.append(RefChange(f"{PREFIX}{stamp}/{experiment.name}", None, experiment.id))
        changes.append(RefChange(EXPERIMENTS + experiment.name, experiment.id, None))
    return changes


class Watch(NamedTuple):
    """The time for which experiments were seen in the trash: no clock is believed in one step.

    A removed experiment has the age of all times between looks at the trash together, each of
    `_MOST_BETWEEN` at most. A clock that goes wrong once makes nothing old, neither at the removal nor
    later.

    Attributes:
        latest: the latest time of a look; None: never.
        ages: seconds for each ref of the trash.
        behind: the clock is behind `latest`, wrong then or wrong now: nothing grows older.
    """

    latest: datetime | None
    ages: Mapping[str, float]
    behind: bool = False


def look(repo: Repository, time: datetime) -> Watch:
    """Look at the trash, and remember the time. Raises OSError if the last look cannot be read."""
    local = LocalState(repo)
    before = _remembered(local)
    lying = [one.ref for one in contents(repo)]
    if not lying and before.latest is None:
        return before
    if before.latest is None:
        now = Watch(time, dict.fromkeys(lying, 0.0))
    elif time < before.latest - _TOLERATED:
        return Watch(before.latest, {ref: before.ages.get(ref, 0.0) for ref in lying}, behind=True)
    else:
        passed = max(0.0, min((time - before.latest).total_seconds(), _MOST_BETWEEN))
        ages = {ref: before.ages[ref] + passed if ref in before.ages else 0.0 for ref in lying}
        now = Watch(max(time, before.latest), ages)
    _remember(local, now)
    return now


def believe(repo: Repository, time: datetime) -> None:
    """Take the present time for right: the clock was ahead at an earlier look."""
    local = LocalState(repo)
    _remember(local, Watch(time, _remembered(local).ages))


def _remembered(local: LocalState) -> Watch:
    """The last look at the trash; none if the file is missing or damaged: then all begins anew.

    Raises OSError for a disk that does not give the file.
    """
    try:
        with local.opened(local.root) as folder:
            said = json.loads(folder.read(_WATCH, _LARGEST_WATCH))
        latest = datetime.fromtimestamp(float(said["latest"]), UTC)
        return Watch(latest, {ref: max(0.0, float(age)) for ref, age in said["ages"].items()})
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError):
        return Watch(None, {})
    except OSError as error:
        if error.errno in _NO_WATCH:
            return Watch(None, {})
        raise


def _remember(local: LocalState, now: Watch) -> None:
    """Write a look down, whole or not at all; where that cannot be, experiments are kept longer."""
    assert now.latest is not None
    text = json.dumps({"latest": now.latest.timestamp(), "ages": dict(now.ages)})
    with (
        contextlib.suppress(OSError, errors.GitexpError),
        local.lock("trash"),
        local.opened(local.root) as folder,
    ):
        folder.write(_WATCH, text.encode())


def expired(repo: Repository, watch: Watch) -> list[RefChange]:
    """The changes that delete the experiments seen in the trash for longer than `DAYS`."""
    old = {ref for ref, age in watch.ages.items() if age > timedelta(days=DAYS).total_seconds()}
    if watch.behind or not old:
        return []
    return [RefChange(one.ref, one.experiment.id, None) for one in contents(repo) if one.ref in old]


def empty_expired(repo: Repository, watch: Watch) -> int:
    """Delete the experiments seen in the trash for longer than `DAYS` for good; their number."""
    old = expired(repo, watch)
    if old:
        repo.update_refs(old, "gitexp: trash")
    return len(old)
