"""What a flush asks for, and what it comes to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["FlushReason", "FlushRequest", "FlushResult"]

# How long a flush waits for an attempt in progress when the attempt before it got no answer. One
# to a port that never answers lasts as long as a timeout, which nobody should have to sit out.
_UNREACHABLE_GRACE_SECONDS = 0.25

FlushReason = Literal["delivered", "unreachable", "timeout"]


@dataclass(frozen=True, slots=True)
class FlushResult:
    """How a flush ended.

    Args:
        delivered: True when everything submitted before the flush is done with: delivered, or
            rejected and counted in the statistics.
        pending: Records submitted before the flush that still wait.
        waited_seconds: How long the flush took.
        reason: `"delivered"`; `"unreachable"` when two attempts in a row got no answer from the
            server (or one, after a timeout) and the last was made for this flush, or the next
            one takes long too;
            `"timeout"` when the deadline came first.
        last_cause: Cause of the latest failed attempt, `None` after a success.
    """

    delivered: bool
    pending: int
    waited_seconds: float
    reason: FlushReason
    last_cause: str | None = None


@dataclass(frozen=True, slots=True)
class FlushRequest:
    """A flush that is under way.

    Args:
        generation: Number of this flush; attempts that start later carry at least this number.
        sequence: The last record that the flush waits for.
        started_at: When it began, on the worker's clock.
        timeout_seconds: How long it may wait.
    """

    generation: int
    sequence: int
    started_at: float
    timeout_seconds: float

    def remaining_seconds(self, now: float) -> float:
        """Time until the deadline, never negative."""
        return max(0.0, self.started_at + self.timeout_seconds - now)

    def grace_seconds(self, now: float) -> float:
        """Time left for an attempt in progress after one without an answer, never negative."""
        grace_seconds = max(0.0, self.started_at + _UNREACHABLE_GRACE_SECONDS - now)
        return min(grace_seconds, self.remaining_seconds(now))

    def result(
        self, reason: FlushReason, pending: int, now: float, last_cause: str | None
    ) -> FlushResult:
        """The result when it ends now."""
        return FlushResult(
            delivered=reason == "delivered",
            pending=pending,
            waited_seconds=max(0.0, now - self.started_at),
            reason=reason,
            last_cause=last_cause,
        )
