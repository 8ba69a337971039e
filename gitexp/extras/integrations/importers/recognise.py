"""The tool behind the files of a folder."""

from __future__ import annotations

from pathlib import Path

from gitexp import plugins
from gitexp.extras.integrations.importers.foreign import Importer, Place
from gitexp.named_tuple import NamedTuple


class Recognised(NamedTuple):
    """An importer for the files of a folder, and its name."""

    kind: str
    importer: Importer


def recognise(place: Place) -> list[Recognised]:
    """The importers for a place, in the order of the table; each has a quick look alone.

    Raises OSError if nothing is found, and a part of the place cannot be read.
    """
    found, faults = [], list[OSError]()
    for kind in plugins.names("importer"):
        importer: Importer = plugins.load("importer", kind)
        try:
            is_its = importer.finds(place) if isinstance(place, Path) else importer.finds_on(place)
        except OSError as error:
            faults.append(error)
            continue
        if is_its:
            found.append(Recognised(kind, importer))
    if faults and not found:
        raise faults[0]
    own = [each for each in found if not each.importer.is_shared]
    return own or found
