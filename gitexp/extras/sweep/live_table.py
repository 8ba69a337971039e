"""The progress of many runs, drawn while they go on."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TypeVar

from gitexp.catalog.query import Query
from gitexp.cli.kit.summary import ended_line
from gitexp.cli.kit.tables.table_layout import Line, lay_out
from gitexp.cli.kit.terminal import render
from gitexp.cli.kit.terminal.cells import elide
from gitexp.cli.kit.terminal.watch import InPlace
from gitexp.extras.sweep.spaces.grids import in_order
from gitexp.model import Experiment, Status, Stored, readable
from gitexp.project.project import Project
from gitexp.repo.experiments import Store
from gitexp.repo.watched import Watched
from gitexp.times import show_duration
from gitexp.views import table as tables
from gitexp.views.columns import Columns
from gitexp.words import PRECISION

T = TypeVar("T", bound=Stored)
_BESIDE = 8  # lines of the screen for other things than runs
_SHARE = 10  # a picture takes at most the tenth part of the time


class _StoreAsSeen(Store):
    """The experiments, for a picture: those that run elsewhere are running."""

    def __init__(self, store: Store, running: Mapping[str, Experiment]) -> None:
        super().__init__(store.repo)
        self._running = running

    def all(self) -> list[Stored]:
        return [_seen(one, self._running) for one in super().all()]


class LiveTable:
    """The progress of many runs: a table in a terminal, else a line for each run that has ended.

    `total`: how many there will be, if `names` has not all of them yet.
    """

    def __init__(
        self, project: Project, names: Sequence[str], *, quiet: bool, total: int | None = None
    ) -> None:
        self._remark = ""
        self._due = 0.0  # the time of the next picture
        self._project = project
        self._watched = Watched(project.store)
        self._names = names  # a search adds to them
        self._total = total
        self._quiet = quiet
        self._begun = time.monotonic()
        self._told = set[str]()
        self._running: Mapping[str, Experiment] = {}
        for one in self._now():
            if one.record.status.ended:
                self._told.add(one.name)
        self._before = len(self._told)
        self._picture = InPlace()
        self._has_terminal = render.screen() is not None and not quiet

    def look(self, running: Mapping[str, Experiment] = {}) -> None:
        """Draw the state of now; `running` are runs elsewhere that the records here do not know of yet."""
        self._running = running
        if self._quiet or time.monotonic() < self._due:
            return
        started = time.monotonic()
        now = self._now()
        with contextlib.suppress(OSError):
            if self._has_terminal:
                self._draw(now)
            else:
                self._tell(now)
        self._due = time.monotonic() + _SHARE * (time.monotonic() - started)

    def _now(self) -> list[Experiment]:
        """The experiments with the names, as they are now, in order of these."""
        found = in_order(readable(self._watched.all()), self._names)
        return [_seen(one, self._running) for one in found]

    def set_remark(self, text: str) -> None:
        """Say something below the table, as long as the table is drawn."""
        self._remark = text
        if not self._has_terminal:
            render.say(text, "dim")

    def clear(self) -> None:
        """Say what is left to say, and take the last picture away."""
        self._due = 0.0
        self.look()
        if self._has_terminal:
            self._picture.clear()

    def _tell(self, now: Sequence[Experiment]) -> None:
        for one in now:
            if one.record.status.ended and one.name not in self._told:
                self._told.add(one.name)
                render.say(ended_line(one))

    def _draw(self, now: Sequence[Experiment]) -> None:
        lines: list[Line] = [*self._table(now), []]
        for text in filter(None, (self._summary_of(now), self._remark)):
            lines.append([(elide(text, render.width() or len(text)), "dim")])
        self._picture.draw(lines)

    def _table(self, now: Sequence[Experiment]) -> list[Line]:
        """The running and the last ended runs, as many as the terminal has room for."""
        _, height = render.screen() or (0, 24)
        running, ended = list[str](), list[str]()
        for one in sorted(now, key=lambda one: one.record.finished or "", reverse=True):
            if one.record.status is Status.RUNNING:
                running.append(one.name)
            elif one.record.status.ended:
                ended.append(one.name)
        shown = [*running, *ended][: max(height - _BESIDE, 1)]
        store = _StoreAsSeen(self._project.store, self._running)
        return _lines(self._project._replace(store=store), shown) if shown else []

    @property
    def summary(self) -> str:
        """How many runs are in which state now, and when all will have ended."""
        return self._summary_of(self._now())

    def _summary_of(self, now: Sequence[Experiment]) -> str:
        """How many runs are in which state, and when all will have ended."""
        counts: dict[Status, int] = {}
        for one in now:
            counts[one.record.status] = counts.get(one.record.status, 0) + 1
        ended = sum(one.record.status.ended for one in now)
        total = max(self._total or 0, len(now))
        parts = [f"{ended:,} of {total:,} ended"]
        for status in (Status.FAILED, Status.INTERRUPTED, Status.RUNNING, Status.QUEUED):
            if status in counts:
                parts.append(f"{counts[status]:,} {status}")
        passed = time.monotonic() - self._begun
        parts.append(show_duration(passed))
        if self._before < ended < total:
            left = passed / (ended - self._before) * (total - ended)
            parts.append(f"about {show_duration(left)} left")
        return " · ".join(parts)


def _lines(project: Project, names: Sequence[str]) -> list[Line]:
    """The table of some experiments, as it fits."""
    table = tables.table(project, Query(names=tuple(names)))
    choice = tables.choice(table, Columns())
    return list(lay_out(table, choice, width=render.width(), precision=PRECISION).lines)


def _seen(one: T, running: Mapping[str, Experiment]) -> T | Experiment:
    """An experiment, or the same one as it runs elsewhere."""
    there = running.get(one.name)
    if there is None or not isinstance(one, Experiment) or one.record.status is not Status.QUEUED:
        return one
    # No process: that one is not to be looked for here.
    return there._replace(id=one.id, record=replace(there.record, process=None))
