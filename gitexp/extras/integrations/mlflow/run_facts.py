"""What MLflow knows of a run beside gitexp: read from the lines of its `mlflow.jsonl`.

Each line is one JSON object, with the time of its writing as `_time`, and one or more of:

run           facts of the run: `name`, `user`, `status`, `start`, `end` (ms), `lifecycle`
tags          texts by name; null takes a tag away
params        texts by name, exactly as they were logged
last          by metric the last value as MLflow counts, with its step and its time (ms)
datasets      list of inputs: `dataset`, an object, and `tags`, an object
reads         ids of logged models that the run has read
outputs       step by id of a logged model
models        by id what is new of a logged model: texts, and `tags`, `params`, `metrics`

A later line counts before an earlier one.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from gitexp.files.lines import timed_lines
from gitexp.log_rules import TIME

_REPLACED = ("run", "last", "outputs")  # a later value counts
_TEXTS = ("tags", "params")
_COLLECTED = {"datasets": dict, "reads": str}  # lists, and the type of what is in them


@dataclass
class RunFacts:
    """The facts from all lines of one run; see above for the fields."""

    run: dict[str, Any] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    params: dict[str, str] = field(default_factory=dict)
    last: dict[str, list[Any]] = field(default_factory=dict)
    datasets: list[dict[str, Any]] = field(default_factory=list)
    reads: list[str] = field(default_factory=list)
    outputs: dict[str, int] = field(default_factory=dict)
    models: dict[str, dict[str, Any]] = field(default_factory=dict)

    def take_in(self, said: dict[str, Any]) -> None:
        """Add the facts of one line; nonsense in the line has no effect."""
        for name, value in said.items():
            if name in _REPLACED:
                getattr(self, name).update(_mapping(value))
            elif name in _TEXTS:
                _change_texts(getattr(self, name), _mapping(value))
            elif name in _COLLECTED:
                _collect(getattr(self, name), value, _COLLECTED[name])
            elif name == "models":
                for model_id, news in _mapping(value).items():
                    change_model(self.models.setdefault(model_id, {}), _mapping(news))


def change_model(model: dict[str, Any], news: dict[str, Any]) -> None:
    """Bring a logged model up to date."""
    for name, value in news.items():
        if name in ("tags", "params"):
            _change_texts(model.setdefault(name, {}), _mapping(value))
        elif name == "metrics":
            model.setdefault(name, []).extend(_list(value))
        else:
            model[name] = value


def read_facts(said: Iterable[dict[str, Any]]) -> RunFacts:
    """The facts of a run, from the objects in its lines."""
    facts = RunFacts()
    for each in said:
        facts.take_in(each)
    return facts


def facts_of(content: bytes) -> RunFacts:
    """The facts of an ended run, from its `mlflow.jsonl`."""
    lines = [line for line in content.split(b"\n") if line]
    try:
        found = json.loads(b"[" + b",".join(lines) + b"]")  # all lines at once: that is far quicker
    except (ValueError, RecursionError):
        found = []
    if len(found) == len(lines):
        return read_facts(each for each in found if isinstance(each, dict))
    return read_facts(line.said for line in timed_lines.in_order([lines]))


def line_of(**said: Any) -> bytes:
    """A line with the present time."""
    return json.dumps({TIME: round(time.time(), 6), **said}).encode() + b"\n"


def _change_texts(texts: dict[str, str], changes: dict[str, Any]) -> None:
    for name, value in changes.items():
        if value is None:
            texts.pop(name, None)
        else:
            texts[name] = str(value)


def _collect(into: list[Any], value: Any, kind: type) -> None:
    """Add the new ones of a list."""
    for each in _list(value):
        if isinstance(each, kind) and each not in into:
            into.append(each)


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
