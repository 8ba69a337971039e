"""The jobs that engines were given: `<git-common-dir>/gitexp/engines/<engine>.json`, safe to lose.

If the file is lost, a run may be a job twice. The second one finds it taken, and ends at once.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping

from gitexp import errors
from gitexp.failpoints import failpoint
from gitexp.model import Record
from gitexp.named_tuple import NamedTuple
from gitexp.repo.local import LocalState


def are_there(local: LocalState) -> bool:
    """Whether an engine has ever had jobs here."""
    return local.engines.is_dir()


def folder_of(local: LocalState, engine: str) -> str:
    """The folder for an engine's own files."""
    return str(local.engines / engine.encode().hex())  # a name may have any characters


class SubmittedJob(NamedTuple):
    """A job that an engine was given.

    Attributes:
        id: its id.
        start: S of the queued run; a run that is planned anew under the same name has another one.
        tries: earlier tries of the run that were lost.
    """

    id: str
    start: str
    tries: int

    def is_of(self, record: Record) -> bool:
        """Whether an experiment is the one that the job was given for, and no other job has begun it."""
        if self.start != record.start:
            return False
        if record.job:  # the engine may have started the job again, for another try
            return record.job == self.id
        return self.tries == record.tries


class JobsFile:
    """The file of one engine."""

    def __init__(self, local: LocalState, engine: str) -> None:
        self._local = local
        self._name = f"{engine.encode().hex()}.json"  # of any characters
        self._lock = f"engine-{engine.encode().hex()}"

    def read(self) -> dict[str, SubmittedJob]:
        """The jobs by the names of their experiments; {} if the file cannot be read."""
        found = {}
        with contextlib.suppress(OSError, ValueError, TypeError, AttributeError, LookupError):
            with self._local.opened(self._local.engines) as folder:
                data = json.loads(folder.read(self._name))
            for name, (id, start, tries) in data.items():
                found[str(name)] = SubmittedJob(str(id), str(start), int(tries))
        return found

    def update(self, jobs: Mapping[str, SubmittedJob], gone: Mapping[str, SubmittedJob]) -> None:
        """Add some jobs, and drop those that nobody needs any more, if possible.

        The jobs of other dispatchers of this machine stay.
        """
        with contextlib.suppress(OSError, errors.GitexpError), self._local.lock(self._lock):
            known = self.read()
            for name, job in gone.items():
                if known.get(name) == job:
                    del known[name]
            known.update(jobs)
            text = json.dumps(known).encode("utf-8", "surrogateescape")
            with self._local.opened(self._local.engines, make=True) as folder:
                folder.write(self._name, text)
            failpoint("engine:noted")
