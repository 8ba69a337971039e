"""Tables as artifacts: CSV."""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from gitexp.extras.tracking.arrays import as_list
from gitexp.extras.tracking.artifact_names import artifact_name
from gitexp.extras.tracking.plain_values import plain
from gitexp.extras.tracking.run_log import RunLog


def log_table(
    log: RunLog, name: str, table: Any, step: int | None = None, columns: Sequence[str] | None = None
) -> None:
    """Log a table, see `Run.log_table`."""
    if isinstance(table, str | os.PathLike):
        path = Path(table)
        log.copy_file(path, artifact_name("tables", name, path.suffix, step))
    else:
        target = artifact_name("tables", name, ".csv", step)
        log.put_bytes(target, _csv(name, table, columns).encode("utf-8", "backslashreplace"))


def _csv(name: str, table: Any, columns: Sequence[str] | None) -> str:
    """The text of a table. Raises TypeError and ValueError, naming the table."""
    if hasattr(table, "write_csv"):  # of Polars
        return str(table.write_csv())
    if hasattr(table, "to_csv") and hasattr(table, "columns"):  # of pandas
        has_names = type(table.index).__name__ != "RangeIndex"
        return str(table.to_csv(index=has_names, lineterminator="\n"))
    if hasattr(table, "to_pylist"):  # of Arrow
        table = table.to_pylist()
    if isinstance(table, Mapping):
        return _written(list(table), _rows_of_columns(name, table))
    if isinstance(table, str | bytes) or not isinstance(table, Iterable):
        raise TypeError(
            f"the table {name!r} is a {type(table).__name__}; log_table takes a list of dicts, a dict of "
            "lists, a list of rows with columns=[…], a data frame, or the path of a file"
        )
    rows = list(table)
    if columns is not None:
        return _written(columns, _checked_rows(name, rows, len(columns)))
    for row in rows:
        if not isinstance(row, Mapping):
            raise TypeError(
                f"a row of the table {name!r} is a {type(row).__name__} and no dict; the names of "
                "a row's values are said by columns=[…]"
            )
    found: dict[Any, None] = {}  # a dict keeps the order
    for row in rows:
        found.update(dict.fromkeys(row))
    return _written(list(found), ([row.get(column) for column in found] for row in rows))


def _rows_of_columns(name: str, table: Mapping[Any, Any]) -> Iterable[Sequence[Any]]:
    columns = [as_list(f"the values of the column {column!r}", values) for column, values in table.items()]
    lengths = {len(column) for column in columns}
    if len(lengths) > 1:
        raise ValueError(f"the columns of the table {name!r} are not of one length: {sorted(lengths)}")
    return zip(*columns, strict=True)


def _checked_rows(name: str, rows: Sequence[Any], width: int) -> Iterable[Sequence[Any]]:
    found = [as_list(f"the rows of the table {name!r}", row) for row in rows]
    for row in found:
        if len(row) != width:
            raise ValueError(f"a row of the table {name!r} has {len(row)} values for {width} columns")
    return found


def _written(columns: Sequence[Any], rows: Iterable[Sequence[Any]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(map(str, columns))
    for row in rows:
        writer.writerow(map(_cell, row))
    return text.getvalue()


def _cell(value: Any) -> Any:
    found = plain(value)
    if isinstance(found, dict | list):
        return json.dumps(found, ensure_ascii=False)
    return found
