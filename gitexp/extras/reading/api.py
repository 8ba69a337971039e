"""The functions for analysis: `gitexp.experiments`, `gitexp.experiment` and `gitexp.dataframe`."""

from __future__ import annotations

import os
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeAlias, overload

from gitexp import errors
from gitexp.catalog import query
from gitexp.catalog.query import Query
from gitexp.extras.reading import frames
from gitexp.extras.reading.experiment import OpenedExperiment, opened, opened_by_name
from gitexp.model import Damaged, Experiment, Stored
from gitexp.project.project import Project
from gitexp.views import columns as views
from gitexp.views.columns import Column, Columns, Shown
from gitexp.views.typed_columns import TypedColumn, typed

Where: TypeAlias = Project | str | os.PathLike[str] | None

_FIRST = ("name", "status", "created", "duration")  # the fields before the metrics of a data frame


@overload
def experiments(filter: Project, query: Query) -> tuple[list[Stored], int]: ...
@overload
def experiments(
    filter: str | None = ...,
    *,
    baseline: str | None = ...,
    names: Sequence[str] = ...,
    failed: bool | None = ...,
    limit: int | None = ...,
    all_projects: bool = ...,
    repo: Where = ...,
) -> list[OpenedExperiment]: ...
def experiments(
    filter: str | Project | None = None,
    query: Query | None = None,
    *,
    baseline: str | None = None,
    names: Sequence[str] = (),
    failed: bool | None = None,
    limit: int | None = None,
    all_projects: bool = False,
    repo: Where = None,
) -> list[OpenedExperiment] | tuple[list[Stored], int]:
    """The experiments of a repository, opened for reading, the newest first.

    Args:
        filter: a filter, like "acc > 0.9 and 'best' in tags".
        baseline: only those made from this commit, like "HEAD"; else those of all baselines.
        names: only these: names, unique beginnings of names, patterns, "last".
        failed: True: only failed ones; False: all others.
        limit: the most experiments.
        all_projects: those of all projects of the repository, and not of one folder's alone.
        repo: a folder in the repository, or a Project; the current folder by default.

    An experiment that cannot be read is left out, with a warning of Python's. With a Project and a Query, as
    in `table`: what the store gives, and the number of experiments on other baselines.

    Raises FilterError for a wrong filter, and the errors of `Project.open`.
    """
    if isinstance(filter, Project):
        if query is None:
            raise errors.UsageError(
                "With a project first, a query is needed.", "gitexp.experiments(repo=project) needs none."
            )
        return _stored(filter, query)
    project = _project(repo)
    if limit is not None and limit < 0:
        raise errors.UsageError(f"There are no {limit} experiments.", "limit is a number from 0.")
    wanted = Query(
        everything=baseline is None,
        failed=failed,
        limit=limit,
        filter=filter,
        all_projects=all_projects,
        names=_words(names),
    )
    return opened(project, _found(project, wanted, baseline))


def experiment(name: str, *, repo: Where = None) -> OpenedExperiment:
    """One experiment, opened for reading, by its name, a unique beginning of it, a commit id, or "last".

    Raises UnknownExperiment, AmbiguousExperiment or BadRecord.
    """
    return opened_by_name(_project(repo), name)


def dataframe(
    filter: str | None = None,
    columns: Sequence[str] | None = None,
    *,
    baseline: str | None = None,
    names: Sequence[str] = (),
    failed: bool | None = None,
    limit: int | None = None,
    all_projects: bool = False,
    repo: Where = None,
    kind: str = "",
) -> Any:
    """The experiments as a data frame of pandas or polars: a row an experiment, with typed columns.

    Args:
        columns: names and patterns of columns, as in `gitexp show --columns`: metrics, params, fields such as
            user or tags. The name is always the first. All metrics and params by default.
        kind: "pandas" or "polars"; whichever is installed by default.

    The other arguments are those of `experiments`. Raises UnknownColumn, and UsageError without pandas and
    polars.
    """
    found = experiments(
        filter,
        baseline=baseline,
        names=names,
        failed=failed,
        limit=limit,
        all_projects=all_projects,
        repo=repo,
    )
    return frames.frame(_columns(found, columns), kind)


def _words(words: Sequence[str]) -> tuple[str, ...]:
    """The words; a text alone is one word."""
    return (words,) if isinstance(words, str) else tuple(words)


def _project(repo: Where) -> Project:
    if isinstance(repo, Project):
        return repo
    here = Path.cwd() if repo is None else Path(repo)
    if not here.is_dir():
        raise errors.UsageError(f"There is no folder {here}.", "repo is a folder in the repository.")
    return Project.open(here)


def _stored(project: Project, wanted: Query) -> tuple[list[Stored], int]:
    found = query.find(project, wanted, project.repo.resolve("HEAD"))
    return found.experiments, len(found.outside().elsewhere)


def _found(project: Project, wanted: Query, baseline: str | None) -> list[Experiment]:
    """The readable experiments of a query; of the others a warning tells."""
    head = project.repo.resolve(baseline or "HEAD")
    if baseline is not None and head is None:
        raise errors.UsageError(f"There is no commit '{baseline}'.", "git log --oneline names the last ones.")
    found = []
    for one in query.find(project, wanted, head).experiments:
        if isinstance(one, Damaged):
            warnings.warn(f"left out: {one.error}", stacklevel=3)
        else:
            found.append(one)
    return found


# -- data frames --------------------------------------------------------------------------------------


def _columns(found: Sequence[OpenedExperiment], wanted: Sequence[str] | None) -> list[TypedColumn]:
    shown = Shown([], [one.row for one in found])
    chosen = [Column("about", "name")]
    if wanted is None:
        chosen = [Column("about", name) for name in _FIRST]
    chosen += views.every(shown, Columns(only=_words(wanted or ())))
    chosen = list(dict.fromkeys(chosen))
    rows = [one.row for one in found]
    return [typed(title, column, rows) for column, title in zip(chosen, views.titles(chosen), strict=True)]
