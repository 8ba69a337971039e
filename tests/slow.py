"""`python -m tests.slow tests/unit tests/verbs tests/cli`: writes the slow ones of these tests into slow.txt.

A fifth of the tests takes four fifths of the time. `make quick` leaves these out, `make test` runs all.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from pathlib import Path

import pytest

KEPT = 0.2  # of the time of all tests
LIST = Path(__file__).with_suffix(".txt")
_HEAD = "# Written by `python -m tests.slow`: the tests that `make quick` leaves out.\n"


def slow_tests() -> set[str]:
    """The names of the slow tests, without parameters."""
    return set(LIST.read_text("utf-8").splitlines()[1:])


def function_of(test: str) -> str:
    """The name of a test without its parameters."""
    return test.partition("[")[0]


class _Durations:
    """The seconds of each test, with what its fixtures take; a plugin of pytest."""

    def __init__(self) -> None:
        self.of = defaultdict[str, float](float)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self.of[report.nodeid] += report.duration


def _slowest(durations: dict[str, float]) -> list[str]:
    """The names of the slowest tests by the mean of their cases, until `KEPT` of the time is left."""
    cases = defaultdict[str, list[float]](list)
    for test, seconds in durations.items():
        cases[function_of(test)].append(seconds)
    left = sum(durations.values())
    kept = KEPT * left
    found = []
    for test in sorted(cases, key=lambda name: sum(cases[name]) / len(cases[name]), reverse=True):
        if left <= kept:
            break
        left -= sum(cases[test])
        found.append(test)
    return sorted(found)


def main() -> int:
    durations = _Durations()
    status = pytest.main(["-q", "-n", "2", "--hypothesis-profile=quick", *sys.argv[1:]], plugins=[durations])
    if status == pytest.ExitCode.OK:
        LIST.write_text(_HEAD + "".join(f"{test}\n" for test in _slowest(durations.of)), "utf-8")
    return int(status)


if __name__ == "__main__":
    sys.exit(main())
