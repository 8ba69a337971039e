"""Light and dark paper for charts. No input or output."""

from __future__ import annotations

from gitexp.extras.plots.charts import Spec

_PAPER = {False: "#ffffff", True: "#15171c"}
_INK = {False: "#1c1e22", True: "#e8e9ec"}
_QUIET = {False: "#5b6069", True: "#a4a9b3"}
_LINES = {False: "#e3e5e9", True: "#33373f"}


def theme(*, dark: bool, background: str = "transparent") -> Spec:
    """The configuration of a Vega or Vega-Lite view: colours of axes, grids and texts.

    The colours of marks are the same on light and dark paper. The style `halo`: an outline below a text, to
    keep the text readable over lines.
    """
    ink, quiet, lines = _INK[dark], _QUIET[dark], _LINES[dark]
    halo = {"stroke": _PAPER[dark], "fill": _PAPER[dark], "strokeWidth": 3, "strokeJoin": "round"}
    axis = {
        "labelColor": quiet,
        "titleColor": ink,
        "titleFontWeight": "normal",
        "gridColor": lines,
        "domainColor": quiet,
        "tickColor": quiet,
    }
    return {
        "background": background,
        "title": {"color": ink, "subtitleColor": quiet},
        "axis": axis,
        "legend": {"labelColor": quiet, "titleColor": ink, "titleFontWeight": "normal"},
        "view": {"stroke": lines},
        "text": {"color": ink, "fill": ink},
        "style": {"guide-label": {"fill": quiet}, "guide-title": {"fill": ink}, "halo": halo},
    }
