"""The list of slow tests names tests that are there; another test would silently be no longer left out."""

from __future__ import annotations

from tests.conftest import TESTS
from tests.slow import slow_tests


def test_each_slow_test_is_there() -> None:
    gone = []
    for name in sorted(slow_tests()):
        file, *_, function = name.split("::")
        path = TESTS.parent / file
        inherited = "::Test" in name  # a contract's tests are in gitexp/testing
        if not path.is_file() or not (inherited or f"def {function}(" in path.read_text("utf-8")):
            gone.append(name)
    assert gone == []
