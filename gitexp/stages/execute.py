"""Stages run to their end: each is up to date, or restored, or its commands run; then the lock says so.

The lock in the workspace is rewritten after every stage, and what it names is in the object store by then.
So whatever is killed when, what was done stays done, and the next run goes on from there.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from gitexp import errors
from gitexp.datasets import lock_file
from gitexp.datasets.bring import Restorer
from gitexp.datasets.workspace import WorkspaceData
from gitexp.failpoints import failpoint
from gitexp.model import Artifact
from gitexp.objects.disk import translated
from gitexp.objects.stat_cache import StatCache
from gitexp.pipeline.lock import Lock, LockedStage
from gitexp.pipeline.stage import ReadFile, Stage
from gitexp.pipeline.state import Reason, StageResult, StageState, changes, sentence, steady
from gitexp.process.execute import Outcome
from gitexp.project.project import Project
from gitexp.stages import plan as stages
from gitexp.stages.cache import Before, StageCache
from gitexp.stages.commands import Runner, Site, runner
from gitexp.stages.judge import Decision, Judge
from gitexp.stages.outs import StageOuts
from gitexp.stages.plan import StagePlan
from gitexp.words import shorten

_FROZEN = "Take frozen: true away to have it run; or bring what it has written: gitexp data pull"
_CHANGED = (
    "Run again; gitexp run --temp runs beside your edits. What a stage writes itself belongs under its outs."
)
_NOT_WRITTEN = "Correct the command, or what the stage says of its outs."


@dataclass(frozen=True, slots=True)
class StageListener:
    """Who is told how it goes: of each stage before its commands run, and of what became of it; with its
    place among how many."""

    begins: Callable[[str, Sequence[Reason], int, int], None] = lambda name, why, at, of: None
    ends: Callable[[StageResult, int, int], None] = lambda result, at, of: None


@dataclass(frozen=True, slots=True)
class Task:
    """What is to be run, and where.

    `code` is the project as the code has it, whose lock counts. `read_file` gives params files. `keep` is
    told of a stage whose outs are all right now, `as_before` of outs that are there as they were before,
    `keep_aside` of what is replaced and no run has made, and `locked` of the lock of this run: others may
    change the workspace's meanwhile.
    """

    project: Project
    code: Project
    plan: StagePlan
    site: Site
    read_file: ReadFile
    keep: Callable[[Stage], None]
    as_before: Callable[[Sequence[str]], None]
    keep_aside: Callable[[Artifact], None]
    locked: Callable[[Lock], None]
    listener: StageListener


def run_stages(task: Task) -> tuple[Outcome, list[StageResult]]:
    """Bring every stage of the plan up to date; return how it ended and what became of each.

    The exit status is that of the first stage that failed. Raises LockError and StorageError, which are not
    any one stage's; DamagedObject or MissingData for data that cannot be brought.
    """
    begun = time.monotonic()
    site = task.site
    with translated("could not write the logs of stages"):
        site.logs.mkdir(parents=True, exist_ok=True)
    jobs = task.plan.selection.jobs
    with StatCache(task.project.local.stat_cache) as cache, runner(site, jobs) as commands:
        execution = _Execution(task, cache, commands)
        execution.go_through()
    return execution.outcome(time.monotonic() - begun), execution.results


class _Execution:
    """One run of a plan as it goes on."""

    def __init__(self, task: Task, cache: StatCache, runner: Runner) -> None:
        self.results: list[StageResult] = []
        self._task = task
        self._cache = cache
        self._runner = runner
        self._root = task.site.root
        self._restorer = Restorer(task.project, self._root, cache)
        self._stage_cache = StageCache(task.project)
        self._outs = StageOuts(self._root, self._restorer, cache, self._is_known, task.keep_aside)
        self._standing = WorkspaceData(self._root, cache, task.read_file, task.project.repo.has_modes)
        self._judge = Judge(self._standing, self._stage_cache, force=task.plan.selection.force)
        self._lock: Lock = lock_file.read(self._root, task.code.config)
        self._unlocked = ""
        self._waiting = list(task.plan.stages)
        self._running: dict[str, Decision] = {}
        self._done: set[str] = set()
        self._places: dict[str, int] = {}
        self._interrupted: Outcome | None = None

    # -- the order of things ------------------------------------------------------------------------

    def go_through(self) -> None:
        """Deal with every stage when all that is above it is done, as far as failures allow."""
        self._task.locked(self._lock)
        self._restorer.bring(self._task.plan.bring)
        failpoint("stages:brought")
        while True:
            while len(self._running) < self._task.plan.selection.jobs and (stage := self._next()):
                self._waiting.remove(stage)
                self._take_up(stage)
            if not self._running:
                break
            self._wait()
        for stage in self._waiting:
            self._ended(StageResult(stage.name, StageState.NOT_RUN, error=self._why_not(stage)))

    def outcome(self, seconds: float) -> Outcome:
        """Return how all of it has ended."""
        if self._interrupted is not None:
            return replace(self._interrupted, duration=seconds)
        status = self._failures[0].exit_code or 1 if self._failures else 0
        return Outcome(status, interrupted=False, signal=None, duration=seconds)

    @property
    def _failures(self) -> list[StageResult]:
        return [result for result in self.results if result.state is StageState.FAILED]

    def _next(self) -> Stage | None:
        """Return the first stage that waits for nothing but its turn."""
        if self._interrupted is not None or (self._failures and not self._task.plan.selection.keep_going):
            return None
        return next((stage for stage in self._waiting if self._above(stage) <= self._done), None)

    def _above(self, stage: Stage) -> set[str]:
        planned = {each.name for each in self._task.plan.stages}
        return planned.intersection(self._task.plan.graph.above(stage.name))

    def _why_not(self, stage: Stage) -> str:
        if self._interrupted is not None:
            return "interrupted"
        failed = [result.name for result in self._failures]
        above = set(self._task.plan.graph.upstream(stage.name))
        return f"{next((name for name in failed if name in above), failed[0])} failed"

    # -- one stage ----------------------------------------------------------------------------------

    def _take_up(self, stage: Stage) -> None:
        """Decide what is to become of a stage, and do it, or begin to."""
        self._place(stage.name)
        try:
            decision = self._judge.decide(stage, self._lock)
            if changed := self._changed_since_start(stage):
                self._refuse(decision, f"{_were_changed(changed)} since the run began", _CHANGED)
            elif not decision.reasons and stage.frozen:
                self._take_as_it_is(decision)
                self._ended(StageResult(stage.name, StageState.FROZEN))
            elif not decision.reasons:
                self._task.keep(stage)
                self._ended(StageResult(stage.name, StageState.UP_TO_DATE))
            elif (before := self._restored(decision)) is not None:
                self._ended(StageResult(stage.name, StageState.RESTORED, decision.reasons, before.experiment))
            elif stage.frozen:
                self._refuse(decision, f"it is frozen, and {sentence(decision.reasons)}", _FROZEN)
            else:
                self._begin(decision)
        except errors.GitexpError as error:
            self._running.pop(stage.name, None)
            self._ended(
                StageResult(stage.name, StageState.FAILED, error=_reason(error), hint=error.hint or "")
            )

    def _changed_since_start(self, stage: Stage) -> Sequence[Reason]:
        """Return which inputs are not those that the experiment has."""
        plan = self._task.plan
        if (before := plan.at_start.get(stage.name)) is None:
            return ()
        return changes(self._standing.inputs(plan.outside(stage)), before)

    def _take_as_it_is(self, decision: Decision) -> None:
        """Store what a frozen stage has, whoever has written it: others read it, and the lock says what."""
        stage, locked = decision.stage, decision.locked
        there = {path: out.content for path, out in decision.outs.items() if out is not None}
        if locked is not None and there == {out.path: out.content for out in locked.outs}:
            self._task.keep(stage)
            return
        # Without commands: nobody knows that these have made it, and a run of them must not be taken for it.
        self._lock_stage(stage, LockedStage((), stage.wdir, outs=self._outs.stored(stage)))

    def _begin(self, decision: Decision) -> None:
        stage = decision.stage
        self._task.listener.begins(
            stage.name, decision.reasons, self._place(stage.name), len(self._task.plan.stages)
        )
        self._outs.make_room(stage, decision.outs)
        self._running[stage.name] = decision
        self._runner.start(stage, f"--- {stage.name}: {sentence(decision.reasons)}\n")

    def _wait(self) -> None:
        """Wait for a stage that runs, and write down what it has done."""
        try:
            name, outcome = self._runner.wait()
        except errors.GitexpError as error:  # with one at a time only: it could not be started
            ((_, decision),) = self._running.items()
            self._running.clear()
            self._refuse(decision, _reason(error), error.hint)
            return
        self._standing.forget()
        decision = self._running.pop(name)
        failpoint("stages:ran")
        if outcome.interrupted:
            self._interrupted = self._interrupted or outcome
            self._fail(decision, "interrupted", outcome.exit_code, outcome.duration)
        elif outcome.exit_code:
            self._fail(decision, f"exit {outcome.exit_code}", outcome.exit_code, outcome.duration)
        else:
            self._complete(decision, outcome.duration)

    def _complete(self, decision: Decision, seconds: float) -> None:
        """Store what a stage has written, then say so in the lock."""
        stage = decision.stage
        absent = [out.path for out in stage.outs if not os.path.lexists(self._root / out.path)]
        if absent:
            # What it has computed is not lost: it is up to date when the stage says no more than that.
            with contextlib.suppress(errors.GitexpError):
                self._store_and_lock(decision)
            self._refuse(decision, f"it did not write {', '.join(absent)}", _NOT_WRITTEN, seconds)
            return
        try:
            after = self._store_and_lock(decision)
        except errors.GitexpError as error:
            self._refuse(decision, _reason(error), error.hint, seconds)
            return
        edited = changes(after, decision.now)
        self._ended(
            StageResult(
                stage.name,
                StageState.RAN,
                decision.reasons,
                seconds=round(seconds, 3),
                exit_code=0,
                warnings=_edited(stage, edited),
                exact=not edited,
            )
        )

    def _inputs_after(self, stage: Stage) -> LockedStage:
        """Return what a stage would read now that it has run; nothing if that cannot be read."""
        try:
            return self._standing.inputs(stage)
        except errors.GitexpError:  # half an edit: what was read before it, nobody knows
            return LockedStage(stage.commands, stage.wdir)

    def _store_and_lock(self, decision: Decision) -> LockedStage:
        """Store the outs that are there, then say so in the lock; return what the stage would read now."""
        stage = decision.stage
        outs = self._outs.stored(stage)
        self._outs.warn_of_secrets(stage, outs)
        failpoint("stages:stored")
        after = self._inputs_after(stage)
        self._lock_stage(stage, replace(steady(decision.now, after), outs=outs))
        return after

    def _fail(self, decision: Decision, why: str, exit_code: int, seconds: float) -> None:
        """End a stage whose command has failed."""
        self._ended(
            StageResult(
                decision.stage.name,
                StageState.FAILED,
                decision.reasons,
                seconds=round(seconds, 3),
                exit_code=exit_code,
                error=why,
            )
        )

    def _refuse(self, decision: Decision, why: str, hint: str | None, seconds: float | None = None) -> None:
        """End a stage whose command may be as it should, but what it needs or left is not."""
        self._ended(
            StageResult(
                decision.stage.name,
                StageState.FAILED,
                decision.reasons,
                seconds=None if seconds is None else round(seconds, 3),
                error=why,
                hint=hint or "",
            )
        )

    def _ended(self, result: StageResult) -> None:
        if self._unlocked:
            result, self._unlocked = replace(result, warnings=(*result.warnings, self._unlocked)), ""
        if result.state is StageState.FAILED:
            back = self._outs.put_back(self._task.plan.graph.stages[result.name])
            self._task.as_before(back)
        result = replace(result, warnings=(*self._outs.warnings(result.name), *result.warnings))
        self.results.append(result)
        if result.state not in (StageState.FAILED, StageState.NOT_RUN):
            self._done.add(result.name)
        self._task.listener.ends(result, self._place(result.name), len(self._task.plan.stages))

    def _place(self, name: str) -> int:
        """Return the number of a stage in the order in which they were taken up."""
        return self._places.setdefault(name, len(self._places) + 1)

    def _is_known(self, hash_: str) -> bool:
        """Return whether a lock names an artifact: that of the workspace, or that of an experiment."""
        is_here = any(artifact.hash == hash_ for artifact in self._lock.artifacts)
        return is_here or self._stage_cache.knows(hash_)

    # -- outs ---------------------------------------------------------------------------------------

    def _restored(self, decision: Decision) -> Before | None:
        """Bring the outs of an earlier run, the first that can be had whole; return that run."""
        stage = decision.stage
        in_git = [out.path for out in stage.outs if out.in_git]
        for before in self._judge.earlier(decision):
            outs = before.stage.outs
            if self._restorer.absent(outs):
                continue
            self._outs.before_restoring(stage, decision.outs, outs)
            try:
                self._restorer.bring(outs, in_git=in_git)
            except errors.DamagedObject as error:
                self._outs.damaged.add(error.hash)
                continue
            failpoint("stages:restored")
            self._standing.forget()
            locked = before.stage if stage.frozen else replace(decision.now, outs=outs)
            self._lock_stage(stage, locked)
            self._log_restored(stage, before)
            return before
        return None

    def _log_restored(self, stage: Stage, before: Before) -> None:
        where = f" from {before.experiment}" if before.experiment else ""
        self._task.site.log.write(f"--- {stage.name}: restored{where}\n".encode())
        if before.log is not None:
            self._task.site.log.write(before.log)
            with contextlib.suppress(OSError):  # a log that cannot be written is no reason to stop
                self._task.site.log_of(stage).write_bytes(before.log)

    def _lock_stage(self, stage: Stage, locked: LockedStage) -> None:
        pipeline = self._task.plan.pipeline

        def new(lock: Lock) -> Lock:
            return stages.up_to(lock.with_stage(stage.name, locked), pipeline)

        self._lock = new(self._lock)
        self._task.locked(self._lock)
        try:
            lock_file.change(self._root, self._task.code.config, self._task.project.local, new)
        except errors.LockError as error:  # a merge, say, while it ran
            self._unlocked = f"the workspace's lock was left as it is: {_reason(error)}"
        self._task.keep(stage)


def _edited(stage: Stage, changed: Sequence[Reason]) -> tuple[str, ...]:
    """Return what is to be said of inputs that were changed while their stage ran."""
    if not changed:
        return ()
    return (
        f"{_were_changed(changed)} while {stage.name} ran: it will run again, for nobody knows which it read",
    )


def _were_changed(changed: Sequence[Reason]) -> str:
    were = "was" if len(changed) == 1 else "were"
    return f"{shorten([reason.name for reason in changed])} {were} changed"


def _reason(error: errors.GitexpError) -> str:
    return error.message.rstrip(".")
