"""What the command of a run has logged through the Python API, read for the record.

Below the folder of the live run, `logged/` has, all written by the command's own processes:

series.jsonl         points of metrics, see `gitexp.files.lines.series`; others have series-<process>.jsonl
rank-<n>.jsonl       the same of a further rank of distributed training: kept apart; rank-<n>-<process>.jsonl
system.jsonl         the same about the machine
facts.jsonl          what was said once: params, summary values, tags; facts-<process>.jsonl likewise
mlflow.jsonl         what MLflow's clients said beside, line by line; mlflow-<process>.jsonl likewise
ending               empty; there once what such clients have said is read: what they write later is not
artifacts/           files
lost                 empty; there if not all could be written
before-series.jsonl  points of the run that this one goes on from, see gitexp.files.lines.joined_series
goes-on.json         the last steps of that run
"""

from __future__ import annotations

import contextlib
import os
import re
import stat
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from gitexp.catalog import live_values
from gitexp.files.keys import nested
from gitexp.files.lines import joined_series, series
from gitexp.files.lines.series import FACTS, SERIES, SYSTEM, WRITERS, ReadLine
from gitexp.files.lines.series_summary import MetricSummaries, MetricSummary
from gitexp.log_rules import LOST
from gitexp.model import Tree
from gitexp.named_tuple import NamedTuple
from gitexp.nofollow import Folder, NotPlain, is_plain
from gitexp.project.config import Config
from gitexp.project.project import Project
from gitexp.project.sections import directions
from gitexp.regex import regex
from gitexp.repo.experiments import RUN_FOLDER
from gitexp.repo.live import LOGGED, RunState
from gitexp.runs.logged_values import logged_facts, system_summary
from gitexp.runs.logged_values.logged_facts import NO_FACTS, Facts, readable_again
from gitexp.words import shorten

CODE_PARAMS = f"{RUN_FOLDER}/params.json"  # stands for a params file; the record's tree has the file

ENDING = "ending"  # in `logged/`: what MLflow's clients write from now on is not read here any more
_MLFLOW = regex(r"mlflow(?:-[\w.-]+)?\.jsonl")


class Logged(NamedTuple):
    """Everything that the command of a run has logged.

    Attributes:
        facts: what was said once.
        metrics: the number of each metric for the table.
        writers: names of the files whose points make up the series of the run.
        are_whole: whether each line of these files is a point.
        before: the files with the points of the run that this one goes on from, by the name of the series
            in the record's tree that they begin.
        step_before: the last step of that run that counts.
        apart: the files whose points make up further series, by the name of these in the record's tree.
        system: what the run took of its machine, for the record.
        by_mlflow: names of the files with what MLflow's clients said.
        alerts: the alerts, for the record.
        warnings: a sentence for each unreadable thing.
    """

    facts: Facts
    metrics: dict[str, Any]
    writers: tuple[str, ...]
    are_whole: bool
    apart: Mapping[str, Sequence[str]]
    system: dict[str, float]
    by_mlflow: tuple[str, ...] = ()
    alerts: tuple[dict[str, Any], ...] = ()
    warnings: tuple[str, ...] = ()
    before: Mapping[str, str] = MappingProxyType({})
    step_before: int | None = None

    @property
    def series(self) -> tuple[str, ...]:
        """The names of the files with series in the record's tree."""
        has_own = self.writers or SERIES in self.before
        return (*([SERIES] if has_own else []), *self.apart)

    def resumed_at(self, told: Mapping[str, Any]) -> dict[str, Any]:
        """What the run goes on from, with the last step that counts; `told`: what its record says."""
        found = {key: value for key, value in told.items() if key != "step"}
        if told and self.step_before is not None:
            found["step"] = self.step_before
        return found

    @property
    def params(self) -> dict[str, Tree]:
        """The params given in code, for the record."""
        return {CODE_PARAMS: self.facts.params} if self.facts.params else {}

    def beside(self, recorded: Mapping[str, Tree]) -> Logged:
        """The same without the params that a recorded params file has with the same value.

        Scripts log all that they have read, `log_params(gitexp.params())`: it would stand there twice.
        """
        trees = [tree for name, tree in recorded.items() if not name.startswith(f"{RUN_FOLDER}/")]
        params = _beside(self.facts.params, trees)
        return (
            self if params == self.facts.params else self._replace(facts=self.facts._replace(params=params))
        )

    def metrics_at(self, file: str) -> dict[str, Tree]:
        """The logged metrics for the record, under the path of a file."""
        return {file: self.metrics} if self.metrics else {}


def _beside(params: Mapping[str, Any], trees: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The params whose value none of the trees has at the same place."""
    found: dict[str, Any] = {}
    for name, value in params.items():
        theirs = [tree[name] for tree in trees if name in tree]
        if any(type(each) is type(value) and each == value for each in theirs):
            continue
        if isinstance(value, dict) and value:
            value = _beside(value, [each for each in theirs if isinstance(each, dict)])
            if not value:
                continue
        found[name] = value
    return found


NOTHING = Logged(NO_FACTS, {}, (), True, {}, {})


def read(project: Project, state: RunState) -> Logged:
    """What the command of a run has logged; `NOTHING` of a run that has logged nothing. Raises OSError."""
    try:
        with state.opened() as run:
            folder = run.folder(LOGGED)
    except (FileNotFoundError, NotPlain):
        if not os.path.lexists(state.folder):
            return _lost("somebody has deleted the run's folder")
        if os.path.lexists(state.logged):
            return _lost(f"{LOGGED} in the run's folder is no folder of its own")
        return NOTHING
    with folder:
        if _fitting(folder.names(), _MLFLOW):
            folder.create(ENDING)
        return _read(project, folder)


def _lost(why: str) -> Logged:
    return NOTHING._replace(warnings=(f"what was logged is lost: {why}",))


def _read(project: Project, folder: Folder) -> Logged:
    names, others = _files_in(folder)
    facts = logged_facts.read(folder, _fitting(names, FACTS))
    writers = _fitting(names, WRITERS)
    before = _before(names)
    found, step_before = _summaries(folder, writers, before.get(SERIES, ""))
    metrics, warnings = _in_the_table(found.by_name, facts, project.config)
    if others:
        warnings.append(f"left out of what was logged, no plain files of their own: {shorten(others)}")
    if LOST in names and not any(text.startswith("logged lines") for text in facts.warnings):
        warnings.append("not all that was logged could be written: the disk was full, or the like")
    if found.damaged:
        warnings.append(f"lines of logged series that cannot be read, left out: {found.damaged:,}")
    return Logged(
        facts,
        metrics,
        writers=writers if found.by_name else (),
        are_whole=not found.damaged and not found.is_cut,
        apart=_apart(names, before),
        before=before,
        step_before=step_before,
        by_mlflow=_fitting(names, _MLFLOW),
        alerts=tuple(live_values.alerts_in(folder, names)),
        system=system_summary.summary(folder.lines(SYSTEM)) if SYSTEM in names else {},
        warnings=(*facts.warnings, *warnings),
    )


def _files_in(folder: Folder) -> tuple[list[str], list[str]]:
    """The names of the plain files of a folder, and of what may not be read: links, second names of files."""
    names, others = [], []
    for name in folder.names():
        with contextlib.suppress(FileNotFoundError):  # gone meanwhile
            of = folder.stat(name)
            if is_plain(of):
                names.append(name)
            elif not stat.S_ISDIR(of.st_mode):
                others.append(name)
    return names, others


def _before(names: Sequence[str]) -> dict[str, str]:
    """The files with points of the run before, by the name of the series that they begin."""
    found = {}
    for name in names:
        if (target := joined_series.followed_by(name)) is not None:
            found[target] = name
    return found


def _apart(names: Sequence[str], before: Mapping[str, str]) -> dict[str, list[str]]:
    """The files with series of their own, by the name that these have in the record's tree."""
    found: dict[str, list[str]] = {target: [] for target in before if target != SERIES}
    for name in names:
        target = series.stored_in(name)
        if target is not None and target != SERIES:
            found.setdefault(target, []).append(name)
    return found


def _fitting(names: Sequence[str], pattern: re.Pattern[str]) -> tuple[str, ...]:
    return tuple(name for name in names if pattern.fullmatch(name))


def _summaries(folder: Folder, writers: Sequence[str], before: str) -> tuple[MetricSummaries, int | None]:
    """The summaries of all metrics, and the last step of the run that this one goes on from.

    `before`: the file with the points of that run, if any.
    """
    summaries = MetricSummaries()
    step_before = None
    if before:
        points = joined_series.PointsBefore(folder, before, writers)
        for lines in points.pieces():
            summaries.add_lines(lines)
        step_before = points.last_step
    if len(writers) == 1:
        for lines in folder.pieces(writers[0]):
            summaries.add_lines(lines)
    elif writers:
        for read in in_order(folder, writers):
            summaries.add_line(read)
    return summaries, step_before


def in_order(folder: Folder, writers: Sequence[str]) -> Iterator[ReadLine]:
    """Yield the lines of several files of points as one, the earliest first."""
    return series.in_order_of_time(list(map(folder.lines, writers)))


def _in_the_table(
    summaries: Mapping[str, MetricSummary], facts: Facts, config: Config
) -> tuple[dict[str, Any], list[str]]:
    """The number of each metric for the table, and warnings."""
    metrics: dict[str, Any] = {}
    warnings = []
    for name, summary in summaries.items():
        kind = facts.kinds.get(name) or directions.of_config(name, config.summary) or "last"
        if kind == "best":
            better = directions.direction(name, config.directions)
            if better is None:
                warnings.append(f"the last value of {name}, not its best: nobody has said which is better")
                kind = "last"
            else:
                kind = better
        metrics[name] = summary.number(kind)
    found = readable_again("logged metrics", nested({**metrics, **facts.summary}))
    return dict(found.tree), [*warnings, *found.complaints]
