"""Values of experiments in the words of an RO-Crate."""

from __future__ import annotations

import json
import mimetypes
import posixpath
import shlex
from collections.abc import Mapping
from typing import Any

from gitexp import files
from gitexp.extras.integrations.exporters.crates.crate_graph import CrateGraph, Entity, local_id
from gitexp.extras.integrations.exporters.stored_run import StoredRun
from gitexp.model import Status
from gitexp.version import __version__
from gitexp.words import show_value

GITEXP = "#program/gitexp"
_TYPES = {
    ".py": "text/x-python",
    ".yaml": "application/yaml",
    ".yml": "application/yaml",
    ".md": "text/markdown",
    ".jsonl": "application/jsonl",
    ".log": "text/plain",
    ".toml": "application/toml",
}


def action_id(key: str) -> str:
    """The id of the action of a run."""
    return local_id("run", key)


def person(graph: CrateGraph, name: str) -> str:
    """The id of a person in the graph."""
    id_ = local_id("person", name)
    graph.add_new({"@id": id_, "@type": "Person", "name": name})
    return id_


def gitexp_itself() -> Entity:
    """The entity of gitexp, for an experiment that was saved without a run."""
    return {
        "@id": GITEXP,
        "@type": "SoftwareApplication",
        "name": "gitexp",
        "softwareVersion": __version__,
    }


def words_of(run: StoredRun) -> list[str]:
    """The words of the command; [] for none."""
    record = run.record
    if record.argv is not None:
        return list(record.argv)
    try:
        return shlex.split(record.command or "")
    except ValueError:  # a shell line with an open quote
        return (record.command or "").split()


def time_of(text: str) -> str:
    """A time of a record with the zone in the form that validators ask for."""
    return text.replace("Z", "+00:00")


def error_of(run: StoredRun) -> str:
    """How a failed run ended; "" for one that is done."""
    record = run.record
    if record.status is Status.DONE:
        return ""
    if record.reason:
        return f"ended by gitexp: {record.reason}"
    return f"{record.status}, with exit code {record.exit_code}"


def encoding_of(path: str) -> str:
    """The media type of a file, by the ending of its name."""
    ending = posixpath.splitext(path)[1].lower()
    return _TYPES.get(ending) or mimetypes.guess_type(path)[0] or "application/octet-stream"


def value_of(value: Any) -> Any:
    """A value for JSON: nulls, NaN, lists and maps are texts."""
    if isinstance(value, str | bool) or (files.is_number(value) and files.is_finite(value)):
        return value
    return show_value(value, longest=None)


def json_of(values: Mapping[str, Any]) -> bytes:
    """A file of JSON with flat keys; NaN and infinity are the texts of records."""
    plain = {key: files.jsonable(value) for key, value in values.items()}
    text = json.dumps(plain, indent=1, ensure_ascii=False, default=str)
    return text.encode("utf-8", "backslashreplace") + b"\n"
