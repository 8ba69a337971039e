"""The end of a run: results into the experiment commit, log and environment beside it, ref moved.

Called by the run itself, or by the next gitexp command when the run's process has died. Nothing here
may fail for what the run left behind: what cannot be stored is named in the record's warnings.
"""

from __future__ import annotations

import contextlib
from dataclasses import replace
from pathlib import Path

from gitexp import errors, files
from gitexp.catalog.ended import ended_record, store_ended
from gitexp.failpoints import failpoint
from gitexp.model import Experiment, Record, Status, Tree
from gitexp.pipeline.paths import LOCK_FILE
from gitexp.process.liveness import current_process
from gitexp.process.log import LIMIT, read_log
from gitexp.process.printed import TIMEOUT, find_printed
from gitexp.project.project import Project, parse_all
from gitexp.repo import worktrees
from gitexp.repo.experiments import KEPT, RUN_FOLDER, STAGE_LOGS
from gitexp.repo.git.repository import Repository
from gitexp.repo.live import LiveRun
from gitexp.runs import notes as stage_notes
from gitexp.runs import results

_ATTEMPTS = 3
MAX_LOG = LIMIT
OUTPUT = ".gitexp/output"  # stands for a metrics file where those are recorded that were printed


def finish(
    project: Project,
    run: LiveRun,
    experiment: Experiment,
    extra: Record | None = None,
    environment: bytes | None = None,
) -> Experiment:
    """Store the end of a run and forget its live state; return the ended experiment.

    `extra` is the record with what only the living process knows (Python version, GPUs, warnings),
    and `environment` what it has for environment.txt.
    """
    record = extra or experiment.record
    if notes := stage_notes.read(run):
        for note in notes:
            run = note.applied(run)
        record = replace(record, stages=record.stages or {note.name: note.result for note in notes})
    for _ in range(_ATTEMPTS - 1):
        # A `git gc --prune=now` beside us may take what no ref holds yet: it is all made again then.
        with contextlib.suppress(errors.GitFailed):
            return _finish(project, run, experiment, record, environment)
    return _finish(project, run, experiment, record, environment)


def _finish(
    project: Project, run: LiveRun, experiment: Experiment, record: Record, environment: bytes | None
) -> Experiment:
    failpoint("finish:begun")
    workspace = _workspace(project, run)
    if workspace is None:
        run = replace(run, metrics=(), written_params=())
    metrics, warnings = results.metrics(run)
    printed, unmatched = _printed(run, record)
    params, unread = parse_all({n: results.if_written(run, n) for n in run.written_params}, files.parse)
    tree, left_out = results.store(project, run, workspace, experiment.name)
    record = replace(
        ended_record(record, _status(run)),
        params={**record.params, **params},
        metrics={**metrics, **printed},
        duration=run.duration,
        exit_code=run.exit_code,
        warnings=tuple(dict.fromkeys((*record.warnings, *warnings, *unmatched, *unread, *left_out))),
    )
    failpoint("finish:read")
    stored = store_ended(project, experiment, record, tree, _run_files(project, run, environment))
    failpoint("finish:stored")
    run.forget()
    failpoint("finish:forgotten")
    return stored


def _workspace(project: Project, run: LiveRun) -> Repository | None:
    """Return the repository as seen from where a run was; None if that is gone, or not a worktree of it."""
    root, git_dir = Path(run.root), Path(run.git_dir)
    if not (root.is_dir() and git_dir.is_dir()):
        return None
    # What is told of a dead run may be from elsewhere: it comes with a copy of the repository, or an archive.
    if run.process != current_process() and not worktrees.is_known(project.repo, root, git_dir):
        return None
    return project.repo.linked(root, git_dir)


def _status(run: LiveRun) -> Status:
    if run.interrupted or run.exit_code is None:
        return Status.INTERRUPTED
    return Status.DONE if run.exit_code == 0 else Status.FAILED


def _printed(run: LiveRun, record: Record) -> tuple[dict[str, Tree], list[str]]:
    """Return the metrics that are to be found in the output, and a sentence for each that is not there."""
    if not record.patterns:
        return {}, []
    try:
        log = read_log(run.log, MAX_LOG)
    except OSError:
        log = b""
    found = find_printed(log, [*record.patterns.items()])
    values = {name: value for name, value in found.items() if value is not None}
    missing = [
        f"not printed: {name}, by {pattern}"
        for name, pattern in record.patterns.items()
        if name not in values
    ]
    if len(found) < len(record.patterns):
        missing.append(f"the output was not searched to its end: a pattern took more than {TIMEOUT:g} s")
    return ({OUTPUT: files.printed_tree(values)} if values else {}), missing


def _run_files(project: Project, run: LiveRun, environment: bytes | None) -> dict[str, str]:
    """Store the log and the environment; return their ids by file name."""
    stored = {}
    if run.log.is_file() and not run.log.is_symlink():
        stored["output.log"] = project.repo.write_blob(read_log(run.log, MAX_LOG))
    if environment is None and run.environment.is_file() and not run.environment.is_symlink():
        environment = run.environment.read_bytes()
    if environment is not None:
        stored["environment.txt"] = project.repo.write_blob(environment)
    if run.stage_logs.is_dir() and not run.stage_logs.is_symlink():
        logs = [log for log in sorted(run.stage_logs.glob("*.log")) if log.is_file() and not log.is_symlink()]
        blobs = project.repo.write_blobs(logs) if logs else []
        stored |= {f"{STAGE_LOGS}/{log.name}": blob for log, blob in zip(logs, blobs, strict=True)}
    if run.kept.is_file() and not run.kept.is_symlink():
        stored |= _kept(project, run.kept.read_bytes())
    return stored


def _kept(project: Project, lock: bytes) -> dict[str, str]:
    """Store the lock of what a run has replaced, so that gc leaves that; nothing if it is none."""
    from gitexp.pipeline.lock import read_lock  # few runs have it

    with contextlib.suppress(errors.LockError):
        read_lock("", lock, f"{RUN_FOLDER}/{KEPT}")
        return {f"{KEPT}/{LOCK_FILE}": project.repo.write_blob(lock)}
    return {}
