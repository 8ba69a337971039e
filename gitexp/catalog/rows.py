"""Rows of the experiment table: the workspace, baselines and experiments in one shape."""

from __future__ import annotations

import posixpath
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import partial
from itertools import zip_longest
from typing import Any

from gitexp import errors
from gitexp.catalog.fields import Row
from gitexp.catalog.flat_values import FlatValues, flat_files
from gitexp.model import MISSING, Damaged, Experiment, Files, Flat, Status, Stored
from gitexp.named_tuple import NamedTuple
from gitexp.objects.paths import lies_in
from gitexp.words import did_you_mean

NO_FILES = ".gitexp"  # the place of values that stand in no file: options of the command, its output


class Draft(NamedTuple):
    """A row with params and metrics by file; `row(params=…, metrics=…)` makes the row of flat values.

    Attributes:
        project: the folder of the experiment's project, if known.
    """

    row: Callable[..., Row]
    params: Files
    metrics: Files
    project: str | None = None


def build(drafts: Sequence[Draft], together: Collection[str] = ()) -> list[Row]:
    """The rows with flat params and metrics.

    A key of two files becomes `file:key` in all rows: a column never mixes two things. `together`: the files
    that gitexp.yaml and stages name today; see `flat`.
    """
    projects = [draft.project for draft in drafts]
    params = _flat_values([draft.params for draft in drafts], together, projects)
    metrics = _flat_values([draft.metrics for draft in drafts], together, projects)
    built = []
    for draft, of_params, of_metrics in zip(drafts, params, metrics, strict=True):
        built.append(draft.row(params=of_params, metrics=of_metrics))
    return built


def of_experiment(experiment: Stored, parent: Experiment | None = None, pushed: Sequence[str] = ()) -> Draft:
    """The draft of an experiment's row. `parent`: the origin, if another experiment."""
    if isinstance(experiment, Damaged):
        return Draft(partial(_damaged_row, experiment), {}, {})
    row = partial(_row, experiment, parent, pushed)
    record = experiment.record
    return Draft(row, record.params, record.metrics, record.project)


def _row(
    experiment: Experiment, parent: Experiment | None, pushed: Sequence[str], params: Flat, metrics: Flat
) -> Row:
    record = experiment.record
    created = record.created or None
    # By place: a table of 100,000 experiments waits for each argument.
    head = ("experiment", experiment.name, record.commit, record.baseline, record.branch)
    return Row(*head, record.status, created, params, metrics, experiment, parent, (), pushed)


def _damaged_row(found: Damaged, params: Flat, metrics: Flat) -> Row:
    return Row("experiment", found.name, None, status=Status.FAILED, experiment=found)


def of_one(experiment: Stored, parent: Experiment | None = None, pushed: Sequence[str] = ()) -> Row:
    """The finished row of a single experiment; the arguments are those of `of_experiment`."""
    return build([of_experiment(experiment, parent, pushed)])[0]


def flat(
    all_files: Sequence[Files], together: Collection[str] = (), projects: Iterable[str | None] = ()
) -> list[Flat]:
    """The params or metrics of several rows in the flat form of `build`.

    A file moved to another folder stays the same file here. Two files of the same base name count as
    moved unless they stand beside each other: in one row, in `together`, or in two projects.
    """
    return [values.flattened() for values in _flat_values(all_files, together, projects)]


def _flat_values(
    all_files: Sequence[Files], together: Collection[str], projects: Iterable[str | None]
) -> list[FlatValues]:
    """The same, flattened only when somebody asks: most rows of a large table are never looked at."""
    names = set[str]().union(*all_files)
    shared = set[str]()
    if len(names) > 1:
        shared = _shared(map(flat_files, all_files), _moved(all_files, names, together, projects))
    return [FlatValues(files, shared) for files in all_files]


def _moved(
    all_files: Sequence[Files],
    names: Collection[str],
    together: Collection[str],
    projects: Iterable[str | None],
) -> dict[str, str]:
    """The base name by each name of a moved file. `names`: of all the files."""
    bases = Counter(map(posixpath.basename, names))
    if len(bases) == len(names):  # as nearly always
        return {}
    beside = _beside([*all_files, together], projects)
    found = {}
    for name in names:
        base = posixpath.basename(name)
        if bases[base] > 1 and base not in beside:
            found[name] = base
    return found


def _beside(groups: Iterable[Iterable[str]], projects: Iterable[str | None]) -> set[str]:
    """The base names that two files of a group have, or files of two projects."""
    found = set[str]()
    project_of: dict[str, str] = {}
    for names, project in zip_longest(groups, projects):
        for base, count in Counter(map(posixpath.basename, names)).items():
            if count > 1:
                found.add(base)
            if project is not None and project_of.setdefault(base, project) != project:
                found.add(base)
    return found


def _shared(flattened: Iterable[Mapping[str, Flat]], moved: Mapping[str, str]) -> set[str]:
    """The keys of two files or more, even in different rows. `moved`: one name for all names of a file.

    The options and the output of a command are no files, and share a key only within a row.
    """
    keys_of: dict[str, set[str]] = {}
    shared: set[str] = set()
    for files in flattened:
        for name, found in files.items():
            keys_of.setdefault(moved.get(name, name), set()).update(found)
        if len(files) > 1:
            shared |= _shared_by(files.values())
    in_files = []
    for name, keys in keys_of.items():
        if not lies_in(name, NO_FILES):
            in_files.append(keys)
    return shared | _shared_by(in_files)


def _shared_by(groups: Iterable[Iterable[str]]) -> set[str]:
    """The keys that two of some groups have."""
    seen: set[str] = set()
    shared: set[str] = set()
    for group in groups:
        keys = set(group)
        shared |= seen & keys
        seen |= keys
    return shared


def unknown(key: str, known: Sequence[str], what: str = "param or metric") -> errors.UsageError:
    """The error for an unknown column, with the nearest known ones."""
    if several := in_several_files(key, known):
        return errors.UsageError(
            f"There is a {what} '{key}' in several files.",
            f"Say which: {several}.",
            code="unknown-column",
        )
    return errors.UsageError(
        f"There is no {what} '{key}'.",
        did_you_mean(key, known, f"There are: {', '.join(known[:12]) or 'none'}."),
        code="unknown-column",
    )


def in_several_files(key: str, known: Iterable[str]) -> str:
    """The columns `file:key` of a key, for people; "" if it stands in no two files."""
    found = in_file(key, known)
    if len(found) < 2:
        return ""
    return ", ".join(found[:5])


def in_file(key: str, known: Iterable[str]) -> list[str]:
    """The columns `file:key` of a key."""
    return [column for column in known if column.endswith(f":{key}")]


def meant(metric: str, known: Collection[str]) -> str:
    """The known metric that a name means: itself, or that of the only file with such a key.

    A script may write the key into a file and log it as well. Then the name means the file's.
    """
    if metric in known:
        return metric
    in_files = [column for column in in_file(metric, known) if not lies_in(column, NO_FILES)]
    if len(in_files) == 1:
        return in_files[0]
    return metric


def logged_too(known: Collection[str]) -> dict[str, str]:
    """The metric of a file by the metric that the run has logged under the same key."""
    found = {}
    for column in known:
        file, colon, key = column.partition(":")
        if colon and lies_in(file, NO_FILES):
            of_file = meant(key, known)
            if of_file != key:
                found[column] = of_file
    return found


def echoes(known: Collection[str], tables: Iterable[Flat]) -> set[str]:
    """The known metrics that were logged with the very values that a file has under the key.

    `tables` are the metrics of some rows; a row may lack the logged metric.
    """
    twins = logged_too(known)
    if not twins:
        return set()
    found = set(twins)
    for table in tables:
        found -= {echo for echo in found if echo in table and table[echo] != table.get(twins[echo])}
    return found


def echoes_side_by_side(values: Mapping[str, Sequence[Any]]) -> set[str]:
    """The `echoes` among metrics by key, with the value of each row in turn; MISSING for none."""
    tables = []
    for row in zip(*values.values(), strict=True):
        of_row = dict(zip(values, row, strict=True))
        tables.append({key: value for key, value in of_row.items() if value is not MISSING})
    return echoes(values, tables)


def metric_keys(found: Iterable[Row]) -> list[str]:
    """The keys of the metrics of some rows, each once, in order of appearance."""
    keys: dict[str, None] = {}
    for row in found:
        keys.update(dict.fromkeys(row.metrics))
    return list(keys)


def param_keys(found: Iterable[Row]) -> list[str]:
    """The keys of the params of some rows, each once, in order of appearance."""
    keys: dict[str, None] = {}
    for row in found:
        keys.update(dict.fromkeys(row.params))
    return list(keys)
