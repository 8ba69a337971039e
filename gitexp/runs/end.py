"""The end of a run: results into the experiment commit, log and environment beside it, ref moved.

Called by the run itself, or by the next gitexp command when the run's process has died. Nothing here
may fail for what the run left behind: what cannot be stored is named in the record's warnings.
"""

from __future__ import annotations

import contextlib
import signal
from dataclasses import replace
from pathlib import Path

from gitexp import errors, files, plugins
from gitexp.catalog.ended import ended_record, store_ended
from gitexp.failpoints import failpoint
from gitexp.model import Experiment, Record, Status, Tree
from gitexp.nofollow import NotPlain, is_plain
from gitexp.objects.paths import lies_in_any
from gitexp.pipeline.lock import read_lock
from gitexp.pipeline.paths import LOCK_FILE
from gitexp.process.liveness import current_process
from gitexp.process.log import LIMIT, read_log
from gitexp.process.printed import TIMEOUT, find_printed
from gitexp.project.params import OUTPUT
from gitexp.project.project import Project, parse_all
from gitexp.repo import conversion_note, worktrees
from gitexp.repo.experiments import KEPT, RUN_FOLDER, STAGE_LOGS
from gitexp.repo.git.conversions import Conversions
from gitexp.repo.git.repository import Repository
from gitexp.repo.live import RunState
from gitexp.runs import notes as stage_notes
from gitexp.runs import taken_over
from gitexp.runs.begin import LiveRun
from gitexp.runs.checks import surroundings, written_params
from gitexp.runs.collecting import hydra_output, results
from gitexp.runs.executor import Circumstances, Ended
from gitexp.runs.logged_values import logged, logged_files, typed_code

_ATTEMPTS = 3
_ABSENT = (FileNotFoundError, NotPlain)  # any other error may pass: the next command tries again
MAX_LOG = LIMIT


def end(live: LiveRun, ended: Ended) -> Experiment:
    """The experiment, ended and stored.

    Raises StorageError (not-stored) if it cannot be stored: its results are kept, and the next command
    stores them.
    """
    state, experiment = ended.state, live.experiment
    state.give_back_reserve()
    state = state._replace(exit_code=ended.exit_code, interrupted=ended.interrupted, duration=ended.duration)
    with contextlib.suppress(OSError):  # only the next command would need it
        state.save()
    try:
        found = ended.circumstances()
        experiment = taken_over.experiment_to_end(live.project, state, experiment)
        record = _with_circumstances(experiment.record, state, ended, found)
        stored = finish(live.project, state, experiment, record, found.environment)
    except (errors.GitexpError, OSError) as error:
        raise errors.StorageError(
            f"{experiment.name} has ended but could not be stored: {reason(error)}",
            "Its results are kept: put that right, and the next gitexp command stores it.",
            code="not-stored",
        ) from error
    if stored.record.holdout:
        stored = plugins.load("trust", "holdout at the end")(
            live.project, stored, live.let_through, own_code=live.request.own_code
        )
    return stored


def give_up(live: LiveRun, error: BaseException) -> None:
    """End an experiment whose work could not be done to its end."""
    state, experiment = live.state.as_saved(), live.experiment
    state.give_back_reserve()
    if isinstance(error, KeyboardInterrupt):
        # With an exit code: without one a run of the queue counts as lost, and goes back there.
        code = 128 + signal.SIGINT if state.exit_code is None else state.exit_code
        finish(live.project, state.updated(interrupted=True, exit_code=code), experiment)
        return
    status = error.exit_code if isinstance(error, errors.GitexpError) else 1
    warnings = (*experiment.record.warnings, f"not run: {reason(error)}")
    record = replace(experiment.record, warnings=warnings)
    finish(live.project, state.updated(exit_code=status), experiment, record)


def reason(error: BaseException) -> str:
    """An error in a few words."""
    if isinstance(error, errors.GitexpError):
        return error.message
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error) or type(error).__name__


def _with_circumstances(record: Record, state: RunState, ended: Ended, found: Circumstances) -> Record:
    """The record with what was found out while the work was done."""
    warnings = (*record.warnings, *found.warnings)
    if not state.folder.is_dir():
        warnings = (*warnings, "the log is lost: .git/gitexp was removed during the run")
    state.put(state.environment, found.environment)  # only the next command would need it
    failpoint("run:environment")
    if not ended.is_exact:
        record = replace(record, identity="")  # nobody else's run is the same, and --once must not give this
    stages = {stage.name: stage.as_json() for stage in ended.stages}
    record = replace(record, python=found.python, gpus=found.gpus, warnings=warnings, stages=stages)
    return replace(record, reason=ended.reason)


def finish(
    project: Project,
    state: RunState,
    experiment: Experiment,
    record: Record | None = None,
    environment: bytes | None = None,
) -> Experiment:
    """Store the end of a run, forget its live state, and return the ended experiment.

    `record` has what only the living process knows (Python version, GPUs, warnings), and `environment` the
    content of environment.txt; without them the experiment's own record and the file in the state's folder
    count.
    """
    record = record or experiment.record
    if notes := stage_notes.read(state):
        for note in notes:
            state = note.applied(state)
        record = replace(record, stages=record.stages or {note.name: note.result for note in notes})
    for _ in range(_ATTEMPTS - 1):
        # A `git gc --prune=now` beside us may take what no ref holds yet: it is all made again then.
        with contextlib.suppress(errors.GitFailed):
            return _finish(project, state, experiment, record, environment)
    return _finish(project, state, experiment, record, environment)


def _finish(
    project: Project, state: RunState, experiment: Experiment, record: Record, environment: bytes | None
) -> Experiment:
    failpoint("finish:begun")
    converting = conversion_note.read(project.store, experiment)
    workspace = _workspace(project, state, converting)
    if workspace is None:
        state = state._replace(scope=state.scope._replace(metrics=(), written_params=(), params=()))
    around = list[str]()
    if workspace is not None:
        state, around = surroundings.after(project, state, record.command or "")
    found = written_params.found(project, state, record)
    state = found.state
    said = logged.read(project, state).beside(record.params)
    logged_in = logged_files.metrics_file(project, state)
    metrics, warnings = results.metrics(project, state, logged_in if said.metrics else None)
    printed, unmatched = _printed(state, record)
    names = state.scope.written_params
    secret = results.withheld(project, state, names)
    written = {name: results.if_written(state, name) for name in names if name not in secret}
    params, unread = parse_all(written, files.parse_params)
    begun_with = record.checkpoints if record.resumed_from else ()
    stored = results.store(project, state, workspace, experiment.name, begun_with)
    told = [*record.warnings, *around, *found.warnings, *warnings, *unmatched, *unread, *stored.warnings]
    told += said.warnings
    told += _lacking(
        project,
        state,
        record,
        {**record.params, **params, **said.params},
        {**metrics, **printed, **said.metrics_at(logged_in)},
    )
    exact = [path for path in converting.exact if not lies_in_any(path, state.scope.results)]
    converting = converting._replace(exact=(*exact, *stored.exact))
    record = replace(
        ended_record(record, _status(state)),
        params={**hydra_output.joined(Path(state.root), record.params, params), **said.params},
        written_params=tuple(name for name in params if name in found.certain),
        metrics={
            **surroundings.by_pattern(metrics, state.scope.metric_patterns, state.scope.declared),
            **printed,
            **said.metrics_at(logged_in),
        },
        resumed_from=said.resumed_at(record.resumed_from),
        checkpoints=tuple(stored.checkpoints),
        series=said.series,
        tables=tuple(stored.tables),
        system=said.system,
        mlflow={**record.mlflow, **said.facts.mlflow},
        alerts=said.alerts,
        note=said.facts.note_after(record.note),
        tags=said.facts.tags_after(record.tags),
        duration=state.duration,
        exit_code=state.exit_code,
        warnings=tuple(dict.fromkeys(told)),
    )
    failpoint("finish:read")
    if record.protected:
        record = plugins.load("trust", "protected at the end")(project, record, stored.tree, workspace)
    with project.repo.writing_together():
        tree = logged_files.in_tree(project, stored.tree, said, logged_in)
        if record.command is None:
            tree = typed_code.in_tree(project, state, tree)
        run_files = _run_files(project, state, environment) | conversion_note.write(project.repo, converting)
        if said is not logged.NOTHING:
            more, unstored = logged_files.run_files(project, state, said)
            run_files |= more
            record = replace(record, warnings=(*record.warnings, *unstored))
            failpoint("logged:stored")
        ended = store_ended(project, experiment, record, tree, run_files)
    failpoint("finish:stored")
    state.forget()
    failpoint("finish:forgotten")
    return ended


def _lacking(
    project: Project, state: RunState, record: Record, params: dict[str, Tree], metrics: dict[str, Tree]
) -> list[str]:
    """Sentences about what the scripts of stages have logged, and this run lacks: the stages did not run."""
    if not record.stages:
        return []
    found: list[str] = plugins.load("lacking", "stages")(project, state, record, params, metrics)
    return found


def _workspace(project: Project, state: RunState, converting: Conversions) -> Repository | None:
    """The worktree of a run; None if the worktree is gone, or belongs to another repository."""
    root, git_dir = Path(state.root), Path(state.git_dir)
    if not (root.is_dir() and git_dir.is_dir()):
        return None
    # The state of a dead run may be from elsewhere: it comes with a copy of the repository, or an archive.
    if state.process != current_process() and not worktrees.is_known(project.repo, root, git_dir):
        return None
    return project.repo.linked(root, git_dir, converting.settings)


def _status(state: RunState) -> Status:
    if state.interrupted or state.exit_code is None:
        return Status.INTERRUPTED
    return Status.DONE if state.exit_code == 0 else Status.FAILED


def _printed(state: RunState, record: Record) -> tuple[dict[str, Tree], list[str]]:
    """The metrics in the output, and a warning for each missing metric."""
    if not record.patterns:
        return {}, []
    try:
        log = read_log(state.log, MAX_LOG)
    except OSError:
        log = b""
    found = find_printed(log, [*record.patterns.items()])
    missing = []
    for name, pattern in record.patterns.items():
        if found.get(name) is None:
            missing.append(f"not printed: {name}, by {pattern}")
    if len(found) < len(record.patterns):
        missing.append(f"the output was not searched to its end: a pattern took more than {TIMEOUT:g} s")
    tree = files.printed_tree(found)
    if not tree:
        return {}, missing
    return {OUTPUT: tree}, missing


def _run_files(project: Project, state: RunState, environment: bytes | None) -> dict[str, str]:
    """Store the log and the environment; their blobs by file name."""
    stored = {}
    # The folder of a dead run may be somebody else's work: a link in it counts as no file.
    with contextlib.suppress(*_ABSENT):
        stored["output.log"] = project.repo.write_blob(read_log(state.log, MAX_LOG))
    if environment is None:
        with contextlib.suppress(*_ABSENT):
            environment = state.read(state.environment)
    if environment is not None:
        stored["environment.txt"] = project.repo.write_blob(environment)
    for name, log in _stage_logs(state).items():
        stored[f"{STAGE_LOGS}/{name}"] = project.repo.write_blob(log)
    with contextlib.suppress(*_ABSENT):
        stored |= _kept(project, state.read(state.kept))
    return stored


def _stage_logs(state: RunState) -> dict[str, bytes]:
    """The logs of a run's stages by file name, of those that are plain files."""
    found = {}
    with contextlib.suppress(*_ABSENT), state.opened() as folder, folder.folder("stages") as stages:
        for name in stages.names():
            if name.endswith(".log") and is_plain(stages.stat(name)):
                found[name] = stages.read(name)
    return found


def _kept(project: Project, lock: bytes) -> dict[str, str]:
    """Store the lock that names replaced data, against gc. Any other file is left alone."""
    with contextlib.suppress(errors.LockError):
        read_lock("", lock, f"{RUN_FOLDER}/{KEPT}")
        return {f"{KEPT}/{LOCK_FILE}": project.repo.write_blob(lock)}
    return {}
