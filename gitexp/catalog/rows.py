"""Rows of the experiment table: the workspace, baselines and experiments in one shape."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any, NamedTuple

from gitexp import errors
from gitexp.catalog.fields import Row
from gitexp.files import flatten
from gitexp.model import Damaged, Experiment, Files, Flat, Status, Stored
from gitexp.words import did_you_mean


class Draft(NamedTuple):
    """A row whose params and metrics are still by file: `row(params=…, metrics=…)` makes it of flat ones."""

    row: Callable[..., Row]
    params: Files
    metrics: Files


def build(drafts: Sequence[Draft]) -> list[Row]:
    """Return the rows with flat params and metrics.

    A key that stands in two files of any row is `file:key` in all of them, so that one column is one thing.
    """
    params = _shared(draft.params for draft in drafts)
    metrics = _shared(draft.metrics for draft in drafts)
    return [
        draft.row(params=_flat(draft.params, params), metrics=_flat(draft.metrics, metrics))
        for draft in drafts
    ]


def of_experiment(experiment: Stored, parent: Experiment | None = None, pushed: Sequence[str] = ()) -> Draft:
    """Return the row of an experiment, its values still by file; `parent` is what it was made from."""
    if isinstance(experiment, Damaged):
        return Draft(partial(_damaged_row, experiment), {}, {})
    row = partial(_row, experiment, parent, pushed)
    return Draft(row, experiment.record.params, experiment.record.metrics)


def _row(
    experiment: Experiment, parent: Experiment | None, pushed: Sequence[str], params: Flat, metrics: Flat
) -> Row:
    record = experiment.record
    return Row(
        kind="experiment",
        name=experiment.name,
        commit=record.commit,
        baseline=record.baseline,
        branch=record.branch,
        status=record.status,
        created=record.created or None,
        params=params,
        metrics=metrics,
        experiment=experiment,
        parent=parent,
        pushed=pushed,
    )


def _damaged_row(found: Damaged, params: Flat, metrics: Flat) -> Row:
    return Row("experiment", found.name, None, status=Status.FAILED, experiment=found)


def of_one(experiment: Stored, parent: Experiment | None = None, pushed: Sequence[str] = ()) -> Row:
    """Return the finished row of a single experiment; `parent` is what it was made from."""
    return build([of_experiment(experiment, parent, pushed)])[0]


def flat(all_files: Sequence[Files]) -> list[Flat]:
    """Return params or metrics of several rows in their flat form, as `build` has them."""
    shared = _shared(all_files)
    return [_flat(files, shared) for files in all_files]


def _shared(all_files: Iterable[Files]) -> set[str]:
    """Return the keys that stand in two files of one and the same row."""
    shared: set[str] = set()
    for files in all_files:
        if len(files) > 1:
            count = Counter(key for tree in files.values() for key in flatten(tree))
            shared.update(key for key, times in count.items() if times > 1)
    return shared


def _flat(files: Files, shared: set[str]) -> Flat:
    if len(files) == 1 and not shared:  # as in nearly all rows
        return flatten(*files.values())
    return {
        f"{name}:{key}" if key in shared else key: value
        for name, tree in files.items()
        for key, value in flatten(tree).items()
    }


def unknown(key: str, known: Sequence[str], what: str = "param or metric") -> errors.UsageError:
    """Return the error that there is no such column, with the nearest of those that are known."""
    return errors.UsageError(
        f"There is no {what} '{key}'.",
        did_you_mean(key, known, f"There are: {', '.join(known[:12]) or 'none'}."),
        code="unknown-column",
    )


def keys(all_values: Iterable[Any]) -> list[str]:
    """Return the keys of some maps, each once, in the order in which they come."""
    return list(dict.fromkeys(key for values in all_values for key in values))
