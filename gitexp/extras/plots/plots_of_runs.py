"""The plots of some experiments: their curves, and the plots of their files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from gitexp import errors
from gitexp.catalog import by_words, lookup
from gitexp.catalog import query as queries
from gitexp.catalog.lookup import Point
from gitexp.catalog.query import Query
from gitexp.cli.kit.terminal import render
from gitexp.cli.kit.terminal.render import Piece
from gitexp.extras.plots import file_terminal, reading, terminal
from gitexp.extras.plots.charts import Chart
from gitexp.extras.plots.curve_charts import curves_chart
from gitexp.extras.plots.curves import DrawnCurve, XAxis
from gitexp.extras.plots.images import title_and_step
from gitexp.extras.plots.of_files.plot_drawing import PlotChoice
from gitexp.extras.plots.of_files.plots_of_files import FilePlots, file_plots
from gitexp.extras.plots.of_many.many import ManyChart
from gitexp.model import readable
from gitexp.named_tuple import NamedTuple
from gitexp.project.project import Project
from gitexp.words import did_you_mean

_NARROW = 100  # cells; without a terminal
NO_FILES = FilePlots((), (), ())


class Drawing(NamedTuple):
    """The options of plots.

    Attributes:
        metrics: patterns for the metrics of curves; () for all.
        plots: patterns for the names of plots of files; () for all.
        axis: the horizontal axis of curves.
        logarithmic: the axes of curves, lines and dots with a logarithmic scale, of `x` and `y`.
        smoothing: the weight, from 0 to below 1.
        with_curves, with_files: the wanted kinds.
    """

    metrics: Sequence[str] = ()
    plots: Sequence[str] = ()
    axis: XAxis = XAxis.STEP
    logarithmic: Sequence[str] = ()
    smoothing: float = 0.0
    with_curves: bool = True
    with_files: bool = True


class Drawn(NamedTuple):
    """The plots of some experiments.

    Attributes:
        charts: charts of curves, or of many experiments.
        curves: the curves of each metric, by its name.
        files: the plots of files.
        logarithmic: whether the values of curves have a logarithmic scale.
        pictures: the charts of many experiments, with their lines for the terminal.
    """

    charts: Sequence[Chart]
    curves: Mapping[str, Sequence[DrawnCurve]] = {}
    files: FilePlots = NO_FILES
    logarithmic: bool = False
    pictures: Sequence[ManyChart] = ()

    def __bool__(self) -> bool:
        files = self.files
        return bool(self.charts or files.charts or files.images or files.tables)

    @property
    def every_chart(self) -> list[Chart]:
        """All charts, the charts of files last."""
        return [*self.charts, *(named.chart for named in self.files.charts)]

    def lines(self) -> Iterator[Sequence[Piece]]:
        """The lines of the terminal."""
        width = render.width()
        for number, picture in enumerate(self.pictures):
            if number:
                yield file_terminal.BLANK
            yield from picture.lines(width or _NARROW)
        yield from terminal.curves(self.curves, width, logarithmic=self.logarithmic)
        is_first = not self.curves
        for line in file_terminal.lines(self.files, width, logarithmic=self.logarithmic):
            if not (is_first and line == file_terminal.BLANK):
                yield line
            is_first = False

    def as_json(self) -> list[dict[str, Any]]:
        """The specifications of the charts, the tables, and the files of the images."""
        found: list[dict[str, Any]] = [{"title": chart.title, "spec": chart.spec} for chart in self.charts]
        for named in self.files.charts:
            found.append({"name": named.name, "title": named.chart.title, "spec": named.chart.spec})
        found += [table.as_json() for table in self.files.tables]
        for plot in self.files.images:
            versions = []
            for one in plot.versions:
                versions.append(
                    {"experiment": one.label, "step": one.step, "file": one.file, "size": one.size}
                )
            found.append({"name": plot.title, "title": plot.title, "images": versions})
        return found

    def names(self) -> list[dict[str, Any]]:
        """The name, kind and experiments of each plot."""
        found: list[dict[str, Any]] = []
        for picture in self.pictures:
            found.append({"name": picture.chart.title, "kind": "many", "experiments": []})
        for metric, of in self.curves.items():
            found.append({"name": metric, "kind": "curve", "experiments": [curve.label for curve in of]})
        for named in self.files.charts:
            found.append({"name": named.name, "kind": named.template, "experiments": [*named.labels]})
        for table in self.files.tables:
            found.append({"name": table.title, "kind": "table", "experiments": [table.label]})
        for plot in self.files.images:
            found.append({"name": plot.title, "kind": "image", "experiments": plot.labels})
        return found


def plots_of(project: Project, query: Query, words: Sequence[str], drawing: Drawing) -> Drawn:
    """The plots of the named experiments, commits or workspace; without names, of a query's experiments.

    If the query finds nothing: the plots of the workspace. Raises UsageError for a metric without a series,
    and the errors of `lookup.find`.
    """
    points, query = _points(project, query, words)
    files = NO_FILES
    curves: Mapping[str, Sequence[DrawnCurve]] = {}
    has_curves = drawing.with_curves and _have_curves(points, drawing)
    if drawing.with_files:
        choice = PlotChoice(drawing.plots, not has_curves, drawing.smoothing, drawing.logarithmic)
        files = file_plots(project, points, choice)
        _require_named(files.names, drawing.plots)
    if has_curves:
        # A table that a plot of files shows is not drawn a second time.
        shown = set[str]()
        for named in files.charts:
            shown.update(named.files)
        curves = reading.curves(project, query, drawing.metrics, drawing.axis, drawing.smoothing, shown)
    charts = []
    for metric, of in curves.items():
        charts.append(curves_chart(metric, of, drawing.axis, drawing.logarithmic))
    return Drawn(charts, curves, files, "y" in drawing.logarithmic)


def _require_named(names: Sequence[str], wanted: Sequence[str]) -> None:
    """Raise UsageError for a pattern without a plot."""
    titles = [title_and_step(name)[0] for name in names]
    known = list(dict.fromkeys([*names, *titles]))
    for pattern in wanted:
        if not any(map(PlotChoice((pattern,)).fits, known)):
            raise errors.UsageError(
                f"There is no plot '{pattern}'.",
                did_you_mean(pattern, known, "gitexp plots --list names them all."),
            )


def _have_curves(points: Sequence[Point], drawing: Drawing) -> bool:
    """Whether to draw curves: for experiments alone, or for logged series.

    Beside a commit or the workspace, tables are plots of files.
    """
    found = [point.experiment for point in points if point.experiment is not None]
    if not found:
        return False
    if len(found) == len(points) or not drawing.with_files:
        return True
    return any(one.record.series for one in found)


def _points(project: Project, query: Query, words: Sequence[str]) -> tuple[list[Point], Query]:
    """The sides to draw, and the query for their experiments."""
    if not words:
        found = [*readable(reversed(queries.matching(project, query)))]
        if found:
            return [lookup.of_experiment(project, one) for one in found], query
        return [lookup.here(project)], query
    points, names = [], []
    for word in by_words.expanded(project, words):
        point = lookup.find(project, word)
        points.append(point)
        if point.experiment is not None:
            names.append(word)
    return points, query._replace(names=tuple(names))
