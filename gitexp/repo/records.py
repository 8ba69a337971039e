"""A record as the text of its commit message, and back: storage format 1, see docs/format.md."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from itertools import chain
from typing import Any

from gitexp import errors
from gitexp.model import FORMAT, Files, Record
from gitexp.repo.record_fields import EMPTY, FIELD_READERS, SETTERS, is_int, with_non_finite
from gitexp.words import human_size, squeezed

MAX_FILE = 64 * 1024  # bytes of JSON; a larger params or metrics file stands in the experiment's tree alone

_MAX_RECORD = 16 * 1024 * 1024  # bytes
_MAX_DEPTH = 100  # of params and metrics; what parses them allows 64

_MAX_FILES = 3 * 1024 * 1024  # bytes of JSON, of all params files together; the same of all metrics files
_MAX_WARNING = 2000  # characters
_MAX_WARNINGS = 100  # in one record: every file of a large folder may give one

_REQUIRED = ("status", "commit", "baseline")
_FIELDS = tuple(item.name for item in fields(Record) if item.name != "extra")
# Not written if empty.
_SELDOM = (
    *("stages", "group", "replicate", "sweep", "trial", "start", "order", "worker", "engine", "job"),
    *("waits_at", "seen", "tries"),
    *("limits", "reason", "parent", "resumed_from", "checkpoints", "series", "tables", "system", "mlflow"),
    *("alerts", "protected", "holdout", "reproduces", "certificates", "imported", "loop"),
)
KNOWN = frozenset({"format", *_FIELDS})  # the keys of format 1
UNPARSED = object()  # the JSON of a body that nobody has read
_SEPARATOR = os.urandom(16).hex()
_BETWEEN = f',"{_SEPARATOR}",'


def encode(record: Record, subject: str) -> str:
    """The message of a record commit: subject line, blank line, one line of JSON.

    Every written record can be read: long texts are cut. Raises ExperimentError for a record too large
    nevertheless. During a run, its record may have half of the size, to leave room for the end.
    """
    most = _MAX_RECORD if record.status.ended else _MAX_RECORD // 2
    text = _json_of(record)
    if len(text) > most and record.status.ended and record.stages:
        told = "not recorded, for the record would be too large: what became of each stage"
        text = _json_of(replace(record, stages={}, warnings=(told, *record.warnings)))
    if len(text) > most:
        raise errors.ExperimentError(
            f"The record of {record.name} would be too large: {human_size(len(text))} of at most "
            f"{human_size(most)}.",
            "The command, the overrides, the tags and the note stand there as they are: shorten them.",
        )
    return f"{subject}\n\n{text.decode()}\n"


def _json_of(record: Record) -> bytes:
    params, cut_params = _cut(record.params)
    metrics, cut_metrics = _cut(record.metrics)
    data: dict[str, Any] = {"format": FORMAT, **record.extra}
    for name in _FIELDS:
        data[name] = getattr(record, name)
    data["params"], data["metrics"] = params, metrics
    data["cut_params"] = sorted({*record.cut_params, *cut_params})
    data["cut_metrics"] = sorted({*record.cut_metrics, *cut_metrics})
    warnings = [squeezed(text, _MAX_WARNING) for text in record.warnings]
    if len(warnings) > _MAX_WARNINGS:
        kept = warnings[: _MAX_WARNINGS - 1]
        warnings = [*kept, f"and {len(warnings) - len(kept):,} more warnings"]
    data["warnings"] = warnings
    for name in _SELDOM:
        if not data[name]:
            del data[name]
    if record.process is None:
        del data["process"]
    else:
        process = record.process
        data["process"] = {"host": process.host, "pid": process.pid, "started": process.started}
    try:
        return _dumps(data, ascii=False).encode()
    except UnicodeEncodeError:  # a file name that is not UTF-8
        return _dumps(data, ascii=True).encode()


def parse_together(bodies: Sequence[bytes]) -> Sequence[Any]:
    """The JSON of each body, for `decode`; `UNPARSED` for all if a body is not JSON.

    Read together, the keys common to all records are one string each and not thousands.
    """
    if any(len(body) > _MAX_RECORD for body in bodies):  # which `decode` refuses unread
        return [UNPARSED] * len(bodies)
    try:
        texts = [body.decode() for body in bodies]
        found: list[Any] = _DECODER.decode(f"[{_BETWEEN.join(texts)}]")
    except (ValueError, RecursionError):
        found = []
    # Two bodies that are JSON only together must not be taken for one record: no text knows the separator.
    if len(found) != 2 * len(bodies) - 1 or found[1::2].count(_SEPARATOR) != len(bodies) - 1:
        return [UNPARSED] * len(bodies)
    return found[::2]


def decode(body: bytes, name: str, parsed: Any = UNPARSED) -> Record:
    """The record in the body of a record commit's message; `parsed` is its JSON. Raises BadRecord."""
    data = _fields_of(body, name, parsed)
    record = object.__new__(Record)
    pop = data.pop
    try:
        for key, read, put, default, empty in FIELD_READERS:
            value = pop(key, None)
            if value is None or (not value and value.__class__ is empty):
                put(record, default)
            else:
                put(record, read(value))
    except (TypeError, ValueError, LookupError) as error:
        raise errors.BadRecord(
            f"The record of {name} is damaged: its '{key}' is not what it should be."
        ) from error
    for key in _REQUIRED:
        if not getattr(record, key):
            raise errors.BadRecord(f"The record of {name} is damaged: it has no '{key}'.")
    complete(record, body, name, data)
    return record


def complete(record: Record, body: bytes, name: str, extra: Mapping[str, Any] | None = None) -> None:
    """Give a record what no field of its JSON says; `extra` has the keys of a later version."""
    if b"nan" in body or b"inf" in body:
        SETTERS["metrics"](record, with_non_finite(record.metrics))
    SETTERS["name"](record, name)
    SETTERS["extra"](record, extra or EMPTY.extra)


def complete_together(
    made: Sequence[Record], names: Sequence[str], extras: Sequence[Any] | None = None
) -> None:
    """The same for records whose metrics have their NaN and infinities. Raises TypeError or ValueError."""
    if extras is None:
        extras = [EMPTY.extra] * len(made)
    for record, name, extra in zip(made, names, extras, strict=True):
        if not isinstance(extra, dict) or not KNOWN.isdisjoint(extra):
            raise TypeError
        SETTERS["name"](record, name)
        SETTERS["extra"](record, extra)


def _fields_of(body: bytes, name: str, data: Any) -> dict[str, Any]:
    """The fields of a record as JSON has them, without its format and its name; raises BadRecord."""
    if len(body) > _MAX_RECORD:
        raise errors.BadRecord(f"The record of {name} is too large: {len(body):,} bytes.")
    if data is UNPARSED:
        try:
            data = _DECODER.decode(body.decode())
        except (ValueError, RecursionError) as error:
            raise errors.BadRecord(f"The record of {name} is not JSON.") from error
    if may_be_deep(body) and is_deeper([data], _MAX_DEPTH):
        raise errors.BadRecord(f"The record of {name} is nested too deeply.")
    if not isinstance(data, dict) or not is_int(data.get("format")) or data["format"] < 1:
        raise errors.BadRecord(f"The record of {name} is not a gitexp record.")
    if (form := data.pop("format")) > FORMAT:
        raise errors.BadRecord(
            f"The record of {name} has format {form}, and this gitexp knows {FORMAT}: "
            "upgrade it with pip install -U gitexp."
        )
    data.pop("name", None)  # the ref says it
    return data


def may_be_deep(body: bytes) -> bool:
    """Whether a body may be nested too deeply: most records have too few brackets for that."""
    return body.count(b"{") + body.count(b"[") > _MAX_DEPTH


def _dumps(data: Mapping[str, Any], *, ascii: bool) -> str:
    return json.dumps(
        _finite(data), ensure_ascii=ascii, separators=(",", ":"), allow_nan=False, default=_plain
    )


def _plain(value: object) -> object:
    return dict(value) if isinstance(value, Mapping) else str(value)


def _finite(value: Any) -> Any:
    """The value with NaN and infinity written out the way Python prints them: JSON has neither."""
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, Mapping):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(item) for item in value]
    return value


def _cut(files: Files) -> tuple[Files, list[str]]:
    """The files that are small enough for a record, and the names of the others."""
    small, large, total = {}, [], 0
    for name, tree in files.items():
        size = len(_dumps(tree, ascii=True))
        if size > MAX_FILE or total + size > _MAX_FILES:
            large.append(name)
        else:
            small[name] = tree
            total += size
    return small, large


def _no_constant(text: str) -> float:
    raise ValueError(f"{text} is not JSON")


_CONTAINERS = frozenset((dict, list))
_DECODER = json.JSONDecoder(parse_constant=_no_constant)


def is_deeper(value: Any, depth: int) -> bool:
    """Whether maps and lists of JSON are nested deeper: a walk through them would not come back."""
    level = [value]
    for _ in range(depth):
        maps = [container for container in level if container.__class__ is dict]
        lists = [container for container in level if container.__class__ is list]
        items = chain(chain.from_iterable(map(dict.values, maps)), chain.from_iterable(lists))
        level = [item for item in items if item.__class__ in _CONTAINERS]
        if not level:
            return False
    return True
