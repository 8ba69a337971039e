"""The engine of this machine, against the contract of all engines."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from gitexp.extras.engines.engine import EngineSettings
from gitexp.extras.engines.local import LocalEngine
from gitexp.testing import EngineContract


class TestContract(EngineContract):
    @pytest.fixture
    def engine(self) -> Iterator[LocalEngine]:
        made = LocalEngine(EngineSettings("local", "local", most=2))
        yield made
        made.close()
