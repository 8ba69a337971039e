"""A table in the languages of other programs: CSV, Markdown and LaTeX."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import StrEnum
from typing import Any

from gitexp.model import MISSING
from gitexp.named_tuple import NamedTuple
from gitexp.regex import regex
from gitexp.words import clean, show_value


class TableFormat(StrEnum):
    """The formats of a printed table."""

    CSV = "csv"
    MARKDOWN = "md"
    LATEX = "latex"


class BestText(str):
    """The text of the best value of a metric: Markdown and LaTeX show it in bold."""

    __slots__ = ()


# A number, its uncertainty, how many values it is of, the mark of noise; or percents:
# `0.8 ± 0.14 (2)`, `0.75≈`, `+11.1 %`.
_NUMBER = regex(r"[-+x/]?(?:\d[\d,]*\.?\d*(?:e[-+]?\d+)?|nan|inf)(?: ± \S+)?(?: \([^)]*\)| %)?(?: ?≈)?")
_FORMULA = ("=", "+", "-", "@")  # the first characters of a formula in a spreadsheet
_MARKDOWN = str.maketrans({char: "\\" + char for char in "\\|`*_<>[]~#&!$"})
_LATEX = str.maketrans(
    {
        **{char: "\\" + char for char in "&%$#_{}"},
        **{char: f"{{{char}}}" for char in "[]*"},  # behind a line's end, a bracket or star is an argument
        "\\": r"\textbackslash{}",
        "±": r"$\pm$",
        "≈": r"$\approx$",
        "…": r"\ldots{}",
        "'": r"\textquotesingle{}",
        "`": r"\textasciigrave{}",
        '"': r"\textquotedbl{}",
        "~": r"\textasciitilde{}",
        "^": r"\textasciicircum{}",
        "<": r"\textless{}",
        ">": r"\textgreater{}",
        "|": r"\textbar{}",
    }
)


def table(form: TableFormat, heads: Sequence[str], rows: Iterable[Sequence[Any]]) -> list[str]:
    """The lines of a table in one of the formats; values in full, missing values empty."""
    heads = own_titles(heads)
    if form is TableFormat.CSV:
        return csv_table([heads, *rows]).split("\n")[:-1]
    texts = [list(map(as_text, row)) for row in rows]
    return LANGUAGES[form].table(heads, texts)


def own_titles(titles: Iterable[str]) -> list[str]:
    """The titles, each different from all others: a repeated title gets a number."""
    found: dict[str, None] = {}
    for title in titles:
        own, number = title, 1
        while own in found:
            number += 1
            own = f"{title} ({number})"
        found[own] = None
    return list(found)


def of_documents(form: TableFormat, documents: Iterable[Mapping[str, Any]]) -> list[str]:
    """The table of JSON objects: a column for each key, a row for each object; nothing without any."""
    found = list(documents)
    if not found:
        return []
    keys: dict[str, None] = {}
    for document in found:
        keys.update(dict.fromkeys(document))
    heads = list(keys)
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
    """A value in full; "" for a missing one. The best value stays marked."""
    if value is MISSING or value is None:
        return ""
    if isinstance(value, BestText):
        return BestText(clean(value))
    return show_value(value, longest=None)


def markdown_table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """A Markdown table; text in it is text, not markup."""
    return [_markdown_row(heads), "|" + " --- |" * len(heads), *map(_markdown_row, rows)]


def _markdown_row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(map(_markdown_cell, cells))} |"


def _markdown_cell(text: str) -> str:
    shown = as_markdown(text)
    if isinstance(text, BestText):
        return f"**{shown}**"
    return shown


def latex_table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """A LaTeX tabular with booktabs, numbers at the right edge; text in it is text, not commands."""
    found = list(rows)
    places = ""
    for is_right in is_at_right(heads, found):
        if is_right:
            places += "r"
        else:
            places += "l"
    lines = [r"% \usepackage{booktabs}", rf"\begin{{tabular}}{{{places}}}", r"\toprule"]
    lines += [_latex_row(heads), r"\midrule", *map(_latex_row, found)]
    return [*lines, r"\bottomrule", r"\end{tabular}"]


def _latex_row(cells: Sequence[str]) -> str:
    return " & ".join(map(_latex_cell, cells)) + r" \\"


def _latex_cell(text: str) -> str:
    shown = as_latex(text)
    if isinstance(text, BestText):
        return rf"\textbf{{{shown}}}"
    return shown


def as_latex(text: str) -> str:
    """A text for LaTeX, shown unchanged."""
    return clean(text).translate(_LATEX).replace("--", "-{}-").replace("--", "-{}-")


def is_at_right(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> list[bool]:
    """Whether each column holds numbers."""
    found = []
    for at in range(len(heads)):
        texts = [row[at] for row in rows if row[at] not in ("", "-")]
        found.append(bool(texts) and all(map(_NUMBER.fullmatch, texts)))
    return found


def as_markdown(text: str) -> str:
    """A text for Markdown, shown unchanged."""
    return clean(text).translate(_MARKDOWN)


def in_language(form: TableFormat, text: str) -> str:
    """A text for any format but CSV, shown unchanged."""
    return LANGUAGES[form].text(text)


def fenced(code: str, language: str) -> str:
    """Code in Markdown, between fences longer than all fences in the code."""
    fence = "```"
    while fence in code:
        fence += "`"
    return f"{fence}{language}\n{code}\n{fence}"


def _markdown_patch(lines: Sequence[str]) -> list[str]:
    return fenced("\n".join(lines), "diff").split("\n")


class Language(NamedTuple):
    """How a format for texts writes the parts of a text.

    Attributes:
        table: gives the lines of a table, for its heads and the texts of its rows.
        text: gives a sentence that is shown unchanged.
        heading: gives the line above a table, for a title of gitexp's own.
        patch: gives the lines of a patch; None if the format has tables alone.
    """

    table: Callable[[Sequence[str], Sequence[Sequence[str]]], list[str]]
    text: Callable[[str], str]
    heading: Callable[[str], str]
    patch: Callable[[Sequence[str]], list[str]] | None


# Every format but CSV, which has values in full in one table, and no other text.
LANGUAGES = {
    TableFormat.MARKDOWN: Language(markdown_table, as_markdown, "### {}".format, _markdown_patch),
    TableFormat.LATEX: Language(latex_table, as_latex, "% {}".format, None),
}


def has_patches(form: TableFormat) -> bool:
    """Whether a format has room for a patch."""
    language = LANGUAGES.get(form)
    return language is not None and language.patch is not None
