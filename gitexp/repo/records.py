"""A record as the text of its commit message, and back: storage format 1, see docs/format.md."""

from __future__ import annotations

import json
import math
import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import Any

from gitexp import errors
from gitexp.model import FORMAT, Files, ProcessId, Record, Status

MAX_FILE = 64 * 1024  # bytes of JSON; a larger params or metrics file stands in the experiment's tree alone

_MAX_RECORD = 16 * 1024 * 1024  # bytes
_MAX_DEPTH = 100  # of params and metrics; what parses them allows 64

_MAX_WARNINGS = 100  # in one record: every file of a large folder may give one

_FIELDS = tuple(item.name for item in fields(Record) if item.name != "extra")
_KNOWN = frozenset({"format", *_FIELDS})
# Absolute, empty, a way out of the repository or into Git's own folder, or nothing that Git can be asked for.
_NO_FILE = re.compile(r"(?:^|/)(?:\.{0,2}|\.git)(?:/|\Z)|[\0\n\ud800-\udc7f\udd00-\udfff]", re.IGNORECASE)
_NON_FINITE = {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}


def encode(record: Record, subject: str) -> str:
    """Return the message of a record commit: subject line, blank line, one line of JSON."""
    params, cut_params = _cut(record.params)
    metrics, cut_metrics = _cut(record.metrics)
    data: dict[str, Any] = {"format": FORMAT, **record.extra}
    for name in _FIELDS:
        data[name] = getattr(record, name)
    data["params"], data["metrics"] = params, metrics
    data["cut_params"] = sorted({*record.cut_params, *cut_params})
    data["cut_metrics"] = sorted({*record.cut_metrics, *cut_metrics})
    if len(record.warnings) > _MAX_WARNINGS:
        kept = record.warnings[: _MAX_WARNINGS - 1]
        data["warnings"] = [*kept, f"and {len(record.warnings) - len(kept):,} more warnings"]
    if record.process is None:
        del data["process"]
    else:
        process = record.process
        data["process"] = {"host": process.host, "pid": process.pid, "started": process.started}
    try:
        text = _dumps(data, ascii=False)
        text.encode()
    except UnicodeEncodeError:  # a file name that is not UTF-8
        text = _dumps(data, ascii=True)
    return f"{subject}\n\n{text}\n"


def decode(body: bytes, name: str) -> Record:
    """Return the record that the body of a record commit's message holds; raises BadRecord."""
    if len(body) > _MAX_RECORD:
        raise errors.BadRecord(f"The record of {name} is too large: {len(body):,} bytes.")
    try:
        data = _DECODER.decode(body.decode())
    except (ValueError, RecursionError) as error:
        raise errors.BadRecord(f"The record of {name} is not JSON.") from error
    # Nesting needs brackets: most records have too few of them to be looked at more closely.
    if body.count(b"{") + body.count(b"[") > _MAX_DEPTH and _is_deeper([data], _MAX_DEPTH):
        raise errors.BadRecord(f"The record of {name} is nested too deeply.")
    if not isinstance(data, dict) or not _is_int(data.get("format")) or data["format"] < 1:
        raise errors.BadRecord(f"The record of {name} is not a gitexp record.")
    if data["format"] > FORMAT:
        raise errors.BadRecord(
            f"The record of {name} has format {data['format']}, and this gitexp knows {FORMAT}: "
            "upgrade it with pip install -U gitexp."
        )
    values = {}
    for key, (check, read) in _READERS.items():
        if (value := data.get(key)) is None:
            continue
        if not check(value):
            raise errors.BadRecord(f"The record of {name} is damaged: its '{key}' is not what it should be.")
        values[key] = read(value) if read is not None else value
    missing = [key for key in ("status", "commit", "baseline") if key not in values]
    if missing:
        raise errors.BadRecord(f"The record of {name} is damaged: it has no '{missing[0]}'.")
    if b'"nan"' in body or b'inf"' in body:
        values["metrics"] = _restore_non_finite(values.get("metrics", {}))
    if data.keys() - _KNOWN:
        values["extra"] = {key: value for key, value in data.items() if key not in _KNOWN}
    return Record(**{**values, "name": name})


def _dumps(data: Mapping[str, Any], *, ascii: bool) -> str:
    return json.dumps(
        _finite(data), ensure_ascii=ascii, separators=(",", ":"), allow_nan=False, default=_plain
    )


def _plain(value: object) -> object:
    return dict(value) if isinstance(value, Mapping) else str(value)


def _finite(value: Any) -> Any:
    """JSON has no NaN and no infinity: they are written as the strings that Python prints."""
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, Mapping):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(item) for item in value]
    return value


def _restore_non_finite(value: Any) -> Any:
    if isinstance(value, str):
        return _NON_FINITE.get(value, value)
    if isinstance(value, dict):
        return {key: _restore_non_finite(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_restore_non_finite(item) for item in value]
    return value


def _cut(files: Files) -> tuple[Files, list[str]]:
    """Return the files that are small enough for a record, and the names of the others."""
    small, large = {}, []
    for name, tree in files.items():
        if len(_dumps(tree, ascii=True)) > MAX_FILE:
            large.append(name)
        else:
            small[name] = tree
    return small, large


def _no_constant(text: str) -> float:
    raise ValueError(f"{text} is not JSON")


_DECODER = json.JSONDecoder(parse_constant=_no_constant)


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_int(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and -1e15 < value < 1e15


def _is_texts(value: Any) -> bool:
    return isinstance(value, list) and (not value or set(map(type, value)) == {str})


def _is_map_of_texts(value: Any) -> bool:
    return isinstance(value, dict) and all(map(_is_text, value.values()))


def _is_files(value: Any) -> bool:
    return isinstance(value, dict) and all(
        isinstance(tree, dict) and _is_file_name(name) for name, tree in value.items()
    )


def _is_file_names(value: Any) -> bool:
    return _is_texts(value) and all(map(_is_file_name, value))


def _is_folder(value: Any) -> bool:
    return isinstance(value, str) and (value == "" or _is_file_name(value))


def _is_file_name(text: str) -> bool:
    return _NO_FILE.search(text) is None


def _is_deeper(value: Any, depth: int) -> bool:
    """Return whether maps and lists are nested more than so deep: what walks them would not come back."""
    level = [value]
    for _ in range(depth):
        level = [
            item
            for container in level
            for item in (container.values() if isinstance(container, dict) else container)
            if isinstance(item, (dict, list))
        ]
        if not level:
            return False
    return True


def _is_status(value: Any) -> bool:
    return value in Status._value2member_map_ if isinstance(value, str) else False


def _is_object_id(value: Any) -> bool:
    return isinstance(value, str) and len(value) in (40, 64) and not value.strip("0123456789abcdef")


def _is_process(value: Any) -> bool:
    return (
        isinstance(value, dict)
        and _is_text(value.get("host"))
        and _is_int(value.get("pid"))
        and _is_text(value.get("started"))
    )


def _read_process(value: dict[str, Any]) -> ProcessId:
    return ProcessId(value["host"], value["pid"], value["started"])


_Check = Callable[[Any], bool]
_Read = Callable[[Any], Any] | None
_TEXT: tuple[_Check, _Read] = (_is_text, None)
_REPEATED: tuple[_Check, _Read] = (_is_text, sys.intern)  # the same in most records: one string for all
_TEXTS: tuple[_Check, _Read] = (_is_texts, tuple)
_READERS: dict[str, tuple[_Check, _Read]] = {
    "status": (_is_status, Status),
    "commit": (_is_object_id, None),
    "baseline": (_is_object_id, sys.intern),
    "branch": _REPEATED,
    "command": _REPEATED,
    "argv": _TEXTS,
    "folder": (_is_folder, sys.intern),
    "identity": _TEXT,
    "overrides": _TEXTS,
    "params": (_is_files, None),
    "metrics": (_is_files, None),
    "patterns": (_is_map_of_texts, None),
    "cut_params": (_is_file_names, tuple),
    "cut_metrics": (_is_file_names, tuple),
    "created": _TEXT,
    "finished": _TEXT,
    "duration": (_is_number, None),
    "exit_code": (_is_int, None),
    "user": _REPEATED,
    "host": _REPEATED,
    "platform": _REPEATED,
    "python": _REPEATED,
    "cpus": (_is_int, None),
    "gpus": _TEXTS,
    "gitexp": _REPEATED,
    "tags": _TEXTS,
    "note": _TEXT,
    "warnings": _TEXTS,
    "process": (_is_process, _read_process),
}
