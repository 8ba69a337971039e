"""The refs of the queue of a Git remote, and what they say: `refs/gitexp/queue/<name>` there."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping, Sequence

from gitexp.catalog import projects
from gitexp.model import Experiment, Status
from gitexp.named_tuple import NamedTuple
from gitexp.project.project import Project
from gitexp.repo.experiments import PREFIX, is_name
from gitexp.repo.git import graph
from gitexp.repo.git.values import RefChange
from gitexp.repo.git_remote import GitRemote, PushedRef, PushOutcome
from gitexp.sharing import partner, received
from gitexp.sharing.partner import Contact
from gitexp.times import seconds_of

QUEUE = "refs/gitexp/queue/"
SILENCE = 3600.0  # seconds without a sign of life, by the clocks of both machines, after which a run is lost
MOVED = (PushOutcome.NEW, PushOutcome.UPDATED, PushOutcome.UP_TO_DATE, PushOutcome.DELETED)


class RemoteRun(NamedTuple):
    """A run in the queue of a remote.

    Attributes:
        experiment: its record there, queued or running.
        has_ended: whether the remote has the end of the run already.
    """

    experiment: Experiment
    has_ended: bool

    @property
    def seen(self) -> str:
        """The time of the last sign of life, by the clock of its writer, in the form of records."""
        return self.experiment.record.seen or self.experiment.record.created

    @property
    def is_silent(self) -> bool:
        """Whether the run goes on, by its record, and its worker has been silent for too long."""
        return (
            self.experiment.record.status is Status.RUNNING and time.time() - seconds_of(self.seen) > SILENCE
        )


class QueueRefs:
    """Reads and moves the refs of the queue. What was read once is not fetched or checked again.

    All methods raise RemoteFailed; without a remote the constructor raises NoRemote.
    """

    def __init__(self, project: Project, name: str | None, contact: Contact | None = None) -> None:
        self._project = project
        self._remote = partner.connect(project, name, contact or Contact(), push=True)
        self._read: dict[str, Experiment | None] = {}  # of the queue there, by record commit; None: unsound
        self._ends: dict[str, Experiment | None] = {}  # the same of ended experiments there; None: others

    @property
    def name(self) -> str:
        """The name of the remote."""
        return self._remote.where

    def runs(self, names: Collection[str] | None = None) -> list[RemoteRun]:
        """The project's runs in the queue, or those with some names, the first to run first.

        Unsound runs are left out. New commits are fetched; no ref here moves.
        """
        return self._runs_of(self._refs(), names)

    def _refs(self) -> dict[str, str]:
        """The refs of the remote's queue and experiments."""
        return self._remote.refs(QUEUE, PREFIX)

    def _runs_of(self, there: Mapping[str, str], names: Collection[str] | None = None) -> list[RemoteRun]:
        waiting = {}
        for ref, oid in there.items():
            name = ref.removeprefix(QUEUE)
            if name != ref and is_name(name) and (names is None or name in names):
                waiting[name] = oid
        self._read_new({name: oid for name, oid in waiting.items() if oid not in self._read})
        ours = []
        for oid in waiting.values():
            if (one := self._read[oid]) is not None:
                ours.append(one)
        have_end = self._with_end(there, ours)
        runs = [RemoteRun(one, one.name in have_end) for one in ours]
        return sorted(runs, key=lambda run: (run.experiment.record.order, run.experiment.name))

    def _read_new(self, waiting: Mapping[str, str]) -> None:
        """Fetch and check runs in the queue, from names with record commits."""
        self._read.update(dict.fromkeys(waiting.values()))
        sound, _ = received.checked(self._project, _fetched(self._remote, waiting), ended=False)
        for one in projects.of_project(self._project, sound):
            if isinstance(one, Experiment) and one.record.start and not one.record.status.ended:
                self._read[one.id] = one

    def _with_end(self, there: Mapping[str, str], experiments: Sequence[Experiment]) -> set[str]:
        """The names of the runs whose present try has ended at the remote; `there` has the remote's refs."""
        candidates = {}
        for one in experiments:
            if PREFIX + one.name in there:
                candidates[one.name] = there[PREFIX + one.name]
        ended, found = self._ended(candidates), set()
        for one in experiments:
            end = ended.get(one.name)
            if end is None or end.record.start != one.record.start:
                continue
            if not graph.is_ancestor(
                self._project.repo, end.id, one.id
            ):  # else it is the end of an earlier try
                found.add(one.name)
        return found

    def _ended(self, experiments: Mapping[str, str]) -> dict[str, Experiment]:
        """The ended experiments of the remote by name, from names with record commits."""
        new = {name: oid for name, oid in experiments.items() if oid not in self._ends}
        if new:
            fetched, _ = partner.fetch(self._remote, new)
            self._ends.update(dict.fromkeys(new.values()))
            for read in self._project.store.read_commits(fetched):
                if isinstance(read.experiment, Experiment) and read.experiment.record.status.ended:
                    self._ends[read.experiment.id] = read.experiment
        found = {}
        for name, oid in experiments.items():
            if (end := self._ends[oid]) is not None:
                found[name] = end
        return found

    def _move(self, name: str, old: str | None, new: str | None) -> PushedRef:
        """The outcome of moving the ref of a run in the queue from one id to another; None for no ref."""
        (answer,) = self._remote.push([RefChange(QUEUE + name, old, new)], exact=True)
        return answer

    def _oid(self, name: str) -> str | None:
        ref = QUEUE + name
        return self._remote.refs(ref).get(ref)


def _fetched(remote: GitRemote, queued: Mapping[str, str]) -> dict[str, str]:
    """The fetched runs in the queue of a remote, from names with record commits."""
    refused = remote.fetch({QUEUE + name: oid for name, oid in queued.items()})
    return {name: oid for name, oid in queued.items() if QUEUE + name not in refused}
