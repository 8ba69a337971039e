"""Certificates: that somebody has reproduced an experiment, and how near the reproduction came.

A certificate is a map in the record of the experiment. It says all by itself, so that it holds when the
reproduction is removed. Records may come from anybody: each run counts once, whatever a record says.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any

from gitexp.model import Record
from gitexp.named_tuple import NamedTuple

_TIMES = "\N{MULTIPLICATION SIGN}"


class Grade(StrEnum):
    """How near a reproduction came, the best first.

    BITWISE: all results have the same bytes, all metrics and curves the same values. TOLERANCE: each metric
    is within its tolerance. STATISTICAL: each metric is inside the spread of replicates.
    """

    BITWISE = "bitwise"
    TOLERANCE = "tolerance"
    STATISTICAL = "statistical"
    DIFFERENT = "different"

    @property
    def told(self) -> str:
        """The grade for people."""
        return "within tolerance" if self is Grade.TOLERANCE else str(self)


_GRADES = frozenset(map(str, Grade))


class Certificate(NamedTuple):
    """One reproduction of an experiment.

    Attributes:
        grade: a `Grade` as text; any other text is of a later version.
        by: the name of the person, as Git knows them.
        host: the name of the machine.
        time: when the certificate was made, ISO 8601 in UTC.
        experiment: the name of the reproduction at that time.
        commit: the experiment commit of the reproduction.
        environment: `here` for the machine's interpreter, `built` for an environment built anew.
    """

    grade: str
    by: str
    host: str
    time: str
    experiment: str
    commit: str
    environment: str = "here"

    def as_json(self) -> dict[str, Any]:
        """The certificate for a record and for `--json`."""
        return self._asdict()


def of(record: Record) -> list[Certificate]:
    """The certificates of an experiment, the oldest first, each run once; not of the experiment itself."""
    found = dict[str, Certificate]()
    for one in sorted(record.certificates, key=_order):
        commit = one["commit"]
        if commit != record.commit:
            read = Certificate(
                *(one["grade"], one["by"], one["host"], one["time"], one["experiment"], commit),
                environment=str(one.get("environment", "here")),
            )
            found.setdefault(commit, read)
    return list(found.values())


def as_text(record: Record) -> str:
    """How often an experiment was reproduced, by grade: twice bitwise, say; "" for never."""
    if not record.certificates:
        return ""
    counts = dict[Grade | None, int]()
    for one in of(record):
        grade = None  # of a later version, or anybody's text
        if one.grade in _GRADES:
            grade = Grade(one.grade)
        counts[grade] = counts.get(grade, 0) + 1
    told = [f"{counts[grade]}{_TIMES} {grade.told}" for grade in Grade if grade in counts]
    if None in counts:
        told.append(f"{counts[None]}{_TIMES} another grade")
    return ", ".join(told)


def added(record: Record, certificate: Certificate) -> Sequence[Mapping[str, Any]]:
    """The certificates of a record with one more; the same if its run has one already."""
    if any(one["commit"] == certificate.commit for one in record.certificates):
        return record.certificates
    return (*record.certificates, certificate.as_json())


def united(mine: Record, theirs: Record, before: Record | None) -> tuple[Mapping[str, Any], ...]:
    """The certificates of both sides; one that either side has taken back since `before` stays away."""
    here, there = _by_run(mine), _by_run(theirs)
    old = {} if before is None else _by_run(before)
    found = []
    for commit, one in {**there, **here}.items():
        if commit not in old or (commit in here and commit in there):
            found.append(one)
    return tuple(sorted(found, key=_order))


def _by_run(record: Record) -> dict[str, Mapping[str, Any]]:
    return {one["commit"]: one for one in record.certificates}


def _order(one: Mapping[str, Any]) -> tuple[str, str, str]:
    return one["time"], one["commit"], one["by"]
