"""A table in the languages of other programs: CSV, Markdown and LaTeX."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from typing import Any

from gitexp.model import MISSING
from gitexp.words import clean, show_value


class TableFormat(StrEnum):
    """The formats of a printed table."""

    CSV = "csv"
    MARKDOWN = "md"
    LATEX = "latex"


_FORMULA = ("=", "+", "-", "@")  # the first characters of a formula in a spreadsheet
_MARKDOWN = str.maketrans({char: "\\" + char for char in "\\|`*_<>[]~#&!$"})
_LATEX = str.maketrans(
    {
        **{char: "\\" + char for char in "&%$#_{}"},
        "\\": r"\textbackslash{}",
        "~": r"\textasciitilde{}",
        "^": r"\textasciicircum{}",
        "<": r"\textless{}",
        ">": r"\textgreater{}",
        "|": r"\textbar{}",
    }
)


def table(form: TableFormat, heads: Sequence[str], rows: Iterable[Sequence[Any]]) -> list[str]:
    """The lines of a table in one of the formats; values in full, a missing one is empty."""
    if form is TableFormat.CSV:
        return csv_table([heads, *rows]).split("\n")[:-1]
    texts = [list(map(as_text, row)) for row in rows]
    if form is TableFormat.LATEX:
        return latex_table(heads, texts)
    return markdown_table(heads, texts)


def of_documents(form: TableFormat, documents: Iterable[Mapping[str, Any]]) -> list[str]:
    """The table of JSON objects: a column for each key, a row for each object."""
    found = list(documents)
    heads = list(dict.fromkeys(key for document in found for key in document))
    rows = [list(map(_flat, map(document.get, heads))) for document in found]
    return table(form, heads, rows)


def _flat(value: Any) -> Any:
    """A value fit for one cell: the items of a list stand side by side."""
    if isinstance(value, (list, tuple)):
        return " ".join(map(str, value))
    return value


def csv_table(rows: Iterable[Iterable[Any]]) -> str:
    """Rows as CSV (RFC 4180, with line feeds), values in full; a missing value is empty.

    Control characters are written out (`\\n`, `\\x1b`), and a formula of a spreadsheet begins with an
    apostrophe; `--json` has every text unchanged.
    """
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    for row in rows:
        writer.writerow(map(_csv_cell, row))
    return out.getvalue()


def _csv_cell(value: Any) -> str:
    text = as_text(value)
    if isinstance(value, str) and text.startswith(_FORMULA):
        return "'" + text
    return text


def as_text(value: Any) -> str:
    """A value in full; "" for a missing one."""
    if value is MISSING or value is None:
        return ""
    return show_value(value, longest=None)


def markdown_table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """A Markdown table; text in it is text, not markup."""
    return [_markdown_row(heads), "|" + " --- |" * len(heads), *map(_markdown_row, rows)]


def _markdown_row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(clean(cell).translate(_MARKDOWN) for cell in cells)} |"


def latex_table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """A LaTeX tabular; text in it is text, not commands."""
    lines = [rf"\begin{{tabular}}{{{'l' * len(heads)}}}", r"\hline", _latex_row(heads), r"\hline"]
    return [*lines, *map(_latex_row, rows), r"\hline", r"\end{tabular}"]


def _latex_row(cells: Sequence[str]) -> str:
    return " & ".join(clean(cell).translate(_LATEX) for cell in cells) + r" \\"


def in_language(form: TableFormat, text: str) -> str:
    """A text that Markdown or LaTeX shows as it is."""
    return clean(text).translate(_LATEX if form is TableFormat.LATEX else _MARKDOWN)
