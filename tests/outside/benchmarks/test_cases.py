"""Cases of data, stages, sharing, reading and seeing do the work that they claim, at a small size."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks import cases, dashboard_cases, data_cases, reading_cases, seeing_cases, sharing_cases
from benchmarks.case import FLOOR, GITEXP
from benchmarks.lab import Lab
from benchmarks.measure import compare

ALL = (
    *data_cases.CASES,
    *data_cases.MUCH,
    *sharing_cases.CASES,
    *reading_cases.CASES,
    *dashboard_cases.CASES,  # not WAITING, which waits for seconds
    *seeing_cases.CASES,
)
# Of cases that differ in nothing but the size of their data, one is left.
ALIKE = {"memory-store-4gb", "memory-pull-4gb", "dashboard-table-10000"}
NAMES = [name for name in ALL if name not in ALIKE]


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of labs, which keeps the repositories that several cases look at."""
    return tmp_path_factory.mktemp("lab")


@pytest.fixture
def lab(root: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Lab]:
    monkeypatch.setattr(os, "sync", lambda: None)  # for a measurement, and it waits for all other tests
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
    monkeypatch.setattr(seeing_cases, "CURVES", 3)
    monkeypatch.setattr(seeing_cases, "PLOTS", 2)
    lab = Lab(root, runs=1, with_dvc=False)
    yield lab
    lab.close()


@pytest.mark.parametrize("name", NAMES)
def test_a_case_does_its_work_twice_over(name: str, lab: Lab) -> None:
    """Once to warm up, and once more as it is measured: so it begins from the same state each time."""
    case = cases.build(name, lab)
    sides = dict(case.sides)
    if case.floor:
        sides[FLOOR] = replace(sides[FLOOR], warmups=0)  # nothing of ours
    samples = compare(sides, 1)
    assert samples.keys() >= {GITEXP}
    assert (case.goal or case.memory_goal) is not None
    assert (FLOOR in samples) == bool(case.floor)
