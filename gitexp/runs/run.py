"""Run a command as an experiment: snapshot first, then the command, then its results.

The order is what makes the promises hold. All that can be refused is refused before anything is
written; the ref is there before the command starts; the params files are written after that, so a
refusal never leaves them changed.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from gitexp import errors
from gitexp.catalog import names
from gitexp.catalog.record import made_here
from gitexp.failpoints import failpoint
from gitexp.model import Experiment, Record, Status
from gitexp.process.environment import EnvironmentProbe, start_probe
from gitexp.process.execute import Outcome, execute
from gitexp.process.gpus import GpuProbe
from gitexp.process.interrupts import Window, held_back
from gitexp.process.liveness import current_process, process_of
from gitexp.process.log import LogFile
from gitexp.project import params
from gitexp.project.project import Project
from gitexp.repo import live
from gitexp.repo.git import snapshot
from gitexp.repo.git.launch import PLACES
from gitexp.repo.live import LiveRun
from gitexp.runs import earlier, prepare
from gitexp.runs.end import MAX_LOG, finish
from gitexp.runs.prepare import Start
from gitexp.runs.request import RunRequest

if TYPE_CHECKING:
    from gitexp.pipeline.state import StageResult

_PATIENCE = 0.05  # seconds to wait before the start for whether this ran before


@dataclass(frozen=True, slots=True)
class Result:
    """The ended experiment, the exit status to pass on, and what may help if it failed.

    `warnings` are those that have come up since the start, but for what the listener was told of stages;
    `failure` is why a stage failed whose command did not. `again` is False if nothing was run, because
    the experiment is an earlier one that was the same.
    """

    experiment: Experiment
    exit_code: int
    warnings: Sequence[str] = ()
    hint: str | None = None
    again: bool = True
    failure: errors.DataError | None = None


@dataclass(frozen=True, slots=True)
class _BegunRun:
    """One run that has begun: what it started from, what this machine knows of it, and its experiment."""

    project: Project
    request: RunRequest
    start: Start
    live: LiveRun
    experiment: Experiment

    @property
    def is_isolated(self) -> bool:
        return self.start.workspace.root != self.project.repo.root


def run(project: Project, request: RunRequest) -> Result:
    """Run a command and store it as an experiment, whatever becomes of it.

    Raises before the command has started, with nothing written, for everything that can be known
    then: NoCommits, UnmergedPaths, SnapshotRefused, ParseError, UnknownParam, OverrideError,
    InvalidName, NameTaken, NoCommand, CommandNotFound, WorkspaceBusy, ReadOnlyRepository, UsageError,
    StorageError; with `request.from_` what `lookup.find` raises, and StillRunning; this also with
    `request.once`, for one that is going on. Raises NotStored after it if the results cannot be
    stored; the next gitexp command tries again then.
    """
    project.local.prepare()
    with contextlib.ExitStack() as stack:

        def begin_search() -> earlier.Search:
            return stack.enter_context(contextlib.closing(earlier.Search(project.store)))

        search = None if request.once else begin_search()
        begin_with = prepare.prepare(project, request, stack)
        identity = earlier.identity(begin_with)
        with _alone(project, identity) if request.once else contextlib.nullcontext():
            search = search or begin_search()
            same = search.result(identity, timeout=None if request.once else _PATIENCE)
            if same is not None:
                request.on_same(same)
                if request.once:
                    return _given_back(same)
            folder = stack.enter_context(live.new_folder(project.local))
            let_through = stack.enter_context(held_back())
            run = _begin(project, request, begin_with, identity, folder)
        result = _carry_out(run, let_through)
        if same is None and (same := search.result(identity, but=result.experiment.name)) is not None:
            request.on_same(same)
        return result


def _alone(project: Project, identity: str) -> contextlib.AbstractContextManager[None]:
    """Keep others of this identity waiting: of those started at once with `--once`, one is to run."""
    return project.local.lock(f"once-{identity[:2]}")  # so few files, for they stay


def _given_back(same: Experiment) -> Result:
    """Return an earlier experiment as the result of a run."""
    if same.record.status.ended:
        return Result(same, exit_code=0, again=False)
    raise errors.ExperimentError(
        f"{same.name} is running exactly this.",
        "Wait for it to end; without --once it is run beside it.",
        code="still-running",
    )


def _begin(project: Project, request: RunRequest, start: Start, identity: str, folder: Path) -> _BegunRun:
    """Write down that the run is going on: first here, then as a ref."""
    config, root = start.code.config, start.workspace.root
    run = LiveRun(
        folder=folder,
        process=current_process(),
        root=str(root),
        git_dir=str(start.workspace.git_dir),
        baseline=start.baseline,
        tree=start.tree,
        stamps=live.stamp(root, snapshot.files_below(root, start.results)),
        metrics=config.metrics,
        written_params=start.written_params,
        results=start.results,
        elsewhere=start.elsewhere,
        stored=start.code.config.data,
        project=config.folder,
        large=start.large,
        declared=tuple(sorted(config.declared)),
        by_stages=start.plan.in_git if start.plan is not None else (),
        share=config.share,
        max_size=config.max_untracked,
        started=time.time(),
    )
    run.save()
    failpoint("run:live")
    command = start.command
    record = Record(
        name=request.name,
        status=Status.RUNNING,
        commit=start.commit,
        baseline=start.baseline,
        branch=start.branch,
        command=start.line,
        argv=start.plan.argv if start.plan is not None else None if isinstance(command, str) else command,
        folder=start.folder,
        identity=identity,
        overrides=tuple(request.overrides),
        params=start.params.files,
        patterns=config.metrics_from_output,
        note=request.note,
        warnings=start.warnings,
        process=run.process,
    )
    record = made_here(record)

    def build(name: str) -> tuple[Record, str]:
        nonlocal run
        run = run.updated(name=name)  # before the ref is there, so that whoever finds one finds the other
        return replace(record, name=name), start.tree

    try:
        experiment = names.create(start.names, lambda name: project.store.create(name, start.commit, build))
    except BaseException:
        run.forget()
        raise
    failpoint("run:created")
    return _BegunRun(project, request, start, run, experiment)


def _carry_out(run: _BegunRun, let_through: Window) -> Result:
    """Run the command and store what came of it; an experiment that has begun is always ended."""
    experiment = run.experiment
    try:
        with let_through():
            run.request.on_start(experiment)
            cwd = _enter(run)
            ended = _execute(run, cwd) if run.start.plan is None else _execute_stages(run, cwd)
    except BaseException as error:
        with contextlib.suppress(errors.GitexpError, OSError):  # the next command tries again
            _give_up(run, error)
        raise
    failpoint("run:ended")
    run.live.give_back_reserve()
    outcome = ended.outcome
    run = replace(
        run,
        live=replace(
            ended.live,
            exit_code=outcome.exit_code,
            interrupted=outcome.interrupted,
            duration=round(outcome.duration, 3),
        ),
    )
    with contextlib.suppress(OSError):  # only the next command would need it
        run.live.save()
    try:
        stored = finish(run.project, run.live, experiment, *_with_environment(run, ended))
    except (errors.GitexpError, OSError) as error:
        raise errors.StorageError(
            f"{experiment.name} has ended but could not be stored: {_reason(error)}",
            "Its results are kept: put that right, and the next gitexp command stores it.",
            code="not-stored",
        ) from error
    known = (*experiment.record.warnings, *(_said_of(stage) for stage in ended.stages))
    warnings = [text for text in stored.record.warnings if text not in known]
    refused = [stage for stage in ended.stages if stage.state == "failed" and stage.exit_code is None]
    failure = (
        errors.DataError(f"{_said_of(refused[0])}.", refused[0].hint or None, code="stage-failed")
        if refused
        else None
    )
    return Result(stored, _exit_code(outcome), warnings, _hint(run, stored), failure=failure)


def _said_of(stage: StageResult) -> str:
    return f"{stage.name} {stage.text}"


@dataclass(frozen=True, slots=True)
class _Ended:
    """What there is when the command, or the last stage, has ended: how it did, its log, and the answers
    asked for meanwhile."""

    outcome: Outcome
    log: LogFile
    probe: EnvironmentProbe
    gpus: GpuProbe
    live: LiveRun
    stages: Sequence[StageResult] = ()


def _execute(run: _BegunRun, cwd: Path) -> _Ended:
    command, environment = run.start.command, _environment(run)

    def remember(pid: int) -> None:
        with contextlib.suppress(OSError):
            run.live.updated(child=process_of(pid))

    with LogFile.create(run.live.log, MAX_LOG) as log:
        probe, gpus = start_probe(command, cwd, environment), GpuProbe()
        try:
            outcome = execute(
                command,
                cwd=cwd,
                env=environment,
                log=log,
                stdout=run.request.stdout,
                stderr=run.request.stderr,
                on_start=remember,
            )
        except BaseException:
            probe.cancel()
            raise
    return _Ended(outcome, log, probe, gpus, run.live)


def _execute_stages(run: _BegunRun, cwd: Path) -> _Ended:
    from gitexp.runs import journal

    environment, plan = _environment(run), run.start.plan
    assert plan is not None  # else it would be a command
    with LogFile.create(run.live.log, MAX_LOG) as log:
        command = next((line for stage in plan.stages for line in stage.commands), "")
        probe, gpus = start_probe(command, cwd, environment), GpuProbe()
        try:
            ended = journal.carry_out(run.project, run.request, run.start, run.live, environment, log)
        except BaseException:
            probe.cancel()
            raise
    outcome, results, state = ended
    return _Ended(outcome, log, probe, gpus, state, results)


def _give_up(run: _BegunRun, error: BaseException) -> None:
    """End an experiment whose command could not be run to its end."""
    project, live_run, experiment = run.project, run.live.as_saved(), run.experiment
    live_run.give_back_reserve()
    if isinstance(error, KeyboardInterrupt):
        finish(project, live_run.updated(interrupted=True), experiment)
        return
    status = error.exit_code if isinstance(error, errors.GitexpError) else 1
    warnings = (*experiment.record.warnings, f"not run: {_reason(error)}")
    record = replace(experiment.record, warnings=warnings)
    finish(project, live_run.updated(exit_code=status), experiment, record)


def _reason(error: BaseException) -> str:
    if isinstance(error, errors.GitexpError):
        return error.message
    return (error.strerror if isinstance(error, OSError) else None) or str(error) or type(error).__name__


def _enter(run: _BegunRun) -> Path:
    """Write the changed params where the run is to be, and return the folder it starts in."""
    root = run.start.workspace.root
    if not run.is_isolated:  # an isolated one has them from its start
        with run.project.local.scratch() as scratch:
            params.write(root, scratch, run.start.params)
        failpoint("run:params")
        if run.start.changed_data:
            from gitexp.datasets import lock_file

            changed = run.start.changed_data
            lock_file.change(
                root, run.start.code.config, run.project.local, lambda lock: lock.with_data(changed)
            )
    if run.start.bring:
        from gitexp.datasets import bring

        bring.bring(run.project, root, run.start.bring, editable=run.start.large)
    cwd = root / run.start.folder
    cwd.mkdir(parents=True, exist_ok=True)
    return cwd


def _hint(run: _BegunRun, experiment: Experiment) -> str | None:
    if run.is_isolated and experiment.record.status is Status.FAILED:
        return "Files that Git ignores are not in an isolated run: list those it needs under share:."
    return None


def _environment(run: _BegunRun) -> dict[str, str]:
    """Return the command's environment: ours, and where it is."""
    environment = dict(os.environ)
    if run.is_isolated:
        for variable in PLACES:
            environment.pop(variable, None)
    root = str(run.start.workspace.root / run.start.code.config.folder)
    experiment = run.experiment
    environment |= {
        "GITEXP_NAME": experiment.name,
        "GITEXP_BASELINE": experiment.record.baseline,
        "GITEXP_ROOT": root,
        # dvclive saves an experiment of its own unless it believes that DVC is running it.
        "DVC_ROOT": root,
        "DVC_EXP_NAME": experiment.name,
        "DVC_EXP_BASELINE_REV": experiment.record.baseline,
    }
    return environment


def _with_environment(run: _BegunRun, ended: _Ended) -> tuple[Record, bytes]:
    """Return the record with what was found out while the command ran, and environment.txt."""
    record = run.experiment.record
    found, gpus, log = ended.probe.result(), ended.gpus.result(), ended.log
    warnings = list(record.warnings)
    if found.warning:
        warnings.append(found.warning)
    if log.cut:
        warnings.append(f"log cut: {log.dropped:,} bytes in the middle were left out")
    if log.error:
        warnings.append(f"log incomplete: {_reason(log.error)}")
    warnings += [_said_of(stage) for stage in ended.stages if stage.error]
    warnings += [text for stage in ended.stages for text in stage.warnings]
    if not run.live.folder.is_dir():
        warnings.append("the log is lost: .git/gitexp was removed during the run")
    environment = found.text().encode()
    with contextlib.suppress(OSError):  # only the next command would need it
        run.live.environment.write_bytes(environment)
    failpoint("run:environment")
    stages = {stage.name: stage.as_json() for stage in ended.stages}
    if not all(stage.exact for stage in ended.stages):
        record = replace(record, identity="")  # nobody else's run is the same, and --once must not give this
    record = replace(record, python=found.python, gpus=gpus, warnings=tuple(warnings), stages=stages)
    return record, environment


def _exit_code(outcome: Outcome) -> int:
    if outcome.interrupted and outcome.signal is not None:
        return 128 + outcome.signal
    return outcome.exit_code
