"""The end of a run: results into the experiment commit, log and environment beside it, ref moved.

Called by the run itself, or by the next gitexp command when the run's process has died. Nothing here
may fail for what the run left behind: what cannot be stored is named in the record's warnings.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from gitexp import errors, files
from gitexp.failpoints import failpoint
from gitexp.model import Experiment, ProcessId, Record, Status, Tree
from gitexp.ops import results, stage_notes
from gitexp.ops.project import Project, parse_all
from gitexp.pipeline.paths import LOCK_FILE
from gitexp.repo import live, worktrees
from gitexp.repo.git import Repository
from gitexp.repo.live import LiveRun
from gitexp.repo.store import KEPT, RUN_FOLDER, STAGE_LOGS, subject
from gitexp.run.liveness import current_process, is_alive
from gitexp.run.log import LIMIT, read_log
from gitexp.run.printed import TIMEOUT, find_printed

_ATTEMPTS = 3
MAX_LOG = LIMIT
OUTPUT = ".gitexp/output"  # stands for a metrics file where those are recorded that were printed


def now() -> str:
    """Return the time as records have it: ISO 8601, UTC, milliseconds."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


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
        _ended(record, _status(run)),
        params={**record.params, **params},
        metrics={**metrics, **printed},
        duration=run.duration,
        exit_code=run.exit_code,
        warnings=tuple(dict.fromkeys((*record.warnings, *warnings, *unmatched, *unread, *left_out))),
    )
    failpoint("finish:read")
    stored = _store(project, experiment, record, tree, _run_files(project, run, environment))
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


def _ended(record: Record, status: Status) -> Record:
    return replace(record, status=status, finished=now(), process=None)


def _store(
    project: Project, experiment: Experiment, record: Record, tree: str, run_files: Mapping[str, str]
) -> Experiment:
    """Commit the tree of an ended experiment on its baseline, and move its ref there."""
    commit = project.repo.write_commit(tree, [record.baseline], subject(record) + "\n")
    failpoint("finish:commit")
    record_tree = project.store.record_tree(tree, run_files)
    return project.store.advance(experiment, replace(record, commit=commit), record_tree)


def orphan(run: LiveRun) -> ProcessId | None:
    """Return the command of a run (of several, one) if it goes on now: where gitexp was killed, it may."""
    children = (run.child, *run.others)
    return next((child for child in children if child is not None and is_alive(child)), None)


def refuse_beside_orphan(project: Project) -> None:
    """Raise WorkspaceBusy while a command writes here whose results would be taken for another's."""
    for run in live.live_runs(project.local):
        if run.git_dir == str(project.repo.git_dir) and (process := orphan(run)) is not None:
            raise errors.WorkspaceBusy(
                f"The command of {run.name} is still running, though gitexp was killed: "
                f"process {process.pid}.",
                "End it, then run again; or run beside it in a workspace of its own: gitexp run --temp",
            )


def finish_dead_runs(project: Project, *, awaited: Path | None = None, lost: bool = True) -> list[Experiment]:
    """Store the end of every run whose process has died unnoticed, and return these experiments.

    A run whose command goes on all the same is left alone until that ends.
    A run that another process is just finishing is left to it; one in the worktree with the Git
    folder `awaited` is waited for. What cannot be stored now (a full disk) is left for the next time.
    Without `lost`, runs that only their record tells of are left to `end_lost_runs`.
    """
    ended = []
    if lost and not project.local.runs.is_dir():  # never used, or lost: only the records can tell
        before = project.store.all()
        after = end_lost_runs(project, before)
        ended += [new for old, new in zip(before, after, strict=True) if new is not old]
        with contextlib.suppress(errors.ReadOnlyRepository):
            project.local.prepare()
    for run in live.live_runs(project.local):
        if is_alive(run.process) is not False or orphan(run) is not None:
            continue
        with contextlib.suppress(errors.GitexpError, OSError):
            wait = awaited is not None and run.git_dir == str(awaited)
            with live.claim(run, wait=wait) as ours:
                if ours and (experiment := _finish_dead(project, run)) is not None:
                    ended.append(experiment)
    live.sweep(project.local)
    return ended


def end_lost_runs(project: Project, experiments: Iterable[Experiment]) -> list[Experiment]:
    """Return the experiments, with those ended whose record alone still says that they are running.

    Their process is dead and what `.git/gitexp` knew of them is gone. Costs nothing where there is
    no such experiment, so whoever has read them all may call it.
    """
    found = list(experiments)
    if not any(_is_dead(experiment) for experiment in found):
        return found
    try:
        with project.local.lock("lost-runs"):
            known = {run.name for run in live.live_runs(project.local)}
            return [_end_lost(project, e) if _is_dead(e) and e.name not in known else e for e in found]
    except (errors.GitexpError, OSError):  # a repository that can only be read
        return found


def _is_dead(experiment: Experiment) -> bool:
    record = experiment.record
    return record.process is not None and not record.status.ended and is_alive(record.process) is False


def _end_lost(project: Project, experiment: Experiment) -> Experiment:
    # Read again after the live runs were listed: one that was still known when `experiment` was read
    # has been finished since.
    current = project.store.get(experiment.name)
    if current is None or not _is_dead(current):
        return current or experiment
    record = current.record
    failpoint("recover:lost")
    lost = "what it printed and wrote is lost: its process died, and .git/gitexp was removed"
    record = replace(record, warnings=(*record.warnings, lost))
    tree = project.repo.resolve(record.commit, "tree")
    assert tree is not None
    return _store(project, current, _ended(record, Status.INTERRUPTED), tree, {})


def _finish_dead(project: Project, run: LiveRun) -> Experiment | None:
    """Finish a run that is ours to finish; None if there is nothing left to do."""
    failpoint("recover:claimed")
    experiment = project.store.get(run.name) if run.name else None
    if experiment is not None and experiment.error is not None:
        return None  # written by a newer gitexp, perhaps
    if experiment is None or experiment.record.process != run.process:
        run.forget()  # it died before its ref was there, or after its end was stored
        return None
    record = experiment.record
    if run.exit_code is None:
        record = replace(record, warnings=(*record.warnings, "gitexp died while it ran: stored afterwards"))
    run.give_back_reserve()
    return finish(project, run, experiment, record)


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
