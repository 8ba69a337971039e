"""The experiments of a repository as rows and columns: what `show` and `list` put out."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from fnmatch import fnmatchcase
from typing import Any

from gitexp import errors
from gitexp.files import is_number
from gitexp.model import MISSING, Experiment, Status
from gitexp.ops import lookup, rows
from gitexp.ops.finish import end_lost_runs
from gitexp.ops.project import Contents, Project
from gitexp.ops.rows import Draft, Row
from gitexp.repo.store import newest_first

BY_BASELINE, UNGROUPED = "baseline", "none"


@dataclass(frozen=True, slots=True)
class Query:
    """Which experiments, in what order. `failed` None: all; True: only failed; False: none of them.

    `group` is "baseline", "none" or the key of a param. `limit` counts experiments, not other rows.
    """

    everything: bool = False
    sort: str | None = None
    descending: bool = False
    group: str = BY_BASELINE
    failed: bool | None = None
    limit: int | None = None


@dataclass(frozen=True, slots=True)
class Group:
    """Experiments that belong together, with the row that stands above them (None: no such row)."""

    head: Row | None
    title: str
    rows: Sequence[Row]


@dataclass(frozen=True, slots=True)
class Column:
    """One column: `kind` is "metric", "param" or, to sort by, "created"."""

    kind: str
    key: str

    def value(self, row: Row) -> Any:
        """Return the row's value here, or MISSING."""
        if self.kind == "created":
            return row.created
        return (row.metrics if self.kind == "metric" else row.params).get(self.key, MISSING)


@dataclass(frozen=True, slots=True)
class Table:
    """What a query gives. `elsewhere` counts experiments on baselines that were not asked for.

    `sort` is the column that the rows are sorted by, `best` its value in the first of them;
    `complaints` say which files of the workspace and of baselines could not be read, and why.
    """

    workspace: Row
    groups: Sequence[Group]
    elsewhere: int = 0
    sort: Column | None = None
    best: Any = MISSING
    complaints: Sequence[str] = ()

    @property
    def experiments(self) -> list[Row]:
        return [row for group in self.groups for row in group.rows]

    @property
    def rows(self) -> list[Row]:
        """All rows in the order of the table: the workspace, then each baseline and what is below it."""
        found = [self.workspace]
        for group in self.groups:
            found += [group.head] if group.head is not None else []
            found += group.rows
        return found


@dataclass(frozen=True, slots=True)
class Columns:
    """Which columns to show: glob patterns to take or to hide, or only those whose values differ."""

    only: Sequence[str] = ()
    hide: Sequence[str] = ()
    only_changed: bool = False


def table(project: Project, query: Query) -> Table:
    """Return the table of a repository's experiments.

    Raises UsageError with the nearest keys if there is no column to sort or group by.
    """
    head = project.repo.resolve("HEAD")
    chosen, elsewhere = _chosen(project, query, head)
    baselines = list(dict.fromkeys([*([head] if head else []), *_baselines(chosen)]))
    here, there = project.read_here(), project.read_at(baselines)
    drafts = _baseline_drafts(project, baselines, there)
    workspace, *others = rows.build(
        [_workspace_draft(here), *drafts, *(rows.of_experiment(experiment) for experiment in chosen)]
    )
    heads = {row.commit: row for row in others[: len(drafts)]}
    found = others[len(drafts) :]
    column = _column(query.sort, found) if query.sort is not None and found else None
    if column is not None:
        found = sort_rows(found, column, descending=query.descending)[: query.limit]
    best = column.value(found[0]) if column is not None and found else MISSING
    complaints = [
        *here.complaints,
        *(f"{text} (in {commit[:7]})" for commit in baselines for text in there[commit].complaints),
    ]
    return Table(workspace, _grouped(found, heads, query, head), elsewhere, column, best, complaints)


def experiments(project: Project, query: Query) -> tuple[list[Experiment], int]:
    """Return the experiments alone, newest first, and how many stand on other baselines."""
    return _chosen(project, query, project.repo.resolve("HEAD"))


def _chosen(project: Project, query: Query, head: str | None) -> tuple[list[Experiment], int]:
    """Return the experiments asked for, newest first, and how many stand on other baselines."""
    experiments = end_lost_runs(project, lookup.experiments(project))
    chosen = [e for e in experiments if query.everything or e.record.baseline == head or e.error]
    elsewhere = len(experiments) - len(chosen)
    chosen = [e for e in newest_first(chosen) if _wanted(e, query.failed)]
    chosen = chosen[: query.limit] if query.sort is None else chosen
    return [lookup.complete(project, e) for e in chosen], elsewhere


def columns(table: Table, wanted: Columns) -> list[Column]:
    """Return the columns of a table: metrics, then params that differ, then the other params.

    Raises UsageError if a pattern of `wanted.only` names no column.
    """
    found = table.rows
    metrics = [Column("metric", key) for key in _keys(row.metrics for row in found)]
    params = [Column("param", key) for key in _keys(row.params for row in found)]
    differing = _differing(table, metrics, params)
    every = [*metrics, *(c for c in params if c in differing), *(c for c in params if c not in differing)]
    if wanted.only:
        every = [column for pattern in wanted.only for column in _matching(pattern, every)]
    every = [c for c in dict.fromkeys(every) if not any(_matches(c.key, p) for p in wanted.hide)]
    if wanted.only_changed:
        every = [column for column in every if column in differing]
    return every


def sort_rows(found: Iterable[Row], column: Column, *, descending: bool) -> list[Row]:
    """Return rows by the value of a column; numbers before texts, and what has no value comes last."""

    def place(row: Row) -> tuple[int, Any]:
        value = column.value(row)
        if is_number(value):
            return (1, 0.0) if math.isnan(value) else (0, -value if descending else value)
        return (3, "") if value is MISSING or value is None else (2, str(value))

    return sorted(found, key=place)


def _wanted(experiment: Experiment, failed: bool | None) -> bool:
    return failed is None or (experiment.record.status is Status.FAILED) is failed


def _baselines(experiments: Iterable[Experiment]) -> Iterable[str]:
    return (e.record.baseline for e in experiments if e.error is None)


def _workspace_draft(here: Contents) -> Draft:
    return Draft(Row("workspace", "workspace", None), here.params, here.metrics)


def _baseline_drafts(project: Project, commits: Sequence[str], found: Mapping[str, Contents]) -> list[Draft]:
    """Return the rows of baselines, called by the branch or tag that points there or by short id."""
    names: dict[str, str] = {}
    for ref, oid, peeled, current in project.repo.refs(
        *("refs/heads/", "refs/tags/", "refs/remotes/"),
        fields=("refname:short", "objectname", "*objectname", "HEAD"),
    ):
        commit, name = (peeled or oid).decode(), ref.decode("utf-8", "replace")
        if current == b"*":
            names[commit] = name
        else:
            names.setdefault(commit, name)
    dates = project.repo.commit_dates(commits)
    return [
        Draft(
            Row(
                "baseline",
                names.get(commit, commit[:7]),
                commit,
                baseline=commit,
                branch=names.get(commit),
                created=dates.get(commit),
            ),
            found[commit].params,
            found[commit].metrics,
        )
        for commit in commits
    ]


def _grouped(
    found: Sequence[Row], heads: dict[str | None, Row], query: Query, head: str | None
) -> list[Group]:
    if query.group == UNGROUPED:
        return [Group(None, "", found)]
    if query.group != BY_BASELINE:
        column = _column(query.group, found) if found else Column("param", query.group)
        by_value: dict[str, list[Row]] = {}
        for row in found:
            value = column.value(row)
            by_value.setdefault("-" if value is MISSING else str(value), []).append(row)
        return [Group(None, f"{query.group}={value}", below) for value, below in by_value.items()]
    by_baseline: dict[str | None, list[Row]] = {head: []} if head in heads else {}
    for row in found:
        by_baseline.setdefault(row.baseline, []).append(row)
    return [
        Group(heads.get(baseline), "" if baseline in heads else "unreadable", below)
        for baseline, below in by_baseline.items()
    ]


def _column(key: str, found: Sequence[Row]) -> Column:
    """Return the column that `key` names: a metric before a param; raises UsageError."""
    if key == "created":
        return Column("created", key)
    metrics, params = _keys(row.metrics for row in found), _keys(row.params for row in found)
    if key in metrics:
        return Column("metric", key)
    if key in params:
        return Column("param", key)
    raise _no_column(key, [*metrics, *params])


def _matching(pattern: str, every: Sequence[Column]) -> list[Column]:
    matching = [column for column in every if _matches(column.key, pattern)]
    if not matching:
        raise _no_column(pattern, [column.key for column in every])
    return matching


def _no_column(key: str, keys: Sequence[str]) -> errors.UsageError:
    near = get_close_matches(key, keys, n=3, cutoff=0.5)
    return errors.UsageError(
        f"There is no param or metric '{key}'.",
        f"Did you mean {' or '.join(near)}?" if near else f"There are: {', '.join(keys[:12]) or 'none'}.",
    )


def _keys(all_values: Iterable[Any]) -> list[str]:
    return list(dict.fromkeys(key for values in all_values for key in values))


def _matches(key: str, pattern: str) -> bool:
    # As it stands first: to a pattern, the brackets of layers[0].units are a set of characters.
    return key == pattern or fnmatchcase(key, pattern)


def _differing(table: Table, metrics: Sequence[Column], params: Sequence[Column]) -> set[Column]:
    """Return the columns with more than one value: metrics among experiments, params also against
    their baselines. A single experiment's metrics count, for they are its answer."""
    experiments = [row for row in table.experiments if row.error is None]
    heads = [group.head for group in table.groups if group.head is not None and group.head.params]
    if not experiments:
        return {*metrics, *params}
    if len(experiments) > 1:
        metrics = [column for column in metrics if _differs(column, experiments)]
    return {*metrics, *(column for column in params if _differs(column, [*heads, *experiments]))}


def _differs(column: Column, found: Sequence[Row]) -> bool:
    first, *others = (column.value(row) for row in found)
    return any(value != first and (value == value or first == first) for value in others)
