"""Source code in colours, as data: lines of spans with a class each. The one user of Pygments.

Pygments comes with rich. A class is Pygments' short name of a token, such as `k` for a keyword.
"""

from __future__ import annotations

from pygments.lexer import Lexer
from pygments.lexers import TextLexer, get_lexer_for_filename
from pygments.token import STANDARD_TYPES, _TokenType
from pygments.util import ClassNotFound

Span = tuple[str, str]  # a text, and its class; "" for plain text

MOST = 400_000  # characters of a file in colours; a longer one is plain

_PLAIN = ("", "w", "err")  # what looks like plain text
_GROUPS = {"k": "k", "n": "n", "s": "s", "m": "m", "c": "c", "o": "o"}
_OF_NAMES = {"nf": "nf", "fm": "nf", "nc": "nc", "nd": "nd", "nb": "nb", "bp": "nb", "nt": "nt", "na": "na"}


def lines(text: str, path: str) -> list[list[Span]]:
    """The spans of each line of a source file. The path decides on the language."""
    if len(text) > MOST:
        return plain_lines(text)
    found: list[list[Span]] = [[]]
    for kind, value in _lexer(path).get_tokens(text):
        name = _class(kind)
        first, *more = value.split("\n")
        _add(found[-1], first, name)
        for part in more:
            found.append([])
            _add(found[-1], part, name)
    while len(found) > 1 and not found[-1]:
        found.pop()
    return found


def plain_lines(text: str) -> list[list[Span]]:
    """The lines of a text without colours."""
    found = list[list[Span]]()
    for line in text.removesuffix("\n").split("\n"):
        spans = list[Span]()
        if line:
            spans.append((line, ""))
        found.append(spans)
    return found


def _add(line: list[Span], text: str, name: str) -> None:
    if not text:
        return
    if line and line[-1][1] == name:
        line[-1] = (line[-1][0] + text, name)
    else:
        line.append((text, name))


def _lexer(path: str) -> Lexer:
    """The lexer for a file, by the name alone: the content, maybe a stranger's, decides nothing."""
    options = {"stripnl": False, "ensurenl": False}
    try:
        found: Lexer = get_lexer_for_filename(path, **options)
    except ClassNotFound:
        return TextLexer(**options)
    return found


def _class(kind: _TokenType) -> str:
    """One of a few classes: k keyword, s text, m number, c comment, o operator; names begin with n."""
    name = STANDARD_TYPES.get(kind, "")
    if name in _PLAIN or not name:
        return ""
    if name in _OF_NAMES:
        return _OF_NAMES[name]
    group = _GROUPS.get(name[0], "")
    if group == "n":
        return ""
    return group
