"""How far a work is, told from time to time and never too much."""

from __future__ import annotations

from pathlib import Path

import pytest

from gitexp.objects import progress
from gitexp.objects.place import carry_out
from gitexp.objects.plan import plan
from gitexp.objects.progress import Count, Progress
from gitexp.objects.stat_cache import StatCache
from gitexp.objects.store import ObjectStore
from tests.unit.objects.conftest import Write


@pytest.fixture(autouse=True)
def _clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each look at the clock is a second after the one before."""
    times = iter(range(10_000_000))
    monkeypatch.setattr(progress.time, "monotonic", lambda: next(times))


def test_told_of_bytes_and_objects() -> None:
    told: list[Progress] = []
    count = Count(told.append, 2, 100)
    for more in (30, 20):
        count.add(more)
        count.done()
    count.add(70)
    assert [(each.objects, each.bytes) for each in told] == [(0, 30), (1, 30), (1, 50), (2, 50), (2, 100)]
    assert (told[2].speed, told[2].left) == (50 / 3, 3)
    assert (Progress(0, 1, 0, 1, 0).speed, Progress(0, 1, 0, 1, 0).left) == (0, None)


def test_of_storing_and_of_bringing_back(
    store: ObjectStore, root: Path, write: Write, cache: StatCache
) -> None:
    write("d/large", bytes(5 << 20))
    write("d/small", "x")
    told: list[Progress] = []
    artifact = store.add(root, "d", cache, told.append)
    assert len(told) >= 7
    assert (told[-1].objects, told[-1].bytes) == (2, (5 << 20) + 1)
    told.clear()
    (root / "d" / "large").unlink()
    todo = plan(store, root, artifact, cache)
    carry_out(store, root, todo, ("copy",), cache, count=Count(told.append, len(todo.write), todo.size))
    assert (told[-1].objects, told[-1].bytes) == (1, 5 << 20)
