"""Both of PyYAML's parsers must give the same: tests that take `yaml_loader` run once with each."""

from __future__ import annotations

import pytest
import yaml

from gitexp.files.formats import yaml_text


@pytest.fixture(params=["CSafeLoader", "SafeLoader"])
def yaml_loader(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    if not hasattr(yaml, request.param):
        pytest.skip("PyYAML was built without its C parser")
    monkeypatch.setattr(yaml_text, "Loader", getattr(yaml, request.param))
    return request.param
