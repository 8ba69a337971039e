"""Folders that are deeper than Python may call itself, and deeper than any path is long."""

from __future__ import annotations

import os
from pathlib import Path


def make_deep(top: Path, depth: int, name: str = "d") -> None:
    """Make a folder with so many folders of a name in each other, and a file in the last one."""
    top.mkdir()
    here = os.open(top, os.O_RDONLY)
    for _ in range(depth):
        os.mkdir(name, dir_fd=here)
        below = os.open(name, os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = below
    os.close(os.open("end", os.O_CREAT | os.O_WRONLY, dir_fd=here))
    os.close(here)
