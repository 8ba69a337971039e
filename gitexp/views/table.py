"""The experiments of a repository as rows and columns, for `show` and `list`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from gitexp.catalog import lookup, rows
from gitexp.catalog.fields import Row
from gitexp.catalog.lineage import Lineage
from gitexp.catalog.query import BY_BASELINE, UNGROUPED, FoundExperiments, Query, find
from gitexp.catalog.rows import Draft
from gitexp.files import arguments
from gitexp.model import MISSING, Experiment, readable
from gitexp.project.project import Contents, Project
from gitexp.repo import tracking
from gitexp.views import columns as columns_of
from gitexp.views.changed_files import CommitStep, summaries
from gitexp.views.columns import Column, Columns

_MOST_CHANGES = 300  # rows to compare; Git takes some 0.2 ms for each


@dataclass(frozen=True, slots=True)
class Group:
    """Experiments that belong together.

    Attributes:
        head: the row above them; None if the group has only a title, or neither.
        depths: the depth of each row in the tree; empty if all are 0.
    """

    head: Row | None
    title: str
    rows: Sequence[Row]
    depths: Sequence[int] = ()


@dataclass(frozen=True, slots=True)
class Table:
    """The result of a query as a table.

    Attributes:
        elsewhere: the number of experiments on baselines outside of the query.
        beside: the number of experiments of other projects, outside of the query.
        sort: the column of the order; None is newest first.
        best: the value of the first row in the column `sort`.
        complaints: a sentence for each file of the workspace or a baseline that could not be read.
        going_on: the number of experiments of the query's baselines that have not ended, shown or not.
    """

    workspace: Row
    groups: Sequence[Group]
    elsewhere: int = 0
    sort: Column | None = None
    best: Any = MISSING
    complaints: Sequence[str] = ()
    going_on: int = 0
    beside: int = 0

    @property
    def heads(self) -> list[Row]:
        return [group.head for group in self.groups if group.head is not None]

    @property
    def experiments(self) -> list[Row]:
        return [row for group in self.groups for row in group.rows]

    @property
    def rows(self) -> list[Row]:
        """All rows in order: the workspace, then each baseline and the experiments below it."""
        found = [self.workspace]
        for group in self.groups:
            if group.head is not None:
                found.append(group.head)
            found += group.rows
        return found


def table(project: Project, query: Query) -> Table:
    """The table of a repository's experiments.

    Raises UnknownColumn, with the nearest keys, for a missing column to sort or group by; FilterError.
    """
    head = project.repo.resolve("HEAD")
    found = find(project, query, head)
    baselines = _baselines(found, head)
    here, there = project.read_here(), project.read_at(baselines)
    drafts = _baseline_drafts(project, baselines, there)
    experiments = found.drafts(tracking.holders(project.repo))
    workspace, *others = rows.build([_workspace_draft(here), *drafts, *experiments])
    heads = {row.commit: row for row in others[: len(drafts)]}
    below = others[len(drafts) :]
    column, best = None, MISSING
    if query.sort is not None and below:
        column = columns_of.named(query.sort, below)
        below = columns_of.sort_rows(below, column, descending=query.descending)[: query.limit]
        best = column.value(below[0]) if below else MISSING
    complaints = list(here.complaints)
    for commit in baselines:
        complaints += lookup.at(commit[:7], there[commit].complaints)
    groups = _grouped(below, heads, query, found.lineage, head)
    return Table(workspace, groups, found.elsewhere, column, best, complaints, found.going_on, found.beside)


def _baselines(found: FoundExperiments, head: str | None) -> list[str]:
    """The commits that the experiments are made from, HEAD first."""
    commits: dict[str, None] = {}
    if head is not None:
        commits[head] = None
    for experiment in readable(found.experiments):
        commits[found.lineage.root(experiment)] = None
    return list(commits)


def columns(table: Table, wanted: Columns) -> list[Column]:
    """The columns of a table: metrics, differing params, fields of experiments, the other params.

    Raises UnknownColumn if a pattern of `wanted.only` names no column.
    """
    return columns_of.choose(table.heads, table.experiments, [table.workspace], wanted)


def with_changes(project: Project, table: Table) -> Table:
    """The table with the changed files of all experiments whose params are those of their baseline.

    Of a very long table only the first rows are compared; the others say `…`.
    """
    heads = {row.commit: row for row in table.heads}
    steps = []
    for row in table.experiments:
        if row.commit is not None and row.baseline is not None and _same_params(row, heads):
            steps.append(CommitStep(row.baseline, row.commit))
    told = summaries(project, steps[:_MOST_CHANGES])
    for step in steps[_MOST_CHANGES:]:
        told[step.new] = "…"
    groups = []
    for group in table.groups:
        changed = [replace(row, changes=told.get(row.commit or "", "")) for row in group.rows]
        groups.append(replace(group, rows=changed))
    return replace(table, groups=groups)


def _same_params(row: Row, heads: Mapping[str | None, Row]) -> bool:
    """Whether an experiment has the params of its parent or baseline."""
    if row.record is None:
        return False
    if row.parent is not None:
        return row.record.params == row.parent.record.params
    if row.baseline not in heads:
        return False
    # A commit has no command, and so no options of one among its params.
    options = f"{arguments.SECTION}."
    of_files = {key: value for key, value in row.params.items() if not key.startswith(options)}
    return of_files == heads[row.baseline].params


def _workspace_draft(here: Contents) -> Draft:
    return Draft(partial(Row, "workspace", "workspace", None), here.params, here.metrics)


def _baseline_drafts(project: Project, commits: Sequence[str], found: Mapping[str, Contents]) -> list[Draft]:
    """The rows of baselines, with the name of a branch or tag there, or else the short id."""
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
    drafts = []
    for commit in commits:
        row = partial(
            Row,
            "baseline",
            names.get(commit, commit[:7]),
            commit,
            baseline=commit,
            branch=names.get(commit),
            created=dates.get(commit),
        )
        drafts.append(Draft(row, found[commit].params, found[commit].metrics))
    return drafts


def _grouped(
    found: Sequence[Row], heads: Mapping[str | None, Row], query: Query, lineage: Lineage, head: str | None
) -> list[Group]:
    if query.group == UNGROUPED:
        return [Group(None, "", found)]
    if query.group != BY_BASELINE:
        return _by_value(found, query.group)
    by_root: dict[str, list[Row]] = {}
    if head is not None and head in heads:
        by_root[head] = []
    unreadable = []
    for row in found:
        if isinstance(row.experiment, Experiment):
            by_root.setdefault(lineage.root(row.experiment), []).append(row)
        else:
            unreadable.append(row)
    groups = []
    for root, below in by_root.items():
        if query.sort is None:
            depths, in_tree = lineage.tree(below)
            groups.append(Group(heads[root], "", in_tree, depths))
        else:  # the order is the answer: a tree would break it up
            groups.append(Group(heads[root], "", below, [0] * len(below)))
    if unreadable:
        groups.append(Group(None, "unreadable", unreadable, [0] * len(unreadable)))
    return groups


def _by_value(found: Sequence[Row], key: str) -> list[Group]:
    if not found:
        return []
    column = columns_of.named(key, found)
    by_value: dict[str, list[Row]] = {}
    for row in found:
        value = column.value(row)
        if value is MISSING:
            value = "-"
        by_value.setdefault(str(value), []).append(row)
    return [Group(None, f"{key}={value}", below) for value, below in by_value.items()]
