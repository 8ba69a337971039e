"""Alerts of a run as lines of JSON in its live folder, and as its record has them.

The code of a run says an alert in its file of facts:
`{"alert": [{"id", "time", "level", "title", "text"}]}`. gitexp writes `alerts.jsonl`: a line with the same
keys, and `rule`, for an alert of a rule; and for each alert a line with its id and what was done,
`{"id", "actions": [{"do", "ok", "told"}]}`.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterable, Mapping
from typing import Any

from gitexp.times import now

ALERTS = "alerts.jsonl"
LEVELS = ("info", "warning", "error")
MOST = 200  # of one record

_TEXTS = ("time", "level", "title", "text")
_LONGEST = 1000  # characters of one text


def new(level: str, title: str, text: str, rule: str = "") -> dict[str, str]:
    """An alert of this moment. Raises ValueError for a level that is none."""
    if level not in LEVELS:
        raise ValueError(f"the level of an alert is one of {', '.join(LEVELS)}, and not {level!r}")
    alert = {"id": secrets.token_hex(8), "time": now(), "level": level, "title": title, "text": text}
    return {**alert, "rule": rule} if rule else alert


def sentence(title: str, text: str) -> str:
    """What happened, without saying it twice."""
    if text.startswith(title):
        return text
    return f"{title}: {text}" if text else title


def merged(lines: Iterable[bytes], of_code: Iterable[Any]) -> list[dict[str, Any]]:
    """The alerts of a run in the order of time, as the record has them; at most 200."""
    found: dict[str, dict[str, Any]] = {}
    for said in of_code:
        _take_in(found, said)
    for line in lines:
        if (said := _parsed(line)) is not None:
            _take_in(found, said)
    whole = []
    for alert in found.values():
        if all(key in alert for key in _TEXTS):
            whole.append(alert)
    whole.sort(key=lambda alert: str(alert["time"]))
    return whole[:MOST]


def of_facts(line: bytes) -> list[Any]:
    """The alerts in one line of a file of facts."""
    if b'"alert"' not in line or (said := _parsed(line)) is None:
        return []
    alerts = said.get("alert")
    return alerts if isinstance(alerts, list) else []


def _parsed(line: bytes) -> dict[str, Any] | None:
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):  # a kill has cut it short
        return None
    return found if isinstance(found, dict) else None


def _take_in(found: dict[str, dict[str, Any]], said: Any) -> None:
    """Add what is said of an alert; what makes no sense is passed over."""
    if not isinstance(said, Mapping) or not isinstance(said.get("id"), str):
        return
    alert = found.setdefault(said["id"], {})
    for key in (*_TEXTS, "rule"):
        if isinstance(said.get(key), str):
            alert[key] = said[key][:_LONGEST]
    if isinstance(said.get("actions"), list):
        done = [_action(each) for each in said["actions"] if isinstance(each, Mapping)]
        alert.setdefault("actions", []).extend(done)


def _action(said: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "do": str(said.get("do", ""))[:_LONGEST],
        "ok": said.get("ok") is True,
        "told": str(said.get("told", ""))[:_LONGEST],
    }
