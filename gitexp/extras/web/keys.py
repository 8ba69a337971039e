"""The key of each row in addresses and files of the dashboard: its name wherever that is possible."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from gitexp.catalog.fields import Row
from gitexp.regex import regex
from gitexp.repo.experiments import is_name

_ID_DIGITS = 16
# Devices of Windows, where no file can be called so, whatever comes behind a dot.
_DEVICE = regex(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)


def keys_of(found: Sequence[Row]) -> list[str]:
    """The key of each row, all different; "" for a row without a page.

    The key: the name of the experiment; the beginning of the record's id for a foreign name, a repeated name
    (also in other letters: some disks do not distinguish `A.html` and `a.html`), or an impossible file name.
    """
    # A group of replicates has no page: each of its members, which are rows too, has one.
    counts = Counter(row.name.lower() for row in found if row.kind == "experiment")
    keys = []
    for row in found:
        key = ""
        if row.kind == "experiment" and row.experiment is not None:
            key = row.name
            if counts[key.lower()] > 1 or not is_name(key) or _DEVICE.fullmatch(key):
                key = row.experiment.id[:_ID_DIGITS]
        keys.append(key)
    return keys
