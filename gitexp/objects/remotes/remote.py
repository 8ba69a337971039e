"""Data remotes: object stores elsewhere, with the same names for the same content."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Self, TypeVar

from gitexp import errors
from gitexp.objects.hashing import OnBytes, hash_file
from gitexp.objects.manifest import FOLDER, is_hash
from gitexp.objects.store import StoredObject, damaged
from gitexp.regex import regex

TEMPORARY = "tmp"  # the folder of unfinished uploads

# Seconds, by the cost of making an object fresh; see `stale_after`.
CHEAPLY, DEARLY = 3 * 86400.0, 10 * 86400.0

_FEW = 32  # objects; so many are asked for one by one
_A_PAGE = 1000  # entries that a server lists at a time, as S3 does
_FOLDER = regex("[0-9a-f]{2}")
_T = TypeVar("_T")


class DataRemote(ABC):
    """One remote of the config.

    An object is `<first two digits>/<the rest>` below the URL. The name appears when the upload is
    finished; until then the bytes are in `tmp/`, unless the protocol writes objects in one step. Methods
    may be called from several threads. They raise DataRemoteError: RemoteUnreachable if a new try may
    help. An `OnBytes` may raise one of our errors to end a transfer.

    Attributes:
        name: the name in the config.
        url: the URL in the config.
        jobs: a suitable number of transfers at once.
        stale_after: an age in seconds. A pushed object that the remote has in an older copy is made
            fresh. A gc spares objects up to a day older, and so spares all objects pushed within the day.
    """

    jobs = 8
    stale_after = DEARLY

    def __init__(self, name: str, url: str) -> None:
        self.name = name
        self.url = url

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def require(self) -> None:
        """Raise RemoteUnreachable for a remote plainly not there."""
        return

    def close(self) -> None:
        """End the connections."""
        return

    def has_many(self, hashes: Collection[str]) -> Mapping[str, int]:
        """The sizes of the present ones of some objects; -1 if a server does not tell."""
        return {hash_: each.size for hash_, each in self.look_at(hashes).items()}

    def look_at(self, hashes: Collection[str]) -> Mapping[str, StoredObject]:
        """The present ones of some objects.

        A few are asked for one by one. For many, their folders are listed, unless a full remote makes this
        take more questions.
        """
        if len(hashes) > _FEW and self.can_list():
            folders = list(dict.fromkeys(hash_[:2] for hash_ in hashes))
            found = self._listed(folders[0])
            pages = 1 + len(found) // _A_PAGE
            if pages * len(folders) < len(hashes):
                for more in self._at_once(self._listed, folders[1:]):
                    found |= more
                return {hash_: found[hash_] for hash_ in hashes if hash_ in found}
        asked = list(hashes)
        looked = self._at_once(self._look_at, asked)
        return {hash_: each for hash_, each in zip(asked, looked, strict=True) if each is not None}

    def _at_once(self, ask: Callable[[str], _T], items: Sequence[str]) -> Sequence[_T]:
        """The answers in order. The first error is raised, and ends the questions."""
        with ThreadPoolExecutor(min(self.jobs, len(items) or 1)) as pool:
            return [*pool.map(ask, items)]

    def list(self) -> Iterator[StoredObject]:
        """All objects, folder by folder. Other files are passed over."""
        for folder in sorted(filter(_FOLDER.fullmatch, self._folders())):
            yield from self._listed(folder).values()

    def _listed(self, folder: str) -> dict[str, StoredObject]:
        """The objects of one folder by hash."""
        found = {}
        for name, size, mtime in self._entries(folder):
            hash_ = folder + name
            if is_hash(hash_):
                found[hash_] = StoredObject(hash_, size, mtime)
        return found

    def can_list(self) -> bool:
        """Whether the remote lists its objects; a plain web server does not."""
        return True

    def flush(self) -> None:
        """Wait until all objects from `put` are there for good."""
        return

    def remove_leftovers(self, before: float) -> None:
        """Remove unfinished uploads that began before a time (seconds since 1970), if the kind leaves any."""
        return

    def renew(self, hash_: str) -> None:
        """Set the time of an object to now, without sending it. If refused, put the object again."""
        raise errors.DataRemoteError(
            f"The remote '{self.name}' has no way to make an object fresh.", code="data-remote-refused"
        )

    def send(self, hash_: str, source: Path, on_bytes: OnBytes) -> None:
        """Upload like `put`. Raises DamagedObject, with nothing uploaded, if the file does not have the
        hash."""
        if not _is(hash_, source):  # or everybody would get the damaged object
            raise damaged(hash_)
        self.put(hash_, source, on_bytes)

    def receive(self, hash_: str, target: Path, on_bytes: OnBytes) -> None:
        """Download like `get`. Raises DamagedObject if the content does not have the hash."""
        self.get(hash_, target, on_bytes)
        if not _is(hash_, target):
            raise damaged(hash_)

    @abstractmethod
    def put(self, hash_: str, source: Path, on_bytes: OnBytes) -> None:
        """Upload a file as the object `hash_`, in place of an object of this name."""

    @abstractmethod
    def get(self, hash_: str, target: Path, on_bytes: OnBytes) -> None:
        """Download an object to a file, unverified. Raises NotOnRemote for an absent object."""

    def remove_unused(self, hash_: str, before: float) -> bool:
        """Remove an object unless it is younger than `before` (seconds since 1970). Whether it was removed.

        A server cannot look and remove in a single step. An object made fresh between the two steps
        is gone; its user finds the object absent and sends a copy, unless the user looked earlier.
        """
        there = self._look_at(hash_)
        if there is None or there.mtime >= before:
            return False
        self.remove(hash_)
        return True

    def recover(self) -> None:
        """Put back the objects that a dead gc was about to remove, for kinds of remote with this step."""
        return

    @abstractmethod
    def remove(self, hash_: str) -> None:
        """Remove an object. Its absence is no error."""

    @abstractmethod
    def _look_at(self, hash_: str) -> StoredObject | None:
        """An object on the remote; None if absent."""

    @abstractmethod
    def _folders(self) -> Collection[str]:
        """The names of the folders at the top."""

    @abstractmethod
    def _entries(self, folder: str) -> Collection[tuple[str, int, float]]:
        """Name, size and mtime of the files in a folder; nothing if the folder is absent."""


def _is(hash_: str, path: Path) -> bool:
    """Whether a file is there with content of this hash."""
    try:
        return hash_file(path)[0] == hash_.removesuffix(FOLDER)
    except (OSError, errors.UnstorableData):
        return False
