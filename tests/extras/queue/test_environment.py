"""What the workers of one start find in their environment."""

from __future__ import annotations

import pytest

from gitexp.extras.queue import pool
from gitexp.extras.queue.workers import Orders
from gitexp.process import environment
from gitexp.process.limits import Limits


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("CUDA_VISIBLE_DEVICES", *pool._THREADS):
        monkeypatch.delenv(name, raising=False)
    here = environment.machine()._replace(cpus=9)
    monkeypatch.setattr(pool, "machine", lambda: here)


def test_gpus_are_dealt_out_in_turn() -> None:
    found = [pool.environment(at, 3, ["0", "3"])["CUDA_VISIBLE_DEVICES"] for at in range(3)]
    assert found == ["0", "3", "0"]
    assert "CUDA_VISIBLE_DEVICES" not in pool.environment(0, 3)


def test_several_workers_share_the_processors(monkeypatch: pytest.MonkeyPatch) -> None:
    assert pool.environment(0, 4)["OMP_NUM_THREADS"] == "2"
    assert pool.environment(0, 40)["MKL_NUM_THREADS"] == "1"
    assert "OMP_NUM_THREADS" not in pool.environment(0, 1)
    assert pool.told_of_threads(4) == ", each told to take 2 threads"
    # For MKL its own variable counts more than OMP's: whatever the user has set, gitexp sets none.
    monkeypatch.setenv("OMP_NUM_THREADS", "8")
    found = pool.environment(0, 4)
    assert (found["OMP_NUM_THREADS"], found.get("MKL_NUM_THREADS")) == ("8", None)
    assert pool.told_of_threads(4) == ""


def test_a_worker_understands_its_options() -> None:
    orders = Orders(max_retries=0, keep_worktree=True, limits=Limits(90.5, 1024))
    assert orders.words() == [
        *("--max-retries", "0", "--keep-worktree"),
        *("--timeout", "90.5", "--max-memory", "1024"),
    ]
