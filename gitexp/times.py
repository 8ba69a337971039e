"""Times and durations: as records have them, as people write them, and as people read them."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta

from gitexp.named_tuple import NamedTuple
from gitexp.regex import regex
from gitexp.words import clean

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

_PART = regex(r"\s*+(\d{1,12}(?:\.\d{1,9})?)\s*+([a-z]++)\s*+(?:,|and\b)?")


# -- in records -------------------------------------------------------------------------------------------


def now() -> str:
    """The present time in the form of records."""
    return stamp(datetime.now(UTC))


def stamp(time: datetime) -> str:
    """A time in UTC in the form of records: ISO 8601 with milliseconds, `2025-10-23T10:40:12.345Z`."""
    return time.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def stamp_of(seconds: float) -> str:
    """A time in seconds since 1970 in the form of records; the inverse of `seconds_of`."""
    return stamp(datetime.fromtimestamp(round(seconds, 3), UTC))


def here(time: datetime) -> datetime:
    """The time in the zone of this machine; in UTC if TZ names a zone a day or more away."""
    if time.tzinfo is None:
        time = time.replace(tzinfo=UTC)
    try:
        return time.astimezone()
    except ValueError:
        return time.astimezone(UTC)


def seconds_of(text: str) -> float:
    """The seconds since 1970 of a time in the form of records; 0 for a text that is no time."""
    time = _local(text)
    return 0.0 if time is None else time.timestamp()


def _local(text: str) -> datetime | None:
    """The time of a text in ISO 8601, in the local zone; None if the text is no time."""
    try:
        return here(datetime.fromisoformat(text))
    except (ValueError, OverflowError, OSError):
        return None


# -- as people write them --------------------------------------------------------------------------


class Moment(NamedTuple):
    """A time to compare with. Exactly one of the fields is set.

    Attributes:
        seconds_ago: seconds before now.
        days_ago: a whole day, counted back from today.
        point: a point in time.
        day: a whole day.
    """

    seconds_ago: float | None = None
    days_ago: int | None = None
    point: datetime | None = None
    day: date | None = None

    def order(self, text: str, now: datetime) -> int | None:
        """-1, 0 or 1: a record's time is before, at or after the moment. None if the text is no time.

        Beside a whole day only the day counts, in the local time zone.
        """
        try:
            time = datetime.fromisoformat(text)
            if time.tzinfo is None:
                time = time.replace(tzinfo=UTC)
            day = self._day(now)
            if day is not None:
                its_day = here(time).date()
                return (its_day > day) - (its_day < day)
            point = self.point or now - timedelta(seconds=self.seconds_ago or 0)
            return (time > point) - (time < point)
        except (ValueError, OverflowError, OSError):
            return None

    def _day(self, now: datetime) -> date | None:
        if self.days_ago is not None:
            return here(now).date() - timedelta(days=self.days_ago)
        return self.day


def parse_moment(text: str) -> Moment | None:
    """The moment of a text: `2 days ago`, `yesterday`, `2026-11-01`, `2026-11-01 10:40`. Else None.

    A time without a zone is local.
    """
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
        point = _local(text)
        return None if point is None else Moment(point=point)


def parse_duration(text: str) -> float | None:
    """The seconds of a text like `5 min`, `1 h 30 min` or `90`. Else None."""
    if re.fullmatch(r"\s*\d{1,12}(\.\d{1,9})?\s*", text):
        return float(text)
    return _seconds(text, _SECONDS)


def _seconds(text: str, units: dict[str, int]) -> float | None:
    total, at = 0.0, 0
    text = text.strip().lower()
    while at < len(text) <= _LONGEST_TEXT:
        part = _PART.match(text, at)
        if part is None:
            return None
        unit = units.get(part[2]) or units.get(part[2].removesuffix("s"))
        if unit is None:
            return None
        total += float(part[1]) * unit
        at = part.end()
    if not at or total > _LONGEST:
        return None
    return total


# -- as people read them ------------------------------------------------------------


def show_time(text: str | None, now: datetime | None = None) -> str:
    """A record's time in the local zone: `10:40` today, `Oct 23` this year, else `2025-10-23`."""
    if not text:
        return "-"
    time = _local(text)
    if time is None:
        return clean(text)[:16]
    now = now or here(datetime.now(UTC))
    if time.date() == now.date():
        return f"{time:%H:%M}"
    if time.year == now.year:
        return f"{time:%b} {time.day:2d}"
    return f"{time:%Y-%m-%d}"


def show_brief_moment(text: str, now: datetime | None = None) -> str:
    """A record's time in the local zone: `10:40` today, `Oct 23 10:40` this year, else `2025-10-23`."""
    short, time = show_time(text, now), _local(text)
    if time is None or time.year != (now or here(datetime.now(UTC))).year or ":" in short:
        return short
    return f"{short} {time:%H:%M}"


def show_moment(text: str) -> str:
    """A record's time in the local zone, to the second: `2025-10-23 10:40:12`."""
    time = _local(text)
    return clean(text) if time is None else f"{time:%Y-%m-%d %H:%M:%S}"


def show_duration(seconds: float | None) -> str:
    """A duration: `0.4 s`, `12 s`, `3 min 5 s`, `2 h 40 min`."""
    if seconds is None:
        return "-"
    if seconds < 10:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    if minutes:
        return f"{minutes} min {rest} s"
    return f"{rest} s"
