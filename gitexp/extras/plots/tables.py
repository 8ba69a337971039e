"""Tables of experiments, such as predictions, to be read and not drawn. No input or output."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any

from gitexp.files.plot_rows import Row
from gitexp.named_tuple import NamedTuple

MOST_ROWS = 100  # that are shown
_MOST_COLUMNS = 30
_LONGEST = 200  # characters of a cell


class TablePlot(NamedTuple):
    """A table of one experiment.

    Attributes:
        title: the name of the table.
        label: the name of the experiment.
        columns: the titles.
        rows: the texts of the cells of the first rows.
        total: the number of all rows.
    """

    title: str
    label: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    total: int

    def as_json(self) -> dict[str, Any]:
        """The object of `gitexp plots --json`."""
        return {
            "name": self.title,
            "title": self.title,
            "experiment": self.label,
            "table": {"columns": [*self.columns], "rows": [[*row] for row in self.rows], "total": self.total},
        }


def table_of(title: str, label: str, rows: Sequence[Row]) -> TablePlot:
    """The first rows of a table."""
    keys: dict[str, None] = {}
    for row in rows[:MOST_ROWS]:
        keys.update(dict.fromkeys(map(str, row)))
    columns = list(keys)[:_MOST_COLUMNS]
    cells = []
    for row in rows[:MOST_ROWS]:
        cells.append([_cell(row.get(column)) for column in columns])
    return TablePlot(title, label, columns, cells, len(rows))


def _cell(value: Any) -> str:
    if value is None:
        return ""
    text = str(value)
    if len(text) > _LONGEST:
        return text[: _LONGEST - 1] + "…"
    return text


STYLE = """
section.tables div { max-height: 24rem; max-width: fit-content; overflow: auto; }
section.tables h2 { font-size: 1rem; font-weight: 600; }
section.tables table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
section.tables th, section.tables td { padding: 0.1rem 0.6rem; text-align: left; }
section.tables tr { border-bottom: 1px solid #8884; }
"""


def section(table: TablePlot) -> str:
    """The HTML of a table."""
    head = "".join(f"<th>{escape(column)}</th>" for column in table.columns)
    lines = []
    for row in table.rows:
        cells = "".join(f"<td>{escape(cell)}</td>" for cell in row)
        lines.append(f"<tr>{cells}</tr>")
    rest = ""
    if table.total > len(table.rows):
        rest = f"<p>The first {len(table.rows):,} of {table.total:,} rows.</p>"
    return "\n".join(
        [
            f'<section class="tables"><h2>{escape(table.title)}: {escape(table.label)}</h2>',
            f'<div tabindex="0"><table><thead><tr>{head}</tr></thead>',
            f"<tbody>{''.join(lines)}</tbody></table></div>{rest}</section>",
        ]
    )
