"""Late additions: values and files logged into an ended run. They make a new record on top of its record.

MLflow lets a client log into an ended run. The experiment's commit stays. The tree of the record gets the
lines, points and files, and the record gets the values for the table.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from gitexp import errors
from gitexp.extras.integrations.mlflow import late_metrics
from gitexp.extras.integrations.mlflow.plain_params import plain_params
from gitexp.extras.integrations.mlflow.run_facts import line_of
from gitexp.extras.tracking.lines import LineFile
from gitexp.extras.tracking.series_writer import SeriesWriter
from gitexp.failpoints import failpoint
from gitexp.files.lines.series import SERIES
from gitexp.model import Artifact, Damaged, Experiment, Record
from gitexp.named_tuple import NamedTuple
from gitexp.pipeline.lock import LOCK_FILE
from gitexp.project.project import Project
from gitexp.repo.experiments import PREFIX, RUN_FOLDER
from gitexp.repo.git import refs, trees
from gitexp.repo.git.values import RefChange, RefConflict
from gitexp.runs.logged_values import logged_artifacts
from gitexp.runs.logged_values.logged import CODE_PARAMS
from gitexp.runs.logged_values.logged_files import MLFLOW

_ATTEMPTS = 20


class MetricPoint(NamedTuple):
    """Values of metrics of one step and one time (ms since 1970)."""

    step: int
    time: int
    values: Mapping[str, float]


class LateAdditions(NamedTuple):
    """Additions to an ended run.

    Attributes:
        said: facts for `mlflow.jsonl`, see `run_facts`.
        points: values of metrics.
        artifacts: a folder with new artifacts; None for none.
        gone: artifacts to remove.
        known: new entries for `mlflow` of the record.
    """

    said: Mapping[str, Any] = {}
    points: Sequence[MetricPoint] = ()
    artifacts: Path | None = None
    gone: Sequence[str] = ()
    known: Mapping[str, Any] = {}


def add(project: Project, experiment: Experiment, more: LateAdditions) -> Experiment:
    """The experiment with the additions. Raises GitFailed if others keep changing its ref, and OSError."""

    def changed(current: Experiment, tree: str) -> tuple[Record, dict[str, trees.Change]]:
        changes: dict[str, trees.Change] = {}
        record = replace(current.record, mlflow={**current.record.mlflow, **more.known})
        if more.said:
            changes |= _appended(project, current, MLFLOW, line_of(**more.said))
            record = _with_params(record, more.said.get("params") or {})
        if more.points:
            record, of_series = _series(project, current, record, more.points)
            changes |= of_series
        if more.artifacts is not None or more.gone:
            changes |= _artifacts(project, current, more)
        return record, changes

    return _on_top(project, experiment, changed)


Change = Callable[[Experiment, str], tuple[Record, dict[str, trees.Change]]]


def _on_top(project: Project, experiment: Experiment, changed: Change) -> Experiment:
    repo = project.repo
    current = experiment
    for _ in range(_ATTEMPTS):
        tree = repo.resolve(current.id, "tree")
        assert tree is not None  # it has just been read
        with repo.writing_together():
            record, changes = changed(current, tree)
            new_tree = trees.changed(repo, tree, changes)
            record, oid = project.store.written(record, new_tree, [current.id])
            failpoint("further:written")
            try:
                refs.move(repo, [RefChange(PREFIX + current.name, current.id, oid)], "gitexp: mlflow")
            except RefConflict:
                found = project.store.get(current.name)
                if found is None or isinstance(found, Damaged):
                    raise errors.ExperimentError(
                        f"{current.name} has just been removed.",
                        f"Bring it back: gitexp restore {current.name}",
                        code="changed-meanwhile",
                    ) from None
                current = found
                continue
        failpoint("further:moved")
        return Experiment(current.name, oid, record)
    raise errors.GitFailed(f"The ref of {experiment.name} keeps changing.", "Try it again in a moment.")


def _appended(project: Project, current: Experiment, name: str, lines: bytes) -> dict[str, trees.Change]:
    """The change of a file of the run with more lines at its end."""
    path = f"{RUN_FOLDER}/{name}"
    (before,) = project.repo.read_blobs([f"{current.id}:{path}"], None)
    return {path: ("100644", project.repo.write_blob((before or b"") + lines))}


def lines_of(project: Project, points: Sequence[MetricPoint]) -> bytes:
    """The lines of a series, in the format of a live run."""
    with project.local.scratch() as scratch:
        file = LineFile(scratch, "series", lambda reason: None)
        writer = SeriesWriter(file)
        for point in points:
            writer.log(point.values, point.step, point.time / 1000)
        writer.close()
        return (scratch / SERIES).read_bytes()


def _with_params(record: Record, params: Mapping[str, str]) -> Record:
    if not params:
        return record
    before = record.params.get(CODE_PARAMS, {})
    return replace(record, params={**record.params, CODE_PARAMS: {**before, **plain_params(params)}})


def _series(
    project: Project, current: Experiment, record: Record, points: Sequence[MetricPoint]
) -> tuple[Record, dict[str, trees.Change]]:
    """The record with the values for the table, and the change of the series, without repeated points."""
    path = f"{RUN_FOLDER}/{SERIES}"
    (content,) = project.repo.read_blobs([f"{current.id}:{path}"], None)
    before = (content or b"").splitlines(keepends=True)
    known = set(before)
    lines = dict.fromkeys(lines_of(project, points).splitlines(keepends=True))
    new = [line for line in lines if line not in known]
    names = set[str]()
    for point in points:
        names.update(point.values)
    record = late_metrics.brought_up(record, names, before, new, project.config)
    written = record.series
    if SERIES not in written:
        written = (SERIES, *written)
    blob = project.repo.write_blob(b"".join([*before, *new]))
    return replace(record, series=written), {path: ("100644", blob)}


def _artifacts(project: Project, current: Experiment, more: LateAdditions) -> dict[str, trees.Change]:
    """The changes of the artifacts' folder; large files go into the object store, and into its lock."""
    lock_path = f"{RUN_FOLDER}/{logged_artifacts.FOLDER}/{LOCK_FILE}"
    (text,) = project.repo.read_blobs([f"{current.id}:{lock_path}"])
    large = dict[str, Artifact]()
    if text is not None:
        large = logged_artifacts.large_in(text)
    changes: dict[str, trees.Change] = {}
    for name in more.gone:
        changes[f"{RUN_FOLDER}/{logged_artifacts.FOLDER}/{name}"] = None
        large.pop(name, None)
    if more.artifacts is not None:
        added = logged_artifacts.store_folder(project, more.artifacts, project.config.max_untracked)
        for name, blob in added.blobs.items():
            changes[f"{RUN_FOLDER}/{logged_artifacts.FOLDER}/{name}"] = ("100644", blob)
            large.pop(name, None)
        for name, artifact in added.large.items():
            changes[f"{RUN_FOLDER}/{logged_artifacts.FOLDER}/{name}"] = None
            large[name] = artifact
        if added.warnings:
            raise errors.UsageError(f"Not logged: {added.warnings[0]}.", "Give it another name.")
    if text is not None or large:
        blob = project.repo.write_blob(logged_artifacts.as_lock(large))
        changes[lock_path] = None
        if large:
            changes[lock_path] = ("100644", blob)
    return changes
