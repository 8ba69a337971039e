"""A document as LaTeX. Its plots are files beside it."""

from __future__ import annotations

from collections.abc import Callable

from gitexp.extras.plots.charts import Chart
from gitexp.extras.reports.document import (
    CodePiece,
    Document,
    DocumentNode,
    FoldedPiece,
    LinesPiece,
    NodeKind,
    Piece,
    PlotPiece,
    TablePiece,
)
from gitexp.extras.reports.formulas import UnknownFormula, as_mathml
from gitexp.extras.reports.writers.node_writer import NodeWriter
from gitexp.views.markup import as_latex, latex_table

_PREAMBLE = r"""\documentclass[11pt,a4paper]{article}
\usepackage{iftex}
\ifpdftex\usepackage[T1]{fontenc}\usepackage{textcomp}\fi
\usepackage[margin=2.5cm]{geometry}
\usepackage{amsmath,amssymb,booktabs,graphicx}
\usepackage[normalem]{ulem}
\usepackage[hidelinks]{hyperref}
\setlength{\parindent}{0pt}\setlength{\parskip}{.6em}
\emergencystretch=3em
\newsavebox{\widetable}
\newcommand{\fitted}[1]{\sbox{\widetable}{#1}\ifdim\wd\widetable>\linewidth
  \resizebox{\linewidth}{!}{\usebox{\widetable}}\else\usebox{\widetable}\fi}
\begin{document}
"""
_SECTIONS = (
    "section*",
    "section*",
    "subsection*",
    "subsubsection*",
    "paragraph*",
    "paragraph*",
    "paragraph*",
)
_AROUND = {NodeKind.EMPHASIS: "emph", NodeKind.STRONG: "textbf", NodeKind.STRUCK: "sout"}
_ENVIRONMENTS = {NodeKind.BULLETS: "itemize", NodeKind.NUMBERS: "enumerate", NodeKind.QUOTE: "quote"}


def write(document: Document, place: Callable[[Chart], str]) -> bytes:
    """The LaTeX of a document. `place`: from a plot to the path of its file."""
    body = _LatexWriter(place).blocks(document.blocks)
    return f"{_PREAMBLE}\n{body}\n\n\\end{{document}}\n".encode("utf-8", "backslashreplace")


class _LatexWriter(NodeWriter):
    def __init__(self, place: Callable[[Chart], str]) -> None:
        self._place = place

    def _node(self, node: DocumentNode) -> str:
        kind = node.kind
        if kind in _AROUND:
            return rf"\{_AROUND[kind]}{{{self._inside(node)}}}"
        if kind in _ENVIRONMENTS:
            name = _ENVIRONMENTS[kind]
            return f"\\begin{{{name}}}\n{self.blocks(node.children)}\n\\end{{{name}}}"
        match kind:
            case NodeKind.HEADING:
                return rf"\{_SECTIONS[node.level]}{{{self._inside(node)}}}"
            case NodeKind.PARAGRAPH:
                return self._inside(node)
            case NodeKind.ITEM:
                return rf"\item {self.blocks(node.children)}"
            case NodeKind.RULE:
                return r"\hrulefill"
            case NodeKind.BREAK:
                return "\\newline\n"
            case NodeKind.CODE:
                return rf"\texttt{{{as_latex(node.text)}}}"
            case NodeKind.CODE_BLOCK:
                return _code(node.text)
            case NodeKind.FORMULA | NodeKind.FORMULA_BLOCK:
                return _formula(node)
            case NodeKind.LINK:
                return f"{self._inside(node)} ({as_latex(node.text)})"
            case NodeKind.TABLE:
                return self._table(node)
            case NodeKind.PIECE if node.piece is not None:
                return self._piece(node.piece)
        return as_latex(node.text) + self._inside(node)

    def _table(self, node: DocumentNode) -> str:
        lines = []
        for row in node.children:
            lines.append(" & ".join(map(self._inside, row.children)) + r" \\")
        places = ""
        for cell in node.children[0].children:
            if cell.is_right:
                places += "r"
            else:
                places += "l"
        head, *rows = lines
        inside = "\n".join([rf"\begin{{tabular}}{{{places}}}", r"\toprule", head, r"\midrule", *rows])
        return _fitted(f"{inside}\n\\bottomrule\n\\end{{tabular}}")

    def _piece(self, piece: Piece) -> str:
        match piece:
            case TablePiece() if len(parts := piece.for_paper()) > 1:
                return "\n\n".join(map(self._piece, parts))
            case TablePiece(heads, rows, _, remark):
                told = _fitted("\n".join(latex_table(heads, rows)[1:]))
                if not remark:
                    return told
                return f"{told}\n\n{{\\small {as_latex(remark)}}}"
            case PlotPiece(chart):
                path = self._place(chart)
                return rf"\begin{{center}}\includegraphics[width=.85\linewidth]{{{path}}}\end{{center}}"
            case CodePiece(text, _):
                return _code(text)
            case LinesPiece(lines):
                return "\\newline\n".join(map(as_latex, lines))
            case FoldedPiece(title, inner):
                return f"\\textbf{{{as_latex(title)}}}\n\n{self._piece(inner)}"


def _fitted(table: str) -> str:
    return f"\\fitted{{{table}}}"


def _code(text: str) -> str:
    """Code as lines of typewriter text: `verbatim` could be ended by the code itself."""
    lines = []
    for line in text.rstrip("\n").split("\n"):
        shown = as_latex(line).replace(" ", "~") or r"\strut"
        lines.append(rf"\texttt{{{shown}}}")
    inside = "\\\\\n".join(lines)
    return f"\\begin{{flushleft}}\\footnotesize\n{inside}\n\\end{{flushleft}}"


def _formula(node: DocumentNode) -> str:
    text, is_block = node.text.strip(), node.kind is NodeKind.FORMULA_BLOCK
    try:
        as_mathml(text, is_block=is_block)  # only what is known
    except UnknownFormula:
        return rf"\texttt{{{as_latex(text)}}}"
    if is_block:
        return f"\\[ {text} \\]"
    return f"${text}$"
