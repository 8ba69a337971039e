"""Limits as people write them, and as records have them."""

from __future__ import annotations

import pytest

from gitexp import errors
from gitexp.process import limits
from gitexp.process.limits import Limits


def test_what_people_write() -> None:
    assert limits.parse("1 h 30 min", "") == Limits(timeout=5400)
    assert limits.parse("", "1.5 GB") == Limits(memory=1536 * 1024**2)
    found = limits.parse("90", "512")
    assert limits.from_record(found.as_json()) == found
    assert limits.parse("", "").as_json() == {}


@pytest.mark.parametrize(("timeout", "memory"), [("soon", ""), ("0", ""), ("", "much"), ("", "9999 TB")])
def test_what_is_no_limit(timeout: str, memory: str) -> None:
    with pytest.raises(errors.UsageError, match="is no"):
        limits.parse(timeout, memory)


def test_a_memory_that_nobody_can_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.platform", "darwin")
    with pytest.raises(errors.UsageError, match="needs Linux"):
        limits.parse("", "1 GB")
