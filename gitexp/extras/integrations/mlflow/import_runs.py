"""Runs of a folder of MLflow's file store, which MLflow itself no longer opens, as experiments.

A run has the code of the commit that MLflow noted, if that is in this repository, else that of HEAD: MLflow
kept no code. Its id stays, so a second import brings only what is new.
"""

from __future__ import annotations

import math
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from gitexp import errors
from gitexp.catalog import names
from gitexp.extras.integrations.mlflow import late_additions, mlruns, mlruns_registry
from gitexp.extras.integrations.mlflow.mlruns import StoredRun
from gitexp.extras.integrations.mlflow.place import artifacts_uri
from gitexp.extras.integrations.mlflow.plain_params import plain_params
from gitexp.extras.integrations.mlflow.run_facts import line_of
from gitexp.extras.integrations.mlflow.run_index import RunIndex
from gitexp.extras.integrations.mlflow.run_log_files import LastValue
from gitexp.extras.integrations.mlflow.shelf import Changes, Shelf, Things
from gitexp.files.keys import nested
from gitexp.files.series import SERIES
from gitexp.model import Experiment, Record, Status, Tree
from gitexp.pipeline.paths import LOCK_FILE
from gitexp.project.project import Project
from gitexp.repo.experiments import ARTIFACTS, RUN_FOLDER
from gitexp.repo.git import trees
from gitexp.runs import logged_artifacts
from gitexp.runs.logged import CODE_PARAMS
from gitexp.runs.logged_files import MLFLOW, SUMMARY, as_json
from gitexp.times import stamp
from gitexp.version import __version__

_STATUSES = {"FINISHED": Status.DONE, "FAILED": Status.FAILED}
_COMMIT = "mlflow.source.git.commit"


class ImportedRuns(NamedTuple):
    """The result of an import.

    Attributes:
        experiments: the new experiments.
        known: the number of runs imported before.
        deleted: the number of runs deleted in MLflow: they are left out.
        warnings: a sentence for each unreadable thing.
    """

    experiments: list[Experiment]
    known: int
    deleted: int
    warnings: list[str]


def import_runs(project: Project, folder: Path) -> ImportedRuns:
    """Bring the runs of a folder like `mlruns`. Raises UsageError for any other folder."""
    found = mlruns.read(folder)
    if not found.experiments:
        raise errors.UsageError(
            f"{folder} is no folder of MLflow's file store: it has no <experiment>/meta.yaml.",
            "Give the folder mlruns itself: gitexp import mlflow ./mlruns",
        )
    project.local.prepare()
    known = {run.run_id for run in RunIndex(project).all()}
    root = project.repo.root.resolve().as_posix()
    registry = mlruns_registry.read(folder, artifacts_uri(root, "{kind}", "{owner}"))
    made, seen, deleted, warnings = [], 0, 0, [*found.warnings, *registry.warnings]
    for run in found.runs:
        if run.run_id in known:
            seen += 1
        elif run.is_deleted:
            deleted += 1
        elif project.dry_run:
            made.append(Experiment(run.name, project.repo.zero, _record(project, run, project.repo.zero)))
        else:
            made.append(_stored(project, run, found.experiments.get(run.experiment_id, {}), warnings))
    if not project.dry_run:
        _keep_experiments(project, found.experiments, registry.things)
    return ImportedRuns(made, seen, deleted, warnings)


def _keep_experiments(
    project: Project, experiments: Mapping[str, Mapping[str, Any]], registered: Things
) -> None:
    """Keep MLflow's experiments and registered models, those that are new here."""

    def make(things: Things) -> Changes:
        new: dict[str, dict[str, Any] | None] = {}
        for experiment_id, thing in experiments.items():
            path = f"experiments/{experiment_id}.json"
            if experiment_id != "0" and path not in things:
                new[path] = dict(thing)
        new.update({path: thing for path, thing in registered.items() if path not in things})
        return new

    Shelf(project).change(make, "import")


def _stored(project: Project, run: StoredRun, experiment: Mapping[str, Any], told: list[str]) -> Experiment:
    """The experiment of a run, stored."""
    repo = project.repo
    baseline = _baseline(project, run)
    tree = repo.resolve(baseline, "tree")
    assert tree is not None  # it is a commit
    with repo.writing_together():
        commit = repo.write_commit(tree, [baseline], f"imported from MLflow: {run.name}\n")
        record = _record(project, run, baseline)
        known = {"run": run.run_id, "experiment": run.experiment_id, "start": run.start, "end": run.end}
        known["experiment_name"] = experiment.get("name", "Default")
        changes: dict[str, trees.Change] = {}
        for name, text in _run_files(project, run).items():
            changes[f"{RUN_FOLDER}/{name}"] = ("100644", repo.write_blob(text))
        blobs, warnings = _artifacts(project, run)
        changes |= blobs
        told += warnings
        record_tree = trees.changed(repo, tree, changes)

        record = replace(record, commit=commit, mlflow=known, warnings=(*record.warnings, *warnings))

        def build(name: str) -> tuple[Record, str]:
            return replace(record, name=name), record_tree

        to_try = _names(project, run)
        return names.create(to_try, lambda name: project.store.create(name, commit, build))


def _names(project: Project, run: StoredRun) -> Iterable[str]:
    """The names to try for a run; "" for a name made by gitexp."""
    if not run.has_name:
        return [""]
    try:
        name = names.filled(run.name.replace("{", "-").replace("}", "-"), {})
    except errors.InvalidName:  # nothing of it is left
        return [""]
    return names.numbered(name, project.store.names())


def _artifacts(project: Project, run: StoredRun) -> tuple[dict[str, trees.Change], list[str]]:
    """The changes of the record's tree for the files of a run, and warnings."""
    changes: dict[str, trees.Change] = {}
    if not run.artifacts:
        return changes, []
    with project.local.scratch() as scratch:
        top = scratch / logged_artifacts.FOLDER
        for name, source in run.artifacts.items():
            target = top / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, target)
        stored = logged_artifacts.store_folder(project, top, project.config.max_untracked)
    for name, blob in stored.blobs.items():
        changes[f"{ARTIFACTS}/{name}"] = ("100644", blob)
    if stored.large:
        lock = project.repo.write_blob(logged_artifacts.as_lock(stored.large))
        changes[f"{ARTIFACTS}/{LOCK_FILE}"] = ("100644", lock)
    return changes, stored.warnings


def _baseline(project: Project, run: StoredRun) -> str:
    noted = run.tags.get(_COMMIT, "")
    if noted and not noted.strip("0123456789abcdef") and (found := project.repo.resolve(noted)):
        return found
    return project.repo.head().commit


def _record(project: Project, run: StoredRun, baseline: str) -> Record:
    status = _STATUSES.get(run.status, Status.INTERRUPTED)
    code = "that of HEAD at the import"
    if run.tags.get(_COMMIT) == baseline:
        code = "that of its commit"
    params: dict[str, Tree] = {}
    if run.params:
        params[CODE_PARAMS] = plain_params(run.params)
    metrics: dict[str, Tree] = {}
    series: tuple[str, ...] = ()
    if run.points:
        metrics[SUMMARY] = nested(_last_numbers(run))
        series = (SERIES,)
    note = run.tags.get("mlflow.note.content", "")
    return Record(
        name=run.name,
        status=status,
        commit=baseline,
        baseline=baseline,
        command=run.tags.get("mlflow.source.name"),
        params=params,
        metrics=metrics,
        created=_time(run.start),
        finished=_time(run.end or run.start),
        duration=round((run.end - run.start) / 1000, 3) if run.end else None,
        exit_code=0 if status is Status.DONE else None,
        user=run.user,
        gitexp=__version__,
        note=note,
        warnings=(f"imported from MLflow, which kept no code: the code is {code}",),
        series=series,
    )


def _time(milliseconds: int) -> str:
    return stamp(datetime.fromtimestamp(milliseconds / 1000, UTC))


def _last_numbers(run: StoredRun) -> dict[str, float]:
    return {name: value.value for name, value in run.last.items()}


def _run_files(project: Project, run: StoredRun) -> dict[str, bytes]:
    facts: dict[str, Any] = {
        "run": {"name": run.name, "user": run.user, "status": run.status, "start": run.start, "end": run.end},
        "tags": run.tags,
        "params": run.params,
        "last": {name: value.as_json() for name, value in run.last.items()},
        "datasets": run.datasets,
        "outputs": run.outputs,
        "models": run.models,
    }
    found = {MLFLOW: line_of(**facts)}
    if run.points:
        found[SERIES] = late_additions.lines_of(project, run.points)
        numbers = {name: _json_number(value) for name, value in run.last.items()}
        found[SUMMARY.removeprefix(f"{RUN_FOLDER}/")] = as_json(nested(numbers))
    if run.params:
        plain = as_json(plain_params(run.params))
        found[CODE_PARAMS.removeprefix(f"{RUN_FOLDER}/")] = plain
    return found


def _json_number(last: LastValue) -> float | str:
    return last.value if math.isfinite(last.value) else str(last.value)
