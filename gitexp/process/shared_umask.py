"""Who may read and write what gitexp makes in a repository that several users share.

Git's setting core.sharedRepository counts for all below .git/gitexp too: folders, files, locks and objects.
The umask of gitexp's process gives them their modes. What the user runs has the user's own.
"""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from pathlib import Path

_GROUP, _ALL = ("group", "true", "yes", "on", "1"), ("all", "world", "everybody", "2")
_SAME = -1  # for subprocess: the umask of this process


@dataclass(slots=True)
class _Umask:
    """The user's umask, once gitexp's own differs."""

    users: int = _SAME


_state = _Umask()


def follow(setting: str) -> None:
    """Take the umask that a value of core.sharedRepository asks for."""
    if os.name != "posix" or not setting:
        return
    before = os.umask(0o077)
    wanted = _wanted(before, setting.lower())
    os.umask(wanted)
    if wanted != before and _state.users == _SAME:
        _state.users = before


def of_user() -> int:
    """The umask for the user's programs, in the form for `subprocess.Popen`."""
    return _state.users


def open_up(folder: Path) -> None:
    """Give a folder of `tempfile` to the other users, where the repository is shared."""
    if _state.users == _SAME:
        return
    mask = os.umask(0o077)
    os.umask(mask)
    of_group = stat.S_IMODE(folder.stat().st_mode) & stat.S_ISGID  # chmod would take it away
    folder.chmod(0o777 & ~mask | of_group)


def _wanted(umask: int, setting: str) -> int:
    if setting in _GROUP:
        return umask & ~0o070
    if setting in _ALL:
        return umask & ~0o075
    if setting.startswith("0") and setting.strip("01234567") == "":
        mode = int(setting, 8) & 0o777
        return 0o777 & ~(mode | (mode & 0o444) >> 2)
    return umask
