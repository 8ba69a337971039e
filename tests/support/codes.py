"""Errors by their code: most codes have no class of their own."""

from __future__ import annotations

from collections.abc import Callable

from gitexp.errors import GitexpError


def has_code(code: str) -> Callable[[GitexpError], bool]:
    """What `pytest.raises(…, check=…)` asks of the error that was raised."""
    return lambda error: error.code == code
