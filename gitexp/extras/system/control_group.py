"""The memory that a container, a Slurm job or the like may use: control groups of Linux, versions 1 and 2.

A limit may stand at any group above the process, and the machine's own memory says nothing about it.
"""

from __future__ import annotations

import contextlib
from pathlib import Path

from gitexp.named_tuple import NamedTuple

_GROUPS = Path("/sys/fs/cgroup")
_OWN = Path("/proc/self/cgroup")
_NO_LIMIT = 1 << 60  # bytes; version 1 says "no limit" by a number near 2**63


class _Names(NamedTuple):
    """The names of a group's files, and of the line about files that need not stay in memory."""

    most: str
    used: str
    spare: str


_FIRST = _Names("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file ")
_SECOND = _Names("memory.max", "memory.current", "inactive_file ")


def memory_percent(groups: Path = _GROUPS, own: Path = _OWN) -> float | None:
    """How full the fullest limited group around this process is, in percent; None without any limit.

    Files kept in memory only until somebody needs the room do not count.
    """
    try:
        lines = own.read_text("utf-8", "replace").splitlines()
    except OSError:
        return None
    found: list[float] = []
    for line in lines:
        number, controllers, path = [*line.split(":", 2), "", ""][:3]
        if "memory" in controllers.split(","):
            found += _full_around(groups / "memory", path, _FIRST)
        elif number == "0" and not controllers:
            found += _full_around(groups, path, _SECOND)
    return max(found, default=None)


def _full_around(top: Path, path: str, names: _Names) -> list[float]:
    """How full each limited group is, from the one at a path up to the top."""
    found = []
    place = top / path.lstrip("/")
    for group in (place, *place.parents):
        if group.is_relative_to(top) and (full := _full(group, names)) is not None:
            found.append(full)
    return found


def _full(group: Path, names: _Names) -> float | None:
    """How full a group is in percent; None without a limit."""
    with contextlib.suppress(OSError, ValueError):
        most = int((group / names.most).read_text())  # ValueError for `max`: no limit
        used = int((group / names.used).read_text())
        for line in (group / "memory.stat").read_text().splitlines():
            if line.startswith(names.spare):
                used -= int(line.split()[1])
        return round(100 * used / most, 1) if 0 < most < _NO_LIMIT else None
    return None
