"""The documents that the pages are drawn from, made anew only when the repository has changed."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from typing import Any, NamedTuple

from gitexp.catalog.fields import Row
from gitexp.catalog.query import Query
from gitexp.catalog.replicates import Replicates
from gitexp.extras.web.keys import keys_of
from gitexp.extras.web.table_document import lines_of, table_document
from gitexp.project.project import Project
from gitexp.times import now
from gitexp.version import __version__
from gitexp.views import table as tables
from gitexp.views.columns import Columns
from gitexp.views.table import Table

_QUERY = Query(everything=True, replicates=Replicates.REPEATED)


class State(NamedTuple):
    """All experiments of a repository at one time.

    Attributes:
        cursor: the name of the time, different after every change.
        rows: the row of each experiment by its key in addresses.
    """

    project: Project
    table: Table
    cursor: str
    rows: dict[str, Row]


class Documents:
    """The documents of one repository. Several threads may ask at once."""

    def __init__(self, opened: Callable[[], Project]) -> None:
        """`opened` gives the project as its config is now."""
        self._opened = opened
        self._lock = threading.RLock()
        self._state: State | None = None
        self._count = 0

    def state(self) -> State:
        """The experiments as they were when they were last looked at."""
        with self._lock:
            if self._state is None:
                self._state = self._read()
            return self._state

    def refresh(self) -> None:
        """Have the repository looked at again."""
        with self._lock:
            self._state = None

    def _read(self) -> State:
        project = self._opened()
        table = tables.table(project, _QUERY)
        found = [line.row for line in lines_of(table)]
        rows = {key: row for key, row in zip(keys_of(found), found, strict=True) if key}
        self._count += 1
        return State(project, table, str(self._count), rows)

    def about(self) -> dict[str, Any]:
        """What every page says of the project."""
        project = self.state().project
        folder = project.repo.root.resolve().name
        return {"project": project.config.folder or folder, "folder": folder, "gitexp": __version__}

    def table(self) -> dict[str, Any]:
        """The document of the table."""
        state = self.state()
        choice = tables.choice(state.table, Columns())
        return {"cursor": state.cursor, "made": now(), **table_document(state.table, choice)}


def as_text(document: Any) -> str:
    """A document as JSON in ASCII."""
    return json.dumps(document, allow_nan=False, separators=(",", ":"))
