"""A document as LaTeX. Its plots are files beside it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from gitexp.extras.plots.charts import Chart
from gitexp.extras.reports.document import (
    CodePiece,
    Document,
    FoldedPiece,
    Kind,
    LinesPiece,
    Node,
    Piece,
    PlotPiece,
    TablePiece,
)
from gitexp.extras.reports.formulas import UnknownFormula, as_mathml
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
_AROUND = {Kind.EMPHASIS: "emph", Kind.STRONG: "textbf", Kind.STRUCK: "sout"}
_ENVIRONMENTS = {Kind.BULLETS: "itemize", Kind.NUMBERS: "enumerate", Kind.QUOTE: "quote"}


def write(document: Document, place: Callable[[Chart], str]) -> bytes:
    """The LaTeX of a document. `place` gives the path of the file of a plot."""
    body = _Writer(place).blocks(document.blocks)
    return f"{_PREAMBLE}\n{body}\n\n\\end{{document}}\n".encode("utf-8", "backslashreplace")


class _Writer:
    def __init__(self, place: Callable[[Chart], str]) -> None:
        self._place = place

    def blocks(self, nodes: Sequence[Node]) -> str:
        return "\n\n".join(self._node(node) for node in nodes)

    def _inside(self, node: Node) -> str:
        return "".join(self._node(child) for child in node.children)

    def _node(self, node: Node) -> str:
        kind = node.kind
        if kind in _AROUND:
            return rf"\{_AROUND[kind]}{{{self._inside(node)}}}"
        if kind in _ENVIRONMENTS:
            name = _ENVIRONMENTS[kind]
            return f"\\begin{{{name}}}\n{self.blocks(node.children)}\n\\end{{{name}}}"
        match kind:
            case Kind.HEADING:
                return rf"\{_SECTIONS[node.level]}{{{self._inside(node)}}}"
            case Kind.PARAGRAPH:
                return self._inside(node)
            case Kind.ITEM:
                return rf"\item {self.blocks(node.children)}"
            case Kind.RULE:
                return r"\hrulefill"
            case Kind.BREAK:
                return "\\newline\n"
            case Kind.CODE:
                return rf"\texttt{{{as_latex(node.text)}}}"
            case Kind.CODE_BLOCK:
                return _code(node.text)
            case Kind.FORMULA | Kind.FORMULA_BLOCK:
                return _formula(node)
            case Kind.LINK:
                return f"{self._inside(node)} ({as_latex(node.text)})"
            case Kind.TABLE:
                return self._table(node)
            case Kind.PIECE:
                return "" if node.piece is None else self._piece(node.piece)
        return as_latex(node.text) + self._inside(node)

    def _table(self, node: Node) -> str:
        lines = []
        for row in node.children:
            lines.append(" & ".join(self._inside(cell) for cell in row.children) + r" \\")
        places = "".join("r" if cell.is_right else "l" for cell in node.children[0].children)
        head, *rows = lines
        inside = "\n".join([rf"\begin{{tabular}}{{{places}}}", r"\toprule", head, r"\midrule", *rows])
        return _fitted(f"{inside}\n\\bottomrule\n\\end{{tabular}}")

    def _piece(self, piece: Piece) -> str:
        match piece:
            case TablePiece() if len(parts := piece.for_paper()) > 1:
                return "\n\n".join(map(self._piece, parts))
            case TablePiece(heads, rows, _, remark):
                told = _fitted("\n".join(latex_table(heads, rows)[1:]))
                return f"{told}\n\n{{\\small {as_latex(remark)}}}" if remark else told
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
    lines = [as_latex(line).replace(" ", "~") or r"\strut" for line in text.rstrip("\n").split("\n")]
    inside = "\\\\\n".join(rf"\texttt{{{line}}}" for line in lines)
    return f"\\begin{{flushleft}}\\footnotesize\n{inside}\n\\end{{flushleft}}"


def _formula(node: Node) -> str:
    text, is_block = node.text.strip(), node.kind is Kind.FORMULA_BLOCK
    try:
        as_mathml(text, is_block=is_block)  # only what is known
    except UnknownFormula:
        return rf"\texttt{{{as_latex(text)}}}"
    return f"\\[ {text} \\]" if is_block else f"${text}$"
