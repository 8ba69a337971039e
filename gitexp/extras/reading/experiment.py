"""One experiment, opened for reading."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any, BinaryIO, overload

from gitexp import errors
from gitexp.catalog import live_values, lookup, rows
from gitexp.catalog.fields import Row
from gitexp.catalog.rows import unknown
from gitexp.catalog.series import series_tables, stored_series
from gitexp.catalog.series.series_ahead import ReadAhead
from gitexp.catalog.series.series_tables import SeriesTable
from gitexp.catalog.series.stored_series import SeriesByName
from gitexp.datasets.run_artifacts import RunArtifact
from gitexp.extras.reading import files_of
from gitexp.extras.reading.history import History
from gitexp.extras.reading.values import Values
from gitexp.files.lines.series import SERIES, stored_in
from gitexp.files.lines.series_columns import Series
from gitexp.model import Artifact, Experiment, Record, Status
from gitexp.project.project import Project
from gitexp.runs.ongoing import log as logs
from gitexp.views import diff as views
from gitexp.views.diff import Diff
from gitexp.views.series_details import RUN
from gitexp.words import shorten

_IN_TABLES = "tables"  # the origin of series that no process has logged


class ReadTogether:
    """Experiments that were read together: what all of them need is asked of Git once."""

    def __init__(self, project: Project, experiments: Iterable[Experiment]) -> None:
        self.project = project
        self._experiments = {one.id: one for one in experiments}
        self._ahead: dict[str, ReadAhead] = {}

    def logged(self, experiment: Experiment, file: str) -> SeriesByName:
        """The series in a file of logged points of an experiment."""
        if experiment.id not in self._experiments:
            return stored_series.logged(self.project, experiment, file)
        if file not in self._ahead:
            self._ahead[file] = ReadAhead(self.project, self._experiments.values(), file)
        return stored_series.logged(self.project, experiment, file, self._ahead[file])

    @cached_property
    def _tables(self) -> Mapping[str, list[SeriesTable]]:
        return series_tables.tables_of(self.project, self._experiments.values())

    def tables(self, experiment: Experiment) -> list[SeriesTable]:
        """The tables that the run of an experiment has written."""
        if experiment.id not in self._experiments:  # it went on then, and has ended since
            return series_tables.tables_of(self.project, [experiment]).get(experiment.record.commit, [])
        return self._tables.get(experiment.record.commit, [])


class OpenedExperiment:
    """An experiment, opened for reading: its values, curves, files, code and output.

    Everything beyond the record is read when it is asked for.

    Attributes:
        name: its name.
        stored: what the store gives: its name, the id of its record, the record.
        params: its params; `params["train.lr"]`, `params.train.lr`.
        metrics: its metrics, likewise.
    """

    def __init__(self, together: ReadTogether, stored: Experiment, row: Row) -> None:
        self._together = together
        self._project = together.project
        self._known: dict[str, SeriesByName] = {}
        self.stored = stored
        self.row = row
        self.name = stored.name
        self.params = Values(row.params)
        self.metrics = Values(row.metrics)

    def __repr__(self) -> str:
        return f"<OpenedExperiment {self.name}: {self.status}>"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, OpenedExperiment) and self.stored == other.stored

    def __hash__(self) -> int:
        return hash(self.stored.id)

    def __reduce__(self) -> tuple[Callable[[Path, str], OpenedExperiment], tuple[Path, str]]:
        return _opened_anew, (self._project.here, self.name)  # another process reads it anew

    # -- facts ------------------------------------------------------------------------------------

    @property
    def record(self) -> Record:
        """All facts noted by gitexp."""
        return self.stored.record

    @property
    def status(self) -> Status:
        """The state: queued, running, done, failed or interrupted."""
        return self.record.status

    @property
    def tags(self) -> tuple[str, ...]:
        """The tags."""
        return self.record.tags

    @property
    def note(self) -> str:
        """The note; "" for none."""
        return self.record.note

    @property
    def created(self) -> datetime | None:
        """The time of the start, in UTC; None if it was not noted."""
        return datetime.fromisoformat(self.record.created) if self.record.created else None

    @property
    def duration(self) -> float | None:
        """The seconds that the command ran; None while it runs, and if nothing was run."""
        return self.record.duration

    @property
    def commit(self) -> str:
        """The commit with the exact code and the results."""
        return self.record.commit

    # -- curves -----------------------------------------------------------------------------------

    @overload
    def history(self, name: str, *, of: str = ...) -> Series: ...
    @overload
    def history(self, name: None = ..., *, of: str = ...) -> History: ...
    def history(self, name: str | None = None, *, of: str = RUN) -> Series | History:
        """The series of a metric, or of all metrics: values with steps and times.

        Series are those logged by the run, and the columns of tables that it has written, such as
        logs.csv. Of a live run they are read anew by each call.

        Args:
            name: the metric.
            of: whose series: "run", "system" for the machine, "rank-1" for a further process of training.

        Raises UnknownColumn for a metric without a series, MissingData if a table is not on this machine.
        """
        if of != RUN and (of == "series" or stored_in(f"{of}.jsonl") != f"{of}.jsonl"):
            raise errors.UsageError(
                f"There are no series of '{of}'.", "There are those of: run, system, rank-1, …"
            )
        found = self._series(of, self._logged)
        if of == RUN and (name is None or name not in found):
            found = {**self._series(_IN_TABLES, self._in_tables), **found}
        history = History(found)
        if name is None:
            return history
        if name not in history:
            raise self._no_series(name, history)
        return history[name]

    def _no_series(self, name: str, history: History) -> errors.GitexpError:
        tables = self._together.tables(stored_series.as_of_now(self._project, self.stored))
        absent = series_tables.absent(self._project, tables)
        if not absent:
            return unknown(name, list(history), "series")
        return errors.MissingData(
            f"{self.name} has no series '{name}' here, and tables that are not on this machine: "
            f"{shorten(absent)}.",
            f"A data remote may have them: gitexp data pull {self.name}",
            paths=absent,
        )

    def _series(self, of: str, read: Callable[[Experiment, str], SeriesByName]) -> SeriesByName:
        """The series of one origin: read once, or each time while the run goes on."""
        if of in self._known:
            return self._known[of]
        now = stored_series.as_of_now(self._project, self.stored)
        found = read(now, of)
        if now.record.status.ended:
            self._known[of] = found
        return found

    def _logged(self, now: Experiment, of: str) -> SeriesByName:
        return self._together.logged(now, SERIES if of == RUN else f"{of}.jsonl")

    def _in_tables(self, now: Experiment, of: str) -> SeriesByName:
        return stored_series.in_tables(self._project, now, self._together.tables(now))

    # -- files ------------------------------------------------------------------------------------

    def artifacts(self) -> list[RunArtifact]:
        """The files that it has logged, by name."""
        return files_of.artifacts(self._project, self.stored)

    def data(self) -> list[Artifact]:
        """Its data, outputs and large results in the object store, by path."""
        return files_of.data(self._project, self.stored)

    def open(self, path: str) -> BinaryIO:
        """One of its files, open for reading bytes: logged, in its commit, or in the object store.

        Raises ExperimentError if it has no such file, and MissingData if its content is not on this machine.
        """
        return files_of.open_file(self._project, self.stored, path)

    def code(self, path: str) -> str:
        """The text of a file of the exact code that ran.

        Raises ExperimentError if there is no such file, or if it is no text.
        """
        return files_of.text_of(self._project, self.stored, path)

    # -- the whole --------------------------------------------------------------------------------

    def log(self) -> str:
        """What its command printed; of a live run, so far. Raises NoOutput if nothing was run."""
        return logs.log(self._project, self.name).output.decode("utf-8", "replace")

    def diff(self, other: OpenedExperiment | str) -> Diff:
        """The differences from this experiment to another one, a revision, or the `workspace`."""
        word = other.name if isinstance(other, OpenedExperiment) else other
        return views.diff(self._project, *views.points(self._project, self.name, word))

    def as_json(self) -> dict[str, Any]:
        """The object of `gitexp show --json`."""
        return self.row.as_json()


def opened(project: Project, found: Sequence[Experiment]) -> list[OpenedExperiment]:
    """The experiments, opened for reading. A running one has the metrics that it has logged last."""
    together = ReadTogether(project, found)
    drafts = live_values.with_values(project, found, [rows.of_experiment(one) for one in found])
    built = rows.build(drafts, project.config.named)
    return [OpenedExperiment(together, one, row) for one, row in zip(found, built, strict=True)]


def opened_by_name(project: Project, name: str) -> OpenedExperiment:
    """The experiment for a word, opened for reading. Raises the errors of `lookup.require`."""
    found = lookup.of_experiment(project, lookup.require(project, name)).experiment
    assert found is not None
    return opened(project, [found])[0]


def _opened_anew(here: Path, name: str) -> OpenedExperiment:
    return opened_by_name(Project.open(here), name)
