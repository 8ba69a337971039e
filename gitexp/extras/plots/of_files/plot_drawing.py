"""One plot of files: read of several sides, and drawn as one chart."""

from __future__ import annotations

import json
import posixpath
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

from gitexp import errors
from gitexp.extras.plots.charts import Chart, Spec
from gitexp.extras.plots.of_files import rate_charts, user_templates
from gitexp.extras.plots.of_files.file_charts import MOST_DOTS, TEMPLATES, FilePlot, file_chart
from gitexp.extras.plots.of_files.file_points import NoPoints, PlotPoint, PlotPoints, number_of, points_of
from gitexp.extras.plots.of_files.plot_trees import PlotTree
from gitexp.extras.plots.tables import TablePlot, table_of
from gitexp.files.limits import MAX_BYTES
from gitexp.files.lines.series import is_table
from gitexp.files.plot_entries import PlotEntry
from gitexp.files.plot_rows import Row, is_table_of_plot, rows_of
from gitexp.named_tuple import NamedTuple
from gitexp.project.project import Project

_USUAL = "linear"  # the template, as at DVC
_STEPS = ("step", "epoch", "iteration", "iter", "global_step", "_step")


class PlotSide(NamedTuple):
    """The plots of one experiment, commit or the workspace: named in its files, or logged by its run."""

    label: str
    tree: PlotTree
    entries: Mapping[str, PlotEntry]
    is_logged: bool = False


class NamedChart(NamedTuple):
    """A chart of a plot.

    Attributes:
        name: the id of the plot, or its path.
        template: the name of the template.
        labels: the experiments in it.
        files: the drawn files.
        is_of_rates: true for two rates against each other, like a ROC curve.
    """

    name: str
    chart: Chart
    template: str
    labels: Sequence[str]
    files: Sequence[str]
    is_of_rates: bool = False


class PlotChoice(NamedTuple):
    """The wanted plots.

    Attributes:
        names: patterns for the names of plots; none for all.
        with_curves: also tables of metrics over steps without options, drawn as curves otherwise.
        smoothing: the weight for lines, from 0 to below 1.
        logarithmic: the axes of lines and dots with a logarithmic scale, of `x` and `y`.
    """

    names: Sequence[str] = ()
    with_curves: bool = True
    smoothing: float = 0.0
    logarithmic: Sequence[str] = ()

    def fits(self, name: str) -> bool:
        """Whether a plot is wanted, by its name."""
        if not self.names:
            return True
        return any(name == pattern or fnmatchcase(name, pattern) for pattern in self.names)


class PlotDrawing:
    """One plot of several sides, read and drawn.

    Attributes:
        charts: a list with the chart; empty without a chart.
        tables: the table of each side, for a table without a chart.
        complaints: a sentence for each unreadable side.
    """

    def __init__(self, project: Project, sides: Sequence[PlotSide], name: str, choice: PlotChoice) -> None:
        self.charts: list[NamedChart] = []
        self.tables: list[TablePlot] = []
        self.complaints: list[str] = []
        self._project = project
        self._sides = sides
        self._name = name
        self._entry = sides[0].entries[name]
        plots = self._points()
        if plots and (choice.with_curves or not _is_curve(self._entry)):
            self._draw(plots, choice)

    def _complain(self, why: str, side: str = "") -> None:
        where = ""
        if side:
            where = f" (in {side})"
        self.complaints.append(f"not drawn: {self._name}{where}: {why}")

    def _points(self) -> list[PlotPoints]:
        found = []
        for side in self._sides:
            try:
                files = self._rows(side)
                if not files:
                    continue
                columns = next((rows[0] for rows in files.values() if rows), {})
                self._entry = rate_charts.recognised(self._entry, columns.keys())
                if side.is_logged and not self._entry.ys:
                    if not _is_one_column(columns, files):
                        for rows in files.values():
                            self.tables.append(table_of(self._name, side.label, rows))
                        continue
                    self._entry = self._entry._replace(template="histogram")
                found.append(points_of(self._entry_of(side), side.label, files))
            except errors.FileError as error:
                self._complain(error.message, side.label)
            except NoPoints as error:
                self._complain(str(error), side.label)
        return [plot for plot in found if plot.points]

    def _entry_of(self, side: PlotSide) -> PlotEntry:
        """The entry; a logged file has the path of the side, because its step differs."""
        if self._entry.path:
            return self._entry._replace(path=side.entries[self._name].path)
        return self._entry

    def _rows(self, side: PlotSide) -> dict[str, list[Row]]:
        """The rows of each file of the plot. A missing file gives a complaint."""
        files = self._entry_of(side).files
        contents = side.tree.read(files)
        rows = {}
        for file in files:
            if not is_table_of_plot(file):
                self._complain(f"{file} is neither a table nor an image", side.label)
            elif file in contents:
                rows[file] = rows_of(file, contents[file], header=self._entry.header)
            else:
                why = next(iter(side.tree.absent([file])), f"{file} is not there")
                self._complain(why, side.label)
        return rows

    def _draw(self, plots: Sequence[PlotPoints], choice: PlotChoice) -> None:
        title = self._entry.title or self._name
        template = self._entry.template or _USUAL
        kind = None
        if template in ("linear", "simple", "smooth"):
            kind = rate_charts.kind_between(plots[0].x_key, plots[0].y_key)
        try:
            own = self._own_template(template)
            if own is not None:
                chart = user_templates.template_chart(own, title, plots, template)
            elif kind is not None:
                plot = FilePlot(title, plots[0].x_title, plots[0].y_title, _all_points(plots))
                chart = rate_charts.rates_chart(plot, kind)
            elif template in TEMPLATES:
                chart = self._built_in(title, template, plots, choice)
            else:
                known = ", ".join(TEMPLATES)
                raise NoPoints(f"there is no template '{template}'; there are {known}, and .dvc/plots/*.json")
        except NoPoints as error:
            self._complain(str(error))
            return
        labels = [plot.points[0].label for plot in plots]
        self.charts.append(
            NamedChart(self._name, chart, template, labels, self._entry.files, kind is not None)
        )

    def _built_in(self, title: str, template: str, plots: Sequence[PlotPoints], choice: PlotChoice) -> Chart:
        points = _all_points(plots)
        plot = FilePlot(title, plots[0].x_title, plots[0].y_title, points, logarithmic=choice.logarithmic)
        if template.startswith(("scatter", "bar")) and len(points) > MOST_DOTS:
            self.complaints.append(f"{self._name}: {MOST_DOTS:,} of {len(points):,} points are drawn")
        return file_chart(plot, template, choice.smoothing)

    def _own_template(self, name: str) -> Spec | None:
        """A template of the repository, by its name below .dvc/plots or by its path; None if missing."""
        folder = self._project.config.folder
        below = posixpath.join(folder, ".dvc/plots", posixpath.normpath(f"/{name}")[1:])
        places = [below, f"{below}.json"]
        if name.endswith(".json"):
            places.append(posixpath.normpath(posixpath.join(folder, name)))
        for side in self._sides:
            contents = side.tree.read(place for place in places if not place.startswith(".."))
            for place in places:
                if place in contents:
                    return _template(place, contents[place])
        return None


def _all_points(plots: Sequence[PlotPoints]) -> list[PlotPoint]:
    points: list[PlotPoint] = []
    for plot in plots:
        points += plot.points
    return points


def _template(place: str, data: bytes) -> Spec:
    if len(data) > MAX_BYTES:
        raise NoPoints(f"its template {place} is larger than {MAX_BYTES >> 20} MiB")
    try:
        found: Any = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise NoPoints(f"its template {place} is no JSON: {error}") from error
    if not isinstance(found, dict):
        raise NoPoints(f"its template {place} is no JSON object")
    return found


def _is_one_column(columns: Row, files: Mapping[str, Sequence[Row]]) -> bool:
    """Whether a logged table has a single column, of numbers."""
    return len(columns) == 1 and all(map(_is_measured, next(iter(files.values()))))


def _is_measured(row: Row) -> bool:
    """True for a row of numbers."""
    return all(number_of(value) is not None for value in row.values())


def _is_curve(entry: PlotEntry) -> bool:
    """True for a table of metrics over steps without options: a chart of curves shows the same."""
    if not entry.path or not is_table(entry.path):
        return False
    if entry.ys or entry.template or entry.title or entry.x_label or entry.y_label:
        return False
    return all(column.name in _STEPS for column in entry.xs)
