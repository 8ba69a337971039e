"""Certificates in a record that may come from anybody."""

from __future__ import annotations

from dataclasses import replace

from gitexp.catalog import certificates
from gitexp.catalog.certificates import Certificate
from gitexp.model import Record, Status

ID, BASE = "1" * 40, "2" * 40
RECORD = Record("one", Status.DONE, ID, BASE)


def certificate(by: str, commit: str, grade: str = "bitwise", time: str = "2026-01-01") -> Certificate:
    return Certificate(grade, by, "host", time, "again", commit)


def with_all(*found: Certificate) -> Record:
    return replace(RECORD, certificates=tuple(one.as_json() for one in found))


def test_a_run_counts_once_and_the_experiment_itself_not_at_all() -> None:
    first, copied = certificate("ann", "3" * 40), certificate("eve", "3" * 40, time="2026-01-02")
    record = with_all(copied, first, certificate("eve", ID), certificate("bob", "4" * 40, "different"))
    assert [one.by for one in certificates.of(record)] == ["ann", "bob"]
    assert certificates.as_text(record).encode("ascii", "replace") == b"1? bitwise, 1? different"
    strange = with_all(certificate("eve", "3" * 40, "\x1b[31m" * 1000))
    assert certificates.as_text(strange).encode("ascii", "replace") == b"1? another grade"
    assert certificates.added(record, certificate("ann", "3" * 40)) is record.certificates


def test_both_sides_are_kept_and_what_one_took_back_stays_away() -> None:
    ann, bob, old = (certificate(by, digit * 40) for by, digit in (("ann", "3"), ("bob", "4"), ("old", "5")))
    mine, theirs, before = with_all(ann, old), with_all(bob), with_all(old)
    found = certificates.united(mine, theirs, before)
    assert found == certificates.united(theirs, mine, before)
    assert {one["by"] for one in found} == {"ann", "bob"}
