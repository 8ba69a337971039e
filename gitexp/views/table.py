"""The experiments of a repository as rows and columns, for `show` and `list`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from gitexp.catalog import changed_files, live_values, lookup, projects, rows
from gitexp.catalog.fields import EXPERIMENTS, ChangedFile, Row
from gitexp.catalog.flat_values import may_have_files
from gitexp.catalog.lineage import Lineage
from gitexp.catalog.query import BY_BASELINE, UNGROUPED, FoundExperiments, OutsideQuery, Query, find
from gitexp.catalog.replicates import Replicates, collapsed
from gitexp.catalog.result_origin import known_results, without_others
from gitexp.catalog.rows import Draft
from gitexp.files.command_words import arguments
from gitexp.model import MISSING, Experiment, Status, readable
from gitexp.project.project import Contents, Project
from gitexp.repo import tracking
from gitexp.repo.git.values import CommitFacts
from gitexp.views import columns as columns_of
from gitexp.views.best import best_value
from gitexp.views.columns import Choice, Column, Columns, Shown
from gitexp.views.uncertainty import Noise, noise_of, repeated

_NOT_COMPARED = ChangedFile("", 0, "…")
_TIME_ZERO = "1970-01-01T00:00:00"
_MOST_CHANGES = 300  # rows to compare; Git takes some 0.2 ms for each


@dataclass(frozen=True, slots=True)
class Group:
    """Experiments that belong together.

    Attributes:
        head: the row above them: a baseline, as a requested commit or not. None if the group has only a
            title, or neither.
        depths: the depth of each row in the tree; empty if all are 0.
    """

    head: Row | None
    title: str
    rows: Sequence[Row]
    depths: Sequence[int] = ()


@dataclass(frozen=True, slots=True)
class Table:
    """The table for a query.

    Attributes:
        outside: gives the experiments that the query leaves out by their baseline or project.
        beyond_limit: gives the rows that the limit leaves out; they count for the best values.
        sort: the column of the order; None is newest first.
        best: the best value in the column `sort`; MISSING for a column without a direction.
        directions: "min" or "max" by the name of a metric, from gitexp.yaml.
        complaints: a sentence for each unreadable file of the workspace or a baseline.
        going_on: the number of unfinished experiments of the query's baselines, shown or not.
        everywhere: gives the rows of all experiments of the repository, shown or not.
        has_changes: whether the changed files of all rows are known.
        noise: gives the noise of the project's metrics; None without replicates.
    """

    workspace: Row
    groups: Sequence[Group]
    outside: Callable[[], OutsideQuery] = OutsideQuery
    beyond_limit: Callable[[], Sequence[Row]] = tuple
    sort: Column | None = None
    best: Any = MISSING
    complaints: Sequence[str] = ()
    going_on: int = 0
    directions: Mapping[str, str] = field(default_factory=dict)
    everywhere: Callable[[], Sequence[Row]] = tuple
    has_changes: bool = False
    noise: Callable[[], Noise | None] = lambda: None

    @property
    def heads(self) -> list[Row]:
        return [group.head for group in self.groups if group.head is not None]

    @property
    def experiments(self) -> list[Row]:
        """The rows to compare with each other: experiments, and requested commits."""
        found = []
        for group in self.groups:
            if group.head is not None and group.head.kind == "commit":
                found.append(group.head)
            found += group.rows
        return found

    @property
    def rows(self) -> list[Row]:
        """All rows in order: the workspace, then each baseline and the experiments below it."""
        found = [self.workspace]
        for group in self.groups:
            if group.head is not None:
                found.append(group.head)
            found += group.rows
        return found


def table(project: Project, query: Query, wanted: Columns | None = None) -> Table:
    """The table of a repository's experiments.

    The changes of all rows are looked for only if `wanted` or the order asks for them. Raises UnknownColumn,
    with the nearest keys, for a missing column to sort or group by; FilterError.
    """
    head = project.repo.resolve("HEAD")
    found = find(project, query, head)
    baselines = _baselines(found, head)
    tips = _tips(project, query)
    here, there = project.read_here(), project.read_at(list(dict.fromkeys([*baselines, *tips])))
    own = here
    if here.metrics:
        own = without_others(here, known_results(found.every, head, there.get(head or "")))
    drafts = _commit_drafts(project, baselines, tips, there)
    drawn = found.drafts(tracking.holders(project.repo))
    experiments = live_values.with_values(project, found.experiments, drawn)
    workspace, *others = rows.build([_workspace_draft(own), *drafts, *experiments], project.config.named)
    heads = {row.commit: row for row in others[: len(baselines)]}
    commits = others[len(baselines) : len(drafts)]
    below = others[len(drafts) :]
    below = collapsed(below, query.drawn)
    asks_changes = "changes" in (query.sort, *(wanted.only if wanted is not None else ()))
    if asks_changes:
        below = changed_files.with_changes(project, below)
    column, best = None, MISSING
    directions = project.config.directions
    beyond_limit: Callable[[], Sequence[Row]] = partial(_beyond_limit, project, found, query.drawn)
    if query.sort is not None and found.every:
        known = [*below, *commits, workspace, *heads.values()]
        column = columns_of.named(query.sort, known, found.everywhere)
        below = columns_of.sort_rows(below, column, descending=query.descending)
        commits = columns_of.sort_rows(commits, column, descending=query.descending)
        best = best_value(column, _counting([*commits, *below]), directions)
        if query.limit is not None:
            beyond_limit = partial(list, below[query.limit :])
            below = below[: query.limit]
    complaints = list(here.complaints)
    for commit in baselines:
        complaints += lookup.at(commit[:7], there[commit].complaints)
    groups = _grouped(below, heads, query, found.lineage, head)
    if commits:
        groups = _with_commits(groups, commits)
    return Table(
        workspace,
        groups,
        outside=found.outside,
        beyond_limit=beyond_limit,
        sort=column,
        best=best,
        complaints=complaints,
        going_on=found.going_on,
        directions=directions,
        everywhere=found.everywhere,
        has_changes=asks_changes,
        noise=partial(_noise, project, found),
    )


def _noise(project: Project, found: FoundExperiments) -> Noise | None:
    if not repeated(found.every):  # most repositories
        return None
    return noise_of(project, projects.of_project(project, found.every))


def _beyond_limit(project: Project, found: FoundExperiments, drawn: Replicates) -> list[Row]:
    drafts = [rows.of_experiment(lookup.complete(project, one)) for one in found.beyond_limit]
    return collapsed(rows.build(drafts, found.files), drawn)


def _baselines(found: FoundExperiments, head: str | None) -> list[str]:
    """The commits that the experiments are made from, HEAD first."""
    commits: dict[str, None] = {}
    if head is not None:
        commits[head] = None
    for experiment in readable(found.experiments):
        commits[found.lineage.root(experiment)] = None
    return list(commits)


def columns(table: Table, wanted: Columns) -> list[Column]:
    """All columns of a table: metrics, differing params, fields of experiments, the other params.

    Raises UnknownColumn if a pattern of `wanted` names no column of the repository.
    """
    return columns_of.every(_shown(table), wanted)


def choice(table: Table, wanted: Columns) -> Choice:
    """The columns of a table for people; raises UnknownColumn."""
    return columns_of.choose(_shown(table), wanted, table.sort)


def best_values(table: Table, columns: Sequence[Column]) -> list[Any]:
    """The best value of each column among all rows of the query, shown or not; MISSING for none."""
    beyond = table.beyond_limit()
    candidates = _counting([*table.experiments, *beyond])
    keys_beyond = rows.metric_keys([row for row in beyond if may_have_files(row.metrics)])
    found = []
    for column in columns:
        best = best_value(column, candidates, table.directions)
        if column.key not in keys_beyond and rows.in_file(column.key, keys_beyond):
            best = MISSING  # in rows that are not shown, two files have the key: which one is meant?
        found.append(best)
    return found


def _counting(found: Sequence[Row]) -> list[Row]:
    """The rows that may be best."""
    return [row for row in found if not row.is_unranked]


def is_best(row: Row, value: Any, best: Any) -> bool:
    """Whether a value of a row is the best of its column.

    Never the best: the last value of a running experiment, a value from changed protected files, a value of a
    reproduction.
    """
    if best is MISSING or row.status is Status.RUNNING or row.is_unranked:
        return False
    return row.kind in (*EXPERIMENTS, "commit") and bool(value == best)


def _shown(table: Table) -> Shown:
    return Shown(table.heads, table.experiments, [table.workspace], table.everywhere)


def with_changes(project: Project, table: Table) -> Table:
    """The table with the changed files of all experiments, if the params of any do not tell its difference.

    Params tell nothing if equal to the baseline's. A params file whose values have columns is not named where
    the columns differ. In a very long table, only the first rows are compared; the others say `…`.
    """
    if table.has_changes:
        return table
    heads = {row.commit: row for row in table.heads}
    same, others = list[Row](), list[Row]()
    for row in table.experiments:
        (same if _same_params(row, heads) else others).append(row)
    steps = changed_files.steps(same)
    found = changed_files.changed_files(project, steps[:_MOST_CHANGES])
    if not found:
        return table
    further = changed_files.steps(others)
    room = max(_MOST_CHANGES - len(steps), 0)
    compared = changed_files.changed_files(project, further[:room])
    for row in others:
        if row.commit in compared:
            found[row.commit] = _without_params(row, compared[row.commit])
    for step in (*steps[_MOST_CHANGES:], *further[room:]):
        found[step.new] = [_NOT_COMPARED]
    groups = [replace(group, rows=changed_files.told(group.rows, found)) for group in table.groups]
    return replace(table, groups=groups)


def _without_params(row: Row, files: Sequence[ChangedFile]) -> list[ChangedFile]:
    """The files but those with params alone; a .py file has code too."""
    named = row.record.params if row.record is not None else {}
    return [file for file in files if file.path not in named or file.path.endswith(".py")]


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
    of_files = {}
    for key, value in row.params.items():
        if not key.startswith(options):
            of_files[key] = value
    return of_files == heads[row.baseline].params


def _workspace_draft(here: Contents) -> Draft:
    return Draft(partial(Row, "workspace", "workspace", None), here.params, here.metrics)


def _tips(project: Project, query: Query) -> dict[str, str]:
    """The commits of branches and tags with rows of their own, each with the names there."""
    wanted = []
    if query.branches:
        wanted.append("refs/heads/")
    if query.tags:
        wanted.append("refs/tags/")
    names: dict[str, list[str]] = {}
    if wanted:
        fields = ("refname:short", "objectname", "objecttype", "*objectname", "*objecttype")
        for ref, oid, kind, peeled, peeled_kind in project.repo.refs(*wanted, fields=fields):
            if b"commit" in (kind, peeled_kind):
                names.setdefault((peeled or oid).decode(), []).append(ref.decode("utf-8", "replace"))
    return {commit: ", ".join(found) for commit, found in names.items()}


def _commit_drafts(
    project: Project, baselines: Sequence[str], tips: Mapping[str, str], found: Mapping[str, Contents]
) -> list[Draft]:
    """The rows of baselines, with the name of a branch or tag there, or else the short id; then the tips."""
    names: dict[str, str] = {}
    fields = ("refname:short", "objectname", "*objectname", "HEAD")
    for ref, oid, peeled, current in project.repo.refs(
        "refs/heads/", "refs/tags/", "refs/remotes/", fields=fields
    ):
        commit, name = (peeled or oid).decode(), ref.decode("utf-8", "replace")
        if current == b"*":
            names[commit] = name
        else:
            names.setdefault(commit, name)
    facts = project.repo.commit_facts(list(dict.fromkeys([*baselines, *tips])))
    drafts = []
    wanted = [("baseline", commit, names.get(commit, commit[:7])) for commit in baselines]
    wanted += [("commit", commit, name) for commit, name in tips.items()]
    for kind, commit, name in wanted:
        known = facts.get(commit)
        row = partial(
            Row,
            kind,
            name,
            commit,
            baseline=commit,
            branch=names.get(commit),
            created=_created(known),
            subject=known.subject if known else "",
        )
        drafts.append(Draft(row, found[commit].params, found[commit].metrics))
    return drafts


def _created(known: CommitFacts | None) -> str | None:
    """The time of a commit; None for the time 0, which stands for an unknown time."""
    if known is None or known.date.startswith(_TIME_ZERO):
        return None
    return known.date


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
            by_root.setdefault(_root(row, row.experiment, lineage, head), []).append(row)
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


def _root(row: Row, experiment: Experiment, lineage: Lineage, head: str | None) -> str:
    """The baseline that a row stands below: of a group HEAD, if a member was made from HEAD."""
    for member in row.members:
        if isinstance(member.experiment, Experiment) and lineage.root(member.experiment) == head:
            return head
    return lineage.root(experiment)


def _with_commits(groups: Sequence[Group], commits: Sequence[Row]) -> list[Group]:
    """The groups, after the requested commits; a commit at the head of a group stands there alone."""
    by_id = {row.commit: row for row in commits}
    joined = []
    for group in groups:
        if group.head is not None and (row := by_id.pop(group.head.commit, None)) is not None:
            names = dict.fromkeys([group.head.name, *row.name.split(", ")])
            group = replace(group, head=row._replace(name=", ".join(names)))
        joined.append(group)
    if by_id:
        joined.insert(0, Group(None, "", list(by_id.values())))
    return joined


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
