"""Sequences of commands against a model; `make crash` tries forty times as many."""

from __future__ import annotations

import sys

import pytest
from hypothesis import settings
from hypothesis.stateful import run_state_machine_as_test

from tests.crash.machine import STEPS, Machine

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="minutes on Windows")

SEQUENCES = 25


def test_sequences_of_commands_agree_with_a_model() -> None:
    run_state_machine_as_test(Machine, settings=settings(max_examples=SEQUENCES, stateful_step_count=STEPS))
    assert Machine.sequences >= SEQUENCES
