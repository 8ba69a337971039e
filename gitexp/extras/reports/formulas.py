"""LaTeX formulas as MathML, checked. The one user of latex2mathml.

A formula is taken only if each of its commands is known, and if its MathML has nothing but mathematics in it.
So a formula of somebody else's loads nothing in a page and reads nothing in LaTeX.
"""

from __future__ import annotations

import re
from functools import lru_cache
from xml.etree import ElementTree

import latex2mathml.converter

from gitexp.regex import regex

_NAMESPACE = "{http://www.w3.org/1998/Math/MathML}"
_LONGEST = 4000  # characters
_ELEMENTS = frozenset(
    [
        *(
            "math",
            "mrow",
            "mi",
            "mn",
            "mo",
            "mtext",
            "mspace",
            "mfrac",
            "msqrt",
            "mroot",
            "mstyle",
            "mpadded",
        ),
        *("msub", "msup", "msubsup", "munder", "mover", "munderover", "mmultiscripts", "mprescripts", "none"),
        *("mtable", "mtr", "mtd", "mphantom", "menclose", "merror", "ms"),
    ]
)
_ATTRIBUTES = frozenset(
    [
        *("display", "displaystyle", "scriptlevel", "mathvariant", "stretchy", "fence", "form", "separator"),
        *("lspace", "rspace", "width", "height", "depth", "linethickness", "minsize", "maxsize", "accent"),
        *("movablelimits", "columnalign", "columnlines", "rowlines", "rowspacing", "columnspacing", "frame"),
        *("accentunder", "notation", "symmetric", "largeop", "mathcolor", "mathbackground", "voffset"),
    ]
)
# What LaTeX takes for more than a sign of mathematics, outside of the commands.
_UNFIT = regex(r"\^\^|(?<!\\)(?:\\\\)*[%#$]")
# Commands that latex2mathml takes, and that make new ones: what these do is not seen in the MathML.
_MAKING = regex(r"\\(?:[egx]?def|let|(?:re)?newcommand|providecommand|Declare\w*|require|newenvironment)\b")
_ENVIRONMENT = regex(r"\\(?:begin|end)\s*(?:\{([^}]*)\})?")
_ENVIRONMENTS = frozenset(
    [
        *("matrix", "pmatrix", "bmatrix", "Bmatrix", "vmatrix", "Vmatrix", "smallmatrix", "array", "cases"),
        *("align", "align*", "aligned", "split", "gather", "gather*", "gathered", "multline", "eqnarray"),
    ]
)


class UnknownFormula(Exception):
    """A refused formula, with the reason."""


@lru_cache(maxsize=512)
def as_mathml(latex: str, *, is_block: bool) -> str:
    """The MathML of a formula. Raises UnknownFormula."""
    if len(latex) > _LONGEST:
        raise UnknownFormula(f"longer than {_LONGEST:,} characters")
    if unfit := _UNFIT.search(latex):
        raise UnknownFormula(f"{unfit[0].lstrip(chr(92))!r} has another meaning in LaTeX")
    if making := _MAKING.search(latex):
        raise UnknownFormula(f"{making[0]} is not taken")
    for environment in _ENVIRONMENT.findall(latex):
        if environment not in _ENVIRONMENTS:
            raise UnknownFormula(f"'{environment}' is no environment of formulas")
    if not _is_balanced(latex):
        raise UnknownFormula("a brace without its other half")
    display = "inline"
    if is_block:
        display = "block"
    try:
        text: str = latex2mathml.converter.convert(latex, display=display)
        tree = ElementTree.fromstring(text)
    except Exception as error:  # of all kinds, in a library that expects correct formulas
        raise UnknownFormula(str(error) or type(error).__name__) from error
    for element in tree.iter():
        _check(element)
    return text


def _check(element: ElementTree.Element) -> None:
    name = element.tag.removeprefix(_NAMESPACE)
    if name not in _ELEMENTS:
        raise UnknownFormula(f"<{name}> is no mathematics")
    for attribute in element.attrib:
        if attribute not in _ATTRIBUTES:
            raise UnknownFormula(f"'{attribute}' is not taken")
    for text in (element.text, element.tail):
        if text and "\\" in text and text != "\\":
            raise UnknownFormula(f"nobody knows {text.strip()}")


def _is_balanced(latex: str) -> bool:
    depth = 0
    for sign in re.findall(r"\\.|[{}]", latex, re.DOTALL):
        if sign == "{":
            depth += 1
        elif sign == "}":
            depth -= 1
        if depth < 0:
            return False
    return depth == 0
