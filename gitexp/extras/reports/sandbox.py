"""Templates that run no code and read no file, wherever they come from. The one user of jinja2 here."""

from __future__ import annotations

import re
import traceback
from collections.abc import Callable, Mapping
from typing import Any

import jinja2
from jinja2.exceptions import SecurityError
from jinja2.sandbox import ImmutableSandboxedEnvironment
from markupsafe import Markup

from gitexp import errors

_MOST = 1_000_000  # characters or items that one operation of a template makes
_RANDOM = ("lipsum",)  # the same template gives the same text


class _Sandbox(ImmutableSandboxedEnvironment):
    """Jinja's sandbox, without operations that fill the memory."""

    intercepted_binops = frozenset({"*", "**", "%"})

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
        sizes, numbers = list[int](), list[int]()
        for side in (left, right):
            if isinstance(side, str | list | tuple):
                sizes.append(len(side))
            elif isinstance(side, int):
                numbers.append(abs(side))
        if operator == "*" and sizes and numbers and sizes[0] * numbers[0] > _MOST:
            raise SecurityError(f"a value of more than {_MOST:,} parts")
        if operator == "**" and numbers and max(numbers) > 1000:
            raise SecurityError("a power with a number above 1,000")
        if operator == "%" and isinstance(left, str):
            raise SecurityError("% formats no text; round(2) rounds a number")
        return super().call_binop(context, operator, left, right)

    def wrap_str_format(self, value: Any) -> Callable[..., str] | None:
        if super().wrap_str_format(value) is not None:
            raise SecurityError("format() is not there; round(2) rounds a number")
        return None

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        if isinstance(obj, str) and attr in ("center", "ljust", "rjust", "zfill", "expandtabs"):
            return False
        return super().is_safe_attribute(obj, attr, value)


def filled(text: str, name: str, values: Mapping[str, Any], shown: Callable[[Any], str]) -> str:
    """The text of a template, filled with values. `shown`: from a value to its Markdown.

    Raises UsageError with the line of a mistake.
    """

    def put(value: Any) -> Markup:
        if isinstance(value, Markup):
            return value
        return Markup(shown(value))

    sandbox = _Sandbox(
        undefined=jinja2.StrictUndefined,
        autoescape=True,
        finalize=put,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    for gone in _RANDOM:
        sandbox.globals.pop(gone, None)
    for gone in ("random", "center", "format", "xmlattr"):
        sandbox.filters.pop(gone, None)
    try:
        return sandbox.from_string(text).render(values)
    except jinja2.TemplateSyntaxError as error:
        raise _wrong(name, error.lineno, error.message or "a mistake") from error
    except errors.GitexpError:
        raise
    except Exception as error:  # whatever a template makes of the values
        raise _wrong(name, _line(error), _words(error)) from error


def as_is(text: str) -> Markup:
    """A text without escapes in a template."""
    return Markup(text)


def _words(error: Exception) -> str:
    """The message of an error, without the names of our classes."""
    return re.sub(r"'gitexp\.\S* object'", "an experiment or its values", str(error)) or type(error).__name__


def _line(error: BaseException) -> int | None:
    """The line of the template with an error."""
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        if frame.filename == "<template>":
            return frame.lineno
    return None


def _wrong(name: str, line: int | None, what: str) -> errors.UsageError:
    place = name
    if line is not None:
        place = f"{name}, line {line}"
    return errors.UsageError(
        f"{place}: {what.rstrip('.')}.", "docs/reports.md lists what a template can use.", code="template"
    )
