"""HTML of what gitexp returns, registered with IPython: the values themselves know nothing of HTML.

The classes are named by their modules, and imported only where a cell returns one.
"""

from __future__ import annotations

from typing import Any

from gitexp.extras.integrations.notebook import html
from gitexp.words import counted

_SHOWN = (
    ("gitexp.views.table", "Table", html.of_table),
    ("gitexp.views.diff", "Diff", html.of_diff),
    ("gitexp.extras.reading.history", "History", html.of_history),
    ("gitexp.files.lines.series_columns", "Series", html.of_series),
)


def register(shell: Any) -> None:
    """Have a shell show tables, differences and curves as HTML."""
    formatters = shell.display_formatter.formatters
    for module, name, shown in _SHOWN:
        formatters["text/html"].for_type_by_name(module, name, shown)
    # Whoever shows no HTML, and the file of the notebook, gets a line in place of all fields.
    formatters["text/plain"].for_type_by_name("gitexp.views.table", "Table", _brief_table)
    formatters["text/plain"].for_type_by_name("gitexp.views.diff", "Diff", _brief_diff)


def _brief_table(table: Any, printer: Any, is_cycle: bool) -> None:
    printer.text(f"<Table of {counted(len(table.experiments), 'experiment')}>")


def _brief_diff(diff: Any, printer: Any, is_cycle: bool) -> None:
    printer.text(f"<Diff from {diff.old.label} to {diff.new.label}>")
