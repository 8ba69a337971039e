"""Replicates: experiments that differ in nothing but the seed, as one row of the table."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from enum import Enum
from typing import Any

from gitexp import averages
from gitexp.catalog.fields import Row
from gitexp.catalog.superseded import superseded, without_superseded
from gitexp.files import flatten, is_finite, is_number, parse_key
from gitexp.files.keys import put
from gitexp.files.scalars import same
from gitexp.model import (
    MISSING,
    Differing,
    Experiment,
    Files,
    Flat,
    Mean,
    Record,
    Status,
    Stored,
    Tree,
    Value,
    is_touched,
    readable,
)
from gitexp.words import counted

# The status of a group is the first of these that a member has.
_WORST_FIRST = (Status.RUNNING, Status.QUEUED, Status.FAILED, Status.INTERRUPTED)


class Replicates(Enum):
    """The groups of experiments drawn in a single row.

    EACH: none. REPEATED: groups with several seeds, or made by `--repeat`. EVERY: also groups of runs
    repeated by hand with the same seed.
    """

    EACH = "each"
    REPEATED = "repeated"
    EVERY = "every"


def groups(found: Iterable[Stored], which: Replicates) -> dict[str, list[Experiment]]:
    """The experiments of each group of at least two, by the key of the group."""
    if which is Replicates.EACH:
        return {}
    sound = readable(without_superseded(list(found)))
    keys = list(map(key_of, sound))
    known = list(filter(None, keys))
    if len(set(known)) == len(known):  # most repositories: ten thousand experiments without a group
        return {}
    by_key: dict[str, list[Experiment]] = {}
    for key, one in zip(keys, sound, strict=True):
        if key:
            by_key.setdefault(key, []).append(one)
    chosen = {}
    for key, members in by_key.items():
        if len(members) > 1 and (which is Replicates.EVERY or _is_repeated(members)):
            chosen[key] = members
    return chosen


def replicates_of(one: Stored, every: Sequence[Stored]) -> list[Experiment]:
    """The experiments in the same row of `show`, in order; none for a row of its own."""
    key = key_of(one)
    if not key:
        return []
    members = groups([other for other in every if key_of(other) == key], Replicates.REPEATED).get(key, [])
    return in_order(members)


def in_order(members: Iterable[Experiment]) -> list[Experiment]:
    """The members of a group: those with a number first, by their numbers."""
    return sorted(members, key=lambda member: (not member.record.replicate, member.record.replicate))


def standing_for(members: Sequence[Experiment]) -> Experiment:
    """The member with the name of a group: the member done first, so that the name stays; else the first."""
    done = [one for one in members if one.record.status is Status.DONE]
    if done:
        return min(
            done, key=lambda one: (one.record.finished or one.record.created, one.record.created, one.name)
        )
    return min(
        members,
        key=lambda one: (not one.record.replicate, one.record.replicate, one.record.created, one.name),
    )


def group_label(name: str, count: int) -> str:
    """The name of a group for people, with the number of its members: `rp 3 runs`."""
    return f"{name} {counted(count, 'run')}"


def key_of(one: Stored) -> str:
    """The key of an experiment's group; "" for an experiment without one.

    A reproduction has no group: the same run twice would make noise look too small.
    """
    if not isinstance(one, Experiment) or one.record.reproduces:
        return ""
    return one.record.group or one.record.identity


def _is_repeated(members: Sequence[Experiment]) -> bool:
    identities = set()
    for member in members:
        if member.record.replicate:
            return True
        identities.add(member.record.identity)
    return len(identities) > 1


def together(chosen: Sequence[Stored], every: Sequence[Stored], which: Replicates) -> list[Stored]:
    """The chosen experiments, with all members of their groups among `every`.

    The members of a group stand beside each other, at the place of the first.
    """
    members_of = groups(every, which)
    if not members_of:
        return list(chosen)
    found, seen = list[Stored](), set[str]()
    for one in chosen:
        key = key_of(one)
        if key not in members_of:
            found.append(one)
        elif key not in seen:
            seen.add(key)
            found += members_of[key]
    return found


def first_rows(found: Sequence[Stored], count: int, which: Replicates) -> int:
    """How many of the experiments make the first `count` rows; members of a group stand beside each other."""
    members_of = groups(found, which)
    rows, before = 0, ""
    for at, one in enumerate(found):
        key = key_of(one)
        if key not in members_of or key != before:
            if rows == count:
                return at
            rows += 1
        before = key
    return len(found)


def collapsed(found: Sequence[Row], which: Replicates) -> list[Row]:
    """The rows, with one row for each group, at the place of its first member."""
    experiments = [row.experiment for row in found if row.experiment is not None]
    members_of = groups(experiments, which)
    if not members_of:
        return list(found)
    gone = superseded(experiments)
    by_key: dict[str, list[Row]] = {}
    for row in found:
        key = _key_of_row(row)
        if key in members_of and (row.record is None or row.record.commit not in gone):
            by_key.setdefault(key, []).append(row)
    rows, seen = list[Row](), set[str]()
    for row in found:
        key = _key_of_row(row)
        if key not in by_key:
            rows.append(row)
        elif key not in seen:
            seen.add(key)
            rows.append(_row_of(by_key[key]))
    return rows


def _key_of_row(row: Row) -> str:
    """The key of a row's group; "" for a row without an experiment or a group."""
    if row.experiment is None:
        return ""
    return key_of(row.experiment)


def experiments_of(found: Iterable[Row]) -> Iterator[Stored]:
    """The experiments of some rows; of a group all members."""
    for row in found:
        for member in row.members or (row,):
            if member.experiment is not None:
                yield member.experiment


def _row_of(unsorted: Sequence[Row]) -> Row:
    """The row of a group.

    Params and metrics come from all members; name and most other facts from the member that was done first,
    so that they stay when other members end.
    """
    members = sorted(unsorted, key=_place)
    done = _done(members)
    experiment = standing_for(readable(filter(None, (member.experiment for member in members))))
    first = next(member for member in members if member.experiment is experiment)
    record = _record_of(experiment.record, members, done)
    pushed = list(first.pushed)
    for member in members:
        pushed = [name for name in pushed if name in member.pushed]
    return first._replace(
        kind="group",
        status=record.status,
        created=record.created or None,
        params=_united_flat([member.params for member in members], _common),
        metrics=_united_flat([member.metrics for member in done], mean_of),
        experiment=experiment._replace(record=record),
        pushed=pushed,
        members=members,
    )


def _done(members: Iterable[Row]) -> list[Row]:
    """The members with metrics that count: done, and with unchanged protected files."""
    return [member for member in members if member.status is Status.DONE and not member.touched]


def _record_of(first: Record, members: Sequence[Row], done: Sequence[Row]) -> Record:
    """The record of a group: the first member's record, with state, times, tags and note of all members.

    It begins with the first member and ends with the last one, when all have ended.
    """
    records = [member.record for member in members if member.record is not None]
    tags, notes, codes = dict[str, None](), set[str](), set[int | None]()
    begins, ends = list[str](), list[str]()
    for record in records:
        tags.update(dict.fromkeys(record.tags))
        notes.add(record.note)
        codes.add(record.exit_code)
        if record.created:
            begins.append(record.created)
        if record.finished:
            ends.append(record.finished)
    return replace(
        first,
        status=_status(records),
        created=min(begins, default=""),
        finished=max(ends) if len(ends) == len(records) else None,
        duration=_mean_duration(done),
        exit_code=codes.pop() if len(codes) == 1 else None,
        tags=tuple(tags),
        note=notes.pop() if len(notes) == 1 else "",
    )


def _mean_duration(done: Sequence[Row]) -> float | None:
    """The mean duration of the members that are done; None without any."""
    durations = list[Value]()
    for member in done:
        if member.record is not None and member.record.duration is not None:
            durations.append(member.record.duration)
    mean = mean_of(durations, len(done))
    return mean if is_number(mean) else None


def _place(row: Row) -> tuple[bool, int, str, str]:
    """The place of a member in its group: by number, then runs by hand, the oldest first."""
    number = 0
    if row.record is not None:
        number = row.record.replicate
    return not number, number, row.created or "", row.name


def _status(records: Sequence[Record]) -> Status:
    """The status of a group: of an unended member, or else of one that ended badly; done if all are done."""
    statuses = [record.status for record in records]
    for status in _WORST_FIRST:
        if status in statuses:
            return status
    return Status.DONE


def _united_flat(found: Sequence[Flat], unite: Callable[[Sequence[Value], int], Value]) -> Flat:
    """One value for each key of any member."""
    values: dict[str, list[Value]] = {}
    for flat in found:
        for key, value in flat.items():
            values.setdefault(key, []).append(value)
    return {key: unite(of_key, len(found)) for key, of_key in values.items()}


def _common(values: Sequence[Value], count: int) -> Value:
    """The value that all of `count` members have; else a list of the different values."""
    different = Differing()
    for value in values:
        if not _is_among(value, different):
            different.append(value)
    if len(different) == 1 and len(values) == count:
        return different[0]
    if all(map(is_number, different)):
        different.sort()
    return different


def _is_among(value: Value, others: Iterable[Value]) -> bool:
    return any(same(value, other) for other in others)


def mean_of(values: Sequence[Value], count: int) -> Value:
    """The mean of the numbers among some values of `count` members; without any number, as for params.

    NaN, infinity and texts are left out of the mean, which tells how many of `count` have a number.
    """
    numbers = [value for value in values if is_number(value) and is_finite(value)]
    if not numbers:
        if not values:
            return MISSING
        return _common(values, count)
    try:
        mean, deviation = averages.mean(numbers), None
        if len(numbers) > 1:
            deviation = averages.deviation(numbers)
    except OverflowError:  # of numbers near the largest that a float holds
        return _common(values, count)
    return Mean(mean, deviation, len(numbers), count)


def files_of(members: Sequence[Experiment]) -> tuple[Files, Files]:
    """The params and the metrics of a group, by file: values that all members have, and means."""
    params, metrics = list[Files](), list[Files]()
    for member in members:
        params.append(member.record.params)
        if member.record.status is Status.DONE and not is_touched(member):
            metrics.append(member.record.metrics)
    return _united_files(params, _common), _united_files(metrics, mean_of)


def _united_files(found: Sequence[Files], unite: Callable[[Sequence[Value], int], Value]) -> Files:
    united, names = {}, dict[str, None]()
    for files in found:
        names.update(dict.fromkeys(files))
    for name in names:
        tree: Tree = {}
        flats = [flatten(files.get(name, {})) for files in found]
        for key, value in _united_flat(flats, unite).items():
            tree = put(tree, parse_key(key), value)
        united[name] = tree
    return united


def states(members: Sequence[Row]) -> dict[Status, int]:
    """The number of members in each state."""
    counts = Counter(member.status for member in members)
    return {status: counts[status] for status in Status if counts[status]}


def in_file(row: Row, file: str, key: str) -> Value:
    """The value of a key in a metrics or params file; of a group as in its row. MISSING without the key."""
    if not row.members:
        found = _in_metrics(row, file, key)
        if found is MISSING:
            found = _in_params(row, file, key)
        return found
    done = _done(row.members)
    values = _present(done, _in_metrics, file, key)
    if values:
        return mean_of(values, len(done))
    values = _present(row.members, _in_params, file, key)
    if not values:
        return MISSING
    return _common(values, len(row.members))


def _in_metrics(row: Row, file: str, key: str) -> Value:
    return MISSING if row.record is None else _in_tree(row.record.metrics, file, key)


def _in_params(row: Row, file: str, key: str) -> Value:
    return MISSING if row.record is None else _in_tree(row.record.params, file, key)


def _in_tree(found: Files, file: str, key: str) -> Value:
    if file not in found:
        return MISSING
    return flatten(found[file]).get(key, MISSING)


def _present(
    members: Iterable[Row], look: Callable[[Row, str, str], Value], file: str, key: str
) -> list[Value]:
    values = []
    for member in members:
        value = look(member, file, key)
        if value is not MISSING:
            values.append(value)
    return values


def row_as_json(row: Row) -> dict[str, Any]:
    """The object of a row in `show --json`; of a group with its members and the spread of its metrics."""
    document = row.as_json()
    if not row.members:
        return document
    spreads = {}
    for key, value in row.metrics.items():
        if isinstance(value, Mean):
            spreads[key] = spread_of(value)
    told = {
        "group": key_of(row.experiment) if row.experiment is not None else "",
        "members": [member.name for member in row.members],
        "states": states(row.members),
        "metrics": spreads,
    }
    return {**document, "replicates": told}


def spread_of(mean: Mean) -> dict[str, Any]:
    """Mean, standard deviation and number of values for JSON; `left_out`: replicates without a number."""
    return {
        "mean": float(mean),
        "sd": mean.deviation,
        "n": mean.count,
        "left_out": mean.left_out,
    }
