"""The plots of a document as SVG, the same bytes for the same plot."""

from __future__ import annotations

from gitexp import errors, plugins
from gitexp.extras.plots.charts import Chart
from gitexp.regex import regex

_ID = regex(r'\bid="([^"]+)"')
_REFERENCE = regex(r"url\(#([^)\"']+)\)")


def svg(chart: Chart) -> bytes:
    """The SVG of a chart. Raises UsageError for a missing package or an invalid chart."""
    rendering = plugins.find_installed("plots", "rendering", "vl_convert")
    if rendering is None:
        raise errors.UsageError(
            "A plot in a file needs a package that is not installed: vl-convert-python.",
            "Install it: pip install 'gitexp[report]'",
        )
    try:
        text = rendering.formats[".svg"](chart.spec).decode()
    except ValueError as error:
        raise errors.UsageError(f"The plot '{chart.title}' cannot be drawn: {error}.") from error
    return _with_own_ids(text).encode()


def _with_own_ids(text: str) -> str:
    """The SVG with new ids: Vega continues to count from chart to chart."""
    names: dict[str, str] = {}
    for name in _ID.findall(text):
        names.setdefault(name, f"id{len(names)}")
    text = _ID.sub(lambda match: f'id="{names[match[1]]}"', text)
    return _REFERENCE.sub(lambda match: f"url(#{names.get(match[1], match[1])})", text)
