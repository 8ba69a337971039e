"""Confusion matrices as artifacts: JSON."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from typing import Any

from gitexp.extras.tracking.arrays import as_list
from gitexp.extras.tracking.artifact_names import artifact_name
from gitexp.extras.tracking.plain_values import plain
from gitexp.extras.tracking.run_log import RunLog


def log_confusion(log: RunLog, name: str, labels: Any, predictions: Any, step: int | None = None) -> None:
    """Log a confusion matrix, see `Run.log_confusion`."""
    truth = _classes(f"the labels of {name!r}", labels)
    found = _classes(f"the predictions of {name!r}", predictions)
    if len(truth) != len(found):
        raise ValueError(f"{name!r} has {len(truth):,} labels and {len(found):,} predictions")
    counts = Counter(zip(truth, found, strict=True))
    classes = _sorted({*truth, *found})
    matrix = []
    for label in classes:
        matrix.append([counts[label, predicted] for predicted in classes])
    text = json.dumps({"labels": classes, "matrix": matrix}, ensure_ascii=False)
    log.put_bytes(
        artifact_name("confusion", name, ".json", step), text.encode("utf-8", "backslashreplace") + b"\n"
    )


def _classes(what: str, values: Any) -> list[Any]:
    found = []
    for value in as_list(what, values):
        each = plain(value)
        if isinstance(each, list | dict):
            raise TypeError(f"{what} are classes, one for each example, and not {type(value).__name__}s")
        found.append(each)
    return found


def _sorted(classes: Iterable[Any]) -> list[Any]:
    found = list(classes)
    try:
        return sorted(found)
    except TypeError:  # numbers and texts
        return sorted(found, key=str)
