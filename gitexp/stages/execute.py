"""Run stages to their end: a stage is up to date, or is restored, or its commands run.

The lock in the workspace is rewritten after every stage; the artifacts it names are in the object store by
then. So a kill at any moment loses no finished stage, and the next run goes on from there.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from gitexp import errors
from gitexp.datasets import lock_file
from gitexp.datasets.bring import Restorer
from gitexp.datasets.dvc_objects import DvcObjects
from gitexp.datasets.lock_file import LockFile
from gitexp.failpoints import failpoint
from gitexp.model import contents
from gitexp.nofollow import opener
from gitexp.objects.disk import translated
from gitexp.objects.stat_cache import StatCache
from gitexp.pipeline.lock import Lock, LockedStage
from gitexp.pipeline.stage import Stage
from gitexp.pipeline.state import Reason, StageResult, StageState, changes, sentence, steady
from gitexp.process.execute import Outcome
from gitexp.project.project import Project, read
from gitexp.stages import dvc_runs
from gitexp.stages import plan as stages
from gitexp.stages.cache import EarlierRun, StageCache
from gitexp.stages.commands import Runner, Site, runner
from gitexp.stages.journal import Journal
from gitexp.stages.judge import Decision, Judge
from gitexp.stages.outs import StageOuts
from gitexp.stages.plan import StagePlan
from gitexp.stages.stage_data import StageData
from gitexp.words import shorten

_FROZEN = "Take frozen: true away to have it run; or bring what it has written: gitexp data pull"
_CHANGED = (
    "Run again; gitexp run --temp runs beside your edits. What a stage writes itself belongs under its outs."
)
_NOT_WRITTEN = "Correct the command, or what the stage says of its outs."


@dataclass(frozen=True, slots=True)
class StageListener:
    """Functions that follow a run of stages.

    Attributes:
        begins: called before a stage's commands run, with name, reasons, place and number of stages.
        ends: called when a stage has ended, with its result, place and number of stages.
    """

    begins: Callable[[str, Sequence[Reason], int, int], None] = lambda name, why, at, of: None
    ends: Callable[[StageResult, int, int], None] = lambda result, at, of: None


@dataclass(frozen=True, slots=True)
class StageTask:
    """A plan of stages with everything for its run.

    Attributes:
        project: the user's project, with the object store and the experiments.
        code: the project in the run's own code. Its gitexp.yaml tells the place of the lock.
    """

    project: Project
    code: Project
    plan: StagePlan
    site: Site
    journal: Journal
    listener: StageListener


def run_stages(task: StageTask) -> tuple[Outcome, list[StageResult]]:
    """The outcome of the whole run, and the result of each stage. The first failure gives the exit status.

    Raises LockError and StorageError where no single stage is to blame; DamagedObject or MissingData if data
    cannot be brought.
    """
    begun = time.monotonic()
    with translated("could not write the logs of stages"):
        task.site.logs.mkdir(parents=True, exist_ok=True)
    jobs = task.plan.selection.jobs
    with StatCache(task.project.local.stat_cache) as cache, runner(task.site, jobs) as commands:
        execution = _Execution(task, cache, commands)
        execution.go_through()
    return execution.outcome(time.monotonic() - begun), execution.results


class _Execution:
    """A run of a plan in progress."""

    def __init__(self, task: StageTask, cache: StatCache, runner: Runner) -> None:
        self.results: list[StageResult] = []
        self._task = task
        self._plan = task.plan
        self._journal = task.journal
        self._runner = runner
        self._root = root = task.site.root
        self._restorer = Restorer(task.project, root, cache)
        self._stage_cache = StageCache(task.project)
        self._outs = StageOuts(
            root,
            self._restorer,
            task.project.local.root / "left",
            cache,
            self._is_known,
            task.journal.set_aside,
        )
        self._standing = StageData(root, cache, lambda name: read(root / name), task.project.repo.has_modes)
        objects = DvcObjects(task.project, keeps=True)
        dvc = dvc_runs.beside(root, task.code.config.folder, self._standing, objects)
        self._judge = Judge(self._standing, self._stage_cache, force=task.plan.selection.force, dvc=dvc)
        self._lock = lock_file.read(root, task.code.config)
        self._lock_file = LockFile(root, task.code.config, task.project.local)
        self._lock_warning = ""  # why the workspace's lock does not say so of the stage at hand
        self._waiting = list(task.plan.stages)
        self._running: dict[str, Decision] = {}
        self._done: set[str] = set()
        self._failures: list[StageResult] = []
        self._places: dict[str, int] = {}
        self._interrupted: Outcome | None = None

    # -- the order of things ------------------------------------------------------------------------

    def go_through(self) -> None:
        """Take up each stage when all stages above are done, as far as failures allow."""
        self._journal.lock_changed(self._lock)
        self._restorer.bring(self._plan.bring)
        failpoint("stages:brought")
        while True:
            while len(self._running) < self._plan.selection.jobs and (stage := self._next()):
                self._waiting.remove(stage)
                self._take_up(stage)
            if not self._running:
                break
            self._wait()
        for stage in self._waiting:
            self._ended(StageResult(stage.name, StageState.NOT_RUN, error=self._why_not(stage)))

    def outcome(self, seconds: float) -> Outcome:
        """The end of the whole run."""
        if self._interrupted is not None:
            return self._interrupted._replace(duration=seconds)
        status = 0
        if self._failures:
            status = self._failures[0].exit_code or 1
        return Outcome(status, interrupted=False, signal=None, duration=seconds)

    def _next(self) -> Stage | None:
        """The first stage that waits for no other stage; None if no more stages are to begin."""
        if self._interrupted is not None or (self._failures and not self._plan.selection.keep_going):
            return None
        planned = self._plan.names
        for stage in self._waiting:
            if planned.intersection(self._plan.graph.above(stage.name)) <= self._done:
                return stage
        return None

    def _why_not(self, stage: Stage) -> str:
        if self._interrupted is not None:
            return "interrupted"
        above = set(self._plan.graph.upstream(stage.name))
        to_blame = self._failures[0].name
        for failure in self._failures:
            if failure.name in above:
                to_blame = failure.name
                break
        return f"{to_blame} failed"

    # -- one stage ----------------------------------------------------------------------------------

    def _take_up(self, stage: Stage) -> None:
        """Decide on a stage; then leave, restore, refuse or begin it."""
        self._place(stage.name)
        try:
            decision = self._judge.decide(stage, self._lock)
            if changed := self._changed_since_start(stage):
                self._fail(decision, f"{_were_changed(changed)} since the run began", hint=_CHANGED)
            elif not decision.reasons and stage.frozen:
                self._take_as_it_is(decision)
                self._ended(StageResult(stage.name, StageState.FROZEN))
            elif not decision.reasons:
                self._journal.outs_right(stage)
                self._ended(StageResult(stage.name, StageState.UP_TO_DATE))
            elif (earlier := self._restored(decision)) is not None:
                self._ended(
                    StageResult(stage.name, StageState.RESTORED, decision.reasons, earlier.experiment)
                )
            elif stage.frozen:
                self._fail(decision, f"it is frozen, and {sentence(decision.reasons)}", hint=_FROZEN)
            else:
                self._begin(decision)
        except errors.GitexpError as error:
            self._running.pop(stage.name, None)
            self._ended(
                StageResult(stage.name, StageState.FAILED, error=_reason(error), hint=error.hint or "")
            )

    def _changed_since_start(self, stage: Stage) -> Sequence[Reason]:
        """The inputs from outside the plan that differ from those in the experiment."""
        before = self._plan.at_start.get(stage.name)
        if before is None:
            return ()
        return changes(self._standing.inputs(self._plan.outside(stage)), before)

    def _take_as_it_is(self, decision: Decision) -> None:
        """Store the outs of a frozen stage, whoever has written them: the stages below read them."""
        stage, locked = decision.stage, decision.locked
        there = contents(out for out in decision.outs.values() if out is not None)
        if locked is not None and there == contents(locked.outs):
            self._journal.outs_right(stage)
            return
        # The lock gets no commands: nobody knows that these have made the outs, and the entry must not be
        # taken for a run of them.
        self._lock_stage(stage, LockedStage((), stage.wdir, outs=self._outs.stored(stage)))

    def _begin(self, decision: Decision) -> None:
        stage = decision.stage
        self._task.listener.begins(
            stage.name, decision.reasons, self._place(stage.name), len(self._plan.stages)
        )
        self._outs.make_room(stage, decision.outs)
        self._running[stage.name] = decision
        self._runner.start(stage, f"--- {stage.name}: {sentence(decision.reasons)}\n")

    def _wait(self) -> None:
        """Wait until a running stage ends, and write down its end."""
        try:
            name, outcome = self._runner.wait()
        except errors.GitexpError as error:  # only with one job: the command could not be started
            (decision,) = self._running.values()
            self._running.clear()
            self._fail(decision, _reason(error), hint=error.hint)
            return
        self._standing.forget()
        decision = self._running.pop(name)
        seconds = round(outcome.duration, 3)
        failpoint("stages:ran")
        if outcome.interrupted:
            self._interrupted = self._interrupted or outcome
            self._fail(decision, "interrupted", exit_code=outcome.exit_code, seconds=seconds)
        elif outcome.exit_code:
            why = f"exit {outcome.exit_code}"
            self._fail(decision, why, exit_code=outcome.exit_code, seconds=seconds)
        else:
            self._complete(decision, seconds)

    def _complete(self, decision: Decision, seconds: float) -> None:
        """Store the outs of a stage whose commands have succeeded, then name them in the lock."""
        stage = decision.stage
        absent = [path for path in stage.out_paths if not os.path.lexists(self._root / path)]
        if absent:
            # The outs that are there are not lost: once the stage declares no others, it is up to date.
            with contextlib.suppress(errors.GitexpError):
                self._store_and_lock(decision)
            why = f"it did not write {', '.join(absent)}"
            self._fail(decision, why, hint=_NOT_WRITTEN, seconds=seconds)
            return
        try:
            after = self._store_and_lock(decision)
        except errors.GitexpError as error:
            self._fail(decision, _reason(error), hint=error.hint, seconds=seconds)
            return
        edited = changes(after, decision.now)
        self._ended(
            StageResult(
                stage.name,
                StageState.RAN,
                decision.reasons,
                seconds=seconds,
                exit_code=0,
                warnings=_edited(stage, edited),
                exact=not edited,
            )
        )

    def _store_and_lock(self, decision: Decision) -> LockedStage:
        """Store the present outs, then name them in the lock.

        Returns the stage's inputs after the run; none if they cannot be read.
        """
        stage = decision.stage
        outs = self._outs.stored(stage)
        self._outs.warn_of_secrets(stage, outs)
        failpoint("stages:stored")
        try:
            after = self._standing.inputs(stage)
        except errors.GitexpError:  # half an edit: nobody knows what the stage read before it
            after = LockedStage(stage.commands, stage.wdir)
        self._lock_stage(stage, steady(decision.now, after)._replace(outs=outs))
        return after

    def _fail(
        self,
        decision: Decision,
        why: str,
        *,
        hint: str | None = None,
        exit_code: int | None = None,
        seconds: float | None = None,
    ) -> None:
        """End a failed stage; without `exit_code`, its command is not to blame."""
        self._ended(
            StageResult(
                decision.stage.name,
                StageState.FAILED,
                decision.reasons,
                seconds=seconds,
                exit_code=exit_code,
                error=why,
                hint=hint or "",
            )
        )

    def _ended(self, result: StageResult) -> None:
        name, put_back = result.name, list[str]()
        if result.state is StageState.FAILED:
            put_back = self._outs.put_back(self._plan.graph.stages[name])
        warnings = [*self._outs.warnings(name), *result.warnings]
        if self._lock_warning:
            warnings.append(self._lock_warning)
            self._lock_warning = ""
        result = result._replace(warnings=tuple(warnings))
        self.results.append(result)
        if result.state is StageState.FAILED:
            self._failures.append(result)
        elif result.state is not StageState.NOT_RUN:
            self._done.add(name)
        self._journal.stage_ended(result, put_back)
        self._task.listener.ends(result, self._place(name), len(self._plan.stages))

    def _place(self, name: str) -> int:
        """The number of a stage, counted in the order of taking up."""
        return self._places.setdefault(name, len(self._places) + 1)

    def _is_known(self, hash_: str) -> bool:
        """Whether a lock names an artifact: the lock of the workspace, or of an experiment."""
        is_here = any(artifact.hash == hash_ for artifact in self._lock.artifacts)
        return is_here or self._stage_cache.knows(hash_)

    # -- outs ---------------------------------------------------------------------------------------

    def _restored(self, decision: Decision) -> EarlierRun | None:
        """The restored earlier run: the first with outs that can all be had."""
        stage = decision.stage
        for before in self._judge.earlier(decision):
            outs = before.stage.outs
            if self._restorer.absent(outs):
                continue
            self._outs.before_restoring(stage, decision.outs, outs)
            try:
                self._restorer.bring(outs, in_git=stage.in_git)
            except errors.DamagedObject as error:
                self._outs.damaged.add(error.hash)
                continue
            failpoint("stages:restored")
            self._standing.forget()
            locked = before.stage
            if not stage.frozen:
                locked = decision.now._replace(outs=outs)
            self._lock_stage(stage, locked)
            self._log_restored(stage, before)
            return before
        return None

    def _log_restored(self, stage: Stage, before: EarlierRun) -> None:
        title = f"--- {stage.name}: restored"
        if before.experiment:
            title += f" from {before.experiment}"
        self._task.site.log.write(f"{title}\n".encode())
        if before.log is not None:
            self._task.site.log.write(before.log)
            path = self._task.site.log_of(stage)
            # A log that cannot be written is no reason to stop.
            with contextlib.suppress(OSError), open(path, "wb", opener=opener) as log:
                log.write(before.log)

    def _lock_stage(self, stage: Stage, locked: LockedStage) -> None:
        """Write a stage into the lock: first into this run's, then into the workspace's."""

        def new(lock: Lock) -> Lock:
            return stages.up_to(lock.with_stage(stage.name, locked), self._plan.pipeline)

        self._lock = new(self._lock)
        self._journal.lock_changed(self._lock)
        try:
            self._lock_file.change(new)
        except errors.LockError as error:  # a merge during the run, say
            self._lock_warning = f"the workspace's lock was left as it is: {_reason(error)}"
        self._journal.outs_right(stage)


def _edited(stage: Stage, changed: Sequence[Reason]) -> tuple[str, ...]:
    """The warning about inputs changed while their stage ran."""
    if not changed:
        return ()
    return (
        f"{_were_changed(changed)} while {stage.name} ran: it will run again, for nobody knows which it read",
    )


def _were_changed(changed: Sequence[Reason]) -> str:
    names = shorten([reason.name for reason in changed])
    if len(changed) == 1:
        return f"{names} was changed"
    return f"{names} were changed"


def _reason(error: errors.GitexpError) -> str:
    return error.message.rstrip(".")
