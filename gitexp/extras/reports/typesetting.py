"""Typst's source as PDF, without a network, a clock or a file of the user's. The one user of typst."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path

import typst

_SOURCE = "main.typ"
_TIMESTAMP = 946_684_800  # 2000-01-01: the same source gives the same bytes


def pdf(source: str, pictures: Mapping[str, bytes]) -> bytes:
    """The PDF of a source with pictures by name. Raises RuntimeError for an invalid source."""
    with tempfile.TemporaryDirectory(prefix="gitexp-") as name:
        root = Path(name)
        for picture, data in pictures.items():
            (root / picture).write_bytes(data)
        (root / _SOURCE).write_text(source, "utf-8")
        no_packages = root / "packages"
        found = typst.compile(
            root / _SOURCE,
            root=root,
            format="pdf",
            timestamp=_TIMESTAMP,
            package_path=no_packages,
            package_cache_path=no_packages,
        )
    assert isinstance(found, bytes)  # of one document, in memory
    return found
