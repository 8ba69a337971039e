"""What the command of a run has logged, stored: files of the record's tree, and metrics in E's."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from gitexp.files.lines import joined_series, timed_lines
from gitexp.files.lines.series import SERIES
from gitexp.project.project import Project
from gitexp.repo.experiments import RUN_FOLDER
from gitexp.repo.git.trees import changed, files_in
from gitexp.repo.live import LOGGED, RunState
from gitexp.runs.logged_values import logged_artifacts, run_blobs
from gitexp.runs.logged_values.logged import CODE_PARAMS, Logged, in_order

SUMMARY = f"{RUN_FOLDER}/summary.json"  # stands for a metrics file; the record's tree has the file
MLFLOW = "mlflow.jsonl"  # in the record's tree: what MLflow's clients said


def metrics_file(project: Project, state: RunState) -> str:
    """The path under which the logged metrics stand in the record.

    It is the project's own JSON file of metrics, if the run has not written the file: then a
    branch has the metrics too.
    """
    scope = state.scope
    names = []
    for name in scope.metrics:
        if name.endswith(".json") and not state.written([name]):
            names.append(name)
    known = files_in(project.repo, state.baseline, names)
    for name in names:
        if name in known or name in scope.declared:
            return name
    return SUMMARY


def in_tree(project: Project, tree: str, logged: Logged, file: str) -> str:
    """The tree of the experiment with the logged metrics in the project's own file."""
    if not logged.metrics or file == SUMMARY:
        return tree
    blob = project.repo.write_blob(as_json(logged.metrics))
    return changed(project.repo, tree, {file: ("100644", blob)})


def as_json(values: Mapping[str, Any]) -> bytes:
    """The text of a JSON file of metrics or params, a value a line."""
    return (json.dumps(values, indent=2, ensure_ascii=False) + "\n").encode("utf-8", "backslashreplace")


def run_files(project: Project, state: RunState, logged: Logged) -> tuple[dict[str, str], list[str]]:
    """Store the series, artifacts, metrics and params; their blobs by name, and warnings.

    Returns the names as they are in the record's tree, below `.gitexp/run/`.
    """
    stored: dict[str, str] = {}
    if logged.metrics:
        stored[SUMMARY.removeprefix(f"{RUN_FOLDER}/")] = project.repo.write_blob(as_json(logged.metrics))
    if logged.facts.params:
        text = as_json(logged.facts.params)
        stored[CODE_PARAMS.removeprefix(f"{RUN_FOLDER}/")] = project.repo.write_blob(text)
    for name, writers in logged.apart.items():
        stored[name] = _stored_series(project, state, writers, logged.before.get(name, ""), as_it_is=True)
    if SERIES in logged.series:
        before = logged.before.get(SERIES, "")
        stored[SERIES] = _stored_series(project, state, logged.writers, before, as_it_is=logged.are_whole)
    if logged.by_mlflow:
        stored[MLFLOW] = _united(project, state, logged.by_mlflow)
    artifacts, warnings = logged_artifacts.store(project, state)
    return {**stored, **artifacts}, warnings


def _stored_series(
    project: Project, state: RunState, writers: Sequence[str], before: str, *, as_it_is: bool
) -> str:
    """The blob with the points of all processes; of a single one `as_it_is`, or without what is no point.

    `before`: the file with the points of the run that this one goes on from, if any.
    """
    if len(writers) == 1 and as_it_is and not before:
        name = writers[0]
        return run_blobs.store(project, state.logged, [name])[name]
    with project.local.scratch() as scratch:
        united = scratch / SERIES
        with state.opened() as run, run.folder(LOGGED) as folder, united.open("wb") as file:
            if before:
                file.writelines(joined_series.PointsBefore(folder, before, writers).pieces())
            if len(writers) == 1 and as_it_is:
                file.writelines(folder.pieces(writers[0]))
            elif writers:
                for line, point in in_order(folder, writers):
                    if point is not None:
                        file.write(line if line.endswith(b"\n") else line + b"\n")
        return run_blobs.store(project, scratch, [SERIES])[SERIES]


def _united(project: Project, state: RunState, names: Sequence[str]) -> str:
    """The blob with the lines of several files, in the order of their times."""
    if len(names) == 1:
        return run_blobs.store(project, state.logged, names)[names[0]]
    with state.opened() as run, run.folder(LOGGED) as folder:
        lines = [each.line for each in timed_lines.in_order(map(folder.lines, names))]
    return project.repo.write_blob(b"".join(lines))
