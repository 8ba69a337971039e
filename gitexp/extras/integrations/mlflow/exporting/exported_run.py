"""An experiment as a run of MLflow: params, tags, metrics, files within MLflow's limits."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from functools import cached_property

from gitexp.extras.integrations.exporters import run_curves
from gitexp.extras.integrations.exporters.stored_files import FileOfRun
from gitexp.extras.integrations.exporters.stored_run import StoredRun
from gitexp.extras.integrations.mlflow.exported_names import (
    ID,
    METRICS,
    OUTPUT,
    PACKAGES,
    PATCH_FILE,
    STATE,
)
from gitexp.extras.integrations.mlflow.exporting.run_names import MlflowNames
from gitexp.extras.integrations.mlflow.plain_params import text_of
from gitexp.extras.integrations.mlflow.run_index import derived_id
from gitexp.extras.integrations.mlflow.runs import STATUS_OF
from gitexp.extras.integrations.mlflow.tags import PARENT, PATCH, tags_of
from gitexp.files.lines.series_columns import Series
from gitexp.named_tuple import NamedTuple
from gitexp.objects.paths import fault
from gitexp.words import shorten

_MACHINE = "system/"  # before the names of curves about the machine
_LONGEST_PARAM, _LONGEST_TAG = 6000, 8000  # characters


class MetricValue(NamedTuple):
    """A value of a metric; the time in ms since 1970."""

    name: str
    value: float
    time: int
    step: int


class RunFile(NamedTuple):
    """A file of a run; its content is in gitexp, or given."""

    name: str
    content: FileOfRun | bytes


class MlflowRun:
    """A run of MLflow.

    Attributes:
        key: the id of the experiment.
        state: the id of its record.
        run_id: the id of the run, where the exporter may choose one.
        start, end: times in ms since 1970.
        remarks: a sentence for each omission.
    """

    def __init__(self, run: StoredRun, parent_id: str, *, names_are_paths: bool) -> None:
        self._names_are_paths = names_are_paths
        self._run = run
        self._series = run_curves.curves(run)
        self._parent_id = parent_id
        record = run.record
        self.key, self.state, self.name = run.key, run.state, run.name
        self.user = record.user
        self.run_id = str(record.mlflow.get("run") or derived_id(record))
        self.status = STATUS_OF[record.status]
        self.start = round((run.started or 0.0) * 1000)
        self.end = round((run.ended or run.started or 0.0) * 1000)
        self._remarks: list[str] = []

    def params(self) -> dict[str, str]:
        """The params by name, cut at MLflow's limit."""
        names, found, cut = self._new_names(), dict[str, str](), []
        for key, value in self._run.params.items():
            text = text_of(value)
            if len(text) > _LONGEST_PARAM:
                cut.append(key)
            found[names.new(key)] = text[:_LONGEST_PARAM]
        self._say_renamed("params", names)
        if cut:
            self._remark(f"params are cut at {_LONGEST_PARAM:,} characters, MLflow's limit: {shorten(cut)}")
        return found

    def tags(self) -> dict[str, str]:
        """The tags by name, those that say the experiment and its state too."""
        record, found = self._run.record, dict[str, str]()
        names = self._new_names()
        for name, text in tags_of(record, self.name, _LONGEST_TAG).items():
            if len(text) > _LONGEST_TAG:
                self._remark(f"the tag {name} is cut at {_LONGEST_TAG:,} characters, MLflow's limit")
            found[names.new(name)] = text[:_LONGEST_TAG]
        self._say_renamed("tags", names)
        if self._patch and len(self._patch) <= _LONGEST_TAG:
            found[PATCH] = self._patch.decode("utf-8", "replace")
        if self._parent_id:
            found[PARENT] = self._parent_id
        more = {"gitexp.branch": record.branch or "", "gitexp.parent": self._run.parent}
        more |= {"gitexp.group": self._run.group, "gitexp.host": record.host, METRICS: self._further()}
        found.update({name: text for name, text in more.items() if text})
        found[ID], found[STATE] = self.key, self.state
        return found

    def metrics(self) -> Iterator[tuple[str, Iterator[MetricValue]]]:
        """Yield the values of each metric, by its name: those of a curve, or a single one."""
        machine = {_MACHINE + name: one for name, one in self._run.system_series().items()}
        names = self._new_names()
        for name, series in (*self._series.items(), *machine.items()):
            new = names.new(name)
            yield new, self._values(new, series)
        for name, value in run_curves.without_curve(self._run, self._series).items():
            new = names.new(name)
            yield new, iter([MetricValue(new, float(value), self.end, 0)])
        self._say_renamed("metrics", names)

    def files(self) -> Iterator[RunFile]:
        """Yield the files: logged by the run, its results, and its output, packages and changed code."""
        own = {
            OUTPUT: self._run.log(),
            PACKAGES: self._run.environment().encode(),
            PATCH_FILE: self._patch,
        }
        for name, content in own.items():
            if content:
                yield RunFile(name, content)
        seen = set[str]()
        for file in (*self._run.logged_files().files, *self._run.results().files):
            if (why := fault(file.path)) is not None:
                self._remark(f"a file is left out, because its name {why}: {file.path}")
            elif file.path not in seen:
                seen.add(file.path)
                yield RunFile(file.path, file)

    @property
    def remarks(self) -> list[str]:
        return [*self._run.remarks, *self._remarks]

    def file_left_out(self, name: str, why: str) -> None:
        """Say that a file is left out."""
        self._remark(f"{name} is left out: {why}")

    def files_left_out(self, why: str) -> None:
        """Say that all files are left out."""
        self._remark(f"files are left out: {why}")

    def _new_names(self) -> MlflowNames:
        return MlflowNames(are_paths=self._names_are_paths)

    @cached_property
    def _patch(self) -> bytes:
        return self._run.patch()

    def _further(self) -> str:
        """The metrics for which MLflow has no place, as JSON; "" for none."""
        beside = run_curves.beside_curve(self._run, self._series)
        numbers = self._run.numbers
        found = {name: value for name, value in self._run.metrics.items() if name not in numbers}
        if beside:
            self._remark(
                f"MLflow shows the end of a curve, and the metric itself is in the tag {METRICS}: "
                f"{shorten(list(beside))}"
            )
        if not (found := {**found, **beside}):
            return ""
        text = json.dumps(found, ensure_ascii=False, default=str)
        if len(text) > _LONGEST_TAG:
            self._remark(
                f"metrics that are texts are left out, because they are too long: {shorten(list(found))}"
            )
            return ""
        return text

    def _values(self, name: str, series: Series) -> Iterator[MetricValue]:
        for step, time, value in zip(series.steps, series.times, series.values, strict=True):
            at = self.start if math.isnan(time) else round(time * 1000)
            yield MetricValue(name, value, at, step)

    def _say_renamed(self, kind: str, names: MlflowNames) -> None:
        if names.changed:
            told = [f"{old} as {new}" for old, new in names.changed.items()]
            self._remark(f"{kind} have other names, by MLflow's rules: {shorten(told)}")

    def _remark(self, what: str) -> None:
        sentence = f"{self.name}: {what}"
        if sentence not in self._remarks:
            self._remarks.append(sentence)
