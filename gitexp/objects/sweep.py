"""Objects removed from the store beside others who may just be about to use them.

Whoever finds an object that it wants makes it fresh (`ObjectStore.add`), or puts it there if it is not there.
So one is first moved out of sight and then looked at once more: what was made fresh until that moment goes
back, and after it nobody takes it for there.
"""

from __future__ import annotations

import os
from pathlib import Path

from gitexp.failpoints import failpoint
from gitexp.objects.intake import TEMPORARY, temporary_folder
from gitexp.objects.manifest import is_hash
from gitexp.objects.store import ObjectStore

_PREFIX = "gc-"  # of an object that is out of sight


def remove_unused(store: ObjectStore, hash_: str, before: float) -> bool:
    """Remove an object that nobody has used since `before`, and return whether that was so.

    One that a workspace has as a hard link is in use as well. Raises OSError.
    """
    path, aside = store.path(hash_), temporary_folder(store.folder) / f"{_PREFIX}{hash_}"
    try:
        path.replace(aside)
    except FileNotFoundError:
        return False
    failpoint("gc:aside")
    if not is_unused(aside, before):
        _put_back(aside, path)
        return False
    if os.name == "nt":
        aside.chmod(0o666)
    aside.unlink()
    failpoint("gc:removed")
    return True


def is_unused(path: Path, before: float) -> bool:
    """Return whether the file of an object has not been used since `before` and is no workspace's."""
    of = path.stat()
    return of.st_mtime < before and of.st_nlink == 1


def put_back(store: ObjectStore) -> None:
    """Put back what a process that has died was about to remove; nobody else may be removing now."""
    for aside in (store.folder / TEMPORARY).glob(f"{_PREFIX}*"):
        if is_hash(hash_ := aside.name.removeprefix(_PREFIX)):
            _put_back(aside, store.path(hash_))


def _put_back(aside: Path, path: Path) -> None:
    if path.exists():  # somebody has stored it again
        if os.name == "nt":
            aside.chmod(0o666)
        aside.unlink(missing_ok=True)
    else:
        aside.replace(path)
