"""Reads the times that eval logs carry."""

from __future__ import annotations

from datetime import UTC, datetime


def milliseconds(timestamp: object) -> int | None:
    """Return an Inspect timestamp as milliseconds since the epoch.

    Args:
        timestamp: ISO 8601 text (Inspect's `UtcDatetimeStr`, naive ones are UTC), a datetime, or
            anything else.

    Returns:
        Milliseconds, or None when there is no readable time (`""` in interrupted logs).
    """
    if isinstance(timestamp, str) and timestamp:
        try:
            moment = datetime.fromisoformat(timestamp)
        except ValueError:
            return None
    elif isinstance(timestamp, datetime):
        moment = timestamp
    else:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return round(moment.timestamp() * 1000)
