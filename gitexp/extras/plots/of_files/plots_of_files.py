"""Plots of files of experiments, commits and the workspace: charts, images, and what could not be drawn.

`file_plots` is the one door, for the command line, pages and reports.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from gitexp.catalog import sources
from gitexp.catalog.lookup import Point
from gitexp.extras.plots.images import ImagePlot, ImageVersion, is_image, title_and_step
from gitexp.extras.plots.of_files.plot_definitions import definitions
from gitexp.extras.plots.of_files.plot_drawing import NamedChart, PlotChoice, PlotDrawing, PlotSide
from gitexp.extras.plots.of_files.plot_trees import PlotTree, folders_of_plots, logged_tree, tree_of
from gitexp.extras.plots.tables import TablePlot
from gitexp.files.plot_entries import PlotEntry
from gitexp.files.plot_rows import is_table_of_plot
from gitexp.named_tuple import NamedTuple
from gitexp.project.project import Project

_LOGGED = ("confusion", "tables", "figures")  # folders of what a run has logged
_MOST_IMAGES = 64 << 20  # bytes of all images of a page
_LARGEST_IMAGE = 16 << 20


class FilePlots(NamedTuple):
    """Plots of files.

    Attributes:
        charts: the charts in the order of definition, the logged files last.
        tables: logged tables without a chart, for example predictions.
        images: the images without content; `with_contents` reads the content.
        complaints: a sentence for each plot without a chart because of an error.
        names: the names of all plots, wanted or not.
        trees: the files of each side. The key: the label, and true for files logged by the run.
    """

    charts: Sequence[NamedChart]
    images: Sequence[ImagePlot]
    complaints: Sequence[str]
    tables: Sequence[TablePlot] = ()
    names: Sequence[str] = ()
    trees: Mapping[tuple[str, bool], PlotTree] = {}


ALL = PlotChoice()


def file_plots(project: Project, points: Sequence[Point], choice: PlotChoice = ALL) -> FilePlots:
    """The plots of the files of some sides, all sides in one chart.

    The first side with a plot decides on its options. Each side reads its own files.
    """
    sides, complaints = sides_of(project, points)
    logged = logged_sides(project, points)
    found = FilePlots([], [], complaints)
    for each in (sides, logged):
        found = _joined(found, _of_sides(project, each, choice))
    return found


def _of_sides(project: Project, sides: Sequence[PlotSide], choice: PlotChoice) -> FilePlots:
    charts: list[NamedChart] = []
    tables: list[TablePlot] = []
    complaints: list[str] = []
    images: dict[str, list[ImageVersion]] = {}
    names: dict[str, None] = {}
    for side in sides:
        names.update(dict.fromkeys(side.entries))
    for name in names:
        having = [side for side in sides if name in side.entries]
        if is_image(name):
            title, step = title_and_step(name)
            if choice.fits(name) or choice.fits(title):
                images.setdefault(title, []).extend(_versions(having, name, step))
        elif choice.fits(name):
            drawn = PlotDrawing(project, having, name, choice)
            charts += drawn.charts
            tables += drawn.tables
            complaints += drawn.complaints
    order = {side.label: at for at, side in enumerate(sides)}
    plots = []
    for title, versions in images.items():
        versions.sort(key=lambda version: (order[version.label], version.step or 0))
        plots.append(ImagePlot(title, versions))
    trees = {(side.label, side.is_logged): side.tree for side in sides}
    return FilePlots(charts, plots, complaints, tables, [*names], trees)


def _joined(one: FilePlots, other: FilePlots) -> FilePlots:
    return FilePlots(
        [*one.charts, *other.charts],
        [*one.images, *other.images],
        [*one.complaints, *other.complaints],
        [*one.tables, *other.tables],
        [*one.names, *other.names],
        {**one.trees, **other.trees},
    )


def sides_of(project: Project, points: Sequence[Point]) -> tuple[list[PlotSide], list[str]]:
    """The sides with their plots, and a sentence for each unreadable file."""
    folders = folders_of_plots(project)
    sides, complaints = [], []
    for point in points:
        tree = tree_of(project, point)
        found = definitions(tree, project.config.folder, folders)
        sides.append(PlotSide(point.label, tree, found.entries))
        complaints += [f"{text} (in {point.label})" for text in found.complaints]
    return sides, complaints


def logged_sides(project: Project, points: Sequence[Point]) -> list[PlotSide]:
    """The experiments with logged tables, confusion matrices or figures; the last step of each table."""
    found = []
    for point in points:
        one = point.experiment
        if one is None or not sources.is_own(one) or not one.record.status.ended:
            continue
        tree = logged_tree(project, one)
        entries = _logged_entries(tree)
        if entries:
            found.append(PlotSide(one.name, tree, entries, is_logged=True))
    return found


def _logged_entries(tree: PlotTree) -> dict[str, PlotEntry]:
    """The logged plots by name: every image, and the last step of each table."""
    entries: dict[str, PlotEntry] = {}
    steps: dict[str, int] = {}
    paths: list[str] = []
    for folder in _LOGGED:
        paths += tree.below(folder)
    for path in paths:
        title, number = title_and_step(path)
        step = number or 0
        if is_image(path):
            entries[path] = PlotEntry(path, path)
        elif is_table_of_plot(path) and step >= steps.get(title, 0):
            entries[title], steps[title] = PlotEntry(title, path), step
    return entries


def with_contents(plots: FilePlots) -> list[ImagePlot]:
    """The images of plots with their content; images beyond the limits have none."""
    found = []
    left = _MOST_IMAGES
    for plot in plots.images:
        versions = []
        for version in plot.versions:
            if version.size <= min(left, _LARGEST_IMAGE):
                tree = plots.trees[version.label, version.is_logged]
                content = tree.read([version.file]).get(version.file, b"")
                left -= len(content)
                version = version._replace(content=content)
            versions.append(version)
        found.append(plot._replace(versions=versions))
    return found


def _versions(sides: Sequence[PlotSide], name: str, step: int | None) -> list[ImageVersion]:
    found = []
    for side in sides:
        size = side.tree.sizes([name]).get(name)
        if size is not None:
            found.append(ImageVersion(side.label, step, name, size, side.is_logged))
    return found
