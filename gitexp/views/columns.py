"""The columns of the experiment table: the choice of columns, and sorting by one."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from gitexp.catalog import replicates
from gitexp.catalog.fields import EXPERIMENTS, Row, Use, used_for
from gitexp.catalog.flat_values import values_under
from gitexp.catalog.rows import echoes, meant, metric_keys, param_keys, unknown
from gitexp.catalog.value_pairs import is_noise
from gitexp.files import is_number, measured
from gitexp.model import MISSING, Differing, Mean, Status
from gitexp.named_tuple import NamedTuple
from gitexp.views.numbers import column_texts
from gitexp.words import show_value

_BY_THEMSELVES = used_for(Use.COLUMN)
FIELDS = used_for(Use.ASKED)
TREE = "tree"  # the branches before the rows: no column, but they can be hidden
HEAD = ("name", "created", "commit", "status", TREE)  # what stands before the columns
_IN_SOME = 1  # the number of values of a column with one value, that some experiments lack
_HEAD_WORDS = {"time": "created", "state": "status"}  # what people call them


@dataclass(frozen=True, slots=True)
class Column:
    """One column of the table.

    Attributes:
        kind: "metric", "param", "about" for a field of the row, or "file" for the key of one file.
        key: the flat key, or the name of the field, or `file:key`.
    """

    kind: str
    key: str

    def value(self, row: Row) -> Any:
        """The row's value here, or MISSING; of "about" a text, which may be empty."""
        match self.kind:
            case "metric":
                return row.metrics.get(self.key, MISSING)
            case "param":
                return row.params.get(self.key, MISSING)
            case "about":
                return FIELDS[self.key].cell(row)
        file, _, key = self.key.partition(":")
        return replicates.in_file(row, file, key)

    def raws(self, found: Sequence[Row]) -> list[Any]:
        """The `raw` value of each row."""
        if self.kind == "metric":
            return values_under(self.key, [row.metrics for row in found])
        return list(map(self.raw, found))

    def raw(self, row: Row) -> Any:
        """The value for sorting and for programs: a time in the record's form, a duration in seconds."""
        if self.kind != "about":
            return self.value(row)
        value = FIELDS[self.key].raw(row)
        return MISSING if value is None else value

    def texts(self, found: Sequence[Row], precision: int, longest: int | None) -> list[str]:
        """The values of some rows for people, each in at most `longest` characters.

        `precision` is that of metrics.
        """
        values = list(map(self.value, found))
        if self.kind == "metric" or (self.kind == "file" and _is_of_metrics(found, self.key)):
            return column_texts(values, precision, longest)
        return [show_value(value, longest=longest) for value in values]


def _is_of_metrics(found: Iterable[Row], name: str) -> bool:
    file = name.partition(":")[0]
    return any(row.record is not None and file in row.record.metrics for row in found)


@dataclass(frozen=True, slots=True)
class Columns:
    """The wanted columns.

    Attributes:
        only: names and glob patterns of the columns to show; empty for all.
        hide: names and glob patterns of columns to leave out.
        only_changed: leave out columns with one value in all rows.
    """

    only: Sequence[str] = ()
    hide: Sequence[str] = ()
    only_changed: bool = False


class Choice(NamedTuple):
    """The columns of a table for people.

    Attributes:
        columns: the columns, in order.
        same: columns with equal values in all experiments, for a line below the table.
        asked: the user named the columns: none may be left out.
        hidden: the hidden parts of `HEAD`.
    """

    columns: Sequence[Column]
    same: Sequence[Column] = ()
    asked: bool = False
    hidden: Collection[str] = ()


class Shown(NamedTuple):
    """The rows of a table, by their part in it.

    Attributes:
        heads: the rows of baselines.
        experiments: the rows compared with each other.
        rest: the workspace.
        elsewhere: gives the rows of the whole repository, for keys that no row here has.
    """

    heads: Sequence[Row]
    experiments: Sequence[Row]
    rest: Sequence[Row] = ()
    elsewhere: Callable[[], Sequence[Row]] = tuple


def every(shown: Shown, wanted: Columns) -> list[Column]:
    """All columns of a table: metrics, differing params, fields of experiments, then the other params.

    Raises UnknownColumn if a pattern of `wanted` names no column of the repository.
    """
    found = _known(shown)
    differing = varied(shown.heads, shown.experiments, [*found.metrics, *found.params])
    several, same = list[Column](), list[Column]()
    for column in found.params:
        if column in differing:
            several.append(column)
        else:
            same.append(column)
    picked = _picked([*found.metrics, *several, *found.about, *same], wanted, found, shown)
    if wanted.only_changed:
        return _changing(picked, differing, found)
    return picked


def choose(shown: Shown, wanted: Columns, sort: Column | None = None) -> Choice:
    """The columns for people: metrics, then params by how much they vary, then fields of experiments.

    Columns with the same value in all experiments are apart, except for `sort` and columns asked for. Raises
    UnknownColumn if a pattern of `wanted` names no column of the repository.
    """
    found = _known(shown)
    values = varied(shown.heads, shown.experiments, [*found.metrics, *found.params])
    if wanted.only:
        return _asked_for(shown, wanted, found, values)
    if not wanted.only_changed:
        values = _with_only_metric(found, values, shown)
    told = found._replace(metrics=_without_echoes(found.metrics, shown))
    by_themselves = _by_themselves(told, values, sort, _seeds(found, shown))
    picked = _picked(by_themselves, wanted, found, shown)
    same = list[Column]()
    if not wanted.only_changed:
        same = _same(shown, wanted, told, by_themselves)
    return Choice(picked, same, False, _hidden_head(wanted))


def _asked_for(shown: Shown, wanted: Columns, found: _ColumnsByKind, values: Mapping[Column, int]) -> Choice:
    """The columns that the user names. A field among them does not stand before the columns, too."""
    picked = _picked(found.all, wanted, found, shown)
    if wanted.only_changed:
        picked = _changing(picked, values, found)
    hidden = _hidden_head(wanted)
    for column in picked:
        if column.kind == "about" and column.key in ("created", "commit", "status"):
            hidden.add(column.key)
    return Choice(picked, (), True, hidden)


def _by_themselves(
    found: _ColumnsByKind, values: Mapping[Column, int], sort: Column | None, within: Collection[Column]
) -> list[Column]:
    """The columns of a table for which no columns are named; params different `within` a row come last."""
    metrics = _with_values(found.metrics, values, sort)
    metrics.sort(key=lambda column: values.get(column) == _IN_SOME)
    params = _with_values(found.params, values, sort)
    params.sort(key=lambda column: (column in within, -values.get(column, 0)))
    columns = [*metrics, *params, *found.about]
    if sort is not None and sort not in columns and sort.key not in HEAD:
        columns.append(sort)
    return columns


def _without_echoes(metrics: Sequence[Column], shown: Shown) -> list[Column]:
    """The metrics but for those that were logged with the very values that a file has under the key."""
    tables = (row.metrics for row in (*shown.heads, *shown.experiments))
    found = echoes(keys_of(metrics), tables)
    return [column for column in metrics if column.key not in found]


def _with_only_metric(found: _ColumnsByKind, values: dict[Column, int], shown: Shown) -> dict[Column, int]:
    """The differing columns, and the metric of the experiments if there is but one."""
    metrics = [column for column in found.metrics if _has_value(column, shown.experiments)]
    if len(metrics) == 1:
        return {metrics[0]: _IN_SOME, **values}
    return values


def _with_values(columns: Iterable[Column], values: Collection[Column], sort: Column | None) -> list[Column]:
    return [column for column in columns if column in values or column == sort]


def _seeds(found: _ColumnsByKind, shown: Shown) -> set[Column]:
    """The params with different values among the replicates of a group, like the seed."""
    keys = set[str]()
    for row in shown.experiments:
        if not row.members:
            continue
        for key, value in row.params.items():
            if isinstance(value, Differing):
                keys.add(key)
    return {column for column in found.params if column.key in keys}


def _same(
    shown: Shown, wanted: Columns, found: _ColumnsByKind, by_themselves: Sequence[Column]
) -> list[Column]:
    """The metrics and params without a column of their own: one value in all experiments."""
    same, apart = [], frozenset(by_themselves)
    for column in [*found.metrics, *found.params]:
        if column in apart or _matches(column.key, wanted.hide):
            continue
        if _has_value(column, shown.experiments):
            same.append(column)
    return same


def _changing(picked: Iterable[Column], differing: Collection[Column], found: _ColumnsByKind) -> list[Column]:
    """The columns with several values, and the fields of experiments."""
    return [column for column in picked if column in differing or column in found.about]


def _hidden_head(wanted: Columns) -> set[str]:
    """The parts of `HEAD` that the user hides."""
    return {_HEAD_WORDS.get(word, word) for word in wanted.hide}.intersection(HEAD)


class _ColumnsByKind(NamedTuple):
    """All columns of a table, by kind; of fields those with a value in some experiment."""

    metrics: list[Column]
    params: list[Column]
    about: list[Column]

    @property
    def all(self) -> list[Column]:
        return [*self.metrics, *self.params, *self.about]


def _known(shown: Shown) -> _ColumnsByKind:
    found = [*shown.rest, *shown.heads, *shown.experiments]
    about = []
    for column in _of_kind("about", _BY_THEMSELVES):
        if any(map(column.value, shown.experiments)):
            about.append(column)
    return _ColumnsByKind(_of_kind("metric", metric_keys(found)), _of_kind("param", param_keys(found)), about)


def _of_kind(kind: str, keys: Iterable[str]) -> list[Column]:
    return [Column(kind, key) for key in keys]


def _has_value(column: Column, found: Sequence[Row]) -> bool:
    return any(column.value(row) is not MISSING for row in found)


# -- names and patterns -------------------------------------------------------------------------------


def _picked(columns: Sequence[Column], wanted: Columns, known: _ColumnsByKind, shown: Shown) -> list[Column]:
    """The columns that the patterns of `wanted` leave, each once."""
    found: dict[Column, None] = {}
    if not wanted.only:
        found.update(dict.fromkeys(columns))
    for pattern in wanted.only:
        found.update(dict.fromkeys(_matching(pattern, columns, shown)))
    for pattern in wanted.hide:
        if pattern not in HEAD and pattern not in _HEAD_WORDS:
            _matching(pattern, known.all, shown)  # a name that means nothing is a mistake
    return [column for column in found if not hides(wanted.hide, column)]


def hides(patterns: Sequence[str], column: Column) -> bool:
    """Whether one of the names and patterns of `--hide` fits a column."""
    return any(_fits(pattern, column) for pattern in patterns)


def _fitting(pattern: str, columns: Iterable[Column]) -> list[Column]:
    return [column for column in columns if _fits(pattern, column)]


def _matching(pattern: str, columns: Sequence[Column], shown: Shown) -> list[Column]:
    """The columns for a name or pattern; raises UnknownColumn if the repository has none."""
    matching = _fitting(pattern, columns)
    field = Column("about", pattern)
    if pattern in FIELDS and field not in matching:
        matching.insert(0, field)
    if matching:
        return matching
    found = find(pattern, [*shown.experiments, *shown.heads, *shown.rest])
    if found is not None:
        return [found]
    return _elsewhere(pattern, shown)


def _elsewhere(pattern: str, shown: Shown) -> list[Column]:
    """The columns of experiments that are not shown here; raises UnknownColumn."""
    rows = shown.elsewhere()
    every = [*_of_kind("metric", metric_keys(rows)), *_of_kind("param", param_keys(rows))]
    matching = _fitting(pattern, every)
    if matching:
        return matching
    if (found := find(pattern, rows)) is not None:
        return [found]
    raise unknown(pattern, list(dict.fromkeys(keys_of([*every, *_known(shown).all]))))


def _fits(pattern: str, column: Column) -> bool:
    if _matches(column.key, [pattern]):
        return True
    prefix, dot, rest = pattern.partition(".")
    return bool(dot) and prefix == f"{column.kind}s" and _matches(column.key, [rest])


def _matches(key: str, patterns: Iterable[str]) -> bool:
    return any(key == pattern or fnmatchcase(key, pattern) for pattern in patterns)


def named(key: str, found: Sequence[Row], elsewhere: Callable[[], Sequence[Row]] = tuple) -> Column:
    """The column with a name. As in a filter, a field goes before a metric, and a metric before a param.

    Raises UnknownColumn if neither the rows nor those elsewhere have it.
    """
    column = find(key, found) or find(key, others := elsewhere())
    if column is None:
        every = [*found, *others]
        raise unknown(key, [*metric_keys(every), *param_keys(every)])
    return column


def find(key: str, found: Sequence[Row]) -> Column | None:
    """The column with a name that some of the rows have; None for none."""
    if key in FIELDS:
        return Column("about", key)
    places = [("metric", key), ("param", key)]
    prefix, dot, rest = key.partition(".")
    if dot and prefix in ("metrics", "params"):
        places.insert(0, (prefix[:-1], rest))
    for kind, name in places:
        column = Column(kind, name)
        if _has_value(column, found):
            return column
    in_file = Column("file", key)
    if ":" in key and _has_value(in_file, found):
        return in_file
    of_file = meant(key, metric_keys(found))
    if of_file != key:
        return Column("metric", of_file)
    return None


def keys_of(columns: Iterable[Column]) -> list[str]:
    """The key of each column."""
    return [column.key for column in columns]


# -- order and variety --------------------------------------------------------------------------------


def sort_rows(found: Sequence[Row], column: Column, *, descending: bool) -> list[Row]:
    """The rows by the value of a column: numbers, then NaN, then texts, then rows without a value."""
    numbers, texts, odd, without = [], [], [], []
    for row, value in zip(found, column.raws(found), strict=True):
        if isinstance(value, str):  # an option such as --lr 0.10 is text
            value = measured(value)
        if value is MISSING or value is None:
            without.append(row)
        elif not is_number(value):
            texts.append((str(value), row))
        elif value != value:  # NaN; math.isnan takes no integer of more than 308 digits
            odd.append(row)
        else:
            numbers.append((value, row))
    ordered = []
    for valued in (numbers, texts):
        # Rows of equal values keep their order, also in reverse.
        for _, row in sorted(valued, key=lambda pair: pair[0], reverse=descending):
            ordered.append(row)
        if valued is numbers:
            ordered += odd
    return ordered + without


def varied(heads: Sequence[Row], experiments: Sequence[Row], columns: Sequence[Column]) -> dict[Column, int]:
    """The metrics and params with different values among the experiments, with the number of values of each.

    A column with one value differs if some experiments lack it, or if it is the mean of differing
    replicates; then the number is 1. Of an experiment alone, all metrics count, and the params with
    another value in its baseline. Without experiments, all columns count.
    """
    readable = [row for row in experiments if row.error is None]
    if not readable:
        return dict.fromkeys(columns, 2)
    found = {}
    if len(readable) > 1:
        for column in columns:
            count = _variety(column, readable)
            if count > 1 or (count == _IN_SOME and _differs_all_the_same(column, readable)):
                found[column] = count
        return found
    compared = list(readable)
    for head in heads:
        if head.params:
            compared.append(head)
    for column in columns:
        if column.kind == "metric":
            if column.value(readable[0]) is not MISSING:
                found[column] = 2
        elif _variety(column, compared) > 1 or _is_added(column, compared):
            found[column] = 2
    return found


def _is_added(column: Column, compared: Sequence[Row]) -> bool:
    only, *heads = compared
    return bool(heads) and column.value(only) is not MISSING and not _has_value(column, heads)


def _differs_all_the_same(column: Column, found: Sequence[Row]) -> bool:
    """Whether a column with one value is of interest: some experiments lack it, or have a mean."""
    if column.kind == "metric":
        for row in found:
            if isinstance(row.metrics.get(column.key), Mean):
                return True
    return _is_lacking(column, found)


def _is_lacking(column: Column, found: Iterable[Row]) -> bool:
    """Whether some experiment has no value for a metric or param.

    A commit does not count: it has no options of a command. Nor does a run that ended badly, before its
    params were known.
    """
    for row in found:
        values = row.metrics if column.kind == "metric" else row.params
        if row.kind not in EXPERIMENTS or column.key in values:
            continue
        if column.kind == "metric" or values or row.status is Status.DONE:
            return True
    return False


def _variety(column: Column, found: Sequence[Row]) -> int:
    """The number of different values of a column."""
    values: set[Any] = set()
    key = column.key
    is_metric = column.kind == "metric"
    for row in found:
        value = (row.metrics if is_metric else row.params).get(key, MISSING)
        if value is MISSING:
            continue
        if value != value:  # NaN is not equal to itself, but is one value all the same
            value = (float, "nan")
        elif isinstance(value, bool):
            value = (bool, value)  # true is not 1
        try:
            values.add(value)
        except TypeError:  # a list or a map
            values.add(repr(value))
    if len(values) > 1 and all(map(is_number, values)) and is_noise(min(values), max(values)):
        return 1
    return len(values)


def titles(columns: Sequence[Column]) -> list[str]:
    """The titles of the columns; among columns with the same key, later titles have the kind."""
    seen: set[str] = set()
    found = []
    for column in columns:
        title = column.key
        if title in seen:
            title += f" ({column.kind})"
        seen.add(column.key)
        found.append(title)
    return found
