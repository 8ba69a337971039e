"""Files that share their bytes with an object are replaced by copies, before a command writes to them.

A file from the store may be a hard link of an object, and a file from DVC a link into its cache. To append to
such a file would change the file in every experiment.
"""

from __future__ import annotations

import os
import shutil
import stat
from contextlib import suppress
from pathlib import Path

from gitexp.failpoints import failpoint
from gitexp.model import Artifact
from gitexp.objects.disk import COPIES, translated
from gitexp.objects.hashing import hash_file
from gitexp.objects.manifest import File
from gitexp.objects.place import carry_out
from gitexp.objects.plan import Here, Placement
from gitexp.objects.scan import ScannedFile, walk
from gitexp.objects.stat_cache import StatCache
from gitexp.objects.store import ObjectStore
from gitexp.objects.workspace_files import beside


def make_private(store: ObjectStore, root: Path, path: str, cache: StatCache) -> None:
    """Give a file or folder of the workspace bytes of its own, so that a command may write to it in place.

    Raises DamagedObject for a link of a damaged object; StorageError or DiskFull.
    """
    with translated(f"could not make {path} writable"):
        walked = walk(root, path, cache, strict=False) if (root / path).exists() else None
        if walked is None:
            return
        if (root / path).is_symlink():
            _replace_link(root, root / path)
            return
        shared: dict[str, Here] = {}
        for found in walked.files:
            if found.link:
                _replace_link(root, Path(found.full))
            elif (hash_ := _shared(store, found)) is not None:
                shared[walked.path_of(found)] = Here(found, hash_, found.stat)
            elif not found.stat.st_mode & stat.S_IWUSR:  # a hard link of an object that is gone
                os.chmod(found.full, stat.S_IMODE(found.stat.st_mode) | stat.S_IWUSR)
        artifact = Artifact(path, "", 0, len(walked.files) if walked.is_folder else None)
        while shared:
            # One link of each object at a time: removing a link changes the stat of the others.
            names = {each.hash: name for name, each in shared.items()}.values()
            here = {name: _with_stat_of_now(shared.pop(name)) for name in names}
            write = {name: File("", each.hash, each.stat.st_size) for name, each in here.items()}
            carry_out(store, root, Placement(artifact, write, here=here), COPIES, cache)


def _shared(store: ObjectStore, found: ScannedFile) -> str | None:
    """The hash of the object of which a file is a hard link; None for other files."""
    if found.stat.st_nlink > 1 and found.target is None:
        hash_ = found.hash or hash_file(found.full)[0]
        with suppress(OSError):
            if os.path.samestat(found.stat, os.stat(store.path(hash_))):
                return hash_
    return None


def _with_stat_of_now(here: Here) -> Here:
    return here._replace(stat=os.stat(here.found.full))


def _replace_link(root: Path, link: Path) -> None:
    """Replace a link by a copy of its file, if the file is read-only or outside the workspace."""
    target = link.resolve()
    of = target.stat()
    if not stat.S_ISREG(of.st_mode) or (of.st_mode & stat.S_IWUSR and target.is_relative_to(root.resolve())):
        return
    temporary = Path(beside(link))
    try:
        shutil.copyfile(target, temporary)
        temporary.chmod(stat.S_IMODE(of.st_mode) | stat.S_IWUSR)
        failpoint("private:copied")
        temporary.replace(link)
    finally:
        temporary.unlink(missing_ok=True)
