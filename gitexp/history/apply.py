"""Bring an experiment into the workspace."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from gitexp import errors
from gitexp.catalog import lookup, projects
from gitexp.catalog.lineage import Lineage
from gitexp.history import unfinished
from gitexp.history.results_of import results_of
from gitexp.history.takeover import Taken, Takeover, take_over
from gitexp.model import Experiment
from gitexp.project import config_loading
from gitexp.project.project import Project
from gitexp.repo import conversion_note
from gitexp.repo.git import conversions
from gitexp.repo.git.checkout import TreeChange, files_of, tree_changes
from gitexp.repo.git.graph import is_ancestor
from gitexp.repo.git.indexes import Entry


@dataclass(frozen=True, slots=True)
class Applied:
    """The outcome of `apply`.

    Attributes:
        kept: the experiment's files that are different here, and were left so.
    """

    experiment: Experiment
    taken: Taken
    kept: Sequence[str]


def apply(project: Project, name: str, *, force: bool = False) -> Applied:
    """Take an experiment's changes against its baseline into the workspace.

    If it was made from another experiment, the changes of both are taken. A file that you changed and the
    experiment did not stays, except for params and results that another experiment has left here. The locks
    are the experiment's. Files of other projects in the repository stay as they are.
    Raises UnknownExperiment; StillRunning while the experiment runs; UnsavedChanges, and the errors of
    `take_over`.
    """
    experiment = lookup.require(project, name)
    record = experiment.record
    if not record.status.ended:
        raise errors.ExperimentError(
            f"{experiment.name} is {record.status}: its results are not there yet.",
            "Wait for it to end.",
            code="still-running",
        )
    lookup.require_whole(project, experiment)
    repo = project.repo
    finished = unfinished.finish(project)
    own = _project_of(project, experiment)
    changes = _without_others(own, tree_changes(repo, _base(project, experiment), record.commit))
    stored = files_of(repo, record.commit)
    changed = {change.path for change in changes}
    beside = results_of(own, experiment, stored, changed)
    changes += beside.wanted
    changed.update(change.path for change in beside.wanted)
    raw = unconverted(project, experiment, (*changes, *beside.leftovers))
    request = Takeover(f"apply {experiment.name}", changes, beside.leftovers, raw=raw, force=force)
    taken = take_over(project, request)
    taken = unfinished.joined(finished, taken)
    here = files_of(repo, taken.tree)
    kept = []
    for path, entry in stored.items():
        if path not in changed and here.get(path) != entry:
            kept.append(path)
    return Applied(experiment, taken, kept)


def _project_of(project: Project, experiment: Experiment) -> Project:
    """The project of the experiment, with its config of now."""
    folder = experiment.record.project
    root = project.repo.root.resolve()
    if folder is None or folder == project.config.folder or not (root / folder).is_dir():
        return project
    return project._replace(config=config_loading.load(root, root / folder))


def _without_others(own: Project, changes: Iterable[TreeChange]) -> list[TreeChange]:
    """The changes without the files of other projects."""
    changes = list(changes)
    others = projects.files_of_others(own, [change.path for change in changes], [own.config.folder])
    return [change for change in changes if change.path not in others]


def unconverted(project: Project, experiment: Experiment, changes: Iterable[TreeChange]) -> dict[str, Entry]:
    """The files to be written without conversions: they ran so, where the same settings held as here."""
    converting = conversion_note.read(project.store, experiment)
    if converting.settings != conversions.settings_of(project.repo):
        return {}
    exact = set(converting.exact)
    found = {}
    for change in changes:
        if change.new is not None and change.path in exact:
            found[change.path] = change.new
    return found


def _base(project: Project, experiment: Experiment) -> str:
    """The commit at which an experiment's changes begin: the nearest baseline in the history of HEAD."""
    repo = project.repo
    if experiment.record.baseline == repo.head().commit:
        return experiment.record.baseline
    lineage = Lineage.of(lookup.experiments(project), None)
    while (parent := lineage.parent(experiment)) is not None:
        if is_ancestor(repo, experiment.record.baseline, "HEAD"):
            break
        experiment = parent
    return experiment.record.baseline
