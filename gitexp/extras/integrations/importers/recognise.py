"""Which tool has left what is in a folder."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from gitexp import plugins
from gitexp.extras.integrations.importers.foreign import Importer


class Recognised(NamedTuple):
    """An importer that knows what is in a folder, and its name."""

    kind: str
    importer: Importer


def recognise(place: Path) -> list[Recognised]:
    """The importers that know a file or folder, in the order of the table; one look each, nothing is read."""
    found = []
    for kind in plugins.names("importer"):
        importer: Importer = plugins.load("importer", kind)
        if importer.finds(place):
            found.append(Recognised(kind, importer))
    return found
