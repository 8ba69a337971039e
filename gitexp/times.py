"""Times and durations as people write them: `2 days ago`, `2026-11-01`, `1 h 30 min`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

_SECONDS = {
    "second": 1,
    "sec": 1,
    "s": 1,
    "minute": 60,
    "min": 60,
    "m": 60,
    "hour": 3600,
    "h": 3600,
    "day": 86400,
    "d": 86400,
    "week": 7 * 86400,
    "w": 7 * 86400,
}
_LONGER = {"month": 30 * 86400, "year": 365 * 86400}  # for `ago`, where nobody means it exactly
_LONGEST = 100 * 365 * 86400  # seconds
_LONGEST_TEXT = 60

_PART = re.compile(r"\s*+(\d{1,12}(?:\.\d{1,9})?)\s*+([a-z]++)\s*+(?:,|and\b)?")


@dataclass(frozen=True, slots=True)
class Moment:
    """A time to compare with: so many seconds or days before now, a point in time, or a whole day."""

    seconds_ago: float | None = None
    days_ago: int | None = None
    point: datetime | None = None
    day: date | None = None

    def order(self, text: str, now: datetime) -> int | None:
        """Return -1, 0 or 1: a record's time is before, at or after this one; None if it is no time.

        Beside a whole day only the day counts, in the local time zone.
        """
        try:
            time = datetime.fromisoformat(text)
            time = time if time.tzinfo is not None else time.replace(tzinfo=UTC)
            if (day := self._day(now)) is not None:
                here = time.astimezone().date()
                return (here > day) - (here < day)
            point = self.point or now - timedelta(seconds=self.seconds_ago or 0)
            return (time > point) - (time < point)
        except (ValueError, OverflowError, OSError):
            return None

    def _day(self, now: datetime) -> date | None:
        if self.days_ago is not None:
            return now.astimezone().date() - timedelta(days=self.days_ago)
        return self.day


def parse_moment(text: str) -> Moment | None:
    """Return the time that a text means, or None; without a zone it is local."""
    text = text.strip()
    words = {"now": Moment(seconds_ago=0), "today": Moment(days_ago=0), "yesterday": Moment(days_ago=1)}
    if text.lower() in words:
        return words[text.lower()]
    if text.lower().endswith("ago"):
        seconds = _seconds(text[:-3], {**_SECONDS, **_LONGER})
        return None if seconds is None else Moment(seconds_ago=seconds)
    if len(text) > _LONGEST_TEXT:
        return None
    try:
        return Moment(day=date.fromisoformat(text))
    except ValueError:
        pass
    try:
        return Moment(point=datetime.fromisoformat(text).astimezone())
    except (ValueError, OverflowError, OSError):
        return None


def parse_duration(text: str) -> float | None:
    """Return the seconds that a text such as `5 min`, `1 h 30 min` or `90` means, or None."""
    if re.fullmatch(r"\s*\d{1,12}(\.\d{1,9})?\s*", text):
        return float(text)
    return _seconds(text, _SECONDS)


def _seconds(text: str, units: dict[str, int]) -> float | None:
    total, at = 0.0, 0
    text = text.strip().lower()
    while at < len(text) <= _LONGEST_TEXT:
        part = _PART.match(text, at)
        unit = units.get(part[2]) or units.get(part[2].removesuffix("s")) if part else None
        if part is None or unit is None:
            return None
        total += float(part[1]) * unit
        at = part.end()
    return total if at and total <= _LONGEST else None


def now() -> str:
    """Return the time as records have it: ISO 8601, UTC, milliseconds."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
