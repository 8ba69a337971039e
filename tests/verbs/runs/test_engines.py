"""The engines that gitexp has, each against the contract for all."""

from __future__ import annotations

import pytest

from gitexp import plugins
from gitexp.runs.engine import Engine, engine
from gitexp.testing import EngineContract


class TestContract(EngineContract):
    @pytest.fixture(params=plugins.names("engine"))
    def engine(self, request: pytest.FixtureRequest) -> Engine:
        return engine(request.param)
