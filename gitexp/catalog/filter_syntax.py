"""The text of a filter as a tree of conditions. `filters` gives the names in it a meaning.

either     = both ("or" both)*
both       = negated ("and" negated)*
negated    = "not" negated | "(" either ")" | comparison
comparison = operand (operator operand)*        chained as in Python; an operand alone is its truth
operand    = name | number | text | true | false | null | "[" literals "]"
operator   = == != < <= > >= ~ !~ in, not in
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

from gitexp import errors
from gitexp.files import measured
from gitexp.regex import regex

_LONGEST = 5000  # characters
_LONGEST_NUMBER = 400
_LONGEST_PATTERN = 500  # characters of a regular expression
_DEEPEST = 50  # parentheses and `not` within each other
_AROUND = 30  # characters of the filter that an error quotes on either side

# Possessive throughout: no input is read twice.
_TOKEN = regex(
    r"""(?P<number>[+-]?+(?:\d++(?:\.\d*+)?|\.\d++)(?:[eE][+-]?\d++)?(?![\w.]))
      | (?P<text>'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")
      | `(?P<quoted>[^`]++)`
      | (?P<name>[^\W\d][\w.:/-]*+(?:\[\d++\][\w.:/-]*+)*)
      | (?P<mark>==|!=|<=|>=|!~|[<>~(),\[\]])""",
    re.VERBOSE | re.DOTALL,
)
_SPACE = regex(r"\s*")
_ESCAPED = regex(r"\\([\\'\"])")  # every other backslash belongs to a regular expression
_CONSTANTS = {"true": True, "false": False, "null": None, "True": True, "False": False, "None": None}
OPERATORS = ("==", "!=", "<", "<=", ">", ">=", "~", "!~", "in", "not in")
_WORDS = {"and", "or", "not", *filter(str.isalpha, OPERATORS)}
OF_PATTERNS = ("~", "!~")  # the operators with a regular expression at their right
_MEANT = {"=": "==", "&": "and", "|": "or", "!": "not"}  # the operators of other languages
_ORDINARY = "a name, a number or a text in quotes"


@dataclass(frozen=True, slots=True)
class Name:
    """A key, or an attribute of the experiment, with its place in the filter."""

    text: str
    at: int


@dataclass(frozen=True, slots=True)
class Literal:
    """A value with its place: text, number, truth value, null, a list, or a regular expression."""

    value: Any
    at: int


@dataclass(frozen=True, slots=True)
class Truth:
    """A value alone: true if present, and neither false, zero nor empty."""

    operand: Operand


@dataclass(frozen=True, slots=True)
class Comparison:
    left: Operand
    operator: str
    right: Operand


@dataclass(frozen=True, slots=True)
class Not:
    part: Condition


@dataclass(frozen=True, slots=True)
class And:
    parts: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Or:
    parts: tuple[Condition, ...]


Operand: TypeAlias = Name | Literal
Condition: TypeAlias = Truth | Comparison | Not | And | Or


def read(text: str) -> Condition:
    """The condition in the text of a filter; raises FilterError with the place of the mistake."""
    return _FilterReader(text).whole()


def wrong(text: str, at: int, what: str) -> errors.UsageError:
    """The error for a mistake in a filter, with its place (`at` counts from 0)."""
    before, after = text[:at], text[at:]
    if len(before) > _AROUND:
        before = "…" + before[-_AROUND:]
    if len(after) > _AROUND:
        after = after[:_AROUND] + "…"
    return errors.UsageError(
        f"The filter is wrong at character {at + 1}: {what}.",
        f"It says: {before}[HERE]{after}",
        code="invalid-filter",
    )


@dataclass(frozen=True, slots=True)
class _Token:
    """`kind` is the name of a group of _TOKEN, "word" for and, or, not and in, or "end"."""

    kind: str
    text: str
    at: int

    def __str__(self) -> str:
        match self.kind:
            case "end":
                return "the end"
            case "text":
                return self.text
        return f"'{self.text}'"


class _FilterReader:
    """Reads a filter from left to right; the methods are the rules of the grammar."""

    def __init__(self, text: str) -> None:
        if len(text) > _LONGEST:
            raise errors.UsageError(
                f"The filter is longer than {_LONGEST:,} characters.",
                "Filter --json in a program instead.",
                code="invalid-filter",
            )
        self.text = text
        self.tokens = list(_tokens(text))
        self.at = 0

    @property
    def next(self) -> _Token:
        return self.tokens[self.at]

    def whole(self) -> Condition:
        if self.next.kind == "end":
            raise errors.UsageError(
                "The filter is empty.",
                "Such as: --filter \"acc > 0.9 and 'best' in tags\"",
                code="invalid-filter",
            )
        condition = self.either(0)
        if self.next.kind != "end":
            raise self.unexpected("'and', 'or' or the end")
        return condition

    def either(self, depth: int) -> Condition:
        parts = [self.both(depth)]
        while self.takes("or"):
            parts.append(self.both(depth))
        return parts[0] if len(parts) == 1 else Or(tuple(parts))

    def both(self, depth: int) -> Condition:
        parts = [self.negated(depth)]
        while self.takes("and"):
            parts.append(self.negated(depth))
        return parts[0] if len(parts) == 1 else And(tuple(parts))

    def negated(self, depth: int) -> Condition:
        if depth > _DEEPEST:
            raise wrong(self.text, self.next.at, "too many parentheses or 'not' within each other")
        if self.takes("not"):
            return Not(self.negated(depth + 1))
        if self.takes("("):
            condition = self.either(depth + 1)
            if not self.takes(")"):
                raise self.unexpected("')', 'and' or 'or'")
            return condition
        return self.comparison()

    def comparison(self) -> Condition:
        first = left = self.operand()
        pairs = []
        while (operator := self.operator()) is not None:
            if operator in OF_PATTERNS:
                right: Operand = self.pattern()
            else:
                right = self.operand(within=operator.endswith("in"))
            pairs.append(Comparison(left, operator, right))
            left = right
        if len(pairs) > 1:
            return And(tuple(pairs))
        if pairs:
            return pairs[0]
        if isinstance(first, Literal) and not isinstance(first.value, bool):
            raise wrong(self.text, self.next.at, f"an operator such as == or in is expected, not {self.next}")
        return Truth(first)

    def operator(self) -> str | None:
        if self.next.text == "not" and self.tokens[self.at + 1].text == "in":
            self.at += 2
            return "not in"
        token = self.next
        if token.kind in ("mark", "word") and token.text in OPERATORS:
            self.at += 1
            return token.text
        return None

    def operand(self, *, within: bool = False) -> Operand:
        token = self.next
        if token.kind in ("name", "quoted") and token.text not in _CONSTANTS:
            self.at += 1
            return Name(token.text, token.at)
        # After `in`, a list in parentheses is as good: nothing else could be meant.
        for opening, closing in (("[", "]"), ("(", ")")):
            if (opening == "[" or within) and self.takes(opening):
                return Literal(self.items(closing), token.at)
        return self.literal(_ORDINARY)

    def items(self, closing: str) -> list[Any]:
        found: list[Any] = []
        while not self.takes(closing):
            if found and not self.takes(","):
                raise self.unexpected(f"',' or '{closing}'")
            if found and self.takes(closing):
                break
            found.append(self.literal("a number or a text in quotes").value)
        return found

    def literal(self, expected: str) -> Literal:
        token = self.next
        if token.kind == "text":
            value: Any = _ESCAPED.sub(r"\1", token.text[1:-1])
        elif token.kind == "number" and len(token.text) <= _LONGEST_NUMBER:
            value = measured(token.text)
        elif token.kind == "name" and token.text in _CONSTANTS:
            value = _CONSTANTS[token.text]
        else:
            raise self.unexpected(expected)
        self.at += 1
        return Literal(value, token.at)

    def pattern(self) -> Literal:
        if self.next.kind != "text":
            raise self.unexpected("a regular expression in quotes")
        literal = self.literal("")
        return Literal(self.compiled(literal), literal.at)

    def compiled(self, literal: Literal) -> re.Pattern[str]:
        if len(literal.value) > _LONGEST_PATTERN:
            complaint = f"the regular expression is longer than {_LONGEST_PATTERN} characters"
            raise wrong(self.text, literal.at, complaint)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", FutureWarning)  # of [[ and the like
                return re.compile(literal.value)
        except re.error as error:
            raise wrong(self.text, literal.at, f"the regular expression is wrong, {error}") from error
        except (OverflowError, RecursionError) as error:
            raise wrong(self.text, literal.at, "the regular expression is too complex") from error

    def takes(self, text: str) -> bool:
        """Whether a mark or word comes next; if so, go past it."""
        taken = self.next.kind in ("mark", "word") and self.next.text == text
        self.at += taken
        return taken

    def unexpected(self, expected: str) -> errors.UsageError:
        return wrong(self.text, self.next.at, f"{expected} is expected, not {self.next}")


def _tokens(text: str) -> Iterator[_Token]:
    at = 0
    while (at := _skipped(text, at)) < len(text):
        found = _TOKEN.match(text, at)
        if found is None:
            raise wrong(text, at, _complaint(text[at]))
        kind = found.lastgroup or ""
        shown = found[kind]
        if kind == "name" and shown in _WORDS:
            kind = "word"
        yield _Token(kind, shown, at)
        at = found.end()
    yield _Token("end", "", at)


def _skipped(text: str, at: int) -> int:
    found = _SPACE.match(text, at)
    return found.end() if found else at


def _complaint(char: str) -> str:
    if char in "'\"`":
        return f"the closing {char} is missing"
    if char in _MEANT:
        return f"'{char}' means nothing here; perhaps {_MEANT[char]} is meant"
    if char.isdigit():
        return "neither a number nor a name; a key that begins with a digit stands in `backquotes`"
    return f"'{char}' means nothing here"
