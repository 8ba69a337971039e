"""The one seam of gitexp: every plugin has a kind, a name and a place.

The place is text, "module:attribute", and is imported on demand. So the core knows the names of its
extras without importing them. Another package adds a plugin by an entry point of the group
`gitexp.<kind>`. Entry points are read only for a name that the table lacks: reading them takes longer
than most commands. So help and completion list gitexp's own commands alone.
"""

from __future__ import annotations

import importlib
from typing import Any

from gitexp import errors

# The commands in the order of `gitexp --help`, each with the first line of its own help (a test holds them
# equal): so help and completion list the commands without loading one.
COMMANDS = {
    "init": "Look at the project and write gitexp.yaml.",
    "run": "Run a command, or stages, and store that as an experiment.",
    "status": "Say which stages and data have changed, and what a run would do.",
    "save": "Store the workspace as it stands, without running.",
    "show": "Show experiments as a table, or all about some of them.",
    "list": "Print the names of experiments, the newest first.",
    "best": "Print the name of the best experiment.",
    "diff": "Compare params, metrics, code, data, command and environment.",
    "compare": "Compare many experiments side by side: only what differs.",
    "dag": "Draw the stages of the pipeline, and which stands on which.",
    "add": "Version data that no stage makes, such as data sets.",
    "checkout": "Bring data and outputs to what gitexp.lock says.",
    "branch": "Make a Git branch of an experiment.",
    "apply": "Bring an experiment into the workspace.",
    "undo": "Take back what was changed last; again, what was changed before that.",
    "redo": "Do again what undo took back last; again, what it took back before that.",
    "log": "Print what an experiment's command printed.",
    "metrics": "Have metrics of runs that are over: out of their stored output or files.",
    "stop": "End a run that goes on, and store what it has so far.",
    "note": "Write a note on an experiment, in place of the one it has.",
    "tag": "Give tags to experiments; without any, print those of one.",
    "rename": "Give an experiment another name.",
    "remove": "Remove experiments into the trash.",
    "restore": "Bring a removed experiment back from the trash.",
    "push": "Push experiments to a Git remote, for others to pull.",
    "pull": "Pull experiments from a Git remote.",
    "import": "Bring one experiment from another repository.",
    "remote": "Where data is pushed to and pulled from.",
    "data": "Move data and results to and from data remotes.",
    "doctor": "Look for what is wrong with the experiments stored here.",
    "gc": "Delete data that nothing refers to.",
    "fsck": "Read all data in the store, and look for what is missing.",
    "guide": "Tell a program how to use gitexp.",
    "demo": "Show it all on real data: runs, table, diff and branch.",
}

# What people do -> the commands for it, in the order of `gitexp --help`; others stand below "More".
TASKS = {
    "Set up": ("init", "demo"),
    "Run": ("run", "stop", "status", "save", "log", "dag"),
    "Look and compare": ("show", "list", "best", "diff", "compare"),
    "Go on from an experiment": ("apply", "branch", "checkout"),
    "Keep order": ("note", "tag", "metrics", "rename", "remove", "restore", "undo", "redo"),
    "Share": ("push", "pull", "import"),
    "Data": ("add", "data", "remote"),
    "Look after the repository": ("doctor", "gc", "fsck"),
}

# (kind, name) -> "module:attribute". A command's module is called as the command is; `import` is a word
# of Python's.
_TABLE: dict[tuple[str, str], str] = {
    # The ending of a params file -> what reads it, and what edits it in place.
    ("reader", ".yaml"): "gitexp.files.yaml_text:read",
    ("reader", ".yml"): "gitexp.files.yaml_text:read",
    ("reader", ".json"): "gitexp.files.json_text:read",
    ("reader", ".toml"): "gitexp.files.toml_text:read",
    ("reader", ".py"): "gitexp.files.py_text:read",
    ("editor", ".yaml"): "gitexp.files.yaml_edit:edit",
    ("editor", ".yml"): "gitexp.files.yaml_edit:edit",
    ("editor", ".json"): "gitexp.files.json_text:edit",
    ("editor", ".toml"): "gitexp.files.toml_edit:edit",
    ("editor", ".py"): "gitexp.files.py_text:edit",
    ("engine", "local"): "gitexp.runs.local:LocalEngine",
    ("source", "dvc"): "gitexp.extras.integrations.dvc:DvcSource",
}
for _name in COMMANDS:
    _module = "import_" if _name == "import" else _name
    _TABLE["command", _name] = f"gitexp.cli.commands.{_module}:register"


def names(kind: str) -> tuple[str, ...]:
    """The names of gitexp's own plugins of a kind, in the order in which people see them."""
    return tuple(name for each, name in _TABLE if each == kind)


def load(kind: str, name: str) -> Any:
    """The plugin of a kind and name, imported now.

    Raises UsageError for a name that neither gitexp nor an installed package has, and the error of `find`.
    """
    found = find(kind, name)
    if found is None:
        known = ", ".join(names(kind))
        raise errors.UsageError(f"There is no {kind} called '{name}'.", f"gitexp has: {known}.")
    return found


def find(kind: str, name: str) -> Any:
    """The same, or None; raises UsageError if the plugin of an installed package cannot be imported."""
    if (kind, name) in _TABLE:
        module, _, attribute = _TABLE[kind, name].partition(":")
        return getattr(importlib.import_module(module), attribute)
    from importlib import metadata  # 40 ms, for a name that is none of ours

    for entry in metadata.entry_points(group=f"gitexp.{kind}", name=name):
        try:
            return entry.load()
        except (ImportError, AttributeError) as error:
            raise errors.UsageError(
                f"The {kind} '{name}' of another package, {entry.value}, cannot be imported: {error}.",
                "Update that package, or remove it.",
            ) from error
    return None
