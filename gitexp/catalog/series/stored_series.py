"""The series of experiments: those that a run has logged, and those in tables that a run has written.

A run that goes on here is read from its live folder and its workspace, any other from Git.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath

from gitexp.catalog import sources
from gitexp.catalog.series import series_tables
from gitexp.catalog.series.series_ahead import ReadAhead
from gitexp.catalog.series.series_tables import SeriesTable
from gitexp.files.lines import joined_series, series, series_columns
from gitexp.files.lines.series import SERIES, is_table
from gitexp.files.lines.series_columns import Series
from gitexp.files.tables import table_series
from gitexp.model import Experiment
from gitexp.nofollow import Folder, NotPlain, is_plain
from gitexp.project.project import Project, read_inside
from gitexp.repo import live
from gitexp.repo.experiments import RUN_FOLDER
from gitexp.repo.git.disk_files import files_below
from gitexp.repo.git.values import LARGEST
from gitexp.repo.live import LOGGED, RunState

SeriesByName = dict[str, Series]

_CHUNK = 1024 * 1024  # bytes of a live file that are read at a time
_GONE = (FileNotFoundError, NotPlain)
_LIVE_METRICS = "/plots/metrics/"  # of dvclive: a table for each metric, whose path is the metric's name


def logged(
    project: Project, experiment: Experiment, file: str = SERIES, ahead: ReadAhead | None = None
) -> SeriesByName:
    """The series in a file of logged points, by the names of their metrics; none without the file.

    `ahead` reads the file together with those of other experiments.
    """
    state = live_state(project, experiment)
    found = None if state is None else _from_live(state, file)
    if found is not None:
        return found
    if ahead is None or not experiment.record.status.ended:
        experiment = as_of_now(project, experiment)
        ahead = ReadAhead(project, [experiment], file)
    return series_columns.read(ahead.pieces(experiment))


def is_too_large(project: Project, experiment: Experiment, file: str) -> bool:
    """Whether it takes more than a second or two to read a file of logged points."""
    state = live_state(project, experiment)
    if state is not None:
        return _live_size(state, file) > LARGEST
    if file not in experiment.record.series:
        return False
    (blob,) = project.repo.find_objects([f"{experiment.id}:{RUN_FOLDER}/{file}"])
    return blob is not None and blob.size > LARGEST


def in_tables(project: Project, experiment: Experiment, tables: Sequence[SeriesTable]) -> SeriesByName:
    """The series in the tables of an experiment, by the names of their columns.

    A name that stands in two tables is `file:name` in both. `tables`: of an ended run, by
    `series_tables.tables_of`.
    """
    state = live_state(project, experiment)
    if state is not None:
        return _by_name(_tables_on_disk(state))
    return _by_name(series_tables.contents(project, tables))


def files_of(project: Project, experiment: Experiment) -> tuple[str, ...]:
    """The files of logged points: `series.jsonl`, `rank-1.jsonl`, `system.jsonl`."""
    state = live_state(project, experiment)
    if state is None:
        return experiment.record.series
    try:
        with state.opened() as run, run.folder(LOGGED) as folder:
            names = []
            for name in folder.names():
                names.append(series.stored_in(name) or joined_series.followed_by(name))
    except _GONE:
        return ()
    return tuple(dict.fromkeys(name for name in names if name is not None))


def live_state(project: Project, experiment: Experiment) -> RunState | None:
    """The state of an experiment whose run goes on here; None for any other."""
    if experiment.record.status.ended or not sources.is_own(experiment):
        return None
    return next((run for run in live.live_runs(project.local) if run.name == experiment.name), None)


def as_of_now(project: Project, experiment: Experiment) -> Experiment:
    """The experiment; of a run read as live, in its present state."""
    if experiment.record.status.ended:
        return experiment
    found = project.store.get(experiment.name)
    return found if isinstance(found, Experiment) else experiment


# -- in tables -------------------------------------------------------------------------------------------


def _by_name(contents: Mapping[str, bytes]) -> SeriesByName:
    """The series of some tables by name, and by `file:name` where two have the name."""
    by_file: dict[str, SeriesByName] = {}
    times: dict[str, int] = {}
    for path, content in contents.items():
        by_file[path] = _named(path, table_series.read(path, content))
        for name in by_file[path]:
            times[name] = times.get(name, 0) + 1
    found = {}
    for path, of_file in by_file.items():
        for name, one in of_file.items():
            unique = name if times[name] == 1 else f"{path}:{name}"
            found[unique] = one.called(unique)
    return found


def _named(path: str, found: SeriesByName) -> SeriesByName:
    """The series of a table; of a metric's own table at dvclive, by the whole name of the metric."""
    _, is_live, below = f"/{path}".rpartition(_LIVE_METRICS)
    if not is_live or len(found) != 1:
        return found
    name = below.removesuffix(PurePosixPath(below).suffix)
    (only,) = found.values()
    return {name: only.called(name)}


# -- of a run that goes on ----------------------------------------------------------------------------


def _from_live(state: RunState, file: str) -> SeriesByName | None:
    """The series of a live run; None if its folder is gone."""
    try:
        with state.opened() as run:
            try:
                folder = run.folder(LOGGED)
            except FileNotFoundError:
                return {}
            with folder:
                return series_columns.read(_live_pieces(folder, file))
    except _GONE:
        return None


def _live_size(state: RunState, file: str) -> int:
    """The bytes of the points of a live run; 0 if its folder is gone."""
    try:
        with state.opened() as run, run.folder(LOGGED) as folder:
            return sum(folder.stat(name).st_size for name in _live_files(folder, file))
    except _GONE:
        return 0


def _live_pieces(folder: Folder, file: str) -> Iterator[bytes]:
    """Yield the lines of a file; those of several processes in the order of time.

    The points of a run that this one goes on from come first.
    """
    names = _live_files(folder, file)
    before = joined_series.before_file(file)
    if before in folder.names():
        yield from joined_series.PointsBefore(folder, before, names).pieces()
    if len(names) == 1:
        yield from _pieces(folder, names[0])
    elif names:
        for read in series.in_order_of_time(list(map(folder.lines, names))):
            if read.point is not None:
                yield read.line.rstrip(b"\n") + b"\n"


def _live_files(folder: Folder, file: str) -> list[str]:
    """The files of a live run whose points are in a file of its record."""
    return [name for name in folder.names() if series.stored_in(name) == file and is_plain(folder.stat(name))]


def _pieces(folder: Folder, name: str) -> Iterator[bytes]:
    with os.fdopen(folder.open(name), "rb") as file:
        while piece := file.read(_CHUNK):
            yield piece


def _tables_on_disk(state: RunState) -> dict[str, bytes]:
    """The tables among the result files written by the run so far."""
    root = Path(state.root)
    names = [name for name in files_below(root, state.scope.results) if is_table(name)]
    found = {}
    for name in state.written(names):
        content = read_inside(root, name)
        if content is not None:
            found[name] = content
    return found
