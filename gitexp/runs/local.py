"""The executor of this machine: the command, or the stages, in the run's own workspace."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from gitexp import plugins
from gitexp.datasets import bring, lock_file
from gitexp.failpoints import failpoint
from gitexp.folders import make_folder
from gitexp.process.environment import EnvironmentProbe, start_probe
from gitexp.process.execute import Outcome, execute
from gitexp.process.gpus import GpuProbe
from gitexp.process.liveness import process_of
from gitexp.process.log import LogFile
from gitexp.process.variables import ALL_RESUMED, NAME, RUN
from gitexp.project import params
from gitexp.project.change import Transaction, edited_files
from gitexp.project.params import CommandLine
from gitexp.project.tools.notebook_command import is_notebook
from gitexp.repo.git.launch import PLACES
from gitexp.repo.live import RunState
from gitexp.runs.begin import LiveRun
from gitexp.runs.end import MAX_LOG, reason
from gitexp.runs.executor import Circumstances, Ended
from gitexp.runs.lookout import Lookout, lookout
from gitexp.runs.ready import PlainCommand
from gitexp.runs.resuming import resume

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from gitexp.pipeline.state import StageResult
    from gitexp.process.guard import Guard


class LocalExecutor:
    """Does the work in a process of this machine, in the terminal that gitexp was started in."""

    def execute(self, live: LiveRun) -> Ended:
        cwd = _enter(live)
        environment = _environment(live)
        for repo in (live.project.repo, live.ready.workspace):
            repo.rest()  # hours may pass
        with LogFile.create(live.state.log, MAX_LOG) as log:
            probe, gpus = _probe(live, cwd, _without_run(environment)), GpuProbe()
            try:
                with lookout(live) as watching, _guard(live, watching) as guard:
                    outcome, stages, state = _work(live, cwd, environment, log, guard)
            except BaseException:
                probe.cancel()
                raise
        return Ended(
            state=state,
            exit_code=outcome.exit_code,
            interrupted=outcome.interrupted,
            signal=outcome.signal,
            duration=round(outcome.duration, 3),
            killed_by=outcome.killed_by,
            reason=guard.reason if guard is not None else "",
            stages=stages,
            circumstances=partial(_circumstances, stages, log, probe, gpus, _told(live, guard, watching)),
        )


def _guard(live: LiveRun, watching: Lookout) -> AbstractContextManager[Guard | None]:
    """The guard over the processes of a run; None for a run without one."""
    make, mark = live.request.guard, f"{NAME}={live.experiment.name}"
    if make is not None:
        guard = make(live.request.limits, mark)
        guard.ask_also(lambda: watching.reason)
        return guard
    if not watching.may_stop:
        return contextlib.nullcontext()
    found: Guard = plugins.load("guard", "processes")(
        live.request.limits, mark, lambda: watching.reason, ends_rest=False
    )
    return found


def _told(live: LiveRun, guard: Guard | None, watching: Lookout) -> list[str]:
    """Sentences for the record about what was seen, and done, beside the run."""
    told = watching.warnings
    if guard is not None and guard.reason:
        told.append(live.request.limits.told(guard.reason))
    if guard is not None and guard.ended:
        told.append(f"processes left in the background by the command, ended with it: {guard.ended:,}")
    return told


def _work(
    live: LiveRun, cwd: Path, environment: dict[str, str], log: LogFile, guard: Guard | None
) -> tuple[Outcome, Sequence[StageResult], RunState]:
    """How the command or the stages ended, and the state of the run by then."""
    if not isinstance(live.ready.work, PlainCommand):
        from gitexp.runs import journal  # a run without stages does not pay for them

        return journal.carry_out(live, live.ready.work, environment, log, guard)

    def remember(pid: int) -> None:
        with contextlib.suppress(OSError):
            live.state.updated(child=process_of(pid))

    line = live.ready.work.line
    if is_notebook(line):
        line = plugins.load("program", "notebook")(line, cwd).line
    outcome = execute(
        line,
        cwd=cwd,
        env=environment,
        log=log,
        stdout=live.request.stdout,
        stderr=live.request.stderr,
        on_start=remember,
        guard=guard,
    )
    return outcome, [], live.state


def _probe(live: LiveRun, cwd: Path, environment: dict[str, str]) -> EnvironmentProbe:
    """What lists the packages of the command's interpreter."""
    command = _probed(live)
    if is_notebook(command):
        return EnvironmentProbe(plugins.load("program", "notebook")(command, cwd).python, cwd, environment)
    return start_probe(command, cwd, environment)


def _probed(live: LiveRun) -> CommandLine:
    """The command whose interpreter's packages are listed: of stages, the first."""
    work = live.ready.work
    if isinstance(work, PlainCommand):
        return work.line
    for stage in work.stages:
        for line in stage.commands:
            return line
    return ""


def _enter(live: LiveRun) -> Path:
    """The folder of the command, with the changed params and the missing data written."""
    ready, project = live.ready, live.project
    root = ready.workspace.root
    if not live.is_isolated:  # an isolated one has them from its start
        _write_params(live)
        failpoint("run:params")
        if ready.changed_data:
            lock_file.change(
                root, ready.code.config, project.local, lambda lock: lock.with_data(ready.changed_data)
            )
    if ready.bring:
        bring.bring(project, root, ready.bring, editable=ready.scope.large)
    cwd = root / ready.folder
    make_folder(cwd)
    return cwd


def _write_params(live: LiveRun) -> None:
    """Write what -S has changed; `gitexp undo` brings back the files as they were."""
    project, changed = live.project, live.ready.params
    if not changed.edited:
        return
    edited = edited_files(live.ready.workspace, changed.originals, changed.edited)
    transaction = Transaction.begin(project, f"run {live.experiment.name}")
    with transaction.replace_files(edited), project.local.scratch() as scratch:
        params.write(live.ready.workspace.root, scratch, changed)


def _environment(live: LiveRun) -> dict[str, str]:
    """The environment of the command: gitexp's own, and the name of the experiment."""
    environment = dict(os.environ)
    if live.is_isolated:
        for variable in PLACES:
            environment.pop(variable, None)
    root = str(live.ready.workspace.root / live.ready.code.config.folder)
    name, baseline = live.experiment.name, live.experiment.record.baseline
    environment |= {
        NAME: name,
        RUN: str(live.state.folder),
        "GITEXP_BASELINE": baseline,
        "GITEXP_ROOT": root,
        # dvclive saves an experiment of its own unless it believes that DVC is running it.
        "DVC_ROOT": root,
        "DVC_EXP_NAME": name,
        "DVC_EXP_BASELINE_REV": baseline,
    }
    if live.request.mlflow or live.ready.code.config.mlflow:
        environment["MLFLOW_TRACKING_URI"] = f"gitexp://{quote(live.ready.workspace.root.as_posix())}"
    for variable in ALL_RESUMED:  # of a run around this one
        environment.pop(variable, None)
    environment |= resume.variables(live.experiment.record)
    if worker := live.experiment.record.worker:
        environment["GITEXP_WORKER"] = worker
    return environment


def _without_run(environment: dict[str, str]) -> dict[str, str]:
    """The environment for a process of gitexp's own, which is none of the run's processes."""
    return {name: value for name, value in environment.items() if name != RUN}


def _circumstances(
    stages: Sequence[StageResult],
    log: LogFile,
    probe: EnvironmentProbe,
    gpus: GpuProbe,
    told: Sequence[str],
) -> Circumstances:
    found = probe.result()
    warnings = [*told]
    if found.warning:
        warnings.append(found.warning)
    if log.cut:
        warnings.append(f"log cut: {log.dropped:,} bytes in the middle were left out")
    if log.error:
        warnings.append(f"log incomplete: {reason(log.error)}")
    warnings += [stage.line for stage in stages if stage.error]
    for stage in stages:
        warnings += stage.warnings
    return Circumstances(found.python, gpus.result(), found.text().encode(), tuple(warnings))
