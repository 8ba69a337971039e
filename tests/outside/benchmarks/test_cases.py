"""Cases of data, stages, sharing, reading and seeing do the work that they claim, at a small size."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks import cases, dashboard_cases, data_cases, reading_cases, seeing_cases, sharing_cases
from benchmarks.case import FLOOR, GITEXP
from benchmarks.lab import Lab
from benchmarks.measure import compare

NAMES = (
    *data_cases.CASES,
    *data_cases.MUCH,
    *sharing_cases.CASES,
    *reading_cases.CASES,
    *dashboard_cases.CASES,  # not WAITING, which waits for seconds
    *seeing_cases.CASES,
)


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Lab]:
    monkeypatch.setattr(data_cases, "GB", 300_000)
    monkeypatch.setattr(data_cases, "MANY", 120)
    monkeypatch.setattr(data_cases, "VERY_MANY", 150)
    monkeypatch.setattr(data_cases.projects, "STAGES", 3)
    monkeypatch.setattr(sharing_cases, "KNOWN", 20)
    monkeypatch.setattr(sharing_cases, "NEW", 5)
    monkeypatch.setattr(reading_cases, "COUNT", 10)
    monkeypatch.setattr(reading_cases, "POINTS", 20)
    for size in ("SMALL", "LARGE"):
        monkeypatch.setattr(dashboard_cases, size, 10)
    monkeypatch.setattr(seeing_cases, "COUNT", 10)
    monkeypatch.setattr(seeing_cases, "POINTS", 20)
    lab = Lab(tmp_path / "lab", runs=1, with_dvc=False)
    yield lab
    lab.close()


@pytest.mark.parametrize("name", NAMES)
def test_a_case_does_its_work_twice_over(name: str, lab: Lab) -> None:
    """Once to warm up, and once more as it is measured: so it begins from the same state each time."""
    case = cases.build(name, lab)
    samples = compare(case.sides, 1)
    assert samples.keys() >= {GITEXP}
    assert (case.goal or case.memory_goal) is not None
    assert (FLOOR in samples) == bool(case.floor)
