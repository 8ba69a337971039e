"""What an experiment says about Git's conversions: a file beside its log, `.gitexp/run/checkout.json`.

So gitexp's own worktrees have the bytes that ran, whatever this repository's settings say by now. Most
experiments have no such file: none of their files is to be converted by a setting.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from gitexp.model import Experiment
from gitexp.repo.experiments import RUN_FOLDER, Store
from gitexp.repo.git.conversions import PLAIN, Conversions
from gitexp.repo.git.repository import Repository

FILE = "checkout.json"

_VALUES = {"core.autocrlf": ("true", "false", "input"), "core.eol": ("lf", "crlf")}
_LARGEST = 16 * 1024 * 1024  # bytes
_SINCE = (0, 3)  # the version of gitexp that began to write such files


def write(repo: Repository, conversions: Conversions) -> dict[str, str]:
    """The blob of the note by its file name; nothing if there is nothing to note."""
    if conversions.settings == PLAIN and not conversions.exact:
        return {}
    data = {"settings": dict(conversions.settings), "exact": sorted(conversions.exact)}
    return {FILE: repo.write_blob(json.dumps(data, separators=(",", ":")).encode())}


def read(store: Store, experiment: Experiment) -> Conversions:
    """The note of an experiment; an older experiment's files are converted as the user's settings say."""
    name = f"{experiment.id}:{RUN_FOLDER}/{FILE}"
    (found,) = store.repo.find_objects([name])
    if found is None:
        return Conversions(PLAIN) if _is_since(experiment.record.gitexp) else Conversions()
    data: Any = None
    if found.kind == "blob" and found.size <= _LARGEST:
        try:
            data = json.loads((store.repo.read_blobs([found.id])[0] or b"").decode())
        except (ValueError, RecursionError):
            data = None
    return _decode(data)


def _is_since(version: str) -> bool:
    numbers = tuple(int(part) for part in version.split(".")[:2] if part.isdecimal() and part.isascii())
    return len(numbers) == 2 and numbers >= _SINCE


def _decode(data: Any) -> Conversions:
    """The conversions in a note; none for a damaged note, or one made to harm."""
    if not isinstance(data, dict):
        return Conversions()
    settings, exact = data.get("settings"), data.get("exact")
    if not isinstance(settings, Mapping) or not isinstance(exact, list):
        return Conversions()
    known = {}
    for key, values in _VALUES.items():
        if settings.get(key) in values:
            known[key] = str(settings[key])
    return Conversions(known, tuple(path for path in exact if isinstance(path, str)))
