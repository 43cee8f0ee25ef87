"""Reads the times that eval logs carry."""

from __future__ import annotations

from datetime import UTC, datetime

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def milliseconds(timestamp: object) -> int | None:
    """Return an Inspect timestamp as milliseconds since the epoch.

    Args:
        timestamp: ISO 8601 text (Inspect's `UtcDatetimeStr`, naive ones are UTC), a datetime, or
            anything else.

    Returns:
        Milliseconds; None when there is no readable time (`""` in interrupted logs) or one before
        the epoch, which MLflow refuses.
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
    milliseconds_since_epoch = round((moment - _EPOCH).total_seconds() * 1000)
    return milliseconds_since_epoch if milliseconds_since_epoch >= 0 else None
