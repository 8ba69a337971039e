"""The processes below this one, as /proc tells on Linux; elsewhere nobody knows of any."""

from __future__ import annotations

import contextlib
import ctypes
import os
import sys
from collections.abc import Collection
from pathlib import Path

from gitexp.named_tuple import NamedTuple

CAN_SEE = sys.platform == "linux"
_PAGE = os.sysconf("SC_PAGE_SIZE") if CAN_SEE else 4096
_ADOPT = 36  # PR_SET_CHILD_SUBREAPER, prctl(2)


class Descendant(NamedTuple):
    """A process that has not ended.

    Attributes:
        pid: its number.
        parent: the number of its parent.
        resident: bytes of memory, those shared with others included.
    """

    pid: int
    parent: int
    resident: int


def children() -> set[int]:
    """The numbers of this process's children, ended ones too; empty where nobody can know."""
    found = set[int]()
    files = list(Path("/proc/self/task").glob("*/children"))
    for file in files:
        with contextlib.suppress(OSError):
            found.update(map(int, file.read_bytes().split()))
    if not files:  # a kernel without these
        found.update(one.pid for one in _all() if one.parent == os.getpid())
    return found


def below(tops: Collection[int]) -> list[Descendant]:
    """The processes with some numbers and all their descendants, without ended ones."""
    by_parent: dict[int, list[Descendant]] = {}
    found = list[Descendant]()
    for one in _all():
        if one.pid in tops:
            found.append(one)
        else:
            by_parent.setdefault(one.parent, []).append(one)
    for one in found:  # the list grows on the way
        found += by_parent.get(one.pid, [])
    return found


def own_memory(pid: int) -> int | None:
    """Bytes of memory, shared ones by their share of them; 0 of an ended process, None if nobody tells."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_bytes().splitlines()
    except ProcessLookupError:  # it has ended, and its parent has not taken note yet
        return 0
    except FileNotFoundError:
        return None if Path(f"/proc/{pid}").exists() else 0
    except OSError:
        return None
    for line in lines:
        if line.startswith(b"Pss:"):
            return int(line.split()[1]) * 1024
    return None


def has_variable(pid: int, setting: str) -> bool:
    """Whether a process was started with an environment variable, `NAME=value`."""
    try:
        return os.fsencode(setting) in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:
        return False


def adopt(*, on: bool) -> None:
    """Have descendants whose parents have ended become this process's children, or not any more."""
    if CAN_SEE:
        ctypes.CDLL(None).prctl(_ADOPT, int(on), 0, 0, 0)


def _all() -> list[Descendant]:
    found = []
    for folder in Path("/proc").iterdir() if CAN_SEE else ():
        if folder.name.isdigit():
            with contextlib.suppress(OSError, ValueError, IndexError):
                stat = (folder / "stat").read_bytes()
                # proc(5): the second field is a name in parentheses, which may hold anything.
                fields = stat[stat.rindex(b")") + 2 :].split()
                if fields[0] not in (b"Z", b"X"):
                    parent, pages = int(fields[1]), int(fields[21])
                    found.append(Descendant(int(folder.name), parent, pages * _PAGE))
    return found
