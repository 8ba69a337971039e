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


def remove_unused(store: ObjectStore, hash_: str, before: float, *, linked: bool = True) -> bool:
    """Remove an object if unused since `before` (seconds since 1970). Whether it was removed.

    Args:
        linked: a hard link counts as use: workspaces have links. In the folder of a data remote a link
            may be part of somebody's backup.

    Raises OSError.
    """
    aside = temporary_folder(store.folder) / f"{_PREFIX}{hash_}"
    try:
        with store.fan(hash_) as fan, nofollow.opened(store.folder, TEMPORARY) as temporary:
            fan.rename(store.name(hash_), aside.name, temporary)
    except FileNotFoundError:
        return False
    failpoint("gc:aside")
    try:
        if not is_unused(aside, before, linked=linked):
            _put_back(store, hash_)
            return False
        if os.name == "nt":
            aside.chmod(0o666)
        aside.unlink()
    except FileNotFoundError:  # somebody took this process for dead, and has put the object back
        return False
    failpoint("gc:removed")
    return True


def is_unused(path: Path, before: float, *, linked: bool = True) -> bool:
    """Whether the file of an object was not used since `before`, and if `linked`, has no hard link."""
    of = path.lstat()
    return of.st_mtime < before and not (linked and of.st_nlink > 1)


def put_back(store: ObjectStore) -> None:
    """Put back objects that a dead process was about to remove, not the objects of a living process."""
    for aside in (store.folder / TEMPORARY).glob(f"{_PREFIX}*"):
        if is_hash(hash_ := aside.name.removeprefix(_PREFIX)):
            _put_back(store, hash_)


def _put_back(store: ObjectStore, hash_: str) -> None:
    aside, name = f"{_PREFIX}{hash_}", store.name(hash_)
    with (
        suppress(FileNotFoundError),  # somebody else has put it back
        nofollow.opened(store.folder, TEMPORARY) as temporary,
        nofollow.opened(store.folder, hash_[:2], make=True) as fan,
    ):
        if _was_named(temporary, aside, fan, name):
            if os.name == "nt":
                (store.folder / TEMPORARY / aside).chmod(0o666)
            temporary.remove(aside)
        else:
            temporary.rename(aside, name, fan)


def _was_named(temporary: nofollow.Folder, aside: str, fan: nofollow.Folder, name: str) -> bool:
    """Give an object its name again beside the name in `temporary`. Whether the object has the name now.

    No rename: meanwhile somebody may have stored a younger copy of the object.
    """
    try:
        os.link(temporary.at(aside), fan.at(name), src_dir_fd=temporary.fd, dst_dir_fd=fan.fd)
    except FileExistsError:
        return True
    except FileNotFoundError:
        raise
    except OSError:  # a disk without hard links
        return os.path.lexists(os.path.join(fan.path, name))
    return True
