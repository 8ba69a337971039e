"""The queue of a Git remote: `refs/gitexp/queue/<name>` there, for each run that waits or goes on.

A clone hands a queued experiment over, and keeps it as one that waits at the remote (`waits_at`). Workers of
every clone take from there. Each ref there moves only from the id that was seen last, so of two workers that
claim a run, the remote refuses the second. The end of a run is pushed like any experiment, and with the same
push its ref in the queue goes: only from the claim of this worker, so a run that somebody else has got
meanwhile is left to them.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import replace

from gitexp import errors
from gitexp.catalog.ended import ended_record
from gitexp.datasets import sync, wanted
from gitexp.extras.queue import queue
from gitexp.extras.queue.queue_refs import MOVED, QUEUE, QueueRefs, RemoteRun
from gitexp.failpoints import failpoint
from gitexp.model import Experiment, Record, Status, Stored
from gitexp.repo.experiments import PREFIX
from gitexp.repo.git import graph, refs
from gitexp.repo.git.values import RefChange, RefConflict
from gitexp.repo.git_remote import PushedRef, PushOutcome
from gitexp.runs.resuming.requeue import queued_again
from gitexp.sharing import partner, push
from gitexp.sharing.push import Along, PushRequest
from gitexp.times import now


class RemoteQueue(QueueRefs):
    """The queue of the Git remote `name`; None is the remote of `git push`. Raises NoRemote.

    All methods raise RemoteFailed.
    """

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
        names = {one.name for one in experiments}
        known = {run.experiment.name: run for run in self._runs_of(there, names)}
        marked, fresh, left = self._marked(experiments)
        failpoint("exchange:marked")
        changes = {}
        have_end = self._with_end(there, marked)
        for one in marked:
            run = known.get(one.name)
            old = None  # the id at the remote
            if run is not None and run.experiment.record.start == one.record.start:
                old = run.experiment.id
            if one.name not in have_end and (old is None or one.name in fresh):
                changes[one.name] = RefChange(QUEUE + one.name, old, one.id)
        answers = dict(zip(changes, self._remote.push([*changes.values()], exact=True), strict=True))
        failpoint("exchange:handed")
        sent = []
        for one in marked:
            if one.name not in answers:
                continue  # nothing was left to be done for it
            if answers[one.name].outcome in MOVED:
                sent.append(one)
                continue
            self._swapped(one, replace(one.record, waits_at=""))
            why = answers[one.name].reason
            if one.name in known:
                why = "another run is called so there"
            left.append(f"{one.name} stays here: {why}.")
        return sent, left

    def _marked(self, experiments: Sequence[Experiment]) -> tuple[list[Experiment], set[str], list[str]]:
        """The experiments whose records name the remote.

        Also the names of the newly marked experiments, and a sentence about each taken by a worker.
        """
        here = [one for one in experiments if queue.waits_here(one)]
        fresh = self._marked_together(here)
        marked, left = list[Experiment](), list[str]()
        for one in experiments:
            if one.name in fresh:
                marked.append(fresh[one.name])
            elif not queue.waits_here(one):
                marked.append(one)
            else:
                left.append(f"{one.name} has just been taken by a worker.")
        return marked, set(fresh), left

    def _marked_together(self, experiments: Sequence[Experiment]) -> dict[str, Experiment]:
        """The experiments, their records now naming the remote; without those that have changed meanwhile."""
        changes, marked = [], {}
        for one in experiments:
            record = replace(one.record, waits_at=self.name)
            change = self._project.store.replacing(one, record, self._tree(one))
            assert change.new is not None  # it is a new record
            changes.append(change)
            marked[one.name] = Experiment(one.name, change.new, record)
        try:
            if changes:
                refs.move(self._project.repo, changes, "gitexp: queued")
        except RefConflict:  # a worker has taken one of them
            marked = {}
            for one in experiments:
                changed = self._swapped(one, replace(one.record, waits_at=self.name))
                if changed is not None:
                    marked[one.name] = changed
        return marked

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
        return self._move(one.name, run.experiment.id, None).outcome in MOVED

    def _swapped(self, one: Experiment, record: Record) -> Experiment | None:
        return self._project.store.swap(one, record, self._tree(one))

    def _tree(self, one: Experiment) -> str:
        tree = self._project.repo.resolve(one.id, "tree")
        assert tree is not None  # the record has just been read
        return tree

    def require_writable(self) -> None:
        """Raise SharingError unless runs can be read and claimed there; nothing is sent."""
        self._refs()
        repo = self._project.repo
        with repo.writing_together():
            commit = repo.write_commit(repo.write_tree([]), [], "Is it writable?\n")
        (answer,) = self._remote.push([RefChange(f"{QUEUE}check", None, commit)], dry_run=True)
        if answer.outcome is PushOutcome.REFUSED:
            raise errors.SharingError(
                f"{self.name} takes no runs: {answer.reason}.", partner.hint_for(answer.reason)
            )

    def news(self, stubs: Sequence[Experiment]) -> tuple[list[RemoteRun], dict[str, str]]:
        """What has become of runs handed over from here: those in the queue, and the ends by name.

        An end is a record commit, and has been fetched.
        """
        there = self._refs()
        runs = self._runs_of(there, {one.name for one in stubs})
        return runs, {name: there[PREFIX + name] for name in self._with_end(there, stubs)}

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
        """Push the results of a run, data first, and take the run out of the queue with the same push.

        Raises the errors of `push`, and AlreadyTaken if somebody else has the run meanwhile; the run stays in
        the queue until the push succeeds.
        """
        here = self._project.store.get(name)

        def out_of_queue(there: Mapping[str, str]) -> RefChange | None:
            oid = there.get(QUEUE + name)
            if not isinstance(here, Experiment):
                raise _is_taken(name)
            if oid is not None and (self._is_claim_below(oid, here) or self._is_end_of(oid, here)):
                return RefChange(QUEUE + name, oid, None)
            if there.get(PREFIX + name) == here.id:
                return None  # an earlier push came through though its answer did not
            raise _is_taken(name)

        request, along = PushRequest((name,), self.name), Along(QUEUE + name, out_of_queue)
        done = push.push(self._project, request, along=along)
        if _is_stale(done.along):  # a late sign of life, or somebody else has it by now
            done = push.push(self._project, request, along=along)
        failpoint("exchange:delivered")
        for each in done.experiments:
            if each.fate is partner.Fate.REFUSED:
                raise errors.SharingError(f"{name} was not taken there: {each.reason}.", each.hint or None)

    def forget(self, runs: Sequence[RemoteRun]) -> None:
        """Take runs out of the queue of the remote."""
        changes = [RefChange(QUEUE + run.experiment.name, run.experiment.id, None) for run in runs]
        self._remote.push(changes, exact=True)

    def is_ours(self, run: RemoteRun, here: Stored) -> bool:
        """Whether a worker of this clone has claimed the run; `here`: its experiment in this clone."""
        if run.experiment.record.status is not Status.RUNNING:
            return False
        return self._is_claim_below(run.experiment.id, here)

    def is_end_of(self, run: RemoteRun, here: Experiment) -> bool:
        """Whether what is here is the end of a run that was given up too early, and waits again."""
        return run.experiment.record.status is Status.QUEUED and self._is_end_of(run.experiment.id, here)

    def _is_end_of(self, commit: str, here: Experiment) -> bool:
        """Whether a record there is a queued run, put back from a claim below the end here.

        A try that was interrupted is no end: the run goes on without it.
        """
        above = graph.parents_of(self._project.repo, [commit]).get(commit, [])
        if here.record.status not in (Status.DONE, Status.FAILED) or len(above) < 2:
            return False
        (read,) = self._project.store.read_commits({here.name: commit})
        one = read.experiment
        waits = isinstance(one, Experiment) and one.record.status is Status.QUEUED
        return waits and self._is_claim_below(above[-1], here)

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

    def give_up(self, run: RemoteRun, here: Experiment, why: str) -> None:
        """End a run whose worker is lost as interrupted, and take it out of the queue; `here`: its stub.

        A warning of the record says `why`. What the run has written stays on the machine of the worker.
        """
        record = ended_record(run.experiment.record, Status.INTERRUPTED)
        record = replace(record, warnings=(*record.warnings, why))
        if self._move(here.name, run.experiment.id, None).outcome in MOVED:
            new = self._project.store.on_top(run.experiment, record).new
            change = RefChange(PREFIX + here.name, here.id, new)
            refs.move(self._project.repo, [change], f"gitexp: {record.status}")

    def give_back(self, run: RemoteRun, claim: str) -> None:
        """Let a run wait again after its claim by the record commit `claim`."""
        self._move(run.experiment.name, claim, run.experiment.id)


def _is_stale(answer: PushedRef | None) -> bool:
    """Whether a ref has moved since the remote was asked; else another ref of the push is to blame."""
    return answer is not None and answer.outcome is PushOutcome.REFUSED and "stale" in answer.reason


def _is_taken(name: str) -> errors.AlreadyTaken:
    return errors.AlreadyTaken(
        f"{name} is somebody else's meanwhile: this worker was silent for too long, or its job was lost.",
        f"What came of it stays here: gitexp show {name}",
    )
