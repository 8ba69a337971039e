"""The records of ended experiments on disk, as columns: a table of many need not read each commit message.

It is a cache. The record of a commit id never changes, all of this can be made anew, and the folder may be
removed at any time. A file has up to a thousand records, and each field of all of them together. The name of
a file is the hash of its content: half a file, or a changed one, is passed over.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Iterator, Sequence
from itertools import chain
from operator import attrgetter
from typing import Any

from gitexp.failpoints import failpoint
from gitexp.model import Experiment, Stored, readable
from gitexp.nofollow import Folder
from gitexp.repo.known_records import Place
from gitexp.repo.local import LocalState
from gitexp.repo.many_records import of_columns
from gitexp.repo.record_fields import DEFAULTS
from gitexp.repo.records import is_deeper
from gitexp.version import __version__

MANY = 2000  # experiments that are kept; fewer are read as quickly from Git
_NEWS = 200  # experiments that are worth a further file
_IN_FILE = 1000  # records
_LARGEST = 16 << 20  # bytes of a file
_MOST_FILES = 10_000
_DEEPEST = 110  # of a file: a record may have a depth of 100
_ENDING = ".json"


class RecordCache:
    """The folder `.git/gitexp/records`."""

    def __init__(self, local: LocalState, prefix: str) -> None:
        self._local = local
        self._prefix = prefix  # of the refs
        self._kept: frozenset[Place] = frozenset()  # what the files have
        self._is_stale = False  # whether a file is damaged, or of another gitexp

    def load(self) -> dict[Place, Experiment]:
        """The kept experiments; {} if nothing is kept or can be read."""
        found: dict[Place, Experiment] = {}
        with contextlib.suppress(OSError), self._local.opened(self._local.records) as folder:
            for name in folder.names()[:_MOST_FILES]:
                of_file = {(self._prefix + one.name, one.id): one for one in _read(folder, name)}
                found.update(of_file)
                self._is_stale = self._is_stale or not of_file
        self._kept = frozenset(found)
        return found

    def keep(self, found: Sequence[tuple[str, Stored]]) -> None:
        """Write those of all experiments that are not kept yet, if they are many."""
        news = [one for ref, one in found if (ref, one.id) not in self._kept]
        gone = len(self._kept) - (len(found) - len(news))
        fitting = _fitting(news)
        are_many = len(found) >= MANY
        is_anew = self._is_stale or gone > len(found)
        if not is_anew and not (are_many and len(fitting) >= _NEWS):
            return
        with contextlib.suppress(OSError), self._local.opened(self._local.records, make=True) as folder:
            if is_anew:
                _clear(folder)
                fitting = _fitting([one for _, one in found])
            if not are_many:
                return
            for at in range(0, len(fitting), _IN_FILE):
                for content in _files(fitting[at : at + _IN_FILE]):
                    failpoint("records:file")
                    folder.write(hashlib.sha256(content).hexdigest() + _ENDING, content)
        failpoint("records:kept")


def _fitting(found: Sequence[Stored]) -> list[Experiment]:
    """The experiments for the cache, whose records stay as they are."""
    return [one for one in readable(found) if one.record.status.ended and one.record.process is None]


def _clear(folder: Folder) -> None:
    for name in folder.names():
        folder.remove(name)


# -- one file ----------------------------------------------------------------------------------------------


def _files(kept: Sequence[Experiment]) -> Iterator[bytes]:
    """Yield the contents of the files for some experiments; what would not come back the same is left out."""
    content = _content(kept)
    is_whole = _comes_back(content)
    if not is_whole:
        kept = [one for one in kept if _comes_back(_content([one]))]
        content = _content(kept)
        is_whole = _comes_back(content)
    if kept and is_whole and len(content) <= _LARGEST:
        yield content
    elif len(kept) > 1:
        half = len(kept) // 2
        yield from _files(kept[:half])
        yield from _files(kept[half:])


def _comes_back(content: bytes) -> bool:
    """Whether a file is written just so for what it gives: NaN is not equal to NaN, but to its text."""
    return bool(content) and _content(_experiments(content)) == content


def _content(kept: Sequence[Experiment]) -> bytes:
    """The content of a file; empty if JSON has no such values."""
    made = [one.record for one in kept]
    columns: dict[str, Any] = {}
    for name, default in DEFAULTS.items():
        values = list(map(attrgetter(name), made))
        if values.count(default) == len(values):
            continue
        columns[name] = values
        if isinstance(values[0], str) and values.count(values[0]) == len(values):
            columns[name] = {"all": values[0]}
    document: dict[str, Any] = {
        "gitexp": __version__,
        "names": [one.name for one in kept],
        "ids": [one.id for one in kept],
        "columns": columns,
    }
    if any(record.extra for record in made):
        document["extra"] = [record.extra for record in made]
    try:
        return json.dumps(document, separators=(",", ":")).encode()
    except (TypeError, ValueError):
        return b""


def _read(folder: Folder, name: str) -> list[Experiment]:
    """The experiments of a file; [] for a damaged file."""
    try:
        content = folder.read(name, _LARGEST)
    except OSError:
        return []
    if hashlib.sha256(content).hexdigest() + _ENDING != name:
        return []
    return _experiments(content)


def _experiments(content: bytes) -> list[Experiment]:
    """The experiments in the content of a file; [] for a file that this gitexp has not written."""
    try:
        document = json.loads(content)
        if document["gitexp"] != __version__ or is_deeper(document, _DEEPEST):
            return []
        names, ids = document["names"], document["ids"]
        if not {str}.issuperset(map(type, chain(names, ids))) or len(names) != len(ids):
            return []
        made = of_columns(document["columns"], names, document.get("extra"))
        return list(map(Experiment, names, ids, made))
    except (ValueError, TypeError, LookupError, AttributeError, RecursionError):
        return []
