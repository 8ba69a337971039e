"""TOML read with the standard library, guarded against slow and deep texts."""

from __future__ import annotations

import re
import tomllib
from datetime import date, datetime, time

from gitexp.errors import ParseError
from gitexp.files.keys import Key
from gitexp.files.limits import MAX_DEPTH, parse_error
from gitexp.files.scalars import each_leaf
from gitexp.model import Value
from gitexp.regex import regex

_NAME = r"(?:[\w-]++|\"[^\"\n]*\"|'[^'\n]*')"
_TOKEN = regex(
    rf"(?P<deep>{_NAME}(?:[ \t]*\.[ \t]*{_NAME}){{{MAX_DEPTH},}})"
    r"|\"\"\"(?:[^\"\\]|\\.|\"{1,2}(?!\"))*(?:\"{3,5}|\Z)|'''.*?(?:'{3,5}|\Z)"
    r"|\"(?:[^\"\\\n]|\\.)*\"?|'[^'\n]*'?|\#[^\n]*|[\w-]++"
    r"|(?P<open>[\[{])|(?P<close>[\]}])",
    re.DOTALL,
)
_MOMENT = regex(r"[0-9TtZz:.+ -]{5,40}")
_PLACE = regex(r"\s*\(at (?:line (\d+), column (\d+)|end of document)\)$")


def read(name: str, text: str) -> dict[str, Value]:
    """The tree of a TOML text; dates and times are text in ISO 8601.

    Raises ParseError, with the position where known.
    """
    return dict(each_leaf(_loaded(name, text), plain))


def hidden_kinds(name: str, text: str) -> dict[Key, str]:
    """The dates and times of a TOML text, which are text to gitexp, with their types. Raises ParseError."""
    found: dict[Key, str] = {}
    _find_kinds(_loaded(name, text), (), found)
    return found


def _find_kinds(value: Value, key: Key, found: dict[Key, str]) -> None:
    if isinstance(value, dict):
        for part, item in value.items():
            _find_kinds(item, (*key, part), found)
    elif isinstance(value, list):
        for at, item in enumerate(value):
            _find_kinds(item, (*key, at), found)
    elif kind := kind_of(value):
        found[key] = kind


def kind_of(value: object) -> str:
    """The type of a date or time; "" for any other value."""
    for type_, kind in ((datetime, "date and time"), (date, "date"), (time, "time")):
        if isinstance(value, type_):
            return kind
    return ""


def moment(text: str) -> date | time | None:
    """The date or time meant by a TOML text; None for any other text."""
    if not _MOMENT.fullmatch(text):
        return None
    try:
        value = tomllib.loads(f"value = {text}")["value"]
    except (tomllib.TOMLDecodeError, ValueError):
        return None
    return value if kind_of(value) else None


def _loaded(name: str, text: str) -> dict[str, Value]:
    _check_depth(name, text)
    try:
        return tomllib.loads(text)
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


def _check_depth(name: str, text: str) -> None:
    """Raises ParseError for too deep nesting: tomllib recurses, and takes quadratic time for a.b.c…"""
    depth = 0
    for token in _TOKEN.finditer(text):
        depth += (token["open"] is not None) - (token["close"] is not None)
        if token["deep"] or depth > MAX_DEPTH:
            message = f"this is nested more than {MAX_DEPTH} levels deep"
            raise parse_error(name, message, text, token.start())


def plain(value: Value) -> Value:
    """The text of a date or time; any other value unchanged."""
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    return value
