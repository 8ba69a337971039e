"""What the scripts of stages have logged where these stages ran, and what a run without them therefore lacks.

A stage that is up to date or restored stands for its files. What its script has logged through the Python API
belongs to the run that it was logged in, like the times of its curves. So a run says what it lacks.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping

from gitexp import errors, files
from gitexp.datasets import run_artifacts
from gitexp.model import Experiment, Record, Tree
from gitexp.nofollow import NotPlain
from gitexp.pipeline.key import stage_key
from gitexp.pipeline.lock import LOCK_FILE, Lock, read_lock
from gitexp.pipeline.state import StageState
from gitexp.project.project import Project
from gitexp.repo.experiments import RUN_FOLDER
from gitexp.repo.live import RunState
from gitexp.runs.logged_values.logged import CODE_PARAMS
from gitexp.runs.logged_values.logged_artifacts import FOLDER
from gitexp.runs.logged_values.logged_files import SUMMARY
from gitexp.stages.cache import StageCache
from gitexp.words import shorten

_NOT_RUN_HERE = (str(StageState.UP_TO_DATE), str(StageState.RESTORED))


def warnings(
    project: Project, state: RunState, record: Record, params: Mapping[str, Tree], metrics: Mapping[str, Tree]
) -> list[str]:
    """A sentence for each earlier run that has logged what this one lacks.

    `params` and `metrics` are those of this run, by file. A run that cannot be read is passed over.
    """
    by_run: dict[str, tuple[Experiment, list[str]]] = {}
    with contextlib.suppress(errors.GitexpError, OSError):
        for stage, one in _ran_before(project, state, record):
            by_run.setdefault(one.name, (one, []))[1].append(stage)
    told = []
    for one, stages in by_run.values():
        with contextlib.suppress(errors.GitexpError):
            lacking = [
                *_named("metric", _logged_keys(project, one, SUMMARY) - _keys(metrics)),
                *_named("param", _logged_keys(project, one, CODE_PARAMS) - _keys(params)),
                *_named("file", _logged_files(project, one, state)),
            ]
            if lacking:
                told.append(
                    f"{shorten(stages)} did not run, so this run lacks what was logged in {one.name}: "
                    + "; ".join(lacking)
                )
    return told


def _ran_before(project: Project, state: RunState, record: Record) -> Iterator[tuple[str, Experiment]]:
    """Yield the stages that did not run here, each with the newest experiment in which it ran the same."""
    names = [name for name, result in record.stages.items() if result.get("state") in _NOT_RUN_HERE]
    if not names:
        return
    lock, cache = _lock(state), StageCache(project)
    for name in names:
        if name not in lock.stages:
            continue
        for earlier in cache.find(name, stage_key(lock.stages[name])):
            one = project.store.get(earlier.experiment)
            if isinstance(one, Experiment) and _has_run(one, name):
                yield name, one
                break


def _lock(state: RunState) -> Lock:
    try:
        return read_lock(LOCK_FILE, state.read(state.lock), state.scope.project)
    except (FileNotFoundError, NotPlain):
        return Lock()


def _has_run(one: Experiment, stage: str) -> bool:
    found = one.record.stages.get(stage)
    return isinstance(found, dict) and found.get("state") == str(StageState.RAN)


def _logged_keys(project: Project, one: Experiment, file: str) -> set[str]:
    """The flat keys that a run has logged, in one of the JSON files of its record's tree."""
    text = project.store.run_file(one, file.removeprefix(f"{RUN_FOLDER}/"))
    return set() if text is None else set(files.flatten(files.parse(file, text)))


def _keys(found: Mapping[str, Tree]) -> set[str]:
    """The flat keys of a run's params or metrics, of all files."""
    keys = set[str]()
    for tree in found.values():
        keys.update(files.flatten(tree))
    return keys


def _logged_files(project: Project, one: Experiment, state: RunState) -> set[str]:
    """The files that a run has logged, and this run has not."""
    names = [each.name for each in run_artifacts.of(project, one)]
    return {name for name in names if not os.path.lexists(state.logged / FOLDER / name)}


def _named(kind: str, names: set[str]) -> list[str]:
    if not names:
        return []
    plural = "s" if len(names) > 1 else ""
    return [f"{kind}{plural} {shorten(sorted(names))}"]
