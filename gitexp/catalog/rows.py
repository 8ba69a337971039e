"""Rows of the experiment table: the workspace, baselines and experiments in one shape."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any, NamedTuple

from gitexp import errors
from gitexp.catalog.fields import Row
from gitexp.files import flatten
from gitexp.model import Damaged, Experiment, Files, Flat, Status, Stored
from gitexp.words import did_you_mean


class Draft(NamedTuple):
    """A row with params and metrics by file; `row(params=…, metrics=…)` makes the row of flat values."""

    row: Callable[..., Row]
    params: Files
    metrics: Files


def build(drafts: Sequence[Draft]) -> list[Row]:
    """The rows with flat params and metrics.

    A key of two files of any row is `file:key` in all rows: one column never mixes two things.
    """
    params = _shared(draft.params for draft in drafts)
    metrics = _shared(draft.metrics for draft in drafts)
    return [
        draft.row(params=_flat(draft.params, params), metrics=_flat(draft.metrics, metrics))
        for draft in drafts
    ]


def of_experiment(experiment: Stored, parent: Experiment | None = None, pushed: Sequence[str] = ()) -> Draft:
    """The draft of an experiment's row. `parent` is the origin of the experiment, if another one."""
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
    """The finished row of a single experiment; the arguments are those of `of_experiment`."""
    return build([of_experiment(experiment, parent, pushed)])[0]


def flat(all_files: Sequence[Files]) -> list[Flat]:
    """The params or metrics of several rows in the flat form of `build`."""
    shared = _shared(all_files)
    return [_flat(files, shared) for files in all_files]


def _shared(all_files: Iterable[Files]) -> set[str]:
    """The keys that two files of the same row have."""
    shared: set[str] = set()
    for files in all_files:
        if len(files) > 1:
            seen: set[str] = set()
            for tree in files.values():
                keys = set(flatten(tree))
                shared |= seen & keys
                seen |= keys
    return shared


def _flat(files: Files, shared: set[str]) -> Flat:
    if len(files) == 1 and not shared:  # like nearly all rows
        return flatten(*files.values())
    found: dict[str, Any] = {}
    for name, tree in files.items():
        for key, value in flatten(tree).items():
            column = f"{name}:{key}" if key in shared else key
            found[column] = value
    return found


def unknown(key: str, known: Sequence[str], what: str = "param or metric") -> errors.UsageError:
    """The error for an unknown column, with the nearest known ones."""
    return errors.UsageError(
        f"There is no {what} '{key}'.",
        did_you_mean(key, known, f"There are: {', '.join(known[:12]) or 'none'}."),
        code="unknown-column",
    )


def metric_keys(found: Iterable[Row]) -> list[str]:
    """The keys of the metrics of some rows, each once, in order of appearance."""
    keys: dict[str, None] = {}
    for row in found:
        keys.update(dict.fromkeys(row.metrics))
    return list(keys)


def param_keys(found: Iterable[Row]) -> list[str]:
    """The keys of the params of some rows, each once, in order of appearance."""
    keys: dict[str, None] = {}
    for row in found:
        keys.update(dict.fromkeys(row.params))
    return list(keys)
