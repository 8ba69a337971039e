"""The engine of this machine: the command, or the stages, in the run's own workspace."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from gitexp.datasets import bring, lock_file
from gitexp.failpoints import failpoint
from gitexp.folders import make_folder
from gitexp.process.environment import EnvironmentProbe, start_probe
from gitexp.process.execute import Outcome, execute
from gitexp.process.gpus import GpuProbe
from gitexp.process.liveness import process_of
from gitexp.process.log import LogFile
from gitexp.project import params
from gitexp.project.change import Transaction, edited_files
from gitexp.project.params import CommandLine
from gitexp.repo.git.launch import PLACES
from gitexp.repo.live import RunState
from gitexp.runs.begin import LiveRun
from gitexp.runs.end import MAX_LOG, reason
from gitexp.runs.engine import Circumstances, Ended
from gitexp.runs.ready import PlainCommand

if TYPE_CHECKING:
    from gitexp.pipeline.state import StageResult


class LocalEngine:
    """Does the work in a process of this machine, in the terminal that gitexp was started in."""

    def execute(self, live: LiveRun) -> Ended:
        cwd = _enter(live)
        environment = _environment(live)
        for repo in (live.project.repo, live.ready.workspace):
            repo.rest()  # hours may pass
        with LogFile.create(live.state.log, MAX_LOG) as log:
            probe, gpus = start_probe(_probed(live), cwd, environment), GpuProbe()
            try:
                outcome, stages, state = _work(live, cwd, environment, log)
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
            stages=stages,
            circumstances=partial(_circumstances, stages, log, probe, gpus),
        )


def _work(
    live: LiveRun, cwd: Path, environment: dict[str, str], log: LogFile
) -> tuple[Outcome, Sequence[StageResult], RunState]:
    """How the command or the stages ended, and the state of the run by then."""
    if not isinstance(live.ready.work, PlainCommand):
        from gitexp.runs import journal  # a run without stages does not pay for them

        return journal.carry_out(live, live.ready.work, environment, log)

    def remember(pid: int) -> None:
        with contextlib.suppress(OSError):
            live.state.updated(child=process_of(pid))

    outcome = execute(
        live.ready.work.line,
        cwd=cwd,
        env=environment,
        log=log,
        stdout=live.request.stdout,
        stderr=live.request.stderr,
        on_start=remember,
    )
    return outcome, [], live.state


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
        "GITEXP_NAME": name,
        "GITEXP_BASELINE": baseline,
        "GITEXP_ROOT": root,
        # dvclive saves an experiment of its own unless it believes that DVC is running it.
        "DVC_ROOT": root,
        "DVC_EXP_NAME": name,
        "DVC_EXP_BASELINE_REV": baseline,
    }
    return environment


def _circumstances(
    stages: Sequence[StageResult], log: LogFile, probe: EnvironmentProbe, gpus: GpuProbe
) -> Circumstances:
    found = probe.result()
    warnings = []
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
