"""`gitexp export --as bundle` by the contract of exporters; tests/verbs/sharing has its import."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from gitexp import testing
from gitexp.extras.integrations.exporters.bundle import EXPORTER
from gitexp.sharing.bundles.contents import contents_of


class TestBundle(testing.ExporterContract):
    @pytest.fixture
    def exporter(self) -> Any:
        return EXPORTER

    @pytest.fixture
    def place(self, tmp_path: Path) -> str:
        return str(tmp_path / "exported.gitexp")

    def names_in(self, place: str) -> list[str]:
        return sorted(contents_of(Path(place), place).experiments)
