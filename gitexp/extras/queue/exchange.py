"""The queue of a Git remote: `refs/gitexp/queue/<name>` there, for each run that waits or goes on.

A clone hands a queued experiment over, and keeps it as one that waits at the remote (`waits_at`). Workers of
every clone take from there. Each ref there moves only from the id that was seen last, so of two workers that
claim a run, the remote refuses the second. The end of a run is pushed like any experiment, and then its ref
in the queue goes.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from gitexp import errors
from gitexp.catalog import projects
from gitexp.datasets import sync, wanted
from gitexp.extras.queue import queue
from gitexp.failpoints import failpoint
from gitexp.model import Experiment, Record, Status, Stored
from gitexp.project.project import Project
from gitexp.repo.experiments import PREFIX, is_name
from gitexp.repo.git import graph
from gitexp.repo.git.values import RefChange
from gitexp.repo.git_remote import GitRemote, PushedRef, PushOutcome
from gitexp.runs.requeue import queued_again
from gitexp.sharing import partner, push, received
from gitexp.sharing.partner import Contact
from gitexp.sharing.push import PushRequest
from gitexp.times import now, seconds_of

QUEUE = "refs/gitexp/queue/"
SILENCE = 3600.0  # seconds without a sign of life, by the clocks of both machines, after which a run is lost
_DONE = (PushOutcome.NEW, PushOutcome.UPDATED, PushOutcome.UP_TO_DATE, PushOutcome.DELETED)


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


class RemoteQueue:
    """The queue of the Git remote `name`; None is the remote of `git push`. Raises NoRemote.

    All methods raise RemoteFailed.
    """

    def __init__(self, project: Project, name: str | None, contact: Contact | None = None) -> None:
        self._project = project
        self._remote = partner.connect(project, name, contact or Contact(), push=True)

    @property
    def name(self) -> str:
        """The name of the remote."""
        return self._remote.where

    def runs(self) -> list[RemoteRun]:
        """The project's runs in the queue, the first to run first.

        Unsound runs are left out. New commits are fetched; no ref here moves.
        """
        return self._runs_of(self._refs())

    def _refs(self) -> dict[str, str]:
        """The refs of the remote's queue and experiments."""
        return self._remote.refs(QUEUE, PREFIX)

    def _runs_of(self, there: Mapping[str, str]) -> list[RemoteRun]:
        waiting = {}
        for ref, oid in there.items():
            name = ref.removeprefix(QUEUE)
            if name != ref and is_name(name):
                waiting[name] = oid
        fetched = _fetched(self._remote, waiting)
        sound, _ = received.checked(self._project, fetched, ended=False)
        ours = []
        for one in projects.of_project(self._project, sound):
            if isinstance(one, Experiment) and one.record.start and not one.record.status.ended:
                ours.append(one)
        have_end = self._with_end(there, ours)
        runs = [RemoteRun(one, one.name in have_end) for one in ours]
        return sorted(runs, key=lambda run: (run.experiment.record.order, run.experiment.name))

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
        fetched, _ = partner.fetch(self._remote, experiments)
        found = {}
        for read in self._project.store.read_commits(fetched):
            if isinstance(read.experiment, Experiment) and read.experiment.record.status.ended:
                found[read.experiment.name] = read.experiment
        return found

    def _move(self, name: str, old: str | None, new: str | None) -> PushedRef:
        """The outcome of moving the ref of a run in the queue from one id to another; None for no ref."""
        (answer,) = self._remote.push([RefChange(QUEUE + name, old, new)], exact=True)
        return answer

    def _oid(self, name: str) -> str | None:
        ref = QUEUE + name
        return self._remote.refs(ref).get(ref)

    # -- handing over -----------------------------------------------------------------------------

    def hand_over(self, experiments: Sequence[Experiment]) -> tuple[list[Experiment], list[str]]:
        """Let queued experiments wait at the remote: the moved ones, and sentences on all others.

        Their data goes first. Then their own records say so: from then on no worker takes them from here.
        An experiment whose record says so already, after a kill here, goes the rest of the way.
        Raises the errors of a push of data.
        """
        if self._project.config.remotes:
            commits = [one.record.commit for one in experiments]
            sync.push(self._project, wanted.artifacts(self._project, commits)).check()
        there = self._refs()
        known = {run.experiment.name: run for run in self._runs_of(there)}
        marked, fresh, left = self._marked(experiments)
        failpoint("exchange:marked")
        sent = []
        have_end = self._with_end(there, marked)
        for one in marked:
            run = known.get(one.name)
            old = None  # the id at the remote
            if run is not None and run.experiment.record.start == one.record.start:
                old = run.experiment.id
            if one.name in have_end or (old is not None and one.name not in fresh):
                continue  # nothing is left to be done for it
            answer = self._move(one.name, old, one.id)
            if answer.outcome in _DONE:
                sent.append(one)
                continue
            self._swapped(one, replace(one.record, waits_at=""))
            why = answer.reason
            if run is not None:
                why = "another run is called so there"
            left.append(f"{one.name} stays here: {why}.")
        return sent, left

    def _marked(self, experiments: Sequence[Experiment]) -> tuple[list[Experiment], set[str], list[str]]:
        """The experiments whose records name the remote.

        Also the names of the newly marked experiments, and a sentence about each taken by a worker.
        """
        marked, fresh, left = list[Experiment](), set[str](), list[str]()
        for one in experiments:
            if not queue.waits_here(one):
                marked.append(one)
            elif (changed := self._swapped(one, replace(one.record, waits_at=self.name))) is not None:
                marked.append(changed)
                fresh.add(one.name)
            else:
                left.append(f"{one.name} has just been taken by a worker.")
        return marked, fresh, left

    def take_back(
        self, experiments: Sequence[Experiment], *, force: bool = False
    ) -> tuple[list[Experiment], list[str]]:
        """Let experiments of the remote's queue wait here again: the moved ones, and sentences on all others.

        A run whose worker has been silent for too long comes back, too; with `force`, a run of any worker.
        """
        there = self._refs()
        known = {run.experiment.name: run for run in self._runs_of(there)}
        have_end = self._with_end(there, experiments)
        back, left = [], []
        for one in experiments:
            run = known.get(one.name)
            if one.name in have_end:
                is_free = False
            elif run is None:  # it was taken back before, and a process was killed here
                is_free = QUEUE + one.name not in there
            else:
                is_free = self._is_let_go(run, one, force=force)
            failpoint("exchange:deleted")
            if is_free and (changed := self._swapped(one, replace(one.record, waits_at=""))) is not None:
                back.append(changed)
            else:
                left.append(self._taken(one, run))
        return back, left

    def _taken(self, one: Experiment, run: RemoteRun | None) -> str:
        """The sentence on a run left at the remote."""
        told = f"{one.name} was taken at {self.name}; gitexp pull brings what came of it."
        if run is None or run.has_ended:
            return told
        return f"{told} If you know that its worker is dead: gitexp queue pull {one.name} --force"

    def _is_let_go(self, run: RemoteRun, one: Experiment, *, force: bool) -> bool:
        """Whether no worker can take a run from the remote any more."""
        if run.experiment.record.start != one.record.start:
            return False
        if run.experiment.record.status is not Status.QUEUED and not (run.is_silent or force):
            return False
        return self._move(one.name, run.experiment.id, None).outcome in _DONE

    def _swapped(self, one: Experiment, record: Record) -> Experiment | None:
        tree = self._project.repo.resolve(one.id, "tree")
        assert tree is not None  # the record has just been read
        return self._project.store.swap(one, record, tree)

    # -- for workers ------------------------------------------------------------------------------

    def claim(self, run: RemoteRun, commit: str) -> bool:
        """Whether the run now belongs to this worker. `commit`: the record of the running experiment.

        Raises SharingError if the remote refuses the push though nobody else was quicker.
        """
        one = run.experiment
        answer = self._move(one.name, one.id, commit)
        failpoint("exchange:claimed")
        if answer.outcome is PushOutcome.UPDATED:
            return True
        there = self._oid(one.name)
        if there == one.id:
            raise errors.SharingError(
                f"{self.name} refuses the claim of {one.name}: {answer.reason}.",
                partner.hint_for(answer.reason),
            )
        return there == commit

    def sign_of_life(self, claimed: Experiment) -> Experiment | None:
        """A new record commit of a running experiment, at the remote; None for another worker's run."""
        change = self._project.store.on_top(claimed, replace(claimed.record, seen=now()))
        assert change.new is not None  # it is a new record
        if self._move(claimed.name, claimed.id, change.new).outcome is PushOutcome.UPDATED:
            return claimed._replace(id=change.new)
        there = self._oid(claimed.name)  # an earlier sign may have come through though its answer did not
        if there is not None and graph.is_ancestor(self._project.repo, claimed.id, there):
            return claimed._replace(id=there)
        return None

    def deliver(self, name: str) -> None:
        """Push the results of a run, data first, and take the run out of the queue.

        Raises the errors of `push`; the run stays in the queue until the push succeeds.
        """
        done = push.push(self._project, PushRequest((name,), self.name))
        for each in done.experiments:
            if each.fate is partner.Fate.REFUSED:
                raise errors.SharingError(f"{name} was not taken there: {each.reason}.", each.hint or None)
        failpoint("exchange:delivered")
        here = self._project.store.get(name)
        there = self._oid(name)
        if there is not None and here is not None and self._is_claim_below(there, here):
            self._move(name, there, None)

    def forget(self, runs: Sequence[RemoteRun]) -> None:
        """Take runs out of the queue of the remote."""
        changes = [RefChange(QUEUE + run.experiment.name, run.experiment.id, None) for run in runs]
        self._remote.push(changes, exact=True)

    def is_ours(self, run: RemoteRun, here: Stored) -> bool:
        """Whether a worker of this clone has claimed the run; `here`: its experiment in this clone."""
        if run.experiment.record.status is not Status.RUNNING:
            return False
        return self._is_claim_below(run.experiment.id, here)

    def _is_claim_below(self, commit: str, here: Stored) -> bool:
        """Whether the claim below a record commit stands below the experiment here, too.

        The record of a claim has two parents; only signs of life, with a single parent, may be beyond.
        """
        beyond = ("rev-list", "--min-parents=2", commit, f"^{here.id}")
        status, out, _ = self._project.repo.call(*beyond)
        return status == 0 and not out

    def requeue(self, run: RemoteRun, before: Experiment) -> bool:
        """Put a run whose worker is lost back into the queue. Whether this clone was the first to do so.

        `before` is the last record of the lost try.
        """
        record, tree = queued_again(self._project, before)
        lost = run.experiment.record
        tries = lost.tries + 1
        if record.commit != lost.commit:  # it has come to another checkpoint, which others are to get
            tries = 0
            with contextlib.suppress(errors.GitexpError):  # else whoever has the checkpoint can go on from it
                if self._project.config.remotes:
                    sync.push(self._project, wanted.artifacts(self._project, [record.commit])).check()
        record = replace(record, waits_at=self.name, tries=tries)
        change = self._project.store.replacing(before, record, tree)
        return self._move(before.name, run.experiment.id, change.new).outcome is PushOutcome.UPDATED

    def give_back(self, run: RemoteRun, claim: str) -> None:
        """Let a run wait again after its claim by the record commit `claim`."""
        self._move(run.experiment.name, claim, run.experiment.id)


def _fetched(remote: GitRemote, queued: Mapping[str, str]) -> dict[str, str]:
    """The fetched runs in the queue of a remote, from names with record commits."""
    refused = remote.fetch({QUEUE + name: oid for name, oid in queued.items()})
    return {name: oid for name, oid in queued.items() if QUEUE + name not in refused}
