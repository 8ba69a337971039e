"""The metadata of an RO-Crate: entities of JSON-LD by their ids.

RO-Crate 1.1 (https://w3id.org/ro/crate/1.1) with the profile Process Run Crate 0.5.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeAlias
from urllib.parse import quote

from gitexp import errors

METADATA = "ro-crate-metadata.json"
PREVIEW = "ro-crate-preview.html"
ROOT = "./"
LARGEST_METADATA = 256 << 20  # bytes

_CRATE = "https://w3id.org/ro/crate/1.1"
PROFILE = "https://w3id.org/ro/wfrun/process/0.5"
_DESCRIPTOR = {
    "@id": METADATA,
    "@type": "CreativeWork",
    "conformsTo": {"@id": _CRATE},
    "about": {"@id": ROOT},
}

Entity: TypeAlias = dict[str, Any]


def id_of(path: str) -> str:
    """The id of a file or folder of the crate: its path as a URI."""
    return quote(_plain(path), safe="/-._~")


def local_id(*parts: str) -> str:
    """The id of an entity that is no file: `#person/Ann`."""
    return "#" + "/".join(quote(_plain(part), safe="-._~") for part in parts)


def _plain(text: str) -> bytes:
    """The text as UTF-8; half a character is written out."""
    return text.encode("utf-8", "backslashreplace")


def ref(id_: str) -> dict[str, str]:
    """The reference to an entity."""
    return {"@id": id_}


def refs(ids: Iterable[str]) -> list[dict[str, str]]:
    """The references to entities, each once."""
    return [ref(id_) for id_ in dict.fromkeys(ids)]


class CrateGraph:
    """The entities of a crate, in order."""

    def __init__(self, entities: Mapping[str, Entity]) -> None:
        self._entities = dict(entities)

    @classmethod
    def read(cls, text: bytes, place: str) -> CrateGraph:
        """The graph of a metadata file. Raises UsageError for a file of another form."""
        try:
            found = json.loads(text)
            entities = {one["@id"]: one for one in found["@graph"]}
        except (ValueError, RecursionError, TypeError, KeyError, AttributeError):
            raise errors.UsageError(
                f"{METADATA} of {place} is no metadata of an RO-Crate.", "Name another place: -o PLACE"
            ) from None
        return cls(entities)

    def __contains__(self, id_: str) -> bool:
        return id_ in self._entities

    def get(self, id_: str) -> Entity:
        """The entity of an id; {} for none."""
        return self._entities.get(id_, {})

    def of_type(self, kind: str) -> list[Entity]:
        """The entities of a type."""
        return [one for one in self._entities.values() if kind in listed(one.get("@type"))]

    def put(self, *entities: Entity) -> None:
        """Add entities, in place of those with their ids; empty values are left out."""
        for one in entities:
            said = dict[str, Any]()
            for key, value in one.items():
                if isinstance(value, list) and len(value) == 1:
                    value = value[0]  # as RO-Crate recommends
                if value not in ("", [], None):
                    said[key] = value
            self._entities[one["@id"]] = said

    def add_new(self, entity: Entity) -> None:
        """Add an entity, unless there is one of its id."""
        if entity["@id"] not in self._entities:
            self.put(entity)

    def drop_below(self, folder: str, run: str) -> None:
        """Remove the entities of a folder, and those that belong to a run of this id."""
        kept = {}
        for id_, one in self._entities.items():
            if not (id_ == run or id_.startswith((folder, f"{run}/"))):
                kept[id_] = one
        self._entities = kept

    def text(self) -> bytes:
        """The metadata file."""
        graph = [_DESCRIPTOR, *(one for id_, one in self._entities.items() if id_ != METADATA)]
        document = {"@context": f"{_CRATE}/context", "@graph": graph}
        return json.dumps(document, indent=1, ensure_ascii=False).encode("utf-8", "backslashreplace") + b"\n"


def listed(value: Any) -> Sequence[Any]:
    """The values of a property: none, one or many."""
    if value is None:
        return []
    if isinstance(value, list):
        return value
    return [value]
