"""Run a command as an experiment: snapshot first, then the command, then its results.

The order is what makes the promises hold. All that can be refused is refused before anything is
written; the ref is there before the command starts; the params files are written after that, so a
refusal never leaves them changed.
"""

from __future__ import annotations

import contextlib
import os
import shlex
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from gitexp import errors, files
from gitexp.failpoints import failpoint
from gitexp.model import Experiment, Record, Status
from gitexp.ops import exclusions, params
from gitexp.ops.finish import MAX_LOG, finish, finish_dead_runs, now, refuse_beside_orphan
from gitexp.ops.interrupts import Window, held_back
from gitexp.ops.project import Project
from gitexp.repo import live, snapshot, worktrees
from gitexp.repo.git import Head, Repository
from gitexp.repo.live import LiveRun
from gitexp.repo.store import check_name
from gitexp.run.environment import EnvironmentProbe, machine, start_probe
from gitexp.run.gpus import GpuProbe
from gitexp.run.liveness import current_process, process_of
from gitexp.run.log import LogFile
from gitexp.run.process import Outcome, execute
from gitexp.run.programs import find_program
from gitexp.version import __version__

Command = str | tuple[str, ...]  # for the shell, or an argument list


@dataclass(frozen=True, slots=True)
class Request:
    """What the user asked for. `stdout` and `stderr` are where the command's output goes (fds)."""

    command: Command | None = None
    overrides: Sequence[str] = ()
    name: str = ""
    note: str = ""
    temp: bool = False
    stdout: int = 1
    stderr: int = 2
    on_start: Callable[[Experiment], None] = field(default=lambda experiment: None)


@dataclass(frozen=True, slots=True)
class Result:
    """The ended experiment, the exit status to pass on, and what may help if it failed.

    `warnings` are those that have come up since the start.
    """

    experiment: Experiment
    exit_code: int
    warnings: Sequence[str] = ()
    hint: str | None = None


@dataclass(frozen=True, slots=True)
class _Plan:
    """All that was checked and read before anything is written."""

    head: Head
    command: Command
    cwd: Path  # relative to the root
    params: params.Params
    overrides: tuple[str, ...]


def run(project: Project, request: Request) -> Result:
    """Run a command and store it as an experiment, whatever becomes of it.

    Raises before the command has started, with nothing written, for everything that can be known
    then: NoCommits, UnmergedPaths, SnapshotRefused, ParseError, UnknownParam, OverrideError,
    InvalidName, NameTaken, CommandNotFound, WorkspaceBusy, ReadOnlyRepository, UsageError,
    StorageError. Raises StorageError after it if the results cannot be stored; the next gitexp
    command tries again then.
    """
    project.local.prepare()
    plan = _plan(project, request)
    with contextlib.ExitStack() as stack:
        if not request.temp:
            stack.enter_context(live.workspace(project.local, project.repo.git_dir))
            refuse_beside_orphan(project)
            # The results of a run that died here must be stored before this one writes over them.
            finish_dead_runs(project, awaited=project.repo.git_dir)
        tree, warnings = _snapshot(project, plan)
        plan = replace(plan, params=params.as_stored(project, tree, plan.params))
        start = project.repo.write_commit(tree, [plan.head.commit], "Start of an experiment\n")
        failpoint("run:snapshot")
        workspace = project.repo
        if request.temp:
            share = project.config.share
            workspace = stack.enter_context(worktrees.checkout(project.repo, start, share))
        folder = stack.enter_context(live.new_folder(project.local))
        let_through = stack.enter_context(held_back())
        live_run, experiment = _begin(project, request, plan, workspace, folder, start, tree, warnings)
        return _carry_out(project, request, plan, workspace, live_run, experiment, let_through)


def _plan(project: Project, request: Request) -> _Plan:
    head = project.repo.head()
    command = request.command or project.config.command
    if not command:
        raise errors.UsageError(
            "There is no command to run.",
            "Give one: gitexp run -- python train.py; or write it into gitexp.yaml: gitexp init",
        )
    # The config's command belongs to the project, one typed by the user to where they stand.
    cwd = project.here if request.command else project.folder
    find_program(command, cwd, os.environ)
    if request.name:
        check_name(request.name)
        project.store.require_free(request.name)
    overrides = [files.parse_override(text) for text in request.overrides]
    prepared = params.prepare(project, overrides, written_later=_written_params(project))
    if not request.temp:
        params.require_writable(project.repo.root, prepared)
    root = project.repo.root.resolve()
    if not (cwd := cwd.resolve()).is_relative_to(root):
        raise errors.UsageError(f"{cwd} is not in the workspace, which is {root}.", "Run it from there.")
    return _Plan(head, command, cwd.relative_to(root), prepared, tuple(request.overrides))


def _written_params(project: Project) -> tuple[str, ...]:
    """Params files that the command itself writes (dvclive's) are read after a run, not before."""
    return tuple(name for name in project.config.params if name.endswith("dvclive/params.yaml"))


def _snapshot(project: Project, plan: _Plan) -> tuple[str, tuple[str, ...]]:
    rules = snapshot.Rules(
        leave_out=exclusions.rule(project.repo.root),
        max_untracked=project.config.max_untracked,
        results=project.config.results,
        declared=tuple(plan.params.files),
        overlay=plan.params.edited,
    )
    with project.local.scratch() as scratch:
        taken = snapshot.take(project.repo, scratch, rules)
    return taken.tree, taken.warnings


def _begin(
    project: Project,
    request: Request,
    plan: _Plan,
    workspace: Repository,
    folder: Path,
    start: str,
    tree: str,
    warnings: tuple[str, ...],
) -> tuple[LiveRun, Experiment]:
    """Write down that the run is going on: first here, then as a ref."""
    config, here = project.config, machine()
    written_params = _written_params(project)
    results = (*config.results, *written_params)
    run = LiveRun(
        folder=folder,
        process=current_process(),
        root=str(workspace.root),
        git_dir=str(workspace.git_dir),
        baseline=plan.head.commit,
        tree=tree,
        stamps=live.stamp(workspace.root, snapshot.files_below(workspace.root, results)),
        metrics=config.metrics,
        written_params=written_params,
        results=results,
        max_size=config.max_untracked,
        started=time.time(),
    )
    run.save()
    failpoint("run:live")
    record = Record(
        name=request.name,
        status=Status.RUNNING,
        commit=start,
        baseline=plan.head.commit,
        branch=plan.head.branch.removeprefix("refs/heads/") if plan.head.branch else None,
        command=plan.command if isinstance(plan.command, str) else shlex.join(plan.command),
        argv=None if isinstance(plan.command, str) else plan.command,
        overrides=plan.overrides,
        params=plan.params.files,
        created=now(),
        user=here.user,
        host=here.host,
        platform=here.platform,
        cpus=here.cpus,
        gitexp=__version__,
        note=request.note,
        warnings=warnings,
        process=run.process,
    )

    def build(name: str) -> tuple[Record, str]:
        nonlocal run
        run = run.updated(name=name)  # before the ref is there, so that whoever finds one finds the other
        return replace(record, name=name), tree

    try:
        experiment = project.store.create(request.name, start, build)
    except BaseException:
        run.forget()
        raise
    failpoint("run:created")
    return run, experiment


def _carry_out(
    project: Project,
    request: Request,
    plan: _Plan,
    workspace: Repository,
    run: LiveRun,
    experiment: Experiment,
    let_through: Window,
) -> Result:
    """Run the command and store what came of it; an experiment that has begun is always ended."""
    try:
        with let_through():
            request.on_start(experiment)
            cwd = _enter(project, plan, workspace)
            ended = _execute(project, request, plan, workspace, run, experiment, cwd)
    except BaseException as error:
        with contextlib.suppress(errors.GitexpError, OSError):  # the next command tries again
            _give_up(project, run, experiment, error)
        raise
    failpoint("run:ended")
    run.give_back_reserve()
    outcome = ended.outcome
    run = replace(
        run,
        exit_code=outcome.exit_code,
        interrupted=outcome.interrupted,
        duration=round(outcome.duration, 3),
    )
    with contextlib.suppress(OSError):  # only the next command would need it
        run.save()
    try:
        stored = finish(project, run, experiment, *_with_environment(experiment.record, run, ended))
    except (errors.GitexpError, OSError) as error:
        raise errors.StorageError(
            f"{experiment.name} has ended but could not be stored: {_reason(error)}",
            "Its results are kept: put that right, and the next gitexp command stores it.",
        ) from error
    warnings = [text for text in stored.record.warnings if text not in experiment.record.warnings]
    return Result(stored, _exit_code(outcome), warnings, _hint(request, stored))


@dataclass(frozen=True, slots=True)
class _Ended:
    """What there is when the command has ended: how it did, its log, and the answers asked for meanwhile."""

    outcome: Outcome
    log: LogFile
    probe: EnvironmentProbe
    gpus: GpuProbe


def _execute(
    project: Project,
    request: Request,
    plan: _Plan,
    workspace: Repository,
    run: LiveRun,
    experiment: Experiment,
    cwd: Path,
) -> _Ended:
    environment = _environment(project, request, workspace, experiment)

    def remember(pid: int) -> None:
        with contextlib.suppress(OSError):
            run.updated(child=process_of(pid))

    with LogFile.create(run.log, MAX_LOG) as log:
        probe, gpus = start_probe(plan.command, cwd, environment), GpuProbe()
        try:
            outcome = execute(
                plan.command,
                cwd=cwd,
                env=environment,
                log=log,
                stdout=request.stdout,
                stderr=request.stderr,
                on_start=remember,
            )
        except BaseException:
            probe.cancel()
            raise
    return _Ended(outcome, log, probe, gpus)


def _give_up(project: Project, run: LiveRun, experiment: Experiment, error: BaseException) -> None:
    """End an experiment whose command could not be run to its end."""
    run.give_back_reserve()
    if isinstance(error, KeyboardInterrupt):
        finish(project, run.updated(interrupted=True), experiment)
        return
    status = error.exit_code if isinstance(error, errors.GitexpError) else 1
    warnings = (*experiment.record.warnings, f"not run: {_reason(error)}")
    finish(project, run.updated(exit_code=status), experiment, replace(experiment.record, warnings=warnings))


def _reason(error: BaseException) -> str:
    if isinstance(error, errors.GitexpError):
        return error.message
    return (error.strerror if isinstance(error, OSError) else None) or str(error) or type(error).__name__


def _enter(project: Project, plan: _Plan, workspace: Repository) -> Path:
    """Write the changed params where the run is to be, and return the folder it starts in."""
    if workspace.root == project.repo.root:  # an isolated one has them from the snapshot
        with project.local.scratch() as scratch:
            params.write(workspace.root, scratch, plan.params)
        failpoint("run:params")
    cwd = workspace.root / plan.cwd
    cwd.mkdir(parents=True, exist_ok=True)
    return cwd


def _hint(request: Request, experiment: Experiment) -> str | None:
    if request.temp and experiment.record.status is Status.FAILED:
        return "Files that Git ignores are not in an isolated run: list those it needs under share:."
    return None


def _environment(
    project: Project, request: Request, workspace: Repository, experiment: Experiment
) -> dict[str, str]:
    """Return the command's environment: ours, and where it is."""
    environment = dict(os.environ)
    if request.temp:
        for variable in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_COMMON_DIR"):
            environment.pop(variable, None)
    root = str(workspace.root / project.config.folder)
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


def _with_environment(record: Record, run: LiveRun, ended: _Ended) -> tuple[Record, bytes]:
    """Return the record with what was found out while the command ran, and environment.txt."""
    found, gpus, log = ended.probe.result(), ended.gpus.result(), ended.log
    warnings = list(record.warnings)
    if found.warning:
        warnings.append(found.warning)
    if log.cut:
        warnings.append(f"log cut: {log.dropped:,} bytes in the middle were left out")
    if log.error:
        warnings.append(f"log incomplete: {log.error}")
    if not run.folder.is_dir():
        warnings.append("the log is lost: .git/gitexp was removed during the run")
    environment = found.text().encode()
    with contextlib.suppress(OSError):  # only the next command would need it
        run.environment.write_bytes(environment)
    failpoint("run:environment")
    return replace(record, python=found.python, gpus=gpus, warnings=tuple(warnings)), environment


def _exit_code(outcome: Outcome) -> int:
    if outcome.interrupted and outcome.signal is not None:
        return 128 + outcome.signal
    return outcome.exit_code
