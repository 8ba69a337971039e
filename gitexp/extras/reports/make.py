"""A report of experiments in one of its formats: template, document, file."""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import StrEnum
from importlib import resources
from typing import Any

from gitexp import errors, plugins
from gitexp.catalog.query import Query
from gitexp.extras.plots.charts import Chart
from gitexp.extras.reports import markdown, pictures, sandbox
from gitexp.extras.reports.content import Content
from gitexp.extras.reports.document import Document, DocumentNode, NodeKind, walk
from gitexp.extras.reports.formulas import UnknownFormula, as_mathml
from gitexp.extras.reports.functions import Functions
from gitexp.extras.reports.writers import html, latex
from gitexp.extras.reports.writers import markdown as markdown_writer
from gitexp.named_tuple import NamedTuple
from gitexp.project.project import Project
from gitexp.views.columns import Columns
from gitexp.words import clean, cut

_TEMPLATES = resources.files("gitexp.extras.reports") / "templates"
_MOST_OF_A_COMMENT = 60_000  # characters; GitHub takes 65,536
# Rows of the table and lines of code in a comment, from more to less until it fits.
_SIZES = ((50, 300), (25, 100), (10, 30), (3, 5))
_FIGURE = '#set page(width: auto, height: auto, margin: 2pt)\n#image("figure.svg")\n'


class ReportFormat(StrEnum):
    """The formats of a report, by the ending of the file."""

    HTML = "html"
    MARKDOWN = "md"
    PDF = "pdf"
    LATEX = "tex"


class Template(NamedTuple):
    """A template of the user's.

    Attributes:
        name: the name of the file, for messages.
    """

    name: str
    text: str


class ReportRequest(NamedTuple):
    """The options of a report.

    Attributes:
        template: None for gitexp's own.
        is_comment: a comment on a pull request: short, with a hidden mark.
        is_summary: the summary of a CI step: short, without a mark.
        stem: the name of the file without its ending, for the names of figures.
    """

    query: Query
    wanted: Columns
    form: ReportFormat
    title: str = ""
    question: str = ""
    template: Template | None = None
    is_comment: bool = False
    is_summary: bool = False
    stem: str = "report"


class MadeReport(NamedTuple):
    """A report.

    Attributes:
        files: the contents of the figures, by the name of the file.
        remarks: a sentence for each invalid formula.
    """

    data: bytes
    files: Mapping[str, bytes]
    remarks: tuple[str, ...] = ()


def make(project: Project, request: ReportRequest) -> MadeReport:
    """The report. Raises UsageError for a mistake in a template or a missing package."""
    content = Content(project, request.query, request.wanted)
    if request.is_comment or request.is_summary:
        return MadeReport(_comment(content, request).encode("utf-8", "backslashreplace"), {})
    template = request.template or _own("report.md.j2")
    functions = Functions(content, _given(request), draws=request.form != ReportFormat.MARKDOWN)
    text = sandbox.filled(template.text, template.name, functions.values(), functions.shown)
    if request.form == ReportFormat.MARKDOWN:
        told = markdown_writer.write(text, functions.pieces)
        return MadeReport(told.encode("utf-8", "backslashreplace"), {})
    blocks = markdown.parsed(text, functions.pieces)
    document = Document(_title(request, blocks), blocks)
    remarks = _wrong_formulas(blocks)
    if request.form == ReportFormat.HTML:
        return MadeReport(html.write(document, pictures.svg), {}, remarks)
    if request.form == ReportFormat.PDF:
        source, files = _installed("typst source", "ziamath")(document, pictures.svg)
        return MadeReport(_installed("pdf", "typst")(source, files), {}, remarks)
    figures = dict[str, bytes]()

    def place(chart: Chart) -> str:
        name = f"{request.stem}_files/plot-{len(figures) + 1}.pdf"
        figures[name] = _installed("pdf", "typst")(_FIGURE, {"figure.svg": pictures.svg(chart)})
        return name

    return MadeReport(latex.write(document, place), figures, remarks)


def _comment(content: Content, request: ReportRequest) -> str:
    template = request.template or _own("pull_request.md.j2")
    text = ""
    for rows, lines in _SIZES:
        given = {**_given(request), "most_rows": rows, "most_lines": lines}
        functions = Functions(content, given, markdown.as_comment, draws=False)
        filled = sandbox.filled(template.text, template.name, functions.values(), functions.shown)
        text = markdown_writer.write(filled, functions.pieces, markdown.as_comment)
        if len(text) <= _MOST_OF_A_COMMENT:
            break
    else:
        raise errors.UsageError(
            f"The comment has {len(text):,} characters; a forge takes {_MOST_OF_A_COMMENT:,}.",
            "Fewer columns make it shorter: --columns acc,loss",
        )
    if request.is_comment:
        return f"{_mark(content.project)}\n{text}"
    return text


def _mark(project: Project) -> str:
    """The hidden line of the comments of a project. CI finds its earlier comment by the line."""
    key = re.sub(r"[^A-Za-z0-9._/]", "_", project.config.folder) or "root"
    return f"<!-- gitexp report: {key} -->"


def _given(request: ReportRequest) -> dict[str, Any]:
    return {"title": request.title or "Experiments", "question": request.question}


def _own(name: str) -> Template:
    return Template(name, (_TEMPLATES / name).read_text("utf-8"))


def _title(request: ReportRequest, blocks: list[DocumentNode]) -> str:
    """The title of the request, else the first heading."""
    if request.title:
        return clean(request.title)
    for node in walk(blocks):
        if node.kind is NodeKind.HEADING:
            return "".join(inner.text for inner in walk(node.children))
    return "Experiments"


def _wrong_formulas(blocks: list[DocumentNode]) -> tuple[str, ...]:
    found = []
    for node in walk(blocks):
        if node.kind in (NodeKind.FORMULA, NodeKind.FORMULA_BLOCK):
            try:
                as_mathml(node.text.strip(), is_block=node.kind is NodeKind.FORMULA_BLOCK)
            except UnknownFormula as error:
                found.append(f"The formula {cut(clean(node.text), 60)} stays as it is written: {error}.")
    return tuple(dict.fromkeys(found))


def _installed(name: str, package: str) -> Any:
    found = plugins.find_installed("report", name, package)
    if found is None:
        raise errors.UsageError(
            f"This needs a package that is not installed: {package}.", "pip install 'gitexp[pdf]'"
        )
    return found
