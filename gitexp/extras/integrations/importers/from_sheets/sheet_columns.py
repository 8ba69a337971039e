"""The columns of a sheet of results kept by hand: params, metrics, names, times."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum

from gitexp import errors
from gitexp.named_tuple import NamedTuple
from gitexp.project.sections import directions
from gitexp.regex import regex
from gitexp.words import counted


class Role(StrEnum):
    """The meaning of a column for a run."""

    PARAM = "param"
    METRIC = "metric"
    NAME = "name"
    ID = "id"
    CREATED = "created"
    FINISHED = "finished"
    DURATION = "duration"
    STATUS = "status"
    TAGS = "tags"
    NOTE = "note"
    USER = "user"
    COMMIT = "commit"
    GROUP = "group"
    COMMAND = "command"
    SKIP = "skip"


class SheetColumn(NamedTuple):
    """A column of a sheet: its header, its role, and the name of its param or metric."""

    header: str
    role: Role
    name: str

    @property
    def role_text(self) -> str:
        """The role in the form of `--column`, behind the header."""
        if self.role in (Role.PARAM, Role.METRIC) and self.name != self.header:
            return f"{self.role}:{self.name}"
        return str(self.role)


# Words of headers that mean one thing in every sheet.
_KNOWN = {
    Role.NAME: ("name", "run", "run name", "experiment", "experiment name", "exp"),
    Role.ID: ("id", "run id", "uuid"),
    Role.CREATED: ("created", "date", "time", "started", "start", "start time", "timestamp", "created at"),
    Role.FINISHED: ("finished", "ended", "end", "end time"),
    Role.DURATION: ("duration", "runtime", "seconds", "time (s)"),
    Role.STATUS: ("status", "state"),
    Role.TAGS: ("tags", "tag", "labels"),
    Role.NOTE: ("note", "notes", "comment", "comments", "remark", "remarks", "description"),
    Role.USER: ("user", "author", "by", "who"),
    Role.COMMIT: ("commit", "git commit", "sha", "hash", "revision"),
    Role.COMMAND: ("command",),
}
_PARAMS = frozenset(
    [
        *(
            "lr",
            "learning rate",
            "batch",
            "batch size",
            "bs",
            "epochs",
            "epoch",
            "seed",
            "optimizer",
            "model",
        ),
        *("dropout", "layers", "depth", "width", "hidden", "momentum", "weight decay", "wd", "dataset"),
        *(
            "steps",
            "n layers",
            "hidden size",
            "alpha",
            "beta",
            "gamma",
            "lambda",
            "max depth",
            "n estimators",
        ),
    ]
)
_BLANKS = regex(r"[\s_-]+")


def columns_of(headers: Sequence[str], given: Mapping[str, str]) -> list[SheetColumn]:
    """The columns of a sheet; `given` has roles by header, in the form of `--column`.

    Raises UsageError for an unknown role or column, and for a column without a role.
    """
    unknown = [header for header in given if header not in headers]
    if unknown:
        raise errors.UsageError(
            f"The sheet has no column '{unknown[0]}'.",
            f"It has: {', '.join(headers)}.",
            code="sheet-column",
        )
    found, open_ones = [], []
    for header in headers:
        column = _parsed(header, given[header]) if header in given else guess(header)
        if column is None:
            open_ones.append(header)
        else:
            found.append(column)
    if open_ones:
        raise errors.UsageError(
            f"Nobody can tell what is in {counted(len(open_ones), 'column')} of the sheet: "
            f"{', '.join(open_ones)}.",
            "Say it, or metric, note, skip …: " + " ".join(_as_option(header) for header in open_ones),
            code="sheet-column",
        )
    _require_single(found)
    return found


def guess(header: str) -> SheetColumn | None:
    """The column of a telling header; None for any other."""
    words = _BLANKS.sub(" ", header.strip().lower())
    if not words:
        return SheetColumn(header, Role.SKIP, "")
    for role, names in _KNOWN.items():
        if words in names:
            return SheetColumn(header, role, header)
    if words in _PARAMS:
        return SheetColumn(header, Role.PARAM, header)
    if directions.direction(header, {}) is not None:
        return SheetColumn(header, Role.METRIC, header)
    return None


def _parsed(header: str, text: str) -> SheetColumn:
    word, _, name = text.partition(":")
    try:
        role = Role(word)
    except ValueError:
        raise errors.UsageError(
            f"A column cannot be '{word}'.", f"It can be: {', '.join(Role)}.", code="sheet-column"
        ) from None
    return SheetColumn(header, role, name or header)


def _require_single(columns: Iterable[SheetColumn]) -> None:
    """Raise UsageError for two columns of a role that a run has once: name, note and so on."""
    seen: dict[tuple[Role, str], str] = {}
    for column in columns:
        if column.role in (Role.SKIP, Role.TAGS):
            continue
        key = (column.role, column.name if column.role in (Role.PARAM, Role.METRIC) else "")
        if key in seen:
            raise errors.UsageError(
                f"Two columns are {column.role}: '{seen[key]}' and '{column.header}'.",
                f"Give one another role: --column {_quoted(column.header + '=skip')}",
                code="sheet-column",
            )
        seen[key] = column.header


def _as_option(header: str) -> str:
    return f"--column {_quoted(header + '=param')}"


def _quoted(text: str) -> str:
    return f'"{text}"' if re.search(r"[^\w=./:-]", text) else text
