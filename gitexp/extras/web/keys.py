"""The key of each row in addresses and files of the dashboard: its name wherever that is possible."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from gitexp.catalog.fields import Row
from gitexp.repo.experiments import is_name

_ID_DIGITS = 16


def keys_of(found: Sequence[Row]) -> list[str]:
    """The key of each row, all different; "" for a row that is no experiment and has no page.

    An experiment whose name is not one of gitexp's, or stands twice, has the beginning of its record's id.
    """
    # A group of replicates has no page: each of its members, which are rows too, has one.
    counts = Counter(row.name for row in found if row.kind == "experiment")
    keys = []
    for row in found:
        key = ""
        if row.kind == "experiment" and row.experiment is not None:
            key = row.name
            if counts[row.name] > 1 or not is_name(row.name):
                key = row.experiment.id[:_ID_DIGITS]
        keys.append(key)
    return keys
