"""The end of a run: results into the experiment commit, log and environment beside it, ref moved.

Called by the run itself, or by the next gitexp command when the run's process has died. Nothing here
may fail for what the run left behind: what cannot be stored is named in the record's warnings.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from gitexp import errors, files
from gitexp.failpoints import failpoint
from gitexp.model import Experiment, Record, Status, Tree
from gitexp.ops.project import Project, parse_all, read
from gitexp.repo import live, snapshot
from gitexp.repo.git import Repository
from gitexp.repo.live import LiveRun
from gitexp.repo.store import subject
from gitexp.run.liveness import is_alive
from gitexp.run.log import read_log

MAX_LOG = 10 * 1024 * 1024  # bytes; a longer one keeps its head and tail


def now() -> str:
    """Return the time as records have it: ISO 8601, UTC, milliseconds."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def finish(project: Project, run: LiveRun, experiment: Experiment, extra: Record | None = None) -> Experiment:
    """Store the end of a run and forget its live state; return the ended experiment.

    `extra` is the record with what only the living process knows (Python version, GPUs, warnings).
    """
    record = extra or experiment.record
    workspace = project.repo.linked(Path(run.root), Path(run.git_dir))
    metrics, warnings = _metrics(project, run)
    params, unread = parse_all({n: _if_written(run, n) for n in run.written_params}, files.parse)
    tree, left_out = _results(project, run, workspace)
    record = replace(
        record,
        status=_status(run),
        params={**record.params, **params},
        metrics=metrics,
        finished=now(),
        duration=run.duration,
        exit_code=run.exit_code,
        process=None,
        warnings=tuple(dict.fromkeys((*record.warnings, *warnings, *unread, *left_out))),
    )
    failpoint("finish:read")
    commit = project.repo.write_commit(tree, [run.baseline], subject(record) + "\n")
    failpoint("finish:commit")
    stored = project.store.advance(
        experiment, replace(record, commit=commit), project.store.record_tree(tree, _run_files(project, run))
    )
    run.forget()
    failpoint("finish:forgotten")
    return stored


def finish_dead_runs(project: Project) -> list[Experiment]:
    """Store the end of every run whose process has died unnoticed, and return these experiments."""
    ended = []
    for run in live.live_runs(project.local):
        if is_alive(run.process) is not False:
            continue
        lock = project.local.try_lock(f"recover-{run.folder.name}")
        if lock is None:
            continue  # another gitexp process is at it
        try:
            experiment = _experiment_of(project, run)
            if experiment is None or experiment.record.status.ended:
                run.forget()
            else:
                ended.append(finish(project, run, experiment))
        finally:
            lock.release()
    return ended


def _experiment_of(project: Project, run: LiveRun) -> Experiment | None:
    """Return the experiment of a run; one that died before it wrote the name down is known by process."""
    if run.name:
        return project.store.get(run.name)
    return next((e for e in project.store.all() if e.record.process == run.process), None)


def _status(run: LiveRun) -> Status:
    if run.interrupted or run.exit_code is None:
        return Status.INTERRUPTED
    return Status.DONE if run.exit_code == 0 else Status.FAILED


def _if_written(run: LiveRun, name: str) -> bytes | None:
    """Return the content of a file that the run wrote; None for one that stood there before."""
    root = Path(run.root)
    after = live.stamp(root, [name]).get(name)
    return None if after is None or after == run.stamps.get(name) else read(root / name)


def _metrics(project: Project, run: LiveRun) -> tuple[dict[str, Tree], list[str]]:
    """Return the metrics that this run wrote, and what is to be said of those it did not."""
    found = {name: _if_written(run, name) for name in run.metrics}
    trees, warnings = parse_all(found, files.parse_metrics)
    for name, data in found.items():
        if data is not None:
            continue
        if (Path(run.root) / name).exists():
            warnings.append(f"not this run's result: {name} was there before and has not been written")
        elif name in project.config.declared:
            warnings.append(f"not written: {name}")
    return trees, warnings


def _results(project: Project, run: LiveRun, workspace: Repository) -> tuple[str, list[str]]:
    """Return the start tree with the declared results as they are now."""
    try:
        with project.local.scratch() as scratch:
            tree, large = snapshot.with_files(workspace, scratch, run.tree, run.results, run.max_size)
    except errors.SnapshotRefused as error:
        return run.tree, [f"results not stored: {error.message}"]
    limit = snapshot.human_size(run.max_size)
    return tree, [f"not stored, over {limit}: {snapshot.shorten(large)}"] if large else []


def _run_files(project: Project, run: LiveRun) -> dict[str, str]:
    """Store the log and the environment; return their ids by file name."""
    stored = {}
    if run.log.exists():
        stored["output.log"] = project.repo.write_blob(read_log(run.log, MAX_LOG))
    if run.environment.exists():
        stored["environment.txt"] = project.repo.write_blob(run.environment.read_bytes())
    return stored
