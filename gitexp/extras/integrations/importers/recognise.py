"""The tool behind the files of a folder."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from gitexp import plugins
from gitexp.extras.integrations.importers.foreign import Importer


class Recognised(NamedTuple):
    """An importer for the files of a folder, and its name."""

    kind: str
    importer: Importer


def recognise(place: Path) -> list[Recognised]:
    """The importers for a file or folder, in the order of the table; each has a quick look alone."""
    found = []
    for kind in plugins.names("importer"):
        importer: Importer = plugins.load("importer", kind)
        if importer.finds(place):
            found.append(Recognised(kind, importer))
    return found
