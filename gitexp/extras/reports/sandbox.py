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
        sizes = [len(side) for side in (left, right) if isinstance(side, str | list | tuple)]
        numbers = [abs(side) for side in (left, right) if isinstance(side, int)]
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
    """The text of a template with values put in. `shown` gives the text of a value that is no Markup.

    Raises UsageError with the line of a mistake.
    """
    sandbox = _Sandbox(
        undefined=jinja2.StrictUndefined,
        autoescape=True,
        finalize=lambda value: value if isinstance(value, Markup) else Markup(shown(value)),
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
    """A text that a template puts in as it is."""
    return Markup(text)


def _words(error: Exception) -> str:
    """The message of an error; the classes of ours in it are no help."""
    return re.sub(r"'gitexp\.\S* object'", "an experiment or its values", str(error)) or type(error).__name__


def _line(error: BaseException) -> int | None:
    """The line of the template that an error comes from."""
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        if frame.filename == "<template>":
            return frame.lineno
    return None


def _wrong(name: str, line: int | None, what: str) -> errors.UsageError:
    place = name if line is None else f"{name}, line {line}"
    return errors.UsageError(
        f"{place}: {what.rstrip('.')}.", "docs/reports.md lists what a template can use.", code="template"
    )
