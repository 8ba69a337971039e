"""The results of an experiment for the workspace, in place of what another run has left there."""

from __future__ import annotations

import contextlib
import os
import posixpath
from collections.abc import Iterable, Mapping

from gitexp import errors
from gitexp.files.dvc_yaml import DVC_LOCK
from gitexp.model import Experiment, paths_of
from gitexp.named_tuple import NamedTuple
from gitexp.objects.paths import lies_in_any
from gitexp.pipeline.lock import read_lock
from gitexp.pipeline.paths import lock_path
from gitexp.project.project import Project
from gitexp.repo.git.checkout import TreeChange
from gitexp.repo.git.disk_files import files_below
from gitexp.repo.git.indexes import Entry


class ExperimentResults(NamedTuple):
    """The results beside the changes of an experiment.

    Attributes:
        wanted: files to make like the experiment's, whatever program has changed them.
        leftovers: files to make like the experiment's if a run has left them.
    """

    wanted: list[TreeChange]
    leftovers: list[TreeChange]


def results_of(
    project: Project, experiment: Experiment, stored: Mapping[str, Entry], changed: Iterable[str]
) -> ExperimentResults:
    """The results, without the files `changed`; `stored` are the files of the experiment."""
    known, config, record = set(changed), project.config, experiment.record
    found = ExperimentResults([], [])

    def add(path: str) -> None:
        if path in known:
            return
        known.add(path)
        change = TreeChange(path, stored.get(path), stored.get(path))
        is_there = os.path.lexists(project.repo.root / path)
        if path in stored and (path in locks or not is_there):
            found.wanted.append(change)
        else:
            found.leftovers.append(change)

    # A lock says which models are the experiment's: another one would bring another run's.
    locks = (lock_path(config.folder), posixpath.join(config.folder, DVC_LOCK))
    for path in (*locks, *config.params, *config.metrics):
        if path in locks or path in stored or os.path.lexists(project.repo.root / path):
            add(path)
    for path in (*record.params, *record.metrics):
        if path in stored:
            add(path)
    own = _stage_outs(project, stored)
    below = (*config.plots, *own)
    for path in files_below(project.repo.root, below):
        add(path)
    for path in stored:
        if lies_in_any(path, (*below, *config.outs)):
            add(path)
    return found


def _stage_outs(project: Project, stored: Mapping[str, Entry]) -> list[str]:
    """The outs in Git of the stages in the workspace, and those in the lock of an experiment."""
    found = list[str]()
    with contextlib.suppress(errors.FileError):
        if (pipeline := project.pipeline()) is not None:
            for stage in pipeline.stages:
                found += stage.in_git
    lock = lock_path(project.config.folder)
    if lock in stored:
        with contextlib.suppress(errors.GitexpError):
            (text,) = project.repo.read_blobs([stored[lock][1]])
            for locked in read_lock(lock, text or b"", project.config.folder).stages.values():
                found += [path for path in paths_of(locked.outs) if path in stored]
    return found
