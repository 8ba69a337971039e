"""The values beside numbers that a script for wandb logs, and how a run of gitexp keeps them."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from gitexp.extras.tracking.arrays import as_array, as_list
from gitexp.extras.tracking.run import Run

_BINS = 64


class Media:
    """A value kept as a file."""

    def keep(self, run: Run, name: str, step: int) -> None:
        """Keep it as an artifact of the run."""
        raise NotImplementedError


class Image(Media):
    """An image: an array, a figure, an image of PIL, or the path of a file. Boxes and masks are not kept."""

    def __init__(
        self, data_or_path: Any, mode: str | None = None, caption: str | None = None, **_: Any
    ) -> None:
        self.image: Any = data_or_path.image if isinstance(data_or_path, Image) else data_or_path
        self.caption = caption

    def keep(self, run: Run, name: str, step: int) -> None:
        run.log_figure(name, self.image, step)
        if self.caption:
            run.log_text(f"{name}.caption", self.caption, step)


class Audio(Media):
    """A sound: samples, or the path of a file."""

    def __init__(self, data_or_path: Any, sample_rate: int | None = None, caption: str | None = None) -> None:
        self.samples, self.rate, self.caption = data_or_path, sample_rate, caption

    def keep(self, run: Run, name: str, step: int) -> None:
        run.log_audio(name, self.samples, self.rate, step)


class Html(Media):
    """A page: its text, or an open file."""

    def __init__(self, data: Any, inject: bool = True, data_is_not_path: bool = False) -> None:
        self.text = data.read() if hasattr(data, "read") else str(data)

    def keep(self, run: Run, name: str, step: int) -> None:
        run.log_text(f"{name}.html", self.text, step)


class Video(Media):
    """A film: the path of a file."""

    def __init__(
        self, data_or_path: Any, caption: str | None = None, fps: int = 4, format: str = "gif"
    ) -> None:
        if not isinstance(data_or_path, str | os.PathLike):
            raise TypeError("gitexp keeps a film as a file: give the path of one that the script has written")
        self.path = os.fspath(data_or_path)

    def keep(self, run: Run, name: str, step: int) -> None:
        run.log_artifact(self.path, f"videos/{name}/{step}{os.path.splitext(self.path)[1]}")  # noqa: PTH122 - a text


class WandbTable(Media):
    """A table: rows, a data frame, or rows added one by one."""

    def __init__(
        self,
        columns: Sequence[str] | None = None,
        data: Any = None,
        rows: Any = None,
        dataframe: Any = None,
        **_: Any,
    ) -> None:
        self.frame = dataframe
        if dataframe is None and hasattr(data, "to_csv"):
            self.frame = data
        given = data
        if given is None:
            given = rows
        self.data: list[Any] = []
        if given is not None and self.frame is None:
            self.data = [*map(list, given)]
        self.columns = ["Input", "Output", "Expected"]
        if columns is not None:
            self.columns = list(columns)
        elif self.data:
            self.columns = self.columns[: len(self.data[0])]

    def add_data(self, *row: Any) -> None:
        """Add a row. Raises ValueError for a row of another width."""
        if len(row) != len(self.columns):
            raise ValueError(
                f"a row of {len(row)} values for the columns {', '.join(map(str, self.columns))}"
            )
        self.data.append(list(row))

    def add_column(self, name: str, data: Iterable[Any]) -> None:
        """Add a column. Raises ValueError for one of another length."""
        values = as_list(f"the values of {name!r}", data)
        if not self.data:
            self.data = [[] for _ in values]
            self.columns = []
        for row, value in zip(self.data, values, strict=True):
            row.append(value)
        self.columns.append(name)

    def get_column(self, name: str) -> list[Any]:
        """The values of a column."""
        at = self.columns.index(name)
        return [row[at] for row in self.data]

    def keep(self, run: Run, name: str, step: int) -> None:
        if self.frame is not None:
            run.log_table(name, self.frame, step)
            return
        rows = []
        for number, row in enumerate(self.data):
            shown = []
            for column, value in zip(self.columns, row, strict=True):
                shown.append(_cell(run, f"{name}/{column}/{number}", value, step))
            rows.append(shown)
        run.log_table(name, rows, step, columns=self.columns)


def _cell(run: Run, name: str, value: Any, step: int) -> Any:
    """A cell of a table; of an image or a sound its name, under which it is kept beside."""
    if isinstance(value, Media):
        value.keep(run, name, step)
        return name
    return value


class Histogram(Media):
    """A histogram: of values, or counts and edges as NumPy's `histogram` has them."""

    def __init__(self, sequence: Any = None, np_histogram: Any = None, num_bins: int = _BINS) -> None:
        if np_histogram is not None:
            counts, edges = np_histogram
            self.counts = as_list("the counts of a histogram", counts)
            self.edges = as_list("the edges of a histogram", edges)
        else:
            array = as_array(sequence)
            flat = sequence if array is None else array.reshape(-1)
            self.counts, self.edges = _counted(as_list("the values of a histogram", flat), num_bins)

    def keep(self, run: Run, name: str, step: int) -> None:
        table = {"from": self.edges[:-1], "to": self.edges[1:], "count": self.counts}
        run.log_table(f"{name}.histogram", table, step)


def _counted(values: Sequence[float], bins: int) -> tuple[list[int], list[float]]:
    finite = [value for value in values if value - value == 0]
    low, high = min(finite, default=0.0), max(finite, default=1.0)
    width = (high - low) / bins or 1.0
    counts = [0] * bins
    for value in finite:
        counts[min(int((value - low) / width), bins - 1)] += 1
    return counts, [low + width * number for number in range(bins + 1)]


class Confusion(Media):
    """A confusion matrix, as `plot.confusion_matrix` makes it."""

    def __init__(self, labels: Any, predictions: Any) -> None:
        self.labels, self.predictions = labels, predictions

    def keep(self, run: Run, name: str, step: int) -> None:
        run.log_confusion(name, self.labels, self.predictions, step)


def is_figure(value: Any) -> bool:
    """Whether a value is a figure of matplotlib or plotly, pyplot itself, or an image of PIL."""
    if hasattr(value, "savefig") or hasattr(value, "to_plotly_json"):
        return True
    return hasattr(value, "save") and hasattr(value, "mode") and hasattr(value, "size")


def is_many(value: Any) -> bool:
    """Whether a value is a list or an array, and not one number."""
    array = as_array(value)
    if array is not None:
        return bool(getattr(array, "size", 1) != 1)
    return isinstance(value, list | tuple) and not isinstance(value, Mapping)
