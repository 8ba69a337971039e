"""The place of an RO-Crate: a folder, or a zip file. Folders of the crate are added whole, or not at all."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import stat
import zipfile
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from gitexp import errors
from gitexp.extras.integrations.exporters.crates.crate_graph import LARGEST_METADATA, METADATA
from gitexp.failpoints import failpoint
from gitexp.folders import clear_away, make_folder
from gitexp.objects.disk import sync
from gitexp.objects.paths import fault

_NEW = ".gitexp-new"  # the beginning of the names of unfinished files and folders
_PIECE = 1 << 20  # bytes
_ZIP_TIME = (1980, 1, 1, 0, 0, 0)  # of all entries: the same experiments give the same bytes


class CrateWriter(ABC):
    """Writes a crate, and adds to one. A context manager."""

    @abstractmethod
    def __enter__(self) -> Self: ...

    @abstractmethod
    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None: ...

    @abstractmethod
    def metadata(self) -> bytes | None:
        """The metadata of the crate that is there; None for none."""

    @abstractmethod
    def has(self, name: str) -> bool:
        """Whether a file is at the top already."""

    @abstractmethod
    def part(self, folder: str) -> contextlib.AbstractContextManager[CratePart]:
        """A new folder of the crate, in place of an older one; it is there at the end of the block."""

    @abstractmethod
    def finish(self, files: Mapping[str, bytes]) -> None:
        """Write the files at the top, the metadata last."""


class CratePart(ABC):
    """A folder that is being written."""

    @abstractmethod
    def write(self, path: str, pieces: Iterable[bytes], *, executable: bool = False) -> None:
        """Add a file at a path in the folder. Raises UsageError for a path that leads out of it."""


def fault_in_crate(path: str) -> str | None:
    """Why a path cannot be one of a crate; None if it can."""
    if not path.isprintable():
        return "has characters that are no text"
    return fault(path)


def _require_inside(path: str) -> None:
    if (why := fault_in_crate(path)) is not None:
        raise errors.UnsafePath(f"{path!a} {why}.", "Call it something else.")


def remove_leftovers(place: Path) -> None:
    """Remove the unfinished parts that a killed export has left in or beside a place."""
    for left in place.glob(f"{_NEW}-*"):
        if left.is_dir() and not left.is_symlink():
            clear_away(left)
    for left in place.parent.glob(f"{_NEW}-*-{place.name}"):
        if not left.is_dir():
            left.unlink(missing_ok=True)


# -- a folder -----------------------------------------------------------------------------------------


class CrateFolder(CrateWriter):
    """A crate as a folder of files."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._new = root / f"{_NEW}-{secrets.token_hex(4)}"

    def __enter__(self) -> Self:
        make_folder(self._root)
        self._new.mkdir()
        return self

    def __exit__(self, *_: object) -> None:
        clear_away(self._new)

    def metadata(self) -> bytes | None:
        return folder_metadata(self._root)

    def has(self, name: str) -> bool:
        return os.path.lexists(self._root / name)

    @contextlib.contextmanager
    def part(self, folder: str) -> Iterator[CratePart]:
        _require_inside(folder)
        made = self._new / "part"
        clear_away(made)
        made.mkdir()
        yield _FolderPart(made)
        target, old = self._root / folder, self._new / "old"
        make_folder(target.parent)
        clear_away(old)
        failpoint("crate:part")
        if os.path.lexists(target):
            target.rename(old)
        made.rename(target)
        failpoint("crate:named")

    def finish(self, files: Mapping[str, bytes]) -> None:
        for name in sorted(files, key=lambda name: name == METADATA):
            new = self._new / name
            new.write_bytes(files[name])
            sync([str(new)])
            new.replace(self._root / name)
            failpoint("crate:top")


class _FolderPart(CratePart):
    def __init__(self, root: Path) -> None:
        self._root = root

    def write(self, path: str, pieces: Iterable[bytes], *, executable: bool = False) -> None:
        _require_inside(path)
        target = self._root / path
        make_folder(target.parent)
        with target.open("xb") as file:
            for piece in pieces:
                file.write(piece)
        if executable:
            target.chmod(target.stat().st_mode | 0o111)


def folder_metadata(root: Path) -> bytes | None:
    """The metadata of the crate in a folder; None for an empty or missing folder.

    Raises UsageError for a folder with anything else.
    """
    file = root / METADATA
    if file.is_file() and not file.is_symlink():
        if file.stat().st_size > LARGEST_METADATA:
            raise errors.UsageError(f"{file} is too large to be read.", "Name another place: -o PLACE")
        return file.read_bytes()
    if root.exists() and any(not path.name.startswith(_NEW) for path in root.iterdir()):
        raise errors.UsageError(
            f"{root} has other files, and is no RO-Crate.", "Name a new folder, or a .zip: -o crate.zip"
        )
    return None


# -- a zip file ---------------------------------------------------------------------------------------


class CrateZip(CrateWriter):
    """A crate as a zip file, which is written anew beside the old one, and then moved over it."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._new = file.with_name(f"{_NEW}-{secrets.token_hex(4)}-{file.name}")
        self._replaced = [METADATA]
        self._zip: zipfile.ZipFile | None = None

    def __enter__(self) -> Self:
        make_folder(self._file.parent)
        return self

    def __exit__(self, *_: object) -> None:
        if self._zip is not None:
            self._zip.close()
        self._new.unlink(missing_ok=True)

    def metadata(self) -> bytes | None:
        return zip_metadata(self._file)

    def has(self, name: str) -> bool:
        if not self._file.exists():
            return False
        with zipfile.ZipFile(self._file) as old:
            return name in old.namelist()

    @contextlib.contextmanager
    def part(self, folder: str) -> Iterator[CratePart]:
        _require_inside(folder)
        self._replaced.append(f"{folder}/")
        self._opened().writestr(zipfile.ZipInfo(f"{folder}/", _ZIP_TIME), b"")
        yield _ZipPart(self._opened(), f"{folder}/")
        failpoint("crate:part")

    def finish(self, files: Mapping[str, bytes]) -> None:
        new = self._opened()
        self._replaced += files
        self._copy_old(new)
        for name, content in files.items():
            _ZipPart(new, "").write(name, [content])
        new.close()
        sync([str(self._new)])
        failpoint("crate:zip")
        self._new.replace(self._file)

    def _opened(self) -> zipfile.ZipFile:
        if self._zip is None:
            self._zip = zipfile.ZipFile(self._new, "x", zipfile.ZIP_DEFLATED)
        return self._zip

    def _copy_old(self, new: zipfile.ZipFile) -> None:
        """Take over the entries of the old crate, without those written anew."""
        if not self._file.exists():
            return
        replaced = tuple(self._replaced)
        with zipfile.ZipFile(self._file) as old:
            for entry in old.infolist():
                if entry.filename.startswith(replaced):
                    continue
                _require_inside(entry.filename.rstrip("/"))
                with old.open(entry) as source, new.open(entry, "w") as target:
                    shutil.copyfileobj(source, target, _PIECE)


class _ZipPart(CratePart):
    def __init__(self, into: zipfile.ZipFile, folder: str) -> None:
        self._into = into
        self._folder = folder

    def write(self, path: str, pieces: Iterable[bytes], *, executable: bool = False) -> None:
        _require_inside(path)
        entry = zipfile.ZipInfo(self._folder + path, _ZIP_TIME)
        entry.compress_type = zipfile.ZIP_DEFLATED
        mode = stat.S_IFREG | (0o755 if executable else 0o644)
        entry.external_attr = mode << 16
        with self._into.open(entry, "w", force_zip64=True) as file:
            for piece in pieces:
                file.write(piece)


def zip_metadata(file: Path) -> bytes | None:
    """The metadata of the crate in a zip file; None for a missing file.

    Raises UsageError for any other file.
    """
    if not file.exists():
        return None
    try:
        with zipfile.ZipFile(file) as found:
            entry = found.getinfo(METADATA)
            if entry.file_size > LARGEST_METADATA:
                raise errors.UsageError(f"{METADATA} of {file} is too large.", "Name another file: -o PLACE")
            return found.read(entry)
    except (zipfile.BadZipFile, KeyError, NotImplementedError, RuntimeError):
        raise errors.UsageError(
            f"{file} is there, and is no RO-Crate.", "Name another file: -o crate.zip"
        ) from None
