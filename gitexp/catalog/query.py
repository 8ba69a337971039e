"""The experiments that a user asks for, by baseline, filter and order."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING

from gitexp.catalog import by_words, changed_files, lookup, projects, replicates, rows
from gitexp.catalog import lineage as lineages
from gitexp.catalog.ended import end_lost_runs
from gitexp.catalog.fields import Row
from gitexp.catalog.lineage import Lineage
from gitexp.catalog.replicates import Replicates
from gitexp.catalog.rows import Draft
from gitexp.model import Damaged, Status, Stored, readable
from gitexp.named_tuple import NamedTuple
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
        replicates: the groups that count as one experiment for the filter and the limit; not with `failed`.
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
    replicates: Replicates = Replicates.EACH

    @property
    def drawn(self) -> Replicates:
        """The groups drawn as one row: none with --failed or --no-failed."""
        return self.replicates if self.failed is None else Replicates.EACH


def experiments(project: Project, query: Query) -> tuple[list[Stored], int]:
    """The experiments alone, newest first, and the number of experiments on other baselines."""
    found = find(project, query, project.repo.resolve("HEAD"))
    return found.experiments, len(found.outside().elsewhere)


def matching(project: Project, query: Query) -> list[Stored]:
    """The experiments that a query finds, newest first; raises FilterError for a wrong filter."""
    return find(project, query, project.repo.resolve("HEAD")).experiments


class OutsideQuery(NamedTuple):
    """The experiments that a wider query would find, with the same filter.

    Attributes:
        elsewhere: on other baselines, of the projects of the query.
        beside: of other projects.
    """

    elsewhere: Sequence[Stored] = ()
    beside: Sequence[Stored] = ()


class FoundExperiments(NamedTuple):
    """The result of a query.

    Attributes:
        experiments: newest first.
        beyond_limit: the experiments left out by the limit, newest first.
        every: all experiments of the repository.
        lineage: of all experiments of the repository.
        outside: gives the experiments of a wider query.
        going_on: the number of experiments of the query's baselines that have not ended.
        files: the params and metrics files that gitexp.yaml and stages name today.
    """

    experiments: list[Stored]
    beyond_limit: Sequence[Stored]
    every: Sequence[Stored]
    lineage: Lineage
    outside: Callable[[], OutsideQuery]
    going_on: int
    files: Sequence[str] = ()

    def drafts(self, pushed: Mapping[str, Sequence[str]]) -> Iterator[Draft]:
        for one in self.experiments:
            yield rows.of_experiment(one, self.lineage.parent(one), pushed.get(one.id, ()))

    def everywhere(self) -> list[Row]:
        """The rows of all experiments of the repository, for a name missing in the found rows."""
        return rows.build([rows.of_experiment(one) for one in self.every], self.files)


def find(project: Project, query: Query, head: str | None) -> FoundExperiments:
    """The experiments of a query. With `sort`, the limit is left to the caller, who sorts first."""
    asked = None
    if query.filter is not None:
        asked = parsed(query.filter)  # before all reading, so that a wrong filter is refused at once
    every = end_lost_runs(project, lookup.experiments(project))
    lineage = lineages.read(project, every, head)
    ours = every
    if query.names:
        ours = _named(project, query.names, every)
    elif not query.all_projects:
        ours = projects.of_project(project, every)
    chosen, elsewhere = ours, list[Stored]()
    if not (query.everything or query.names):
        chosen = []
        for one in ours:
            if isinstance(one, Damaged) or lineage.root(one) == head:
                chosen.append(one)
            else:
                elsewhere.append(one)
    going_on = sum(not one.record.status.ended for one in readable(chosen))
    wanted = Criterion(project, query.failed, asked, every, lineage, query.drawn)
    newest = replicates.together(newest_first(chosen), ours, query.drawn)
    chosen, beyond = wanted.among(newest), list[Stored]()
    if query.sort is None and query.limit is not None:
        end = replicates.first_rows(chosen, query.limit, query.drawn)
        chosen, beyond = chosen[:end], chosen[end:]
    if asked is None:
        chosen = [lookup.complete(project, one) for one in chosen]
    outside = partial(_outside, wanted, elsewhere, ours)
    if query.names:
        outside = partial(OutsideQuery)
    return FoundExperiments(chosen, beyond, every, lineage, outside, going_on, project.config.named)


def _outside(wanted: Criterion, elsewhere: Sequence[Stored], ours: Sequence[Stored]) -> OutsideQuery:
    known = set(map(id, ours))
    beside = [one for one in wanted.every if id(one) not in known]
    # The filter judges its names by the whole repository, which takes time where there is nothing to filter.
    return OutsideQuery(elsewhere and wanted.among(elsewhere), beside and wanted.among(beside))


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


def parsed(text: str) -> Filter:
    """The filter of a text; raises FilterError with the place of the mistake."""
    from gitexp.catalog import filters  # takes a twentieth of the time to show a table without a filter

    return filters.parse(text)


class Criterion(NamedTuple):
    """The conditions of a query for an experiment, wherever stored.

    Attributes:
        failed: True: only failed experiments; False: all others; None: both.
        filter: None for no condition.
        every: all experiments of the repository; they have the names of the filter.
        drawn: the groups that count as single experiments for the filter.
    """

    project: Project
    failed: bool | None
    filter: Filter | None
    every: Sequence[Stored]
    lineage: Lineage
    drawn: Replicates = Replicates.EACH

    def among(self, candidates: Sequence[Stored]) -> list[Stored]:
        """The candidates that meet the condition, in their order."""
        left = [one for one in candidates if self._is_of_kind(one)]
        if self.filter is None:
            return left
        found = self._rows(left)
        if "changes" in self.filter.names:
            found = changed_files.with_changes(self.project, found)
        now = here(datetime.now(UTC))
        found = replicates.collapsed(found, self.drawn)
        selected = self.filter.select(found, now, lambda: self._rows(self.every))
        return list(replicates.experiments_of(selected))

    def _is_of_kind(self, one: Stored) -> bool:
        # A damaged experiment is no success.
        has_failed = isinstance(one, Damaged) or one.record.status is Status.FAILED
        return self.failed is None or has_failed is self.failed

    def _rows(self, experiments: Sequence[Stored]) -> list[Row]:
        drafts = []
        for experiment in experiments:
            experiment = lookup.complete(self.project, experiment)
            drafts.append(rows.of_experiment(experiment, self.lineage.parent(experiment)))
        return rows.build(drafts, self.project.config.named)
