"""The fields of a row of the experiment table, all in one table: `FIELDS`.

JSON, CSV, filters, columns, completion and the facts of `show EXP` read `FIELDS`. A new field is one more
line there. Single params and metrics have no line: their keys are the user's.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import Flag, auto
from operator import attrgetter
from typing import Any

from gitexp.catalog import certificates
from gitexp.catalog.flat_values import plain
from gitexp.model import Damaged, Experiment, Flat, Record, Status, Stored, is_unranked
from gitexp.named_tuple import NamedTuple
from gitexp.times import show_duration, show_moment
from gitexp.words import human_size

EXPERIMENTS = ("experiment", "group")  # the kinds of rows that stand for experiments
_NO_VALUES: Flat = {}
_MOST_FILES = 3  # files named for one experiment


class ChangedFile(NamedTuple):
    """A changed file.

    Attributes:
        lines: the number of changed lines; 0 for a binary file.
        text: the path with the counts, for people.
    """

    path: str
    lines: int
    text: str


class Row(NamedTuple):
    """One line of the table: the workspace, a baseline or an experiment.

    Attributes:
        kind: "workspace", "baseline", "experiment", "group", or "commit" for a branch or tag.
        params, metrics: by flat key; a key of two files of any row becomes `file:key` in all rows.
        experiment: None for the workspace and baselines.
        parent: the origin of the experiment.
        changes: the changed files since its parent, those with most changed lines first.
        subject: the first line of the message of a commit; "" for an experiment.
        pushed: the Git remotes known to have the same version of the experiment.
        members: of a group of replicates, the row of each.
    """

    kind: str
    name: str
    commit: str | None
    baseline: str | None = None
    branch: str | None = None
    status: Status | None = None
    created: str | None = None
    params: Flat = _NO_VALUES
    metrics: Flat = _NO_VALUES
    experiment: Stored | None = None
    parent: Experiment | None = None
    changes: Sequence[ChangedFile] = ()
    pushed: Sequence[str] = ()
    subject: str = ""
    members: Sequence[Row] = ()

    @property
    def error(self) -> str | None:
        if isinstance(self.experiment, Damaged):
            return self.experiment.error
        return None

    @property
    def record(self) -> Record | None:
        if isinstance(self.experiment, Experiment):
            return self.experiment.record
        return None

    @property
    def touched(self) -> Sequence[str]:
        """The protected files that the experiment has changed; of replicates, none."""
        record = self.record
        if record is None or self.members:
            return ()
        return record.touched

    @property
    def is_unranked(self) -> bool:
        """Whether the row is never best; of replicates, some may be."""
        return self.experiment is not None and not self.members and is_unranked(self.experiment)

    def as_json(self) -> dict[str, Any]:
        """The object of the row in `show --json`."""
        return {name: read(self) for name, read in _JSON}


class Use(Flag):
    """The places that show a field or ask for a field."""

    JSON = auto()  # every row as JSON
    DETAILS = auto()  # only in `show EXP --json`
    LIST = auto()  # `list --json`
    CSV = auto()  # CSV, whatever columns are asked for
    FILTER = auto()
    COLUMN = auto()  # a column of the table where some experiment has a value
    ASKED = auto()  # a column that --columns asks for, and the order of --sort


JSON, DETAILS, LIST, CSV, FILTER, COLUMN, ASKED = Use

Reader = Callable[[Row], Any]


class Field(NamedTuple):
    """One property of a row.

    Attributes:
        read: gives the value of a row, fit for JSON.
        uses: the places of the field.
        kind: "text", "texts", "id", "time", "seconds", "status", "files" or "values", for filters and `text`.
        title: the name for people.
        fact: the place among the facts of `show EXP`, from 1; 0 for no place.
    """

    name: str
    read: Reader
    uses: Use = Use(0)
    kind: str = "text"
    title: str = ""
    fact: int = 0

    def text(self, row: Row) -> str:
        """The value for people; "" for no value."""
        value = self.read(row)
        if value is None:
            return ""
        match self.kind:
            case "texts":
                return ", ".join(value)
            case "time":
                return show_moment(value)
            case "seconds":
                return show_duration(value)
            case "files":
                return _files_text(row.changes)
        return str(value)

    def cell(self, row: Row) -> str:
        """The value for a column of the table: of a commit id the first digits."""
        text = self.text(row)
        if self.kind == "id":
            return text[:7]
        return text

    def raw(self, row: Row) -> Any:
        """The value for sorting and for programs; None for no value. A list is its text."""
        value = self.read(row)
        if self.kind in ("time", "seconds") or isinstance(value, int | float):
            return value
        return self.text(row) or None


def _files_text(files: Sequence[ChangedFile]) -> str:
    shown = [file.text for file in files[:_MOST_FILES]]
    if more := len(files) - len(shown):
        shown.append(f"{more} more")
    return ", ".join(shown)


def _recorded(name: str, otherwise: Any = None) -> Reader:
    """The reader of a value of the record; `otherwise` is the value of a row without a record."""

    def read(row: Row) -> Any:
        if isinstance(row.experiment, Experiment):
            return getattr(row.experiment.record, name)
        return otherwise

    return read


def _recorded_list(name: str) -> Reader:
    read = _recorded(name, ())
    return lambda row: list(read(row))


def _of(part: str, name: str) -> Reader:
    """The reader of an attribute of a part of the row; None for a row without the part."""

    def read(row: Row) -> Any:
        found = getattr(row, part)
        return found and getattr(found, name)

    return read


def _params(row: Row) -> Flat:
    return plain(row.params)


def _metrics(row: Row) -> Flat:
    return plain(row.metrics)


def _replicate(row: Row) -> int | None:
    return _recorded("replicate")(row) or None


def _changed_paths(row: Row) -> list[str]:
    return [file.path for file in row.changes]


def _pushed(row: Row) -> list[str]:
    return list(row.pushed)


def _stages(row: Row) -> dict[str, Any]:
    return dict(_recorded("stages", {})(row))


def _made_by(row: Row) -> str:
    record = row.record
    if record is None or not (record.user or record.host):
        return ""
    text = f"{record.user or '?'} on {record.host or '?'}"
    if record.imported and not record.user:  # not every tool notes the user
        text = f"somebody on {record.host}"
    if record.python:
        text += f", Python {record.python}"
    return text


def _origin(row: Row) -> str:
    text = (row.baseline or "")[:7]
    if row.parent is not None:
        text += f" [{row.parent.name}]"
    if row.branch:
        text += f" on {row.branch}"
    return text


def _limits(row: Row) -> str:
    limits = {} if row.record is None else row.record.limits
    told = []
    if "timeout" in limits:
        told.append(f"{show_duration(limits['timeout'])} (--timeout)")
    if "memory" in limits:
        told.append(f"{human_size(limits['memory'])} (--max-memory)")
    return ", ".join(told)


def _system(row: Row) -> dict[str, float]:
    return dict(_recorded("system", {})(row))


def _of_system(name: str) -> Field:
    """The field of one number of `Record.system`."""
    return Field(f"system.{name}", lambda row: _system(row).get(name), FILTER | ASKED)


_OF_SYSTEM = [_of_system(name) for name in ("cpu", "memory", "gpu", "gpu_memory")]


def _machine(row: Row) -> str:
    """What the run took of its machine, in words; "" if nobody looked."""
    system = _system(row)
    told = []
    if "memory" in system:
        told.append(f"up to {human_size(system['memory'])} of memory")
    if "cpu" in system:
        told.append(f"{system['cpu']:.0f} % of one core on average")
    if "gpu" in system:
        told.append(f"GPU {system['gpu']:.0f} % on average")
    if "gpu_memory" in system:
        told.append(f"up to {human_size(system['gpu_memory'])} on the GPU")
    return ", ".join(told)


def _resumed_from(row: Row) -> str:
    """The experiment, or the earlier try, that a run goes on from, with the step; "" for none."""
    told = {} if row.record is None else row.record.resumed_from
    if not told or row.record is None:
        return ""
    text = f"from {told['experiment']}"
    if row.record.start:
        text = "from an earlier try"
    if told.get("step") is not None:
        text += f" at step {told['step']:,}"
    return text


def _resumed_as_json(row: Row) -> dict[str, Any]:
    return dict(_recorded("resumed_from", {})(row))


def _touched(row: Row) -> list[str]:
    """The protected files changed by an experiment; of replicates, by any member."""
    found = dict.fromkeys(row.touched)
    for member in row.members:
        found.update(dict.fromkeys(member.touched))
    return list(found)


def _protected(row: Row) -> dict[str, Any]:
    return dict(_recorded("protected", {})(row))


def _holdout(row: Row) -> dict[str, Any]:
    """The outcome of gitexp's own evaluation, without the hidden metrics."""
    told = dict(_recorded("holdout", {})(row))
    told.pop("metrics", None)
    return told


def _holdout_state(row: Row) -> str:
    told = _holdout(row)
    if not told:
        return ""
    text = str(told.get("state") or "not measured")
    return f"{text}, by the code of {str(told['commit'])[:7]}"


def _resumed_name(row: Row) -> str:
    return str(_resumed_as_json(row).get("experiment", ""))


def _reproduced(row: Row) -> str:
    if row.record is None:
        return ""
    return certificates.as_text(row.record)


def _reproduces(row: Row) -> str:
    return str(_recorded("reproduces", {})(row).get("experiment", ""))


def _certificates(row: Row) -> list[dict[str, Any]]:
    if row.record is None:
        return []
    return [one.as_json() for one in certificates.of(row.record)]


def _imported(row: Row) -> dict[str, Any]:
    return dict(_recorded("imported", {})(row))


def _imported_from(row: Row) -> str:
    """The name of the tool that an imported run comes from; "" for any other run."""
    return str(_imported(row).get("from", ""))


def _import_in_words(row: Row) -> str:
    told = _imported(row)
    if not told.get("from"):
        return ""
    return f"from {told['from']}, where it is {told.get('id')}"


def _stored_by(row: Row) -> str:
    if row.experiment is None or row.experiment.source == "gitexp":
        return ""
    return row.experiment.source


# In the order of JSON.
FIELDS = (
    Field("kind", attrgetter("kind"), JSON | CSV),
    Field("name", attrgetter("name"), JSON | LIST | CSV | FILTER | ASKED, title="Experiment"),
    Field("commit", attrgetter("commit"), JSON | LIST | CSV | FILTER | ASKED, "id", title="Commit", fact=11),
    Field("record", _of("experiment", "id"), JSON),
    Field("baseline", attrgetter("baseline"), JSON | LIST | CSV | FILTER | ASKED, "id"),
    Field("branch", attrgetter("branch"), JSON | CSV | FILTER | ASKED),
    Field("status", _of("status", "value"), JSON | LIST | CSV | FILTER | ASKED, "status", "State"),
    Field("created", attrgetter("created"), JSON | LIST | CSV | FILTER | ASKED, "time", "Created", fact=1),
    Field("finished", _recorded("finished"), JSON | FILTER | ASKED, "time"),
    Field("duration", _recorded("duration"), JSON | FILTER | ASKED, "seconds"),
    Field("exit_code", _recorded("exit_code"), JSON | FILTER | ASKED),
    Field("command", _recorded("command"), JSON | FILTER | ASKED, title="Command", fact=3),
    Field("params", _params, JSON | FILTER, "values"),
    Field("metrics", _metrics, JSON | FILTER, "values"),
    Field("tags", _recorded_list("tags"), JSON | FILTER | COLUMN | ASKED, "texts", "Tags", fact=12),
    Field("changes", _changed_paths, FILTER | COLUMN | ASKED, "files"),
    Field("subject", attrgetter("subject"), ASKED),
    Field("note", _recorded("note", ""), JSON | FILTER | COLUMN | ASKED, title="Note", fact=13),
    Field("warnings", _recorded_list("warnings"), JSON, "texts"),
    Field("error", attrgetter("error"), JSON | LIST),
    Field("parent", _of("parent", "name"), JSON | FILTER | ASKED),
    Field("source", _of("experiment", "source"), JSON | FILTER | ASKED),
    Field("pushed", _pushed, JSON | ASKED, "texts", "Pushed", fact=14),
    Field("folder", _recorded("folder", ""), DETAILS, title="Folder", fact=4),
    Field("project", _recorded("project"), DETAILS),
    Field("overrides", _recorded_list("overrides"), DETAILS, "texts", "Set", fact=5),
    Field("group", _recorded("group", ""), DETAILS | FILTER | ASKED),
    Field("replicate", _replicate, DETAILS | FILTER | ASKED),
    Field("sweep", _recorded("sweep", ""), DETAILS | FILTER | ASKED),
    Field("resumed_from", _resumed_name, FILTER | ASKED),
    Field("resumed", _resumed_as_json, DETAILS, "values"),
    Field("resumed at", _resumed_from, title="Resumed", fact=8),
    Field("imported", _imported_from, FILTER | ASKED),
    Field("imported_from", _imported, DETAILS, "values"),
    Field("worker", _recorded("worker", ""), DETAILS | FILTER | ASKED),
    Field("touched", _touched, DETAILS | FILTER | COLUMN | ASKED, "texts", "Touched", fact=9),
    Field("protected", _protected, DETAILS, "values"),
    Field("holdout", _holdout, DETAILS, "values"),
    Field("holdout state", _holdout_state, title="Holdout", fact=10),
    Field("reason", _recorded("reason", ""), DETAILS | FILTER | ASKED),
    Field("system", _system, DETAILS, "values"),
    *_OF_SYSTEM,
    Field("alerts", _recorded_list("alerts"), DETAILS, "values"),
    Field("user", _recorded("user"), DETAILS | FILTER | ASKED),
    Field("host", _recorded("host"), DETAILS | FILTER | ASKED),
    Field("platform", _recorded("platform"), DETAILS),
    Field("python", _recorded("python"), DETAILS | ASKED),
    Field("cpus", _recorded("cpus"), DETAILS),
    Field("gpus", _recorded_list("gpus"), DETAILS, "texts"),
    Field("gitexp", _recorded("gitexp"), DETAILS),
    Field("stages", _stages, DETAILS, "values"),
    Field("made by", _made_by, title="By", fact=2),
    Field("limits", _limits, title="Limits", fact=6),
    Field("origin", _origin, title="Baseline", fact=7),
    Field("stored by", _stored_by, title="Stored by", fact=15),
    Field("machine", _machine, title="Machine", fact=16),
    Field("reproduced", _reproduced, DETAILS | FILTER | COLUMN | ASKED, title="Certified", fact=17),
    Field("reproduces", _reproduces, DETAILS | FILTER | ASKED, title="Repeats", fact=18),
    Field("certificates", _certificates, DETAILS, "values"),
    Field("imported at", _import_in_words, title="Imported", fact=19),
)
BY_NAME = {one.name: one for one in FIELDS}
FACTS = sorted(filter(attrgetter("fact"), FIELDS), key=attrgetter("fact"))


def used_for(use: Use) -> dict[str, Field]:
    """The fields with a use, by name, in the order of the table."""
    return {one.name: one for one in FIELDS if use in one.uses}


_JSON = [(name, field.read) for name, field in used_for(JSON).items()]
