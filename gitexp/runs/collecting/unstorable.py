"""Results that cannot be stored: noted by the reason, before a run and at its end."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from gitexp.objects.scan import GONE


def note_unreached(left_out: dict[str, list[str]], root: Path, error: OSError) -> None:
    """Note a file or folder that is there and that the system does not let us look at."""
    if isinstance(error, GONE):
        return
    name = os.path.relpath(os.fsdecode(error.filename), root)
    left_out.setdefault((error.strerror or "unreadable").lower(), []).append(name)


def note_unreadable(left_out: dict[str, list[str]], root: Path, names: Iterable[str]) -> None:
    """Note the unreadable files."""
    for name in names:
        if not os.access(f"{root}/{name}", os.R_OK) and not (root / name).is_symlink():
            left_out.setdefault("permission denied", []).append(name)
