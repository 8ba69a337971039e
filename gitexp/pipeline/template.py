"""`${…}` in the texts of a pipeline: the variables, and the texts with their values put in.

The rules are those of DVC 3 (its user guide, "Templating"): a key is parts with dots, or list indexes in
brackets; `\\${` is no template; a text that is one template has the value's own type; a map in a command
becomes options. Values are put in as they are: a `${` in them means nothing.
"""

from __future__ import annotations

import os
import shlex
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from gitexp.files.scalars import is_nested
from gitexp.model import MISSING, Tree, Value
from gitexp.words import cut, did_you_mean

MAX_TEXT = 64 * 1024  # characters of one text with its variables put in
_SHOWN = 100  # characters of an expression in an error
_OPEN, _CLOSE = "${", "}"


class TemplateError(Exception):
    """A fault of a template. A caller that knows the place in the file raises a ConfigError instead."""

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


@dataclass(frozen=True, slots=True)
class OptionStyle:
    """The form of options made from a map.

    Attributes:
        negated: write false like `--no-fast`; otherwise false is left out.
        repeated: write a list like `--size 1 --size 2`; otherwise like `--size 1 2`.
    """

    negated: bool = False
    repeated: bool = False


@dataclass(frozen=True, slots=True)
class Variables:
    """The values for `${…}`.

    Attributes:
        values: tree of the variables.
        sources: origin of each top-level key, for errors.
        style: form of a map as options.
    """

    values: Tree = field(default_factory=dict)
    sources: Mapping[str, str] = field(default_factory=dict)
    style: OptionStyle = OptionStyle()

    def merged(self, more: Tree, source: str) -> Variables:
        """The variables with more; maps are merged. Raises TemplateError for a value set twice."""
        values = _merged(self.values, more, self.sources, source, ())
        return replace(self, values=values, sources={**dict.fromkeys(more, source), **self.sources})

    def within(self, **own: Value) -> Variables:
        """The variables with a stage's `item` and `key`, which hide others of the name."""
        sources = {**self.sources, **dict.fromkeys(own, "foreach or matrix")}
        return replace(self, values={**self.values, **own}, sources=sources)

    def get(self, expression: str) -> Value:
        """The value of an expression like `model.layers[0]`. Raises TemplateError."""
        value: Value = self.values
        for part in _parts(expression):
            found = _child(value, part)
            if found is MISSING:
                raise TemplateError(f"there is no variable '{_shown(expression)}'", self._hint(value, part))
            value = found
        return value

    def _hint(self, value: Value, part: str) -> str:
        if value == []:
            return "The list there is empty."
        if isinstance(value, list):
            return f"The list there has {len(value)} items, from 0."
        if not isinstance(value, dict):
            return f"What stands there is no map, so it has no '{_shown(part)}'."
        if value is self.values:
            otherwise = "Variables come from params.yaml and 'vars:'; \\${…} is left for the shell."
        elif value:
            otherwise = f"There are: {', '.join(list(value)[:10])}."
        else:
            otherwise = "The map there is empty."
        return did_you_mean(part, value, otherwise, most=1)


def _merged(old: Tree, new: Tree, sources: Mapping[str, str], source: str, above: tuple[str, ...]) -> Tree:
    merged = dict(old)
    for key, value in new.items():
        path = (*above, key)
        if key not in old:
            merged[key] = value
        elif isinstance(old[key], dict) and isinstance(value, dict):
            merged[key] = _merged(old[key], value, sources, source, path)
        else:
            first = sources.get(path[0], "an earlier entry")
            raise TemplateError(
                f"{source} sets '{'.'.join(path)}', which {first} has set already", "Rename one of the two."
            )
    return merged


def _parts(expression: str) -> list[str]:
    """`a`, `b`, `0` for `a.b[0]`, by DVC's grammar."""
    if expression.count("[") != expression.count("]"):
        raise _malformed(expression)
    parts = list(map(str.strip, expression.replace("]", "").replace("[", ".").split(".")))
    if not all(parts):
        raise _malformed(expression)
    return parts


def _shown(expression: str) -> str:
    return cut(expression.strip(), _SHOWN)


def _malformed(expression: str) -> TemplateError:
    return TemplateError(
        f"'${{{_shown(expression)}}}' cannot be understood",
        "It should look like ${model.layers[0]}; write \\${ for one that is the shell's.",
    )


def _child(value: Value, part: str) -> Value:
    if isinstance(value, dict):
        return value.get(part, MISSING)
    if isinstance(value, list) and part.lstrip("-").isascii() and part.lstrip("-").isdigit():
        at = int(part[:9])
        if -len(value) <= at < len(value):
            return value[at]
    return MISSING


# -- texts --------------------------------------------------------------------------------------------


def fill(template: str, variables: Variables, *, nested: bool = False, in_command: bool = False) -> Value:
    """The text with its variables put in; for a text of one template, the value itself.

    With `nested`, the value may be a list or map. With `in_command`, a map becomes options. Raises
    TemplateError.
    """
    style = variables.style if in_command else None
    parts = list(_split(template))
    if len(parts) == 1 and parts[0][1]:
        value = variables.get(parts[0][0])
        if nested or not isinstance(value, dict | list):
            return value
        return _as_text(parts[0][0], value, style)
    filled, length = [], 0
    for part, is_expression in parts:
        text = part
        if is_expression:
            text = _as_text(part, variables.get(part), style)
        filled.append(text)
        length += len(text)
        if length > MAX_TEXT:
            raise TemplateError(f"this is longer than {MAX_TEXT // 1024} KiB with its variables put in")
    return "".join(filled)


def is_template(text: str) -> bool:
    """Whether a text has a template."""
    return any(is_expression for _, is_expression in _split(text))


def _split(template: str) -> Iterator[tuple[str, bool]]:
    """The pieces of a text; true with an expression (without its braces)."""
    at = start = 0
    while (found := template.find(_OPEN, at)) >= 0:
        if found and template[found - 1] == "\\":
            yield template[start : found - 1] + _OPEN, False
            at = start = found + len(_OPEN)
            continue
        end = template.find(_CLOSE, found)
        if end < 0:
            break
        if "\n" in template[found:end]:
            at = found + len(_OPEN)
            continue
        if found > start:
            yield template[start:found], False
        yield template[found + len(_OPEN) : end], True
        at = start = end + 1
    if start < len(template):
        yield template[start:], False


def _as_text(expression: str, value: Value, style: OptionStyle | None) -> str:
    if isinstance(value, dict) and style is not None:
        return options(value, style)
    if not isinstance(value, dict | list):
        return plain_text(value)
    fault = "a list, which cannot be put in in a text"
    if isinstance(value, dict):
        fault = "a map, which cannot be put in here"
    hint = "Name one value of it; only in 'cmd' a map becomes options."
    raise TemplateError(f"'{_shown(expression)}' is {fault}", hint)


def plain_text(value: Value) -> str:
    """A single value as text: `true`, `3`, `0.1`."""
    if isinstance(value, bool):
        return str(value).lower()
    return str(value)


def options(values: Tree, style: OptionStyle) -> str:
    """A map as command-line options: `--lr 0.1 --name 'a b' --fast --sizes 1 2`.

    Nested keys are joined by dots. Raises TemplateError for a list in a list.
    """
    words: list[str] = []
    for key, value in _flat(values, ""):
        if value is False and style.negated:
            words.append(f"--no-{key}")
        elif value is True:
            words.append(f"--{key}")
        elif value is not False and not isinstance(value, list):
            words += [f"--{key}", _word(value)]
        elif value and any(map(is_nested, value)):
            raise TemplateError(f"'{key}' is a list of lists or maps, which cannot become options")
        elif value and style.repeated:
            for item in value:
                words += [f"--{key}", _word(item)]
        elif value:
            words += [f"--{key}", *map(_word, value)]
    return " ".join(words)


def _flat(values: Tree, prefix: str) -> Iterator[tuple[str, Value]]:
    for key, value in values.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield prefix + key, value


def _word(value: Value) -> str:
    if not isinstance(value, str):
        return str(value)
    if os.name == "nt":
        return subprocess.list2cmdline([value])
    return shlex.quote(value)
