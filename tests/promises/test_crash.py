"""A sample of what `make crash` does in full: faults at system calls, full disks, inputs of the parsers."""

from __future__ import annotations

from pathlib import Path

import pytest

from gitexp.repo.git.locking import keeper
from tests.crash import disk, limits, parsers, strace
from tests.crash.campaign import ERRORS, KILLS, QUICK_SIGNS, Laboratory, Tally, sample
from tests.crash.scenario import Scenario
from tests.crash.scenarios import SCENARIOS

EACH = 2  # points of a scenario; thirty scenarios
INPUTS = 30  # of a parser; sixteen parsers

NAMES = [scenario.name for scenario in SCENARIOS]

needs_strace = pytest.mark.skipif(bool(strace.why_not()), reason=strace.why_not())


@needs_strace
@pytest.mark.parametrize("scenario", SCENARIOS, ids=NAMES)
def test_a_fault_at_any_system_call_loses_nothing(
    scenario: Scenario, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(keeper.VARIABLE, QUICK_SIGNS)
    laboratory = Laboratory(tmp_path)
    trials = laboratory.trials(scenario, (*KILLS, *ERRORS))
    assert len(trials) > 15
    tally = laboratory.run(sample(trials, EACH))
    assert not tally.lost, "\n\n".join(tally.lost)
    # A name that is made at random may save gitexp a call.
    assert tally.done + tally.missed == EACH
    assert tally.missed < EACH


@pytest.mark.skipif(bool(disk.why_not()), reason=disk.why_not())
def test_a_full_disk_loses_nothing(tmp_path: Path) -> None:
    tally = Tally()
    disk.fill(tmp_path, SCENARIOS[0], range(0, 40, 10), tally, lambda tally: None)
    assert tally.done == 4
    assert not tally.lost, "\n\n".join(tally.lost)


@pytest.mark.skipif(bool(limits.why_not()), reason=limits.why_not())
def test_a_file_that_may_not_grow_loses_nothing(tmp_path: Path) -> None:
    tally = Tally()
    limits.lower(tmp_path, SCENARIOS[0], limits.SIZES[::6], tally, lambda tally: None)
    assert tally.done == len(limits.SIZES[::6])
    assert not tally.lost, "\n\n".join(tally.lost)


@pytest.mark.parametrize("name", parsers.PARSERS)
def test_any_input_is_understood_or_refused(name: str) -> None:
    outcome = parsers.Outcome()
    parsers.explore(name, INPUTS, outcome, stable=True)
    assert outcome.tried >= INPUTS
    wrong = [text for text in outcome.wrong if not text.startswith(f"{name}: slow")]
    assert not wrong, "\n".join(wrong)
