"""The curve of a metric: its numbers in the order in which a run has written them; no input or output."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable
from pathlib import PurePosixPath

from gitexp.files.tables.delimited import SEPARATORS


def places(plots: Iterable[str], metric: str) -> list[str]:
    """The files where the curve of a metric may stand, by the files and folders of curves."""
    found = []
    last = metric.rpartition(".")[2]
    for path in plots:
        if PurePosixPath(path).suffix in SEPARATORS:
            found.append(path)
        else:
            found += [f"{path}/metrics/{metric}.tsv", f"{path}/metrics/{last}.tsv", f"{path}/{last}.csv"]
    return list(dict.fromkeys(found))


def curve(path: str, data: bytes, metric: str) -> list[float]:
    """The numbers of a metric in a table with a header; [] if it has none. A line cut short is left out."""
    whole = data[: data.rfind(b"\n") + 1].decode("utf-8", "replace")
    rows = csv.reader(io.StringIO(whole), delimiter=SEPARATORS[PurePosixPath(path).suffix])
    numbers = list[float]()
    try:
        header = [title.strip() for title in next(rows, [])]
        for title in (metric, metric.rpartition(".")[2]):
            if title in header:
                at = header.index(title)
                break
        else:
            return []
        for row in rows:
            number = float(row[at]) if at < len(row) and row[at].strip() else math.nan
            if math.isfinite(number):
                numbers.append(number)
    except (csv.Error, ValueError):
        pass
    return numbers
