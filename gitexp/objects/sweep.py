"""Removal of unused objects while other processes may begin to use them.

A process that needs an object makes the object fresh (`ObjectStore.add`), or stores it if it is absent. So an
object is first moved out of sight and then checked again. If it was made fresh before the move, it goes back;
after the move, every process finds it absent.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from gitexp import nofollow
from gitexp.failpoints import failpoint
from gitexp.objects.intake import TEMPORARY, temporary_folder
from gitexp.objects.manifest import is_hash
from gitexp.objects.store import ObjectStore

_PREFIX = "gc-"  # of an object that is out of sight


def remove_unused(store: ObjectStore, hash_: str, before: float) -> bool:
    """Remove an object if unused since `before` (seconds since 1970). Whether it was removed.

    A hard link in a workspace counts as use. Raises OSError.
    """
    aside = temporary_folder(store.folder) / f"{_PREFIX}{hash_}"
    try:
        with store.fan(hash_) as fan, nofollow.opened(store.folder, TEMPORARY) as temporary:
            fan.rename(store.name(hash_), aside.name, temporary)
    except FileNotFoundError:
        return False
    failpoint("gc:aside")
    if not is_unused(aside, before):
        _put_back(store, hash_)
        return False
    if os.name == "nt":
        aside.chmod(0o666)
    aside.unlink()
    failpoint("gc:removed")
    return True


def is_unused(path: Path, before: float) -> bool:
    """Whether the file of an object was not used since `before` and has no hard link in a workspace."""
    of = path.lstat()
    return of.st_mtime < before and of.st_nlink == 1


def put_back(store: ObjectStore) -> None:
    """Put back objects that a dead process was about to remove. Nobody else may be removing now."""
    for aside in (store.folder / TEMPORARY).glob(f"{_PREFIX}*"):
        if is_hash(hash_ := aside.name.removeprefix(_PREFIX)):
            _put_back(store, hash_)


def _put_back(store: ObjectStore, hash_: str) -> None:
    name = f"{_PREFIX}{hash_}"
    with nofollow.opened(store.folder, TEMPORARY) as temporary:
        if not store.has(hash_):
            with store.fan(hash_) as fan:
                temporary.rename(name, store.name(hash_), fan)
            return
        # Somebody has stored it again.
        if os.name == "nt":
            (store.folder / TEMPORARY / name).chmod(0o666)
        with suppress(FileNotFoundError):
            temporary.remove(name)
