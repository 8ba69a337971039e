"""A record as the text of its commit message, and back: storage format 1, see docs/format.md."""

from __future__ import annotations

import json
import math
import os
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, replace
from functools import lru_cache
from typing import Any, TypeGuard

from gitexp import errors
from gitexp.model import FORMAT, Files, ProcessId, Record, Status, Tree
from gitexp.named_tuple import NamedTuple
from gitexp.regex import regex
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
# Absolute, empty, a way out of the repository or into Git's own folder, or nothing that Git can be asked for.
_NO_FILE = regex(r"(?:^|/)(?:\.{0,2}|\.git)(?:/|\Z)|[\0\n\ud800-\udc7f\udd00-\udfff]", re.IGNORECASE)
UNPARSED = object()  # the JSON of a body that nobody has read
_SEPARATOR = os.urandom(16).hex()
_BETWEEN = f',"{_SEPARATOR}",'
_NON_FINITE = {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}


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
        _SETTERS["metrics"](record, _restore_non_finite(record.metrics))
    _SETTERS["name"](record, name)
    _SETTERS["extra"](record, extra or _DEFAULTS.extra)


def _fields_of(body: bytes, name: str, data: Any) -> dict[str, Any]:
    """The fields of a record as JSON has them, without its format and its name; raises BadRecord."""
    if len(body) > _MAX_RECORD:
        raise errors.BadRecord(f"The record of {name} is too large: {len(body):,} bytes.")
    if data is UNPARSED:
        try:
            data = _DECODER.decode(body.decode())
        except (ValueError, RecursionError) as error:
            raise errors.BadRecord(f"The record of {name} is not JSON.") from error
    if may_be_deep(body) and _is_deeper([data], _MAX_DEPTH):
        raise errors.BadRecord(f"The record of {name} is nested too deeply.")
    if not isinstance(data, dict) or not _is_int(data.get("format")) or data["format"] < 1:
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


def _restore_non_finite(value: Any) -> Any:
    if isinstance(value, str):
        return _NON_FINITE.get(value, value)
    if isinstance(value, dict):
        return {key: _restore_non_finite(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_restore_non_finite(item) for item in value]
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


_DECODER = json.JSONDecoder(parse_constant=_no_constant)


def _is_deeper(value: Any, depth: int) -> bool:
    """Whether maps and lists are nested more than so deep: a walk through them would not come back."""
    level = [value]
    for _ in range(depth):
        containers, level = level, []
        for container in containers:
            for item in container.values() if isinstance(container, dict) else container:
                if isinstance(item, (dict, list)):
                    level.append(item)
        if not level:
            return False
    return True


def _is_int(value: Any) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool)


# -- fields: each is given what JSON has for it, and returns what a record has, or raises TypeError,
#    ValueError or LookupError for what the field cannot be. Ten thousand records have thirty fields each.


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


def _int(value: Any) -> int:
    if not _is_int(value):
        raise TypeError
    return value


def _count(value: Any) -> int:
    if not (_is_int(value) and 0 <= value < 1 << 63):
        raise ValueError
    return int(value)


def _number(value: Any) -> float:
    if not isinstance(value, (int, float)) or isinstance(value, bool) or not -1e15 < value < 1e15:
        raise ValueError
    return value


def _texts(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise TypeError
    "".join(value)  # raises TypeError for anything but texts
    return tuple(value)


def _map_of_texts(value: Any) -> dict[str, str]:
    if not isinstance(value, dict):
        raise TypeError
    "".join(value.values())  # the same
    return value


def _numbers(value: Any) -> dict[str, float]:
    if not isinstance(value, dict):
        raise TypeError
    for number in value.values():
        _number(number)
    return value


def _files(value: Any) -> dict[str, Tree]:
    if not isinstance(value, dict):
        raise TypeError
    for name, tree in value.items():
        if not isinstance(tree, dict) or not _is_file_name(name):
            raise ValueError
    return value


def _stages(value: Any) -> dict[str, Tree]:
    if not isinstance(value, dict):
        raise TypeError
    for stage in value.values():
        _text(stage.get("state") if isinstance(stage, dict) else None)
    return value


def _mlflow(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise TypeError
    _text(value.get("run", ""))
    _text(value.get("experiment", ""))
    for key in ("start", "end"):
        if value.get(key) is not None:
            _count(value[key])
    return value


def _imported(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise TypeError
    for key in ("from", "id", "state", "group", "parent"):
        _text(value.get(key, ""))
    return value


def _resumed_from(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise TypeError
    _text(value.get("experiment"))
    _object_id(value.get("commit"))
    _object_id(value.get("record"))
    if value.get("step") is not None:
        _int(value["step"])
    return value


def _trial(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise TypeError
    _count(value.get("number"))
    _map_of_texts(value.get("point"))
    _map_of_texts(value.get("space"))
    _map_of_texts(value.get("objectives"))
    _text(value.get("method"))
    _text(value.get("code"))
    return value


def _loop(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise TypeError
    _text(value.get("id"))
    _count(value.get("round"))
    for key in ("from", "edit", "printed", "told", "verdict"):
        _text(value.get(key, ""))
    return value


def _alerts(value: Any) -> tuple[dict[str, Any], ...]:
    if not isinstance(value, list):
        raise TypeError
    for alert in value:
        for key in ("time", "level", "title", "text"):
            _text(alert.get(key) if isinstance(alert, dict) else None)
    return tuple(value)


def _protected(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise TypeError
    _object_id(value.get("at"))
    _text(value.get("hash"))
    _texts(value.get("changed", []))
    return value


def _reproduces(value: Any) -> dict[str, str]:
    found = _map_of_texts(value)
    _text(found.get("experiment"))
    _object_id(found.get("commit"))
    return found


def _certificates(value: Any) -> tuple[dict[str, Any], ...]:
    if not isinstance(value, list):
        raise TypeError
    for one in value:
        for key in ("grade", "by", "host", "time", "experiment"):
            _text(one.get(key) if isinstance(one, dict) else None)
        _object_id(one.get("commit"))
    return tuple(value)


def _holdout(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise TypeError
    _object_id(value.get("commit"))
    if not isinstance(value.get("command"), str | list):
        raise TypeError
    _number(value.get("timeout"))
    for key in ("state", "told"):
        _text(value.get(key, ""))
    if "metrics" in value:
        value["metrics"] = _restore_non_finite(_files(value["metrics"]))
    return value


def _file_names(value: Any) -> tuple[str, ...]:
    names = _texts(value)
    if not all(map(_is_file_name, names)):
        raise ValueError
    return names


def _folder(value: Any) -> str:
    text = sys.intern(value)
    if text and not _is_file_name(text):
        raise ValueError
    return text


@lru_cache(maxsize=256)
def _is_file_name(text: str) -> bool:
    return _NO_FILE.search(text) is None


def _object_id(value: Any) -> str:
    if not isinstance(value, str) or len(value) not in (40, 64) or value.strip("0123456789abcdef"):
        raise ValueError
    return value


@lru_cache(maxsize=1024)
def _baseline(value: Any) -> str:
    return _object_id(value)


def _process(value: dict[str, Any]) -> ProcessId:
    if not isinstance(value, dict):
        raise TypeError
    return ProcessId(_text(value.get("host")), _int(value.get("pid")), _text(value.get("started")))


# `sys.intern` is for texts that are the same in most records: one string for all, and TypeError for no text.
_READERS: dict[str, Callable[[Any], Any]] = {
    "status": {status.value: status for status in Status}.__getitem__,
    "commit": _object_id,
    "baseline": _baseline,
    "branch": sys.intern,
    "command": sys.intern,
    "argv": _texts,
    "folder": _folder,
    "project": _folder,
    "identity": _text,
    "overrides": _texts,
    "params": _files,
    "metrics": _files,
    "patterns": _map_of_texts,
    "cut_params": _file_names,
    "cut_metrics": _file_names,
    "written_params": _file_names,
    "created": _text,
    "finished": _text,
    "duration": _number,
    "exit_code": _int,
    "user": sys.intern,
    "host": sys.intern,
    "platform": sys.intern,
    "python": sys.intern,
    "cpus": _int,
    "gpus": _texts,
    "gitexp": sys.intern,
    "tags": _texts,
    "note": _text,
    "warnings": _texts,
    "process": _process,
    "stages": _stages,
    "group": _text,
    "replicate": _count,
    "sweep": _text,
    "trial": _trial,
    "start": _object_id,
    "order": _count,
    "worker": _text,
    "engine": _text,
    "job": _text,
    "waits_at": _text,
    "seen": _text,
    "tries": _count,
    "limits": _numbers,
    "reason": _text,
    "parent": _text,
    "resumed_from": _resumed_from,
    "checkpoints": _file_names,
    "series": _file_names,
    "tables": _file_names,
    "system": _numbers,
    "mlflow": _mlflow,
    "alerts": _alerts,
    "loop": _loop,
    "protected": _protected,
    "reproduces": _reproduces,
    "certificates": _certificates,
    "holdout": _holdout,
    "imported": _imported,
}

# A record is made by its slots: the `__init__` of a frozen dataclass looks each of them up anew, which is a
# sixth of all reading. What few records have is one and the same empty value in all others.
_DEFAULTS = Record("", None, "", "")  # type: ignore[arg-type]  # none has that status, nor no commit
_SETTERS = {item.name: Record.__dict__[item.name].__set__ for item in fields(Record)}
# The JSON type whose empty value means the default: half of a record's fields are empty, and need no reader.
_EMPTY: dict[type, type] = {str: str, tuple: list, dict: dict}


class FieldReader(NamedTuple):
    """How one field of a record is read.

    Attributes:
        key: the key in JSON, and the name of the field.
        read: gives the value of the record for a value of JSON, or raises an error for a wrong one.
        put: sets the field of a record.
        default: the value for no value, for null and for an empty value of the type `empty`.
    """

    key: str
    read: Callable[[Any], Any]
    put: Callable[[Record, Any], None]
    default: Any
    empty: type | None

    @property
    def takes_any_text(self) -> bool:
        return self.read is _text


def _field_readers() -> list[FieldReader]:
    readers = []
    for key, read in _READERS.items():
        default = getattr(_DEFAULTS, key)
        readers.append(FieldReader(key, read, _SETTERS[key], default, _EMPTY.get(type(default))))
    return readers


FIELD_READERS = _field_readers()
