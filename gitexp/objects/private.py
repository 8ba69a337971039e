"""Files that share their bytes with an object made files of their own, because they are to be written to.

What comes from the store may be a hard link of an object, and what DVC has brought a link into its cache: who
appends to such a file changes what every experiment has of it.
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
    """Make what stands at a path, file or folder, safe to be written to where it stands.

    Raises DamagedObject for a link of an object that is not what its name says, StorageError or DiskFull.
    """
    with translated(f"could not make {path} writable"):
        walked = walk(root, path, cache, strict=False) if (root / path).exists() else None
        if walked is None:
            return
        if (root / path).is_symlink():
            _instead_of_link(root, root / path)
            return
        artifact = Artifact(path, "", 0, len(walked.files) if walked.is_folder else None)
        shared: dict[str, Here] = {}
        for found in walked.files:
            name = f"{path}/{found.path}" if walked.is_folder else path
            if found.link:
                _instead_of_link(root, Path(found.full))
            elif (hash_ := _shared(store, found)) is not None:
                shared[name] = Here(found, hash_, found.stat)
            elif not found.stat.st_mode & stat.S_IWUSR:  # a link of an object that is no more
                os.chmod(found.full, stat.S_IMODE(found.stat.st_mode) | stat.S_IWUSR)
        while shared:
            # Links of one object one after another: to take one away is a change of the others, too.
            names = {each.hash: name for name, each in shared.items()}.values()
            here = {name: _looked_at_again(shared.pop(name)) for name in names}
            write = {name: File("", each.hash, each.stat.st_size) for name, each in here.items()}
            carry_out(store, root, Placement(artifact, write, here=here), COPIES, cache)


def _shared(store: ObjectStore, found: ScannedFile) -> str | None:
    """Return the hash of the object that a file is a hard link of, None if it is of none."""
    if found.stat.st_nlink > 1:
        hash_ = found.hash or hash_file(found.full)[0]
        with suppress(OSError):
            if os.path.samestat(found.stat, os.stat(store.path(hash_))):
                return hash_
    return None


def _looked_at_again(here: Here) -> Here:
    return here._replace(stat=os.stat(here.found.full))


def _instead_of_link(root: Path, link: Path) -> None:
    """Put a copy in the place of a link to a file of somebody else's, or to one that is protected."""
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
