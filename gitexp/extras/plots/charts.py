"""Charts as Vega-Lite specifications, with their data inside. No input or output.

A specification loads nothing and computes nothing from texts of the repository: names of metrics and
experiments are data and titles, and never expressions.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, TypeAlias, TypeGuard

from gitexp.named_tuple import NamedTuple

Spec: TypeAlias = dict[str, Any]

SCHEMA = "https://vega.github.io/schema/vega-lite/v6.json"  # a name: nothing is fetched from there
WIDTH, HEIGHT = 480, 280


class Chart(NamedTuple):
    """A chart.

    Attributes:
        title: the name above the chart.
        spec: the Vega-Lite specification.
        is_foreign: whether the specification comes from a template of the repository, not from gitexp.
        hint: how a reader can use the chart on a page; "" without interaction.
    """

    title: str
    spec: Spec
    is_foreign: bool = False
    hint: str = ""


def is_vega(spec: Spec) -> bool:
    """True for a specification of Vega, false for Vega-Lite."""
    return "/schema/vega/" in str(spec.get("$schema"))


def titled(title: str, remark: str = "") -> Spec:
    """The title of a chart, with a remark below."""
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
    """An axis. An axis of numbers begins at the lowest number, not at 0. `logarithmic` names fields."""
    scale: Spec = {}
    if kind == "quantitative":
        scale = {"zero": False}
        if field in logarithmic:
            scale = {"type": "log"}
    return {"field": field, "type": kind, "title": title, "scale": scale}


def hover(field: str, key: str) -> Spec:
    """A line of a tooltip: a key of the repository with the value of a field."""
    return {"field": field, "title": hover_name(key)}


def hover_name(key: str) -> str:
    """The name of a key in a tooltip. Vega would draw `image` as a picture and `title` as a heading."""
    if key in ("image", "title"):
        return f"{key}:"
    return key


def of_two(field: str, colours: Sequence[str]) -> Spec:
    """The colour by a boolean field, true first, without a legend."""
    scale = {"domain": [True, False], "range": [*colours]}
    return {"field": field, "type": "nominal", "scale": scale, "legend": None}


def is_number(value: object) -> TypeGuard[int | float]:
    """True for a finite number. Booleans do not count as numbers."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    try:
        return math.isfinite(value)
    except OverflowError:  # an integer that is too long for a float
        return False
