"""Pictures in the process of the tests."""

from __future__ import annotations

import pytest
import vl_convert

_SMALLEST = {
    "$schema": "https://vega.github.io/schema/vega-lite/v5.json",
    "data": {"values": [{"a": 1}]},
    "mark": "point",
    "encoding": {"x": {"field": "a"}},
}


@pytest.fixture(scope="session")
def drawing() -> None:
    """What draws has begun here, once. Otherwise a command in this process would leave its threads behind."""
    vl_convert.vegalite_to_svg(_SMALLEST)
