"""The parts of an experiment that exporters need, each read when an exporter asks for it.

Values, curves and files come from the readers of `extras.reading` and of the catalog. Questions to Git are
asked for many experiments together, and of all curves those of one experiment are in memory at a time.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from gitexp import errors
from gitexp.catalog import lineage, lookup
from gitexp.catalog.result_files import ResultRules
from gitexp.catalog.series import series_tables
from gitexp.catalog.series.series_tables import SeriesTable
from gitexp.extras.integrations.exporters.stored_files import DataSet, FilesOfRun, FoundFiles
from gitexp.extras.reading.experiment import OpenedExperiment, opened
from gitexp.files import is_number
from gitexp.files.lines.series import SERIES, SYSTEM
from gitexp.files.lines.series_columns import Series
from gitexp.model import Experiment, Flat, Record, readable
from gitexp.pipeline.paths import lock_path
from gitexp.project.project import Project
from gitexp.repo.experiments import ARTIFACTS, RUN_FOLDER
from gitexp.repo.git.values import LARGEST
from gitexp.times import seconds_of
from gitexp.words import shorten

_TOGETHER = 50  # runs whose small files are read together
_LOG, _ENVIRONMENT = "output.log", "environment.txt"


class StoredRuns:
    """The experiments of an export, in order; each is opened when its turn comes, and let go after it."""

    def __init__(self, project: Project, experiments: Sequence[Experiment]) -> None:
        self._project = project
        self._experiments = readable(lookup.complete(project, one) for one in experiments)

    def __len__(self) -> int:
        return len(self._experiments)

    def __iter__(self) -> Iterator[StoredRun]:
        """Yield the runs."""
        every = lookup.experiments(self._project)
        parents = lineage.Lineage.of(every, None)
        waiting = opened(self._project, self._experiments)[::-1]
        tables = series_tables.tables_of(self._project, self._experiments)
        rules = ResultRules.of(self._project)
        while waiting:
            together = [waiting.pop() for _ in range(min(_TOGETHER, len(waiting)))][::-1]
            with self._project.repo.reading_ahead(self._names([one.stored for one in together])):
                while together:
                    one = together.pop()
                    parent = parents.parent(one.stored)
                    name = "" if parent is None else parent.name
                    files = FilesOfRun(self._project, one.stored, rules)
                    yield StoredRun(self._project, one, files, name, tables.get(one.commit, ()))

    def _names(self, experiments: Sequence[Experiment]) -> list[str]:
        """The files that nearly every exporter reads: Git is asked for all of them together."""
        lock = lock_path(self._project.config.folder)
        names = []
        for one in experiments:
            names.append(f"{one.record.commit}:{lock}")
            names.append(f"{one.id}:{ARTIFACTS}")
            for file in (_LOG, _ENVIRONMENT):
                names.append(f"{one.id}:{RUN_FOLDER}/{file}")
        return names


class StoredRun:
    """One experiment, to be exported.

    Attributes:
        name: the name of the experiment.
        key: the id of the run: its commit. It stays whatever is renamed, tagged or noted.
        state: the id of the record: another one after each change of the note, tags or name.
        record: all facts, such as `status`, `user`, `host`, `command`, `tags` and `note`.
        params: the params by flat key.
        metrics: the metrics by flat key; numbers, NaN among them, and texts.
        parent: the name of the experiment that this one was made from, goes on from or was begun by; "" for
            none.
        remarks: a sentence for each part that could not be read so far.
    """

    def __init__(
        self,
        project: Project,
        found: OpenedExperiment,
        files: FilesOfRun,
        parent: str,
        tables: Sequence[SeriesTable],
    ) -> None:
        self._project = project
        self._opened = found
        self._files = files
        self._tables = tables
        self.experiment = found.stored
        self.name = found.name
        self.key = found.stored.record.commit
        self.state = found.stored.id
        self.record: Record = found.stored.record
        self.params: Flat = found.row.params
        self.metrics: Flat = found.row.metrics
        self.parent = parent
        self.remarks: list[str] = []

    # -- facts ------------------------------------------------------------------------------------

    @property
    def started(self) -> float | None:
        """The time of the start, in seconds since 1970; None if nobody noted the time."""
        return seconds_of(self.record.created) or None

    @property
    def ended(self) -> float | None:
        """The time of the end: the start and the duration, or the time of storing."""
        if self.started is not None and self.record.duration is not None:
            return self.started + self.record.duration
        return seconds_of(self.record.finished or "") or self.started

    @property
    def group(self) -> str:
        """The id or name of a set of runs with this one: a sweep, a loop, the group of another tool."""
        record = self.record
        found = record.sweep or record.loop.get("id") or record.imported.get("group") or ""
        return str(found)

    @property
    def numbers(self) -> dict[str, float]:
        """The metrics that are numbers, by flat key; NaN and infinity are numbers."""
        return {key: value for key, value in self.metrics.items() if is_number(value)}

    # -- curves -----------------------------------------------------------------------------------

    def series(self) -> Mapping[str, Series]:
        """The whole curves of metrics, by name: logged by the run, and in tables written by the run."""
        found = self._opened.history()
        absent = series_tables.absent(self._project, self._tables)
        if absent:
            self._remark(f"curves of {shorten(absent)} are left out, because the tables are not here")
        return found

    def system_series(self) -> Mapping[str, Series]:
        """The curves about the machine, by name: `cpu`, `memory`, `gpu.0.use`."""
        return self._opened.history(of=SYSTEM.removesuffix(".jsonl"))

    def rank_series(self) -> dict[str, Mapping[str, Series]]:
        """The curves of further processes of distributed training, by the name of the process: `rank-1`."""
        found = dict[str, Mapping[str, Series]]()
        for file in self.record.series:
            if file not in (SERIES, SYSTEM):
                rank = file.removesuffix(".jsonl")
                found[rank] = self._opened.history(of=rank)
        return found

    # -- texts ------------------------------------------------------------------------------------

    def log(self) -> bytes:
        """The output of the command; b"" for none."""
        return self._run_file(_LOG)

    def environment(self) -> str:
        """The installed packages, a line each, with facts of Python before; "" if nobody noted them."""
        return self._run_file(_ENVIRONMENT).decode("utf-8", "replace")

    def _run_file(self, name: str) -> bytes:
        try:
            return self._project.store.run_file(self.experiment, name) or b""
        except errors.ExperimentError as error:
            self._remark(f"{name} is left out: {error.message}")
            return b""

    # -- files ------------------------------------------------------------------------------------

    def logged_files(self) -> FoundFiles:
        """The files logged by the run; see `stored_files.pieces` for their content."""
        return self._noted(self._files.logged())

    def logged_names(self) -> list[str]:
        """The names of the files and folders logged by the run, for an exporter that takes none."""
        return self._files.logged_names()

    def results(self) -> FoundFiles:
        """The results of the run: metrics files, plots, outputs of stages."""
        return self._noted(self._files.results())

    def data(self) -> FoundFiles:
        """The data of `gitexp add` that the run had."""
        return self._noted(self._files.data())

    def data_sets(self) -> list[DataSet]:
        """The same data, each file or folder of `gitexp add` by itself."""
        found, remarks = self._files.data_sets()
        self._noted(FoundFiles((), remarks))
        return found

    def changed_code(self) -> FoundFiles:
        """The files that differ from the baseline and are no results: changed code and params."""
        return self._noted(self._files.changed_code())

    def patch(self) -> bytes:
        """The changes of `changed_code` since the baseline, in the form of `git diff`; b"" for none."""
        paths = self._files.code_paths
        if not paths:
            return b""
        if sum(file.size for file in self.changed_code().files) > LARGEST:
            self._remark("the patch of the code is left out, because the changed files are too large")
            return b""
        how = ("diff", "--binary", "--no-color", "--no-ext-diff", "--no-textconv", "--no-renames")
        return self._project.repo.run(*how, self.record.baseline, self.record.commit, "--", *paths)

    def _noted(self, found: FoundFiles) -> FoundFiles:
        for remark in found.remarks:
            if remark not in self.remarks:
                self.remarks.append(remark)
        return found

    def _remark(self, what: str) -> None:
        sentence = f"{self.name}: {what}"
        if sentence not in self.remarks:
            self.remarks.append(sentence)
