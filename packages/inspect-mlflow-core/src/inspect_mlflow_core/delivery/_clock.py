"""Time as the worker sees it, so that tests need not wait."""

from __future__ import annotations

import threading
import time
from typing import Protocol

__all__ = ["Clock", "SystemClock"]

_LONGEST_WAIT_SECONDS = 3600.0


class Clock(Protocol):
    """A monotonic clock, and the only way in which the worker and `flush` wait."""

    def now(self) -> float:
        """Seconds on a clock that never goes back."""
        ...

    def wait(self, condition: threading.Condition, timeout_seconds: float | None) -> None:
        """Wait, with `condition` held, until it is notified or the time is over.

        Waking early is allowed: every caller looks at its reason to wait again.
        """
        ...


class SystemClock:
    """The real time."""

    def now(self) -> float:
        """Seconds of `time.monotonic`."""
        return time.monotonic()

    def wait(self, condition: threading.Condition, timeout_seconds: float | None) -> None:
        """Wait on the condition; an endless timeout is cut to what the platform accepts."""
        if timeout_seconds is None:
            condition.wait()
        else:
            condition.wait(min(timeout_seconds, _LONGEST_WAIT_SECONDS))
