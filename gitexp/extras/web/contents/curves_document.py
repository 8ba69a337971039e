"""Curves for a page: of one experiment, or of many overlaid; thinned out, and with the news of live ones."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from gitexp import errors
from gitexp.catalog.series import series_tables, stored_series
from gitexp.catalog.series.series_ahead import ReadAhead
from gitexp.extras.plots.curves import kept_places
from gitexp.extras.plots.palette import colours
from gitexp.extras.web.contents.kept_curves import Curves, KeptCurves
from gitexp.files.lines.series import SERIES, WRITERS, LoggedPoint
from gitexp.files.lines.series_columns import Series
from gitexp.files.lines.series_tail import points_of, read_at
from gitexp.model import Experiment
from gitexp.named_tuple import NamedTuple
from gitexp.nofollow import Folder, is_plain
from gitexp.project.project import Project
from gitexp.repo.live import LOGGED
from gitexp.views.series_details import RUN, series_details

Document = dict[str, Any]

MOST_CURVES = 40  # metrics that are sent unasked; a page asks for others by name
MOST_NAMES = 5_000
MOST_RUNS = 200

_POINTS = 1_500  # of a curve, if there are few
_FEWEST = 300
_ALL_POINTS = 60_000  # of all curves of a metric together
_KEPT = KeptCurves()
_AT_ONCE = 4 * 1024 * 1024  # bytes of news that are read at a time


class _Wanted(NamedTuple):
    """The metrics to send.

    Attributes:
        total: the number of all metrics.
        names: the names of all metrics, at most MOST_NAMES.
        chosen: the metrics to send curves of.
    """

    total: int
    names: Sequence[str]
    chosen: Sequence[str]


def of_experiment(project: Project, experiment: Experiment, names: Sequence[str] = ()) -> Document:
    """The curves of one experiment: of the metrics `names`, else of the first MOST_CURVES.

    Examples: `system:memory` for a metric of the machine, `rank-1:loss` for a metric of another process.
    """
    whole = f"all of {experiment.id}"
    kept = _KEPT.get(whole, _POINTS)
    if kept is not None:
        return _told(experiment, kept, _chosen(kept, names), [], {})
    cursor = _cursor(project, experiment)  # first: what is logged meanwhile is sent twice, never lost
    details, complaints = series_details(project, experiment)
    found = {}
    for each in details:
        name = each.series.name
        if each.of != RUN:
            name = f"{each.of}:{name}"
        found[name] = each.series
    wanted = _chosen(found, names)
    curves = {name: _curve(experiment.name, found[name], _POINTS) for name in wanted.chosen}
    if experiment.record.status.ended and len(curves) == len(found) and not complaints:
        _KEPT.put(whole, _POINTS, curves)
    return _told(experiment, curves, wanted, complaints, cursor)


def _told(
    experiment: Experiment,
    curves: Curves,
    wanted: _Wanted,
    complaints: Sequence[str],
    cursor: Mapping[str, int],
) -> Document:
    """The document of one experiment."""
    return {
        "names": wanted.names,
        "of_names": wanted.total,
        "metrics": [{"name": name, "curves": [curves[name]]} for name in wanted.chosen],
        "colours": {experiment.name: colours([experiment.name])[0]},
        "complaints": [*complaints],
        "cursor": dict(cursor),
        "live": not experiment.record.status.ended,
    }


def of_many(project: Project, experiments: Sequence[Experiment], names: Sequence[str] = ()) -> Document:
    """The curves of many experiments by metric: of the metrics `names`, else of the first MOST_CURVES.

    The more experiments, the fewer points each curve has.
    """
    drawn = experiments[:MOST_RUNS]
    most = max(_FEWEST, min(_POINTS, _ALL_POINTS // max(len(drawn), 1)))
    by_run, complaints = _curves_by_run(project, drawn, most)
    if len(experiments) > len(drawn):
        complaints.append(f"Curves of the first {len(drawn)} of {len(experiments):,} experiments are drawn.")
    found: dict[str, list[Document]] = {}
    for one in drawn:
        for name, curve in by_run.get(one.name, {}).items():
            found.setdefault(name, []).append(curve)
    wanted = _chosen(found, names)
    labels = [one.name for one in drawn]
    return {
        "names": wanted.names,
        "of_names": len(found),
        "metrics": [{"name": name, "curves": found[name]} for name in wanted.chosen],
        "colours": dict(zip(labels, colours(labels), strict=True)),
        "complaints": complaints,
        "live": any(not one.record.status.ended for one in drawn),
    }


def news(project: Project, experiment: Experiment, cursor: Mapping[str, int]) -> Document:
    """The points logged by a live run since the cursor of an earlier document.

    `again`: the page has to ask for the whole, because of more than a few megabytes of news or a replaced
    file. `ended`: the run is over, and its record has the rest.
    """
    state = stored_series.live_state(project, experiment)
    if state is None:
        now = stored_series.as_of_now(project, experiment)
        return {"ended": now.record.status.ended, "again": False, "points": {}, "cursor": dict(cursor)}
    found, places, again = list[LoggedPoint](), dict[str, int](), False
    try:
        with state.opened() as run, run.folder(LOGGED) as folder:
            for name, size in _files(folder).items():
                place = cursor.get(name, 0)
                if not 0 <= place <= size or size - place > _AT_ONCE:
                    again = True
                    continue
                lines, places[name] = _lines_from(folder, name, place, size)
                found += points_of(lines)
    except OSError:  # the run has ended just now
        return {"ended": True, "again": False, "points": {}, "cursor": dict(cursor)}
    return {"ended": False, "again": again, "points": _by_metric(found), "cursor": places}


# -- reading ------------------------------------------------------------------------------------------


def _curves_by_run(
    project: Project, experiments: Sequence[Experiment], most: int
) -> tuple[dict[str, Curves], list[str]]:
    """The curves of experiments by name, and a sentence about each unreadable experiment."""
    found = dict[str, Curves]()
    absent = list[Experiment]()
    for one in experiments:
        kept = _KEPT.get(one.id, most)
        if kept is None:
            absent.append(one)
        else:
            found[one.name] = kept
    complaints = list[str]()
    try:
        tables = series_tables.tables_of(project, absent)
        ahead = ReadAhead(project, absent)
    except (errors.GitexpError, OSError) as error:
        return found, [f"The curves cannot be read: {error}"]
    for one in absent:
        try:
            if stored_series.is_too_large(project, one, SERIES):
                complaints.append(f"{one.name} has logged too many points to be drawn beside others.")
                continue
            series = stored_series.in_tables(project, one, tables.get(one.record.commit, ()))
            series = {**series, **stored_series.logged(project, one, ahead=ahead)}
        except (errors.GitexpError, OSError) as error:
            complaints.append(f"The curves of {one.name} cannot be read: {error}")
            continue
        curves = {name: _curve(one.name, each, most) for name, each in series.items() if len(each)}
        found[one.name] = curves
        if one.record.status.ended:
            _KEPT.put(one.id, most, curves)
    return found, complaints


def _chosen(found: Mapping[str, Any], names: Sequence[str]) -> _Wanted:
    chosen = list(found)
    if names:
        chosen = [name for name in names if name in found]
    return _Wanted(len(found), list(found)[:MOST_NAMES], chosen[:MOST_CURVES])


def _curve(run: str, series: Series, most: int) -> Document:
    """One thinned out curve, and a few numbers about all its points.

    `times`: seconds since the first point; "nan" for an unknown time.
    """
    places = kept_places(series.values, most)
    first = next((time for time in series.times if math.isfinite(time)), math.nan)
    return {
        "run": run,
        "steps": [series.steps[at] for at in places],
        "times": [number(round(series.times[at] - first, 3)) for at in places],
        "values": [number(series.values[at]) for at in places],
        "begun": number(first),
        "count": len(series),
        "last": number(series.last),
        "min": number(series.lowest),
        "max": number(series.highest),
    }


def number(value: float) -> float | str:
    """A number for JSON; a text for NaN and infinity: "nan", "inf" and "-inf"."""
    if math.isfinite(value):
        return value
    return str(value)


# -- of a run that goes on ----------------------------------------------------------------------------


def _cursor(project: Project, experiment: Experiment) -> dict[str, int]:
    """The size of each file of logged points up to the last whole line; {} without a live run here."""
    state = stored_series.live_state(project, experiment)
    if state is None:
        return {}
    places = {}
    try:
        with state.opened() as run, run.folder(LOGGED) as folder:
            for name, size in _files(folder).items():
                _, places[name] = _lines_from(folder, name, max(size - _AT_ONCE, 0), size)
    except OSError:
        return {}
    return places


def _files(folder: Folder) -> dict[str, int]:
    """The sizes of the files with points of the run, by name."""
    sizes = {}
    for name in folder.names():
        if WRITERS.fullmatch(name) is None:
            continue
        found = folder.stat(name)
        if is_plain(found):
            sizes[name] = found.st_size
    return sizes


def _lines_from(folder: Folder, name: str, place: int, size: int) -> tuple[list[bytes], int]:
    """The whole lines from a place on, and the place behind the last line."""
    fd = folder.open(name)
    try:
        data = read_at(fd, size - place, place)
    finally:
        os.close(fd)
    end = data.rfind(b"\n") + 1
    return data[:end].splitlines(), place + end


def _by_metric(points: Iterable[LoggedPoint]) -> dict[str, Document]:
    """The points of each metric in columns; times: seconds since 1970."""
    found: dict[str, Document] = {}
    for point in points:
        for name, value in point.values.items():
            columns = found.setdefault(name, {"steps": [], "times": [], "values": []})
            columns["steps"].append(point.step)
            columns["times"].append(number(point.time))
            columns["values"].append(number(value))
    return found
