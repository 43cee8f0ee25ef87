"""Moments of eval logs."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

__all__ = ["time_ns"]

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_LATEST_NS: Final = 2**63 - 1
"""What MLflow's columns hold: a moment in the year 2262."""


def time_ns(timestamp: object) -> int | None:
    """A moment of an eval log.

    Args:
        timestamp: ISO 8601 text; without an offset it is UTC. Anything else is no time.

    Returns:
        Nanoseconds since the epoch; None when there is no readable time, or one that MLflow does
        not store (before 1970, after 2262).
    """
    if not isinstance(timestamp, str):
        return None
    try:
        moment = datetime.fromisoformat(timestamp)
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        since_epoch = moment - _EPOCH
    except (ValueError, OverflowError):
        return None
    seconds = since_epoch.days * 86_400 + since_epoch.seconds
    nanoseconds = seconds * 10**9 + since_epoch.microseconds * 1000
    return nanoseconds if 0 < nanoseconds <= _LATEST_NS else None
