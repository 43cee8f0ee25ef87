"""When to try again."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

__all__ = ["RetryPolicy"]

# Beyond this many doublings every sensible maximum is reached; the bound keeps the power finite.
_MAXIMUM_EXPONENT = 64


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Exponential backoff with full jitter.

    Full jitter draws each pause evenly between zero and the exponential bound, which spreads
    the clients of a server that comes back better than a fixed pause with a little noise
    (Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015).

    Args:
        initial_seconds: Bound of the first pause.
        multiplier: Growth of the bound from one pause to the next.
        maximum_seconds: Largest bound.
        retry_after_maximum_seconds: Longest pause that a server may ask for.
        random: Source of numbers in [0, 1).
    """

    initial_seconds: float = 0.5
    multiplier: float = 2.0
    maximum_seconds: float = 60.0
    retry_after_maximum_seconds: float = 120.0
    random: Callable[[], float] = random.random

    def delay_seconds(self, failures: int, retry_after_seconds: float | None = None) -> float:
        """Pause before the next attempt.

        Args:
            failures: Failed attempts in a row so far, at least 1.
            retry_after_seconds: The pause that the server asked for; it is kept, within its
                maximum, even when the backoff is shorter.
        """
        exponent = min(max(failures, 1) - 1, _MAXIMUM_EXPONENT)
        bound = min(self.maximum_seconds, self.initial_seconds * self.multiplier**exponent)
        delay = self.random() * bound
        if retry_after_seconds is None:
            return delay
        return max(delay, min(retry_after_seconds, self.retry_after_maximum_seconds))
