"""A sample of the storms of `make crash`."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.crash import storms

SEEDS = range(1000, 1003)


@pytest.mark.skipif(bool(storms.why_not()), reason=storms.why_not())
@pytest.mark.parametrize("seed", SEEDS)
def test_a_storm_loses_nothing(tmp_path: Path, seed: int) -> None:
    outcome = storms.Outcome()
    storms.storm(tmp_path / "storm", seed, storms.clock(tmp_path), outcome)
    assert not outcome.lost, "\n\n".join(outcome.lost)
    assert outcome.done + outcome.killed + outcome.failed > 0
