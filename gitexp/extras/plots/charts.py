"""Charts as Vega-Lite specifications, with their data inside. No input or output.

A specification loads nothing and computes nothing from texts of the repository: names of metrics and
experiments are data and titles, and never expressions.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple, TypeAlias, TypeGuard

Spec: TypeAlias = dict[str, Any]

SCHEMA = "https://vega.github.io/schema/vega-lite/v6.json"  # a name: nothing is fetched from there
WIDTH, HEIGHT = 480, 280


class Chart(NamedTuple):
    """A chart.

    Attributes:
        title: the name of what is drawn.
        spec: the Vega-Lite specification.
        is_foreign: whether the specification is a template of the repository's, and not ours.
        hint: what a reader can do with the chart on a page; "" for one that only shows.
    """

    title: str
    spec: Spec
    is_foreign: bool = False
    hint: str = ""


def is_vega(spec: Spec) -> bool:
    """Whether a specification is of Vega, and not of Vega-Lite."""
    return "/schema/vega/" in str(spec.get("$schema"))


def titled(title: str, remark: str = "") -> Spec:
    """The title of a chart, and below it a remark on what is drawn or left out."""
    found: Spec = {"text": title, "anchor": "start", "fontWeight": "normal"}
    if remark:
        found |= {"subtitle": remark, "subtitleFontSize": 11}
    return found


def framed(title: str, values: Sequence[Spec], remark: str = "") -> Spec:
    """The beginning of a specification: its title, size and data."""
    return {
        "$schema": SCHEMA,
        "title": titled(title, remark),
        "width": WIDTH,
        "height": HEIGHT,
        "data": {"values": [*values]},
    }


def channel(field: str, title: str, kind: str, logarithmic: Sequence[str]) -> Spec:
    """An axis; one of numbers begins at the lowest of them, not at 0. `logarithmic` names fields."""
    scale: Spec = {}
    if kind == "quantitative":
        scale = {"type": "log"} if field in logarithmic else {"zero": False}
    return {"field": field, "type": kind, "title": title, "scale": scale}


def hover(field: str, key: str) -> Spec:
    """A line of what is said where the pointer stands: a key of the repository with the value of a field."""
    return {"field": field, "title": hover_name(key)}


def hover_name(key: str) -> str:
    """The name of a key there: `image` and `title` alone would be drawn as a picture and as a heading."""
    return f"{key}:" if key in ("image", "title") else key


def of_two(field: str, colours: Sequence[str]) -> Spec:
    """The colour by a field that is true or false, in this order, without a legend."""
    scale = {"domain": [True, False], "range": [*colours]}
    return {"field": field, "type": "nominal", "scale": scale, "legend": None}


def is_number(value: object) -> TypeGuard[int | float]:
    """Whether a value is a finite number; true and false are none."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    try:
        return math.isfinite(value)
    except OverflowError:  # an integer that is too long for a float
        return False
