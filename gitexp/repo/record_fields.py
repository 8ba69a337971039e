"""The fields of a record as JSON has them: how each is read, alone or of many records together.

A reader returns what a record has, or raises TypeError, ValueError or LookupError for what the field cannot
be. Ten thousand records have thirty fields each.
"""

from __future__ import annotations

import math
import re
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import fields
from functools import lru_cache
from itertools import chain
from typing import Any, TypeGuard

from gitexp.model import ProcessId, Record, Status, Tree
from gitexp.named_tuple import NamedTuple
from gitexp.regex import regex

# Absolute, empty, a way out of the repository or into Git's own folder, or nothing that Git can be asked for.
_NO_FILE = regex(r"(?:^|/)(?:\.{0,2}|\.git)(?:/|\Z)|[\0\n\ud800-\udc7f\udd00-\udfff]", re.IGNORECASE)
_NON_FINITE = {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}


def with_non_finite(value: Any) -> Any:
    """The value with the numbers that JSON lacks, which a record writes as texts."""
    if isinstance(value, str):
        return _NON_FINITE.get(value, value)
    if isinstance(value, dict):
        return {key: with_non_finite(item) for key, item in value.items()}
    if isinstance(value, list):
        return [with_non_finite(item) for item in value]
    return value


def is_int(value: Any) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool)


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


def _int(value: Any) -> int:
    if not is_int(value):
        raise TypeError
    return value


def _count(value: Any) -> int:
    if not (is_int(value) and 0 <= value < 1 << 63):
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
        value["metrics"] = with_non_finite(_files(value["metrics"]))
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
EMPTY = Record("", None, "", "")  # type: ignore[arg-type]  # none has that status, nor no commit
SETTERS = {item.name: Record.__dict__[item.name].__set__ for item in fields(Record)}
# The JSON type whose empty value means the default: half of a record's fields are empty, and need no reader.
_EMPTY_IN_JSON: dict[type, type] = {str: str, tuple: list, dict: dict}


# -- the same for the values of many records, which JSON has given: as long as nothing is unusual, no line of
#    Python is run for each. None where something is.


def _texts_of_all(column: Sequence[Any]) -> Sequence[Any] | None:
    if _only(column, list) and _only(chain.from_iterable(column), str):
        return list(map(tuple, column))
    return None


def _files_of_all(column: Sequence[Any]) -> Sequence[Any] | None:
    if not (_only(column, dict) and _only(chain.from_iterable(map(dict.values, column)), dict)):
        return None
    if all(map(_is_file_name, set().union(*column))):
        return column
    return None


def _numbers_of_all(column: Sequence[Any]) -> Sequence[Any] | None:
    if _only(column, float) and min(column) > -1e15 and max(column) < 1e15:
        return column
    return None


def _ints_of_all(column: Sequence[Any]) -> Sequence[Any] | None:
    return column if _only(column, int) else None


def _any_texts(column: Sequence[Any]) -> Sequence[Any] | None:
    return column if _only(column, str) else None


def _object_ids_of_all(column: Sequence[Any]) -> Sequence[Any] | None:
    if not _only(column, str) or not {40, 64}.issuperset(map(len, column)):
        return None
    if "".join(column).strip("0123456789abcdef"):
        return None
    return column


def _only(values: Iterable[Any], kind: type) -> bool:
    return {kind}.issuperset(map(type, values))


_OF_ALL: dict[Callable[[Any], Any], Callable[[Sequence[Any]], Sequence[Any] | None]] = {
    _text: _any_texts,
    _int: _ints_of_all,
    _number: _numbers_of_all,
    _texts: _texts_of_all,
    _files: _files_of_all,
    _object_id: _object_ids_of_all,
}


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

    def read_together(self, column: Sequence[Any]) -> Sequence[Any] | None:
        """The values of many records without a call for each; None if each must be looked at."""
        of_all = _OF_ALL.get(self.read)
        return None if of_all is None else of_all(column)


def _field_readers() -> list[FieldReader]:
    readers = []
    for key, read in _READERS.items():
        default = getattr(EMPTY, key)
        readers.append(FieldReader(key, read, SETTERS[key], default, _EMPTY_IN_JSON.get(type(default))))
    return readers


FIELD_READERS = _field_readers()
DEFAULTS = {reader.key: reader.default for reader in FIELD_READERS}
