"""Charts as SVG, PNG, PDF and pages, without a browser and without a network. The one user of vl-convert."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from html import escape
from typing import Any

import vl_convert

from gitexp.extras.plots import images, safe_specs, tables
from gitexp.extras.plots.charts import Chart, Spec, is_vega
from gitexp.extras.plots.images import ImagePlot
from gitexp.extras.plots.tables import TablePlot
from gitexp.extras.plots.themes import theme
from gitexp.regex import regex

_SCALE = 2.0  # pixels of a PNG for each of a page
# No server is asked for data or images, whatever a specification of somebody else's says.
_NO_URLS: list[str] = []

# Vega's interpreter ("ast") runs no text as code: the policy of the page allows none.
_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; script-src 'nonce-{nonce}'; \
style-src 'unsafe-inline'; img-src data: blob:">
<title>{title}</title>
<style>
:root {{ color-scheme: light dark; }}
body {{ font: 14px/1.5 system-ui, sans-serif; margin: 2rem; background: #fff; color: #1c1e22; }}
h1 {{ font-size: 1.25rem; font-weight: 600; }}
figure {{ margin: 0 0 2rem; overflow-x: auto; }}
figcaption {{ color: #5b6069; font-size: 12px; }}
@media (prefers-color-scheme: dark) {{ body {{ background: #15171c; color: #e8e9ec; }}
  figcaption {{ color: #a4a9b3; }} }}
{style}</style>
</head>
<body>
<h1>{title}</h1>
{figures}
{images}
<script nonce="{nonce}" type="application/json" id="charts">{charts}</script>
<script nonce="{nonce}" type="module">{script}</script>
</body>
</html>
"""
_SCRIPT = """
const {charts, themes} = JSON.parse(document.getElementById("charts").textContent);
const dark = matchMedia("(prefers-color-scheme: dark)");
const actions = {export: true, source: false, compiled: false, editor: false};
function draw() {
  const theme = dark.matches ? "dark" : "light";
  const options = {ast: true, actions, config: themes[theme], renderer: "svg", tooltip: {theme}};
  charts.forEach((spec, n) => vegaEmbed(`#chart-${n}`, spec, options).catch((error) => {
    document.getElementById(`chart-${n}`).textContent = `not drawn: ${error.message}`;
  }));
}
dark.addEventListener("change", draw);
draw();
"""
_NOT_IN_XML = regex("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff\ud800-\udfff]")
_NONCE = "gitexp"  # nothing of a user's gets into the page as markup, so it need not be secret


def _require_harmless(spec: Spec) -> None:
    """Raise ValueError for a specification with anything to load.

    vl-convert reads the images of marks from the disk, even with no URLs allowed.
    """
    if why := safe_specs.loading(spec):
        raise ValueError(f"the specification {why}")


def _printable(part: Any) -> Any:
    """A part of a specification without characters forbidden in XML. They make vl-convert end the process."""
    if isinstance(part, str):
        if part.isprintable():  # as nearly all are, and told much faster
            return part
        return _NOT_IN_XML.sub("\ufffd", part)
    if isinstance(part, dict):
        return {_printable(key): _printable(value) for key, value in part.items()}
    if isinstance(part, list):
        return [_printable(value) for value in part]
    return part


def svg(spec: Spec) -> bytes:
    """The chart in SVG. Raises ValueError for an invalid specification."""
    _require_harmless(spec)
    convert: Callable[..., str] = vl_convert.vegalite_to_svg
    if is_vega(spec):
        convert = vl_convert.vega_to_svg
    found: str = convert(_on_white(spec), allowed_base_urls=_NO_URLS)
    return found.encode()


def png(spec: Spec) -> bytes:
    """The chart in PNG, with two pixels for a pixel of SVG. Raises ValueError."""
    _require_harmless(spec)
    convert: Callable[..., bytes] = vl_convert.vegalite_to_png
    if is_vega(spec):
        convert = vl_convert.vega_to_png
    found: bytes = convert(_on_white(spec), scale=_SCALE, allowed_base_urls=_NO_URLS)
    return found


def pdf(spec: Spec) -> bytes:
    """The chart in PDF with selectable text. Raises ValueError."""
    _require_harmless(spec)
    convert: Callable[..., bytes] = vl_convert.vegalite_to_pdf
    if is_vega(spec):
        convert = vl_convert.vega_to_pdf
    found: bytes = convert(_on_white(spec), allowed_base_urls=_NO_URLS)
    return found


def _on_white(spec: Spec) -> Spec:
    """The chart for a file: colours default to light paper."""
    spec = _printable(spec)
    return {**spec, "config": {**theme(dark=False, background="white"), **spec.get("config", {})}}


def page(
    title: str,
    charts: Sequence[Chart],
    pictures: Sequence[ImagePlot] = (),
    read: Sequence[TablePlot] = (),
) -> bytes:
    """All charts, tables and images in one HTML file without network requests. Raises ValueError."""
    for chart in charts:
        _require_harmless(chart.spec)
    script = vl_convert.javascript_bundle(_SCRIPT + images.SCRIPT)
    figures = [_figure(number, chart) for number, chart in enumerate(charts)]
    given = {
        "charts": [chart.spec for chart in charts],
        "themes": {"light": theme(dark=False), "dark": theme(dark=True)},
    }
    text = _PAGE.format(
        title=escape(title),
        style=images.STYLE + tables.STYLE,
        figures="\n".join(figures),
        images="\n".join([*map(tables.section, read), *map(images.section, pictures)]),
        charts=json.dumps(given).replace("<", "\\u003c"),
        script=script.replace("</script", "<\\/script"),
        nonce=_NONCE,
    )
    return text.encode()


FORMATS: Mapping[str, Callable[[Spec], bytes]] = {".svg": svg, ".png": png, ".pdf": pdf}
_APART = (sys.executable, "-P", "-m", "gitexp.extras.plots.draw_apart")


def file_of(chart: Chart, ending: str, seconds: float = 60.0) -> bytes:
    """The content of a file with an ending of `FORMATS`. Raises ValueError.

    A process with a time limit draws a template of the repository: neither vl-convert nor Ctrl-C can stop
    the drawing.
    """
    if not chart.is_foreign:
        return FORMATS[ending](chart.spec)
    given = json.dumps(chart.spec).encode()
    try:
        done = subprocess.run(
            [*_APART, ending], input=given, capture_output=True, timeout=seconds, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise ValueError(f"its template takes longer than {seconds:g} s") from error
    if done.returncode != 0:
        lines = done.stderr.decode("utf-8", "replace").strip().splitlines()
        raise ValueError(next(reversed(lines), "its template cannot be drawn"))
    return done.stdout


def _figure(number: int, chart: Chart) -> str:
    caption = ""
    if chart.hint:
        caption = f"<figcaption>{escape(chart.hint)}</figcaption>"
    return f'<figure><div id="chart-{number}"></div>{caption}</figure>'


class Rendering:
    """The functions for charts in files.

    Attributes:
        formats: the function for the content of a file, by the ending.
    """

    formats = FORMATS
    file_of = staticmethod(file_of)
    page = staticmethod(page)
