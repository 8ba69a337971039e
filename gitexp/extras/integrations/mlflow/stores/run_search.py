"""A search for runs: MLflow's own filter and order, over no more of each run than these look at.

Ten thousand runs have ten thousand files of further facts. The order of the UI, by the time of the start,
needs none of them: then the facts are read for the runs of the page alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from mlflow.entities import ViewType
from mlflow.utils.search_utils import SearchUtils

from gitexp.extras.integrations.mlflow.place import OpenedRepository
from gitexp.extras.integrations.mlflow.run_index import IndexedRun
from gitexp.extras.integrations.mlflow.stores import entities

_OF_RECORD = ("start_time", "run_id")  # attributes known without further facts
_MOST_VALUES = 200_000  # runs that are kept as MLflow's values

Parts = frozenset[str]  # of a run: "metric", "parameter", "tag", "attribute", "dataset"
JudgedValues = dict[tuple[str, str, Parts], Any]  # by ref, record commit and the parts that the value has


class RunSearch:
    """A search.

    Args:
        place: the repository.
        value_of: gives MLflow's whole value for a run.
        values: the values of ended runs for filters and orders, kept from one search to the next.
        view: active runs, deleted runs, or all.
    """

    def __init__(
        self, place: OpenedRepository, value_of: Callable[[IndexedRun], Any], values: JudgedValues, view: Any
    ) -> None:
        self._place = place
        self._index = place.index
        self._value_of = value_of
        self._values = values
        self._view = view

    def page(
        self,
        runs: Sequence[IndexedRun],
        filter_string: str | None,
        order_by: list[str] | None,
        page_token: str | None,
        max_results: int,
    ) -> tuple[list[IndexedRun], str | None]:
        """A page of the runs, and the token of the next page; None for the last."""
        parts = _parts(filter_string, order_by)
        if parts:
            self._index.load(runs)
        by_id, values = {}, []
        for run in runs:
            if self._may_be_in_view(run):
                by_id[run.run_id] = run
                values.append(self._judged(run, parts))
        found = SearchUtils.sort(SearchUtils.filter(values, filter_string), order_by)
        start = SearchUtils.parse_start_offset_from_page_token(page_token)
        end = start + max_results
        in_view = self._first([by_id[value.info.run_id] for value in found], end + 1)
        return in_view[start:end], SearchUtils.create_page_token(end) if len(in_view) > end else None

    def _judged(self, run: IndexedRun, parts: Parts) -> Any:
        """MLflow's value for the run with some parts; cached for an ended run."""
        if run.folder is not None:
            return self._value_of(run)
        key = (run.ref, run.experiment.id, parts)
        found = self._values.get(key)
        if found is None:
            if len(self._values) > _MOST_VALUES:
                self._values.clear()
            found = self._values[key] = entities.judged_run(
                run, parts, self._place.artifacts_of("run", run.run_id)
            )
        return found

    def _first(self, found: Sequence[IndexedRun], count: int) -> list[IndexedRun]:
        """The first `count` runs in the view, without reading the facts about later runs."""
        in_view: list[IndexedRun] = []
        at = 0
        while at < len(found) and len(in_view) < count:
            some = found[at : at + count]
            self._index.load(some)
            in_view += filter(self._is_in_view, some)
            at += count
        return in_view[:count]

    def _may_be_in_view(self, run: IndexedRun) -> bool:
        """False if the ref of a run excludes the run from the view."""
        return self._view != ViewType.ACTIVE_ONLY or not run.is_in_trash

    def _is_in_view(self, run: IndexedRun) -> bool:
        if self._view == ViewType.ALL:
            return True
        return run.is_removed is bool(self._view == ViewType.DELETED_ONLY)


def _parts(filter_string: str | None, order_by: Sequence[str] | None) -> Parts:
    """The parts of a run for a filter and an order, besides the facts in its record."""
    looked_at = [(each["type"], each["key"]) for each in SearchUtils.parse_search_filter(filter_string)]
    for clause in order_by or ():
        kind, key, _ = SearchUtils.parse_order_by_for_search_runs(clause)
        looked_at.append((kind, key))
    parts = set()
    for kind, key in looked_at:
        if kind != "attribute" or SearchUtils.translate_key_alias(key) not in _OF_RECORD:
            parts.add(kind)
    return frozenset(parts)
