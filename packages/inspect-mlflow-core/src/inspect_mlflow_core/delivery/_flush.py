"""What a flush asks for, and what it comes to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["FlushReason", "FlushRequest", "FlushResult"]

FlushReason = Literal["delivered", "unreachable", "timeout"]


@dataclass(frozen=True, slots=True)
class FlushResult:
    """How a flush ended.

    Args:
        delivered: True when everything submitted before the flush is done with: delivered, or
            rejected and counted in the statistics.
        pending: Records submitted before the flush that still wait.
        waited_seconds: How long the flush took.
        reason: `"delivered"`; `"unreachable"` when an attempt made for this flush got no answer
            from the server; `"timeout"` when the deadline came first.
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
