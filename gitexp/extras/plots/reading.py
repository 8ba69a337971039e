"""The curves and the table rows of experiments, read for charts."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from fnmatch import fnmatchcase

from gitexp import errors
from gitexp.catalog import query as queries
from gitexp.catalog.query import Query
from gitexp.catalog.replicates import Replicates, group_label, groups, standing_for
from gitexp.catalog.series import series_tables, stored_series
from gitexp.catalog.series.series_ahead import ReadAhead
from gitexp.extras.plots.curves import DrawnCurve, XAxis, drawable, mean_of, on_axis, smoothed, thinned
from gitexp.extras.plots.of_many.plotted_experiments import PlottedExperiment, of_rows
from gitexp.files.lines.series_columns import Series
from gitexp.model import Experiment, readable
from gitexp.project.project import Project
from gitexp.views.table import table
from gitexp.words import did_you_mean


def curves(
    project: Project,
    query: Query,
    wanted: Sequence[str],
    axis: XAxis,
    smoothing: float,
    without: Collection[str] = (),
) -> dict[str, list[DrawnCurve]]:
    """The curves of experiments by metric, those of the oldest experiment first.

    A metric has a curve for each experiment, or a mean curve for each group of replicates. `wanted`: names
    and patterns of metrics; () for all. `without`: tables to leave out. Raises UsageError for a name without
    a series.
    """
    found = readable(reversed(queries.matching(project, query)))
    tables, ahead = series_tables.tables_of(project, found), ReadAhead(project, found)
    by_experiment: list[tuple[Experiment, dict[str, Series]]] = []
    for one in found:
        of_one = [table for table in tables.get(one.record.commit, ()) if table.path not in without]
        series = stored_series.in_tables(project, one, of_one)
        by_experiment.append((one, {**series, **stored_series.logged(project, one, ahead=ahead)}))
    names = _names([series for _, series in by_experiment], wanted)
    labels = _labels(found, query.drawn)
    return {name: _of_metric(name, by_experiment, labels, axis, smoothing) for name in names}


def _names(found: Sequence[dict[str, Series]], wanted: Sequence[str]) -> list[str]:
    """The metrics to draw, in the order of the patterns; without patterns, in the order of logging."""
    unique: dict[str, None] = {}
    for series in found:
        unique.update(dict.fromkeys(series))
    names = list(unique)
    if not wanted:
        return names
    chosen: dict[str, None] = {}
    for pattern in wanted:
        fitting = [name for name in names if name == pattern or fnmatchcase(name, pattern)]
        if not fitting:
            raise errors.UsageError(
                f"No such experiment has a curve of {pattern}.",
                did_you_mean(pattern, names, "Curves are what a script logs: gitexp.log({'loss': loss})"),
            )
        chosen.update(dict.fromkeys(fitting))
    return list(chosen)


def _labels(found: Sequence[Experiment], drawn: Replicates) -> dict[str, str]:
    """The label of each experiment by its name: the name, or the label of the group."""
    labels = {one.name: one.name for one in found}
    for members in groups(found, drawn).values():
        label = group_label(standing_for(members).name, len(members))
        for member in members:
            labels[member.name] = label
    return labels


def _of_metric(
    name: str,
    by_experiment: Sequence[tuple[Experiment, dict[str, Series]]],
    labels: dict[str, str],
    axis: XAxis,
    smoothing: float,
) -> list[DrawnCurve]:
    members: dict[str, list[DrawnCurve]] = {}
    for one, series in by_experiment:
        if name in series:
            of = series[name]
            curve = drawable(DrawnCurve(one.name, on_axis(of.steps, of.times, axis), of.values))
            members.setdefault(labels[one.name], []).append(curve)
    drawn = []
    for label, found in members.items():
        curve = found[0]._replace(label=label)
        if len(found) > 1:
            curve = mean_of(label, found)
        if smoothing:
            curve = curve._replace(y=smoothed(curve.y, smoothing), pale=curve.y)
        drawn.append(thinned(curve))
    return drawn


def experiments(project: Project, query: Query) -> list[PlottedExperiment]:
    """The experiments of a query with all their params and metrics, the oldest first."""
    return of_rows(table(project, query).experiments)[::-1]
