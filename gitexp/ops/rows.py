"""Rows of the experiment table: the workspace, baselines and experiments in one shape."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from gitexp.files import flatten
from gitexp.model import Experiment, Files, Flat, Status


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table. `kind` is "workspace", "baseline" or "experiment".

    `parent` is the experiment that it was made from, `changes` what changed in the files since then.
    `params` and `metrics` are flat; a key that stands in two files of any row is `file:key` in all rows.
    """

    kind: str
    name: str
    commit: str | None
    baseline: str | None = None
    branch: str | None = None
    status: Status | None = None
    created: str | None = None
    params: Flat = field(default_factory=dict)
    metrics: Flat = field(default_factory=dict)
    experiment: Experiment | None = None
    parent: Experiment | None = None
    changes: str = ""

    @property
    def error(self) -> str | None:
        return self.experiment.error if self.experiment is not None else None

    def as_json(self) -> dict[str, Any]:
        """Return the row as `show --json` has it (DESIGN section 5)."""
        record = self.experiment.record if self.experiment is not None else None
        return {
            "kind": self.kind,
            "name": self.name,
            "commit": self.commit,
            "record": self.experiment.id if self.experiment is not None else None,
            "baseline": self.baseline,
            "branch": self.branch,
            "status": self.status,
            "created": self.created,
            "finished": record.finished if record else None,
            "duration": record.duration if record else None,
            "exit_code": record.exit_code if record else None,
            "command": record.command if record else None,
            "params": self.params,
            "metrics": self.metrics,
            "tags": list(record.tags) if record else [],
            "note": record.note if record else "",
            "warnings": list(record.warnings) if record else [],
            "error": self.error,
            "parent": self.parent.name if self.parent is not None else None,
            "source": self.experiment.source if self.experiment is not None else None,
        }


@dataclass(frozen=True, slots=True)
class Draft:
    """A row whose params and metrics are still by file."""

    row: Row
    params: Files
    metrics: Files


def build(drafts: Sequence[Draft]) -> list[Row]:
    """Return the rows with flat params and metrics.

    Which keys stand in two files is decided over all rows, so that one column is one thing.
    """
    params = _flat_all([draft.params for draft in drafts])
    metrics = _flat_all([draft.metrics for draft in drafts])
    return [
        replace(draft.row, params=p, metrics=m) for draft, p, m in zip(drafts, params, metrics, strict=True)
    ]


def of_experiment(experiment: Experiment, parent: Experiment | None = None) -> Draft:
    """Return the row of an experiment, its values still by file; `parent` is what it was made from."""
    record = experiment.record
    damaged = experiment.error is not None
    row = Row(
        kind="experiment",
        name=experiment.name,
        commit=None if damaged else record.commit,
        baseline=None if damaged else record.baseline,
        branch=record.branch,
        status=record.status,
        created=record.created or None,
        experiment=experiment,
        parent=parent,
    )
    return Draft(row, record.params, record.metrics)


def of_one(experiment: Experiment, parent: Experiment | None = None) -> Row:
    """Return the finished row of a single experiment; `parent` is what it was made from."""
    return build([of_experiment(experiment, parent)])[0]


def _flat_all(all_files: Iterable[Files]) -> list[dict[str, Any]]:
    flat_files = [{name: flatten(tree) for name, tree in found.items()} for found in all_files]
    shared: set[str] = set()
    for found in flat_files:
        seen: set[str] = set()
        for flat in found.values() if len(found) > 1 else ():
            shared |= seen & flat.keys()
            seen |= flat.keys()
    return [_merged(found, shared) for found in flat_files]


def _merged(found: Mapping[str, Flat], shared: set[str]) -> dict[str, Any]:
    if not shared:
        merged: dict[str, Any] = {}
        for flat in found.values():
            merged.update(flat)
        return merged
    return {
        f"{name}:{key}" if key in shared else key: value
        for name, flat in found.items()
        for key, value in flat.items()
    }
