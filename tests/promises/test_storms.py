"""One of the storms of `make crash`."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.crash import storms

SEED = 1000


@pytest.mark.skipif(bool(storms.why_not()), reason=storms.why_not())
def test_a_storm_loses_nothing(tmp_path: Path) -> None:
    outcome = storms.Outcome()
    storms.storm(tmp_path / "storm", SEED, storms.clock(tmp_path), outcome)
    assert not outcome.lost, "\n\n".join(outcome.lost)
    assert outcome.done + outcome.killed + outcome.failed > 0
