"""`wandb.plot`: the plots are kept as the tables that they draw."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gitexp.compat.wandb.media import Confusion, WandbTable
from gitexp.extras.tracking.arrays import as_list


def confusion_matrix(
    probs: Any = None,
    y_true: Any = None,
    preds: Any = None,
    class_names: Sequence[str] | None = None,
    title: str = "",
    split_table: bool = False,
) -> Confusion:
    """The confusion matrix of true and predicted classes."""
    if preds is None:
        preds = [
            max(range(len(row)), key=list(row).__getitem__) for row in as_list("the probabilities", probs)
        ]
    labels = as_list("the labels", y_true)
    predictions = as_list("the predictions", preds)
    if class_names is not None:
        labels = [class_names[label] for label in labels]
        predictions = [class_names[prediction] for prediction in predictions]
    return Confusion(labels, predictions)


def line(table: WandbTable, x: str, y: str, *_: Any, **__: Any) -> WandbTable:
    """The table of a line."""
    return table


def scatter(table: WandbTable, x: str, y: str, *_: Any, **__: Any) -> WandbTable:
    """The table of a cloud of points."""
    return table


def bar(table: WandbTable, label: str, value: str, *_: Any, **__: Any) -> WandbTable:
    """The table of bars."""
    return table


def histogram(table: WandbTable, value: str, *_: Any, **__: Any) -> WandbTable:
    """The table of a histogram."""
    return table


def line_series(xs: Any, ys: Any, keys: Sequence[str] | None = None, *_: Any, **__: Any) -> WandbTable:
    """The table of several lines: x, the name of the line, y."""
    lines = [as_list("the values of a line", values) for values in ys]
    places = as_list("the places", xs)
    table = WandbTable(columns=["x", "line", "y"])
    for number, values in enumerate(lines):
        at = places
        if places and hasattr(places[0], "__len__"):
            at = as_list("the places", places[number])
        for x, y in zip(at, values, strict=False):
            table.add_data(x, keys[number] if keys else f"line {number}", y)
    return table


def __getattr__(name: str) -> Any:
    raise AttributeError(
        f"gitexp.compat.wandb.plot has no {name}: draw it, and log the figure: wandb.log({{name: figure}})"
    )
