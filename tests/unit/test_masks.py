"""URLs as they are shown: no secret in them, and nothing else lost."""

from __future__ import annotations

import pytest

from gitexp import errors
from gitexp.masks import without_credentials


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("https://u:s3cret@h/x", "https://h/x"),
        ("https://u:s3@cret@h/x", "https://h/x"),
        ("https://u:s3/c@ret@h/x", "https://h/x"),
        ("https://token@h/x", "https://h/x"),
        ("at 'https://u:s3cret@h/x': no", "at 'https://h/x': no"),
        ("https://u:a@h/x and http://u:b@c@i/y", "https://h/x and http://i/y"),
        ("ssh://me@h/x", "ssh://me@h/x"),
        ("ssh://me:s3@cret@h/x", "ssh://me@h/x"),
        ("https://h/x?sig=s3cret&a=1", "https://h/x?sig=…&a=1"),
        ("https://h:8080/@scope/x", "https://h:8080/@scope/x"),
        ("https://h/@scope/x", "https://h/@scope/x"),
        ("me@h:x, a@b", "me@h:x, a@b"),
    ],
)
def test_without_credentials(text: str, shown: str) -> None:
    assert without_credentials(text) == shown
    assert without_credentials(shown) == shown


def test_no_error_has_any() -> None:
    error = errors.SharingError("No https://u:s3@cret@h/x.", "Try https://u:s3@cret@h/y", code="no-remote")
    assert "cret" not in f"{error} {error.message} {error.hint} {error.as_json()}"
