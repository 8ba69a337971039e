"""The series of one experiment in a few numbers each, for `show EXP`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from gitexp import errors, files
from gitexp.catalog.series import series_tables, stored_series
from gitexp.files.lines.series import SERIES
from gitexp.files.lines.series_columns import Series
from gitexp.model import Experiment
from gitexp.named_tuple import NamedTuple
from gitexp.project.project import Project
from gitexp.words import shorten

RUN = "run"  # what a series is of: the run itself; else `system`, or `rank-1`


class SeriesDetails(NamedTuple):
    """One series of an experiment.

    Attributes:
        of: "run", "system" for the machine, "rank-1" for a further process of distributed training.
        series: the values.
    """

    of: str
    series: Series

    def as_json(self) -> dict[str, Any]:
        """The object of `show EXP --json`."""
        series = self.series
        told = {
            "name": series.name,
            "of": self.of,
            "values": len(series),
            "first_step": series.steps[0],
            "last_step": series.steps[-1],
            "last": series.last,
            "min": series.lowest,
            "max": series.highest,
        }
        return {key: files.jsonable(value) for key, value in told.items()}


def series_details(project: Project, experiment: Experiment) -> tuple[list[SeriesDetails], list[str]]:
    """The series of an experiment, those of the run first, and a sentence about what was not read."""
    found: list[SeriesDetails] = []
    complaints = []
    try:
        for file in stored_series.files_of(project, experiment):
            if stored_series.is_too_large(project, experiment, file):
                complaints.append(
                    f"the series of {experiment.name} in {file} are too many to be shown; from Python: "
                    f'gitexp.experiment("{experiment.name}").history()'
                )
            else:
                of = RUN if file == SERIES else file.removesuffix(".jsonl")
                found += _of_one(of, stored_series.logged(project, experiment, file).values())
        logged = {each.series.name for each in found if each.of == RUN}
        tables = series_tables.tables_of(project, [experiment]).get(experiment.record.commit, [])
        in_tables = stored_series.in_tables(project, experiment, tables)
        found += _of_one(RUN, [one for name, one in in_tables.items() if name not in logged])
        if absent := series_tables.absent(project, tables):
            complaints.append(
                f"the curves in {shorten(absent)} are not on this machine: gitexp data pull {experiment.name}"
            )
    except (errors.GitFailed, OSError) as error:
        complaints.append(f"the series of {experiment.name} cannot be read: {error}")
    return sorted(found, key=lambda each: each.of != RUN), complaints


def _of_one(of: str, series: Iterable[Series]) -> list[SeriesDetails]:
    return [SeriesDetails(of, one) for one in series if len(one)]
