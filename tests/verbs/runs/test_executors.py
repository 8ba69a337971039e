"""The executors that gitexp has, each against the contract for all."""

from __future__ import annotations

import pytest

from gitexp import plugins
from gitexp.runs.executor import Executor, executor
from gitexp.testing import ExecutorContract


class TestContract(ExecutorContract):
    @pytest.fixture(params=plugins.names("executor"))
    def executor(self, request: pytest.FixtureRequest) -> Executor:
        return executor(request.param)
