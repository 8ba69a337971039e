"""Specifications from a repository: what they must not have. No input or output.

A repository may be a stranger's. A specification of it is drawn if it is nothing but a picture of the data
that it is given: it loads nothing, links to nothing, and changes nothing of the page around it. Its
expressions are Vega's own language, which a page interprets without running a text as code.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from gitexp.extras.plots.charts import Spec
from gitexp.regex import regex

_DEEPEST = 64
_LARGEST = {"width": 4000, "height": 4000}  # pixels
_MOST = 10_000  # of anything else that a specification counts
_COUNTS = ("columns", "maxbins", "minsteps", "maxsteps", "steps", "tickCount", "tickMinStep", "size")

# Vega-Embed takes options from `usermeta`, a loader among them; `image` marks read files of the machine.
_LOADING = {
    "url": "loads data or an image",
    "href": "links to another page",
    "usermeta": "changes the page that it stands in",
    "loader": "changes how data is loaded",
}
_MAKING = ("sequence", "keyvals", "graticule", "sphere")  # data of any size
# Functions that make a text or a list of any length, or search for any expression.
_HUNGRY = regex(r"\b(sequence|pad|repeat|regexp)\s*\(")


def loading(spec: Spec) -> str:
    """The reason against a specification with anything to load, the end of a sentence; "" for none."""
    for depth, key, value in _parts(spec):
        if depth > _DEEPEST:
            return f"is nested more than {_DEEPEST} levels deep"
        if key in _LOADING:
            return f"has '{key}', which {_LOADING[key]}"
        if key in ("mark", "type") and value == "image":
            return "has a mark of the type 'image', which loads images"
    return ""


def fault(spec: Spec) -> str:
    """The reason against drawing a specification, the end of a sentence; "" for a harmless specification."""
    schema = spec.get("$schema", "")
    if not isinstance(schema, str) or "/vega/" in schema:
        return "is one for Vega; those for Vega-Lite are drawn"
    if not isinstance(spec.get("config", {}), dict):
        return "has a 'config' that is no JSON object"
    if why := loading(spec):
        return why
    for _, key, value in _parts(spec):
        if why := _boundless(key, value):
            return why
    return ""


def _boundless(key: str, value: Any) -> str:
    """The reason for unlimited time or memory of a part of a specification; "" for none."""
    if key in _MAKING:
        return f"has '{key}', which makes data of its own"
    if isinstance(value, str) and (found := _HUNGRY.search(value)):
        return f"calls '{found[1]}', whose result may be of any size"
    most = _LARGEST.get(key)
    if key in _COUNTS:
        most = _MOST
    if most is not None and isinstance(value, int | float) and not abs(value) <= most:
        return f"has a '{key}' above {most:,}"
    return ""


def _parts(spec: Any) -> Iterator[tuple[int, str, Any]]:
    """Yield each part of a specification with its depth and key, except the rows of data."""
    waiting: list[tuple[int, str, Any]] = [(0, "", spec)]
    while waiting:
        depth, key, value = waiting.pop()
        yield depth, key, value
        if depth > _DEEPEST:
            return
        if isinstance(value, dict):
            for name, child in value.items():
                if not _is_data(name, child):
                    waiting.append((depth + 1, str(name), child))
        elif isinstance(value, list):
            waiting += [(depth + 1, key, child) for child in value]


def _is_data(name: str, value: Any) -> bool:
    return name == "datasets" or (name == "values" and isinstance(value, list))
