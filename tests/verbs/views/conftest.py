"""Experiments that are made once for a module."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.experiments import adopt
from tests.support.workspace import Workspace


@pytest.fixture
def runs(repo: Workspace, stored_runs: Path) -> Workspace:
    """The user's repository, with the experiments of the module's `stored_runs`."""
    return adopt(repo, stored_runs)
