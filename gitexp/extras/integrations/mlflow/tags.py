"""Tags of MLflow, a name and a value each, as tags of gitexp's."""

from __future__ import annotations

from collections.abc import Mapping

_LONGEST = 100  # characters
_OWN = ("mlflow.", "gitexp.")  # names that no person has given


def labels_of(tags: Mapping[str, str]) -> list[str]:
    """The tags from people, as `name=value`; tags that gitexp's rules forbid are left out."""
    found = []
    for name, value in tags.items():
        label = f"{name}={value}"
        if not name.startswith(_OWN) and label.isprintable() and len(label) <= _LONGEST:
            found.append(label)
    return found
