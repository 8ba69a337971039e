"""TOML read with the standard library, guarded against slow and deep texts."""

from __future__ import annotations

import re
import tomllib
from datetime import date, datetime, time

from gitexp.errors import ParseError
from gitexp.files.limits import MAX_DEPTH, parse_error
from gitexp.files.scalars import each_leaf
from gitexp.model import Value

_NAME = r"(?:[\w-]++|\"[^\"\n]*\"|'[^'\n]*')"
_TOKEN = re.compile(
    rf"(?P<deep>{_NAME}(?:[ \t]*\.[ \t]*{_NAME}){{{MAX_DEPTH},}})"
    r"|\"\"\"(?:[^\"\\]|\\.|\"{1,2}(?!\"))*(?:\"{3,5}|\Z)|'''.*?(?:'{3,5}|\Z)"
    r"|\"(?:[^\"\\\n]|\\.)*\"?|'[^'\n]*'?|\#[^\n]*|[\w-]++"
    r"|(?P<open>[\[{])|(?P<close>[\]}])",
    re.DOTALL,
)
_PLACE = re.compile(r"\s*\(at (?:line (\d+), column (\d+)|end of document)\)$")


def read(name: str, text: str) -> dict[str, Value]:
    """The tree of a TOML text; dates and times are text in ISO 8601.

    Raises ParseError, with the position where known.
    """
    _check_depth(name, text)
    try:
        tree = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        line = column = None
        place = _PLACE.search(str(error))
        if place and place[1]:
            line, column = int(place[1]), int(place[2])
        problem = _PLACE.sub("", str(error))
        raise ParseError(f"this is not valid TOML: {problem}", file=name, line=line, column=column) from None
    except RecursionError:
        raise ParseError(f"this file is nested more than {MAX_DEPTH} levels deep", file=name) from None
    except ValueError:
        raise ParseError("this file holds a number or a date that cannot be", file=name) from None
    return dict(each_leaf(tree, _plain))


def _check_depth(name: str, text: str) -> None:
    """Raises ParseError for too deep nesting: tomllib recurses, and takes quadratic time for a.b.c…"""
    depth = 0
    for token in _TOKEN.finditer(text):
        depth += (token["open"] is not None) - (token["close"] is not None)
        if token["deep"] or depth > MAX_DEPTH:
            message = f"this is nested more than {MAX_DEPTH} levels deep"
            raise parse_error(name, message, text, token.start())


def _plain(value: Value) -> Value:
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    return value
