"""The text of a tag about a model: a subject for people, a note, and a line of JSON for programs."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

from gitexp.extras.registry.values import ModelFacts
from gitexp.words import cut

LARGEST = 1 << 20  # bytes of a tag that is read

_FORMAT = 1
_SUBJECT = 120  # characters
_TEXTS = ("experiment", "commit", "path", "hash", "version")
_MAPS = ("metrics", "signature")
_LONGEST = 4096  # characters of a text
_MOST_METRICS = 1000
_MOST_JSON = 256 * 1024  # bytes of the JSON
_SIGNED = ("-----BEGIN PGP", "-----BEGIN SSH", "-----BEGIN SIGNED")


def write(subject: str, facts: ModelFacts) -> str:
    """The message of a tag. `subject` becomes a single line."""
    data: dict[str, Any] = {"format": _FORMAT}
    for name, value in facts._asdict().items():
        if name != "note" and value not in ("", None, {}):
            data[name] = value
    line = " ".join("".join(char if char.isprintable() else " " for char in subject).split())
    parts = [cut(line, _SUBJECT)]
    if facts.note:
        parts.append(facts.note.strip())
    parts.append(json.dumps(data, separators=(",", ":"), allow_nan=False))
    return "\n\n".join(parts) + "\n"


def fitting(metrics: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """The metrics for an annotation, and a sentence about the others."""
    found, left_out = dict[str, Any](), 0
    for key, value in metrics.items():
        if not isinstance(value, str | int | float) or len(found) == _MOST_METRICS or len(key) > _LONGEST:
            left_out += 1
        elif isinstance(value, str):
            found[key] = cut(value, _LONGEST)
        elif isinstance(value, float) and not math.isfinite(value):
            found[key] = str(value)
        else:
            found[key] = value
    if left_out:
        return found, [f"{left_out:,} of its metrics are lists or too many, and not in the tag"]
    return found, []


def is_too_large(signature: Mapping[str, Any]) -> bool:
    """Whether a signature is left out of an annotation for its size."""
    return len(json.dumps(signature)) > _MOST_JSON // 2


def read(tag: bytes) -> ModelFacts:
    """The facts in the content of a tag object. A missing or impossible fact has no value."""
    message = tag[:LARGEST].partition(b"\n\n")[2].decode("utf-8", "replace")
    kept = []
    for line in message.split("\n"):
        if line.startswith(_SIGNED):
            break
        kept.append(line)
    data: dict[str, Any] = {}
    for at in range(len(kept) - 1, -1, -1):
        if kept[at].startswith("{"):
            data = _object(kept[at])
            if data:
                kept = kept[1:at]
            break
    return _facts(data, cut("\n".join(kept).strip(), _LONGEST))


def _object(line: str) -> dict[str, Any]:
    """The object of a line of JSON; {} for another line."""
    try:
        data = json.loads(line)
    except (ValueError, RecursionError):
        return {}
    if not isinstance(data, dict) or data.get("format") != _FORMAT:
        return {}
    return data


def _facts(data: Mapping[str, Any], note: str) -> ModelFacts:
    texts = {name: data[name] for name in _TEXTS if _is_text(data.get(name))}
    counts = {name: data[name] for name in ("size", "files") if _is_count(data.get(name))}
    maps = {name: data[name] for name in _MAPS if isinstance(data.get(name), dict)}
    facts = ModelFacts(**texts, **counts, **maps, note=note)
    plain = {}
    for key, value in facts.metrics.items():
        if isinstance(value, str | int | float | bool):
            plain[key] = value
    return facts._replace(metrics=plain)


def _is_text(value: object) -> bool:
    return isinstance(value, str) and len(value) <= _LONGEST


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1 << 62
