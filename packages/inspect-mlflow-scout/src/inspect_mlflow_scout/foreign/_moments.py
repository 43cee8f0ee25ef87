"""Nanoseconds of spans as the aware moments of events."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

__all__ = ["moment", "seconds_between"]

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_LATEST_NS: Final = 253_402_300_799 * 10**9
"""The last second that Python's calendar has."""


def moment(time_ns: int) -> datetime:
    """A moment in UTC.

    Args:
        time_ns: Nanoseconds since the epoch; what the calendar does not have counts as its
            nearest end.
    """
    return _EPOCH + timedelta(microseconds=min(max(time_ns, 0), _LATEST_NS) // 1000)


def seconds_between(start_ns: int, end_ns: int) -> float:
    """Seconds from one moment to another, zero when the second is the earlier one."""
    return max(0, end_ns - start_ns) / 1e9
