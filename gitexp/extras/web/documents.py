"""The documents that the pages are drawn from, made anew only when the repository has changed."""

from __future__ import annotations

import json
import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Any

from gitexp import errors
from gitexp.catalog import live_values
from gitexp.catalog.fields import Row
from gitexp.catalog.query import Query
from gitexp.catalog.replicates import Replicates
from gitexp.extras.web.changes import Changed, Watcher
from gitexp.extras.web.keys import keys_of
from gitexp.extras.web.table_document import TableLine, lines_of, table_document
from gitexp.files import flatten
from gitexp.files.keys import nested
from gitexp.model import Status
from gitexp.named_tuple import NamedTuple
from gitexp.project.project import Project
from gitexp.repo.known_records import KnownRecords
from gitexp.repo.live import live_runs
from gitexp.times import now
from gitexp.version import __version__
from gitexp.views import table as tables
from gitexp.views.columns import Columns
from gitexp.views.table import Table

_QUERY = Query(everything=True, replicates=Replicates.REPEATED)
_PATIENCE = 2.0  # seconds: so long, Git may be busy with the repository
_MOST_KEPT = 3  # earlier states, for pages that are a little behind


class Encoded(str):
    """The JSON of a document."""


class State(NamedTuple):
    """All experiments of a repository at one time.

    Attributes:
        cursor: the id of the state, different after every change.
        rows: the row of each experiment by its key in addresses.
    """

    project: Project
    table: Table
    cursor: str
    lines: Sequence[TableLine]
    rows: dict[str, Row]


class Documents:
    """The documents of one repository. Several threads may ask at once."""

    def __init__(self, opened: Callable[[], Project]) -> None:
        """`opened`: opens the project with its present config."""
        self._opened = opened
        self._lock = threading.RLock()
        self._watcher: Watcher | None = None
        self._records = KnownRecords()
        self._states = OrderedDict[str, State]()
        self._texts: dict[str, Encoded] = {}
        # A page may be older than the server: no cursor of an earlier server is one of this server.
        self._count = secrets.randbelow(2**48)
        self._failure: Exception | None = None  # of the last look
        self._failing_since = 0.0

    def state(self) -> State:
        """The experiments at the last look."""
        with self._lock:
            if not self._states:
                self._read()
            return next(reversed(self._states.values()))

    def look(self) -> str:
        """The cursor, after a look at the repository. A changed repository is read again.

        An unreadable repository stays as it was at the last look.
        """
        with self._lock:
            try:
                self._look()
            except (errors.GitexpError, OSError) as error:  # such as a repository that Git is just packing
                if not self._states:
                    raise
                self._watcher = None
                if self._failure is None:
                    self._failing_since = time.monotonic()
                self._failure = error
            else:
                self._failure = None
            return self.state().cursor

    def follow(self) -> str:
        """The same. Raises the errors of `require_readable`."""
        with self._lock:
            cursor = self.look()
            self.require_readable()
            return cursor

    def require_readable(self) -> None:
        """Raise the error of the last look if the repository has been unreadable for a while."""
        failure = self._failure
        if failure is not None and time.monotonic() > self._failing_since + _PATIENCE:
            raise failure

    def _look(self) -> None:
        changed = Changed.ANYTHING
        if self._watcher is not None:
            changed = self._watcher.changed()
        if changed == Changed.ANYTHING or (changed and not self._take_logged()):
            self._read()

    def _read(self) -> None:
        project = self._opened()
        project.store.remember(self._records)
        if self._watcher is None:
            self._watcher = Watcher(project)
        table = tables.table(project, _QUERY)
        lines = lines_of(table)
        if self._states and lines == self.state().lines:
            return  # a time stamp was all that has changed
        found = [line.row for line in lines]
        rows = {key: row for key, row in zip(keys_of(found), found, strict=True) if key}
        self._keep(State(project, table, "", lines, rows))

    def _take_logged(self) -> bool:
        """Take the last logged values of runs; False if more than values may have changed."""
        state = self.state()
        values = {run.name: live_values.last_values(run) for run in live_runs(state.project.local)}
        lines, rows = list(state.lines), dict(state.rows)
        for number, line in enumerate(lines):
            row = line.row
            if row.status is not Status.RUNNING or row.members or row.name not in values:
                continue
            metrics = flatten(nested({name: last.value for name, last in values[row.name].items()}))
            if not metrics.keys() <= row.metrics.keys():
                return False
            lines[number] = line._replace(row=row._replace(metrics={**row.metrics, **metrics}))
            for key, known in rows.items():
                if known is row:
                    rows[key] = lines[number].row
        if lines != state.lines:
            self._keep(state._replace(lines=lines, rows=rows))
        return True

    def _keep(self, state: State) -> None:
        """Keep the newest state."""
        self._count += 1
        cursor = str(self._count)
        self._texts.clear()
        self._states[cursor] = state._replace(cursor=cursor)
        while len(self._states) > _MOST_KEPT:
            self._states.popitem(last=False)

    def _kept(self, name: str, make: Callable[[], Any]) -> Encoded:
        """The text of a document, made once for the present state."""
        with self._lock:
            if name not in self._texts:
                self._texts[name] = Encoded(as_text(make()))
            return self._texts[name]

    def about(self) -> dict[str, Any]:
        """The facts about the project on every page."""
        project = self.state().project
        folder = project.repo.root.resolve().name
        return {"project": project.config.folder or folder, "folder": folder, "gitexp": __version__}

    def table(self) -> Encoded:
        """The document of the table."""
        with self._lock:
            self.state()
            return self._kept("table", self.table_document)

    def table_since(self, cursor: str) -> Encoded:
        """The changes of the table since a cursor; the whole table for an old cursor."""
        with self._lock:
            self.state()
            if cursor not in self._states:
                return self.table()
            before = self._states[cursor].lines
            return self._kept(f"table since {cursor}", lambda: self.table_document(before))

    def table_document(self, before: Sequence[TableLine] | None = None) -> dict[str, Any]:
        """The document of the table; with earlier lines, the changes since."""
        state = self.state()
        choice = tables.choice(state.table, Columns())
        return {
            "cursor": state.cursor,
            "made": now(),
            **table_document(state.table, state.lines, choice, before),
        }


def as_text(document: Any) -> str:
    """The JSON of a document, in ASCII."""
    if isinstance(document, Encoded):
        return document
    if isinstance(document, dict) and any(isinstance(one, Encoded) for one in document.values()):
        parts = [f"{json.dumps(name)}:{as_text(one)}" for name, one in document.items()]
        return "{" + ",".join(parts) + "}"
    return json.dumps(document, allow_nan=False, separators=(",", ":"))
