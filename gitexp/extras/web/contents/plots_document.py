"""The plots of files on a page: what `plots:` names, and the tables that a run has logged.

The server draws them. So nothing of a specification in the repository runs in the browser.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence
from pathlib import PurePosixPath
from typing import Any

from gitexp import plugins
from gitexp.catalog.lookup import Point
from gitexp.extras.plots.charts import Chart
from gitexp.extras.plots.images import MEDIA_TYPES, ImageVersion
from gitexp.extras.plots.of_files.plot_drawing import PlotChoice
from gitexp.extras.plots.of_files.plots_of_files import FilePlots, file_plots, with_contents
from gitexp.project.project import Project

Document = dict[str, Any]

MOST_CHARTS = 24  # of a page
MOST_POINTS = 20
_MOST_IMAGES = 24
_LARGEST = 2_000_000  # bytes of a picture
_SECONDS = 10.0  # for a template of the repository

_Draw = Callable[[Chart, str, float], bytes]


def plots_document(project: Project, points: Sequence[Point], most: int = MOST_CHARTS) -> Document:
    """The plots of some points, all points in one chart. Plain curves are left out: a page has them."""
    shown = points[:MOST_POINTS]
    found = file_plots(project, shown, PlotChoice(with_curves=False))
    complaints = [*found.complaints]
    if len(shown) < len(points):
        complaints.append(f"The plots of the first {len(shown)} of {len(points):,} are drawn.")
    return {
        "charts": _charts(found, most, complaints),
        "tables": [table.as_json() for table in found.tables],
        "images": _images(found, complaints),
        "complaints": complaints,
    }


def _charts(found: FilePlots, most: int, complaints: list[str]) -> list[Document]:
    """The charts as pictures. A chart that cannot be drawn gives a complaint."""
    if not found.charts:
        return []
    rendering = plugins.find_installed("plots", "rendering", "vl_convert")
    if rendering is None:
        complaints.append("Plots need a package that is not installed: pip install 'gitexp[plots]'")
        return []
    draw: _Draw = rendering.file_of
    charts = []
    for named in found.charts[:most]:
        try:
            picture = draw(named.chart, ".svg", _SECONDS)
        except ValueError as error:
            complaints.append(f"not drawn: {named.name}: {error}")
            continue
        if len(picture) > _LARGEST:
            complaints.append(f"not drawn: {named.name}: its picture is too large for a page")
            continue
        charts.append({"name": named.name, "picture": _address("image/svg+xml", picture)})
    if len(found.charts) > most:
        complaints.append(f"The first {most} of {len(found.charts):,} plots are drawn.")
    return charts


def _images(found: FilePlots, complaints: list[str]) -> list[Document]:
    """The images that `plots:` names. Those that a run has logged stand among its files."""
    plots = []
    for plot in found.images:
        versions = [version for version in plot.versions if not version.is_logged]
        if versions:
            plots.append(plot._replace(versions=versions))
    versions = list[ImageVersion]()
    for plot in with_contents(found._replace(images=plots)):
        versions += plot.versions
    images = []
    for version in versions[:_MOST_IMAGES]:
        if not version.content or version.size > _LARGEST:
            complaints.append(f"not shown: {version.file} (in {version.label}): it is too large for a page")
            continue
        kind = MEDIA_TYPES[PurePosixPath(version.file).suffix.lower()]
        picture = _address(kind, version.content)
        images.append({"name": version.file, "experiment": version.label, "picture": picture})
    if len(versions) > _MOST_IMAGES:
        complaints.append(f"The first {_MOST_IMAGES} of {len(versions):,} images are shown.")
    return images


def _address(kind: str, content: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"
