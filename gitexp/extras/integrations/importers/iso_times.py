"""Times of other tools, written as ISO 8601 with or without a zone."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any


def seconds(text: Any, *, is_local: bool = False) -> float | None:
    """The seconds since the epoch; None for another text.

    Without a zone the time is in UTC or, if `is_local`, in the zone of this machine.
    """
    try:
        moment = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    if moment.tzinfo is None and not is_local:
        moment = moment.replace(tzinfo=UTC)
    return moment.timestamp()
