"""The experiments that a user asks for, by baseline, filter and order."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple

from gitexp.catalog import by_words, lookup, projects, rows
from gitexp.catalog import lineage as lineages
from gitexp.catalog.ended import end_lost_runs
from gitexp.catalog.fields import Row
from gitexp.catalog.lineage import Lineage
from gitexp.catalog.rows import Draft
from gitexp.model import Damaged, Status, Stored, readable
from gitexp.project.project import Project
from gitexp.repo.experiments import newest_first
from gitexp.times import here

if TYPE_CHECKING:
    from gitexp.catalog.filters import Filter


BY_BASELINE, UNGROUPED = "baseline", "none"


class Query(NamedTuple):
    """The wanted experiments and their order.

    Attributes:
        everything: experiments of all baselines, not only of HEAD.
        sort: the key of a metric or param, or "created"; None is newest first.
        group: "baseline", "none" or the key of a param.
        failed: True: only failed ones; False: all others; None: both.
        limit: the most experiments; other rows do not count.
        filter: a filter in the language of `filters`.
        names: words for experiments, or patterns; then no others count, on whatever baseline they are.
        branches, tags: the commits of branches and tags are rows too.
        all_projects: experiments of all projects of the repository, not only of the user's.
    """

    everything: bool = False
    sort: str | None = None
    descending: bool = False
    group: str = BY_BASELINE
    failed: bool | None = None
    limit: int | None = None
    filter: str | None = None
    all_projects: bool = False
    names: tuple[str, ...] = ()
    branches: bool = False
    tags: bool = False


def experiments(project: Project, query: Query) -> tuple[list[Stored], int]:
    """The experiments alone, newest first, and the number of experiments on other baselines."""
    found = find(project, query, project.repo.resolve("HEAD"))
    return found.experiments, found.elsewhere


def matching(project: Project, query: Query) -> list[Stored]:
    """The experiments that a query finds, newest first; raises FilterError for a wrong filter."""
    return experiments(project, query)[0]


class FoundExperiments(NamedTuple):
    """The result of a query.

    Attributes:
        experiments: newest first.
        every: all experiments of the repository.
        lineage: of all experiments of the repository.
        elsewhere: the number of experiments on baselines outside of the query.
        beside: the number of experiments of other projects, outside of the query.
        going_on: the number of experiments of the query's baselines that have not ended.
    """

    experiments: list[Stored]
    every: Sequence[Stored]
    lineage: Lineage
    elsewhere: int
    going_on: int
    beside: int = 0

    def drafts(self, pushed: Mapping[str, Sequence[str]]) -> Iterator[Draft]:
        for one in self.experiments:
            yield rows.of_experiment(one, self.lineage.parent(one), pushed.get(one.id, ()))

    def everywhere(self) -> list[Row]:
        """The rows of all experiments of the repository, for a name missing in the found rows."""
        return rows.build([rows.of_experiment(one) for one in self.every])


def find(project: Project, query: Query, head: str | None) -> FoundExperiments:
    """The experiments of a query. With `sort`, the limit is left to the caller, who sorts first."""
    asked = None
    if query.filter is not None:
        asked = _parsed(query.filter)  # before all reading, so that a wrong filter is refused at once
    every = end_lost_runs(project, lookup.experiments(project))
    lineage = lineages.read(project, every, head)
    ours = every
    if query.names:
        ours = _named(project, query.names, every)
    elif not query.all_projects:
        ours = projects.of_project(project, every)
    chosen = ours
    if not (query.everything or query.names):
        chosen = []
        for one in ours:
            if isinstance(one, Damaged) or lineage.root(one) == head:
                chosen.append(one)
    elsewhere = len(ours) - len(chosen)
    beside = 0 if query.names else len(every) - len(ours)
    going_on = sum(not one.record.status.ended for one in readable(chosen))
    chosen = [one for one in newest_first(chosen) if _wanted(one, query.failed)]
    limit = None
    if query.sort is None:
        limit = query.limit
    if asked is None:
        chosen = [lookup.complete(project, one) for one in chosen[:limit]]
    else:
        chosen = _filtered(project, asked, chosen, every, lineage)[:limit]
    return FoundExperiments(chosen, every, lineage, elsewhere, going_on, beside)


def _named(project: Project, words: Sequence[str], every: Sequence[Stored]) -> list[Stored]:
    wanted = set()
    for word in by_words.expanded(project, words):
        one = lookup.require_stored(project, word)
        wanted.add((one.source, one.name, one.id))
    named = []
    for one in every:
        if (one.source, one.name, one.id) in wanted:
            named.append(one)
    return named


def _parsed(text: str) -> Filter:
    from gitexp.catalog import filters  # takes a twentieth of the time to show a table without a filter

    return filters.parse(text)


def _filtered(
    project: Project,
    asked: Filter,
    chosen: Sequence[Stored],
    every: Sequence[Stored],
    lineage: Lineage,
) -> list[Stored]:
    def built(experiments: Sequence[Stored]) -> list[Row]:
        drafts = []
        for experiment in experiments:
            experiment = lookup.complete(project, experiment)
            drafts.append(rows.of_experiment(experiment, lineage.parent(experiment)))
        return rows.build(drafts)

    found = asked.select(built(chosen), here(datetime.now(UTC)), lambda: built(every))
    return [row.experiment for row in found if row.experiment is not None]


def _wanted(one: Stored, failed: bool | None) -> bool:
    # A damaged experiment is no success.
    has_failed = isinstance(one, Damaged) or one.record.status is Status.FAILED
    return failed is None or has_failed is failed
