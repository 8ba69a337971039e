"""What every remote can do: a store like the local one, elsewhere, with the same names for the same bytes."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self, TypeVar

from gitexp import errors
from gitexp.objects.hashing import OnBytes, hash_file
from gitexp.objects.manifest import FOLDER, is_hash
from gitexp.objects.store import damaged

TEMPORARY = "tmp"  # the folder of what is being uploaded

# Seconds after which an object that is pushed again is made fresh, by what that costs; see `stale_after`.
CHEAPLY, DEARLY = 3 * 86400.0, 10 * 86400.0

_FEW = 32  # objects; these are asked for one by one
_A_PAGE = 1000  # entries that a server lists at a time, as S3 does
_FOLDER = re.compile("[0-9a-f]{2}")
_T = TypeVar("_T")


class ListedObject(NamedTuple):
    """An object of a remote; `mtime` is in seconds since 1970, 0 if the remote does not say."""

    hash: str
    size: int
    mtime: float


class DataRemote(ABC):
    """One remote by its `name` in the config and its `url`; `jobs` is how many transfers at once suit it.

    An object is `<first two digits>/<the rest>` below the URL. It gets this name when all of it is there;
    until then it is in `tmp/`, where the protocol does not write an object in one step anyhow. All methods
    may be called from several threads. They raise DataRemoteError: RemoteUnreachable where it may help to
    try again. What is told of bytes may raise an error of ours, and so end a transfer.
    """

    jobs = 8
    # What is there already when it is pushed is made fresh if it is older than this: so a gc that spares
    # what is a day older spares all that was pushed within the day.
    stale_after = DEARLY

    def __init__(self, name: str, url: str) -> None:
        self.name = name
        self.url = url

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def require(self) -> None:
        """Raise RemoteUnreachable where it can be told at once that nothing will be had."""
        return

    def close(self) -> None:
        """End the connections."""
        return

    def has_many(self, hashes: Collection[str]) -> Mapping[str, int]:
        """Return those of some objects that are there, with their sizes; -1 where a server does not tell."""
        return {hash_: each.size for hash_, each in self.look_at(hashes).items()}

    def look_at(self, hashes: Collection[str]) -> Mapping[str, ListedObject]:
        """Return those of some objects that are there, as they are there; the size -1 as in `has_many`.

        Few are asked for one by one. For many, the folders that they would be in are listed, unless the
        remote holds so much that this is more to ask.
        """
        folders = defaultdict(list)
        for hash_ in hashes:
            folders[hash_[:2]].append(hash_)
        if len(hashes) > _FEW and self.can_list():
            first = next(iter(folders))
            found = {first: self._listed(first)}
            pages = 1 + len(found[first]) // _A_PAGE
            if pages * len(folders) < len(hashes):
                others = [folder for folder in folders if folder != first]
                found.update(zip(others, self._at_once(self._listed, others), strict=True))
                return {h: found[h[:2]][h] for h in hashes if h in found[h[:2]]}
        asked = list(hashes)
        looked = self._at_once(self._look_at, asked)
        return {hash_: each for hash_, each in zip(asked, looked, strict=True) if each is not None}

    def _at_once(self, ask: Callable[[str], _T], items: Sequence[str]) -> Sequence[_T]:
        """Return the answers in order; the first error is raised, and what was not asked by then is not."""
        with ThreadPoolExecutor(min(self.jobs, len(items) or 1)) as pool:
            return [*pool.map(ask, items)]

    def list(self) -> Iterator[ListedObject]:
        """Return all objects, folder by folder; what else is there is passed over."""
        for folder in sorted(filter(_FOLDER.fullmatch, self._folders())):
            yield from self._listed(folder).values()

    def _listed(self, folder: str) -> dict[str, ListedObject]:
        """Return the objects of one folder by hash."""
        found = (ListedObject(folder + name, size, mtime) for name, size, mtime in self._entries(folder))
        return {each.hash: each for each in found if is_hash(each.hash)}

    def can_list(self) -> bool:
        """Return whether it tells what it has; a plain web server does not."""
        return True

    def flush(self) -> None:
        """Return when all that was `put` is there for good."""
        return

    def remove_leftovers(self, before: float) -> None:
        """Remove uploads that were begun before a time and never ended, where there can be such."""
        return

    def renew(self, hash_: str) -> None:
        """Make an object as fresh as one that is put there now, without sending it.

        Where that is refused, it has to be put there anew.
        """
        raise errors.DataRemoteError(
            f"The remote '{self.name}' has no way to make an object fresh.", code="data-remote-refused"
        )

    def send(self, hash_: str, source: Path, on_bytes: OnBytes) -> None:
        """Upload as `put`; raises DamagedObject if the file is not what its name says, with nothing put."""
        if not _is(hash_, source):  # or it would be everybody's
            raise damaged(hash_)
        self.put(hash_, source, on_bytes)

    def receive(self, hash_: str, target: Path, on_bytes: OnBytes) -> None:
        """Download as `get`; raises DamagedObject if what came is not what its name says."""
        self.get(hash_, target, on_bytes)
        if not _is(hash_, target):
            raise damaged(hash_)

    @abstractmethod
    def put(self, hash_: str, source: Path, on_bytes: OnBytes) -> None:
        """Upload a file as the object `hash_`, in place of what is there under the name."""

    @abstractmethod
    def get(self, hash_: str, target: Path, on_bytes: OnBytes) -> None:
        """Download an object to a file, unverified; raises NotOnRemote if it is not there."""

    @abstractmethod
    def remove(self, hash_: str) -> None:
        """Remove an object; one that is not there is no error."""

    @abstractmethod
    def _look_at(self, hash_: str) -> ListedObject | None:
        """Return an object as it is there, None if it is not."""

    @abstractmethod
    def _folders(self) -> Collection[str]:
        """Return the names of the folders at the top."""

    @abstractmethod
    def _entries(self, folder: str) -> Collection[tuple[str, int, float]]:
        """Return name, size and mtime of the files in a folder; none if it is not there."""


def _is(hash_: str, path: Path) -> bool:
    """Return whether a file is there and is, byte for byte, what a name says."""
    try:
        return hash_file(path)[0] == hash_.removesuffix(FOLDER)
    except (OSError, errors.UnstorableData):
        return False
