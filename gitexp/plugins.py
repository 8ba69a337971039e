"""The one seam of gitexp: every plugin has a kind, a name and a place.

The place is text, "module:attribute", and is imported on demand. So the core knows the names of its
extras without importing them. Another package adds a plugin by an entry point of the group
`gitexp.<kind>`. Entry points are read only for a name that the table lacks: reading them takes longer
than most commands.
"""

from __future__ import annotations

import importlib
from typing import Any

from gitexp import errors

_COMMANDS = (
    "init",
    "run",
    "status",
    "save",
    "show",
    "list",
    "best",
    "diff",
    "dag",
    "add",
    "checkout",
    "branch",
    "apply",
    "undo",
    "log",
    "note",
    "tag",
    "rename",
    "remove",
    "restore",
    "push",
    "pull",
    "import",
    "remote",
    "data",
    "doctor",
    "gc",
    "fsck",
    "guide",
    "demo",
)

# (kind, name) -> "module:attribute". A command's module is called as the command is; `import` is a word
# of Python's.
_TABLE: dict[tuple[str, str], str] = {
    ("source", "dvc"): "gitexp.extras.integrations.dvc:DvcSource",
}
for _name in _COMMANDS:
    _module = "import_" if _name == "import" else _name
    _TABLE["command", _name] = f"gitexp.cli.commands.{_module}:register"


def names(kind: str) -> tuple[str, ...]:
    """The names of gitexp's own plugins of a kind, in the order in which people see them."""
    return tuple(name for each, name in _TABLE if each == kind)


def load(kind: str, name: str) -> Any:
    """The plugin of a kind and name, imported now.

    Raises UsageError for a name that neither gitexp nor an installed package has.
    """
    place = _TABLE.get((kind, name)) or _entry_point(kind, name)
    if place is None:
        known = ", ".join(names(kind))
        raise errors.UsageError(f"There is no {kind} called '{name}'.", f"gitexp has: {known}.")
    module, _, attribute = place.partition(":")
    return getattr(importlib.import_module(module), attribute)


def _entry_point(kind: str, name: str) -> str | None:
    from importlib import metadata  # 40 ms, for a name that is none of ours

    for found in metadata.entry_points(group=f"gitexp.{kind}", name=name):
        return found.value
    return None
