"""The experiments of a repository as rows and columns: what `show` and `list` put out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from gitexp.catalog import rows
from gitexp.catalog.fields import Row
from gitexp.catalog.lineage import Lineage
from gitexp.catalog.query import BY_BASELINE, UNGROUPED, Query, find
from gitexp.catalog.rows import Draft
from gitexp.files import arguments
from gitexp.model import MISSING, Experiment
from gitexp.project.project import Contents, Project
from gitexp.repo import tracking
from gitexp.views import columns as columns_of
from gitexp.views.changes import CommitStep, summaries
from gitexp.views.columns import Column, Columns

_MOST_CHANGES = 300  # rows that Git is asked about; it takes some 0.2 ms for each


@dataclass(frozen=True, slots=True)
class Group:
    """Experiments that belong together, with the row that stands above them (None: no such row).

    `depths` say of each how many of the others it stands on; empty: none.
    """

    head: Row | None
    title: str
    rows: Sequence[Row]
    depths: Sequence[int] = ()


@dataclass(frozen=True, slots=True)
class Table:
    """What a query gives. `elsewhere` counts experiments on baselines that were not asked for, `going_on`
    those on the others that have not ended, shown or not.

    `sort` is the column that the rows are sorted by, `best` its value in the first of them;
    `complaints` say which files of the workspace and of baselines could not be read, and why.
    """

    workspace: Row
    groups: Sequence[Group]
    elsewhere: int = 0
    sort: Column | None = None
    best: Any = MISSING
    complaints: Sequence[str] = ()
    going_on: int = 0

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


def table(project: Project, query: Query) -> Table:
    """Return the table of a repository's experiments.

    Raises UnknownColumn with the nearest keys if there is no column to sort or group by; FilterError.
    """
    head = project.repo.resolve("HEAD")
    found = find(project, query, head)
    roots = (found.lineage.root(e) for e in found.experiments if isinstance(e, Experiment))
    baselines = list(dict.fromkeys([*([head] if head else []), *roots]))
    here, there = project.read_here(), project.read_at(baselines)
    drafts = _baseline_drafts(project, baselines, there)
    experiments = found.drafts(tracking.holders(project.repo))
    workspace, *others = rows.build([_workspace_draft(here), *drafts, *experiments])
    heads = {row.commit: row for row in others[: len(drafts)]}
    below = others[len(drafts) :]
    column = columns_of.named(query.sort, below) if query.sort is not None and below else None
    if column is not None:
        below = columns_of.sort_rows(below, column, descending=query.descending)[: query.limit]
    complaints = [
        *here.complaints,
        *(f"{text} (in {commit[:7]})" for commit in baselines for text in there[commit].complaints),
    ]
    return Table(
        workspace,
        _grouped(below, heads, query, found.lineage, head),
        found.elsewhere,
        column,
        column.value(below[0]) if column is not None and below else MISSING,
        complaints,
        found.going_on,
    )


def columns(table: Table, wanted: Columns) -> list[Column]:
    """Return the columns of a table: metrics, params that differ, what else is said, the other params.

    Raises UnknownColumn if a pattern of `wanted.only` names no column.
    """
    heads = [group.head for group in table.groups if group.head is not None]
    return columns_of.choose(heads, table.experiments, [table.workspace], wanted)


def with_changes(project: Project, table: Table) -> Table:
    """Return the table with what changed in the files of those experiments whose params did not change.

    Each is compared with what it was made from. Of a very long table only the first rows are; the others
    say `…`.
    """
    heads = {group.head.commit: group.head for group in table.groups if group.head is not None}
    steps = [
        CommitStep(row.baseline, row.commit)
        for row in table.experiments
        if row.commit is not None and row.baseline is not None and _same_params(row, heads)
    ]
    told = summaries(project, steps[:_MOST_CHANGES])
    told.update((step.new, "…") for step in steps[_MOST_CHANGES:])
    groups = [
        replace(group, rows=[replace(row, changes=told.get(row.commit or "", "")) for row in group.rows])
        for group in table.groups
    ]
    return replace(table, groups=groups)


# -- which experiments --------------------------------------------------------------------------------


def _same_params(row: Row, heads: Mapping[str | None, Row]) -> bool:
    """Return whether an experiment's params are those of what it was made from."""
    if row.record is None:
        return False
    if row.parent is not None:
        return row.record.params == row.parent.record.params
    # A commit has no command, and so none of its options.
    of_files = {
        key: value for key, value in row.params.items() if not key.startswith(f"{arguments.SECTION}.")
    }
    return row.baseline in heads and of_files == heads[row.baseline].params


def _workspace_draft(here: Contents) -> Draft:
    return Draft(partial(Row, "workspace", "workspace", None), here.params, here.metrics)


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
            partial(
                Row,
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
    found: Sequence[Row], heads: Mapping[str | None, Row], query: Query, lineage: Lineage, head: str | None
) -> list[Group]:
    if query.group == UNGROUPED:
        return [Group(None, "", found)]
    if query.group != BY_BASELINE:
        return _by_value(found, query.group)
    by_root: dict[str | None, list[Row]] = {head: []} if head in heads else {}
    for row in found:
        root = lineage.root(row.experiment) if isinstance(row.experiment, Experiment) else None
        by_root.setdefault(root, []).append(row)
    groups = []
    for root, below in by_root.items():
        title = "" if root in heads else "unreadable"
        # Sorted, the order is the answer: a tree would break it up.
        is_tree = query.sort is None and root is not None
        tree = lineage.tree(below) if is_tree else [(0, row) for row in below]
        ordered, depths = [row for _, row in tree], [depth for depth, _ in tree]
        groups.append(Group(heads.get(root), title, ordered, depths))
    return groups


def _by_value(found: Sequence[Row], key: str) -> list[Group]:
    column = columns_of.named(key, found) if found else Column("param", key)
    by_value: dict[str, list[Row]] = {}
    for row in found:
        value = column.value(row)
        by_value.setdefault("-" if value is MISSING else str(value), []).append(row)
    return [Group(None, f"{key}={value}", below) for value, below in by_value.items()]
