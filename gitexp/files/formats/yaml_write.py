"""Values as YAML text. PyYAML's own loader, in a user's script, reads the text as the same values."""

from __future__ import annotations

import json
import math
from collections.abc import Collection

from gitexp.files.formats.yaml_text import hidden_kind, is_string_to_pyyaml
from gitexp.files.plain_values import yaml_scalar
from gitexp.model import Value
from gitexp.regex import regex

# Not possessive: before 3.11.5 Python goes on from the wrong place where such a group fails halfway
# (CPython issue 106052). No text matches in two ways, so nothing is tried twice.
_WORD = r"[\w./()+@%=~^$*&!;<>|\\-]"
_PLAIN_IN_FLOW = regex(rf"(?:\w|/|\.(?=[\w/]))(?:{_WORD}|(?<=\S) (?=\S))*")
_PLAIN = regex(rf"(?:\w|/|\.(?=[\w/]))(?:{_WORD}|:(?=[\w/\\])|,(?=[\w ])|(?<=\S) (?=\S))*")
_UNPRINTABLE = regex("[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")


def flow_text(value: Value, *, flow: bool = False, style: str = "", kinds: Collection[str] = ()) -> str:
    """`value` on one line.

    `flow`: inside brackets. `style`: the quotes of the old string. `kinds`: the types allowed for text in a
    script, by the old value: a date stays a date.
    """
    if isinstance(value, dict):
        entries = []
        for key, item in value.items():
            entries.append(f"{key_text(key, flow=True)}: {flow_text(item, flow=True, kinds=kinds)}")
        return "{" + ", ".join(entries) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(flow_text(item, flow=True, kinds=kinds) for item in value) + "]"
    if isinstance(value, str):
        if kinds and not style and (kind := hidden_kind(value)) and kind_stays(kind, kinds):
            return value
        return _string(value, flow, style)
    if isinstance(value, float):
        return _float(value)
    return "null" if value is None else str(value).lower()


def kind_stays(kind: str, kinds: Collection[str]) -> bool:
    """Whether a value of a type may stand where others stood: a date for a date with a time, too."""
    return kind in kinds or any("date" in kind and "date" in each for each in kinds)


def key_text(key: str, *, flow: bool = False) -> str:
    """A map key, quoted where a plain key would not read as this text."""
    return _string(key, flow, "")


def _float(value: float) -> str:
    if math.isnan(value):
        return ".nan"
    if math.isinf(value):
        return ".inf" if value > 0 else "-.inf"
    mantissa, e, exponent = repr(value).partition("e")
    if "." not in mantissa:  # YAML 1.1 has no float without a dot: to PyYAML 1e-05 is a string
        mantissa += ".0"
    return mantissa + e + exponent


def _string(text: str, flow: bool, style: str) -> str:
    if style not in ("'", '"') and _is_plain(text, flow):
        return text
    is_awkward = "\\" in text or '"' in text
    if text.isprintable() and (style == "'" or (style != '"' and is_awkward)):
        return "'" + text.replace("'", "''") + "'"
    return _UNPRINTABLE.sub(lambda match: f"\\u{ord(match[0]):04x}", json.dumps(text, ensure_ascii=False))


def _is_plain(text: str, flow: bool) -> bool:
    pattern = _PLAIN_IN_FLOW if flow else _PLAIN
    return (
        pattern.fullmatch(text) is not None
        and text.isprintable()
        and yaml_scalar(text) == text
        and is_string_to_pyyaml(text)
    )
