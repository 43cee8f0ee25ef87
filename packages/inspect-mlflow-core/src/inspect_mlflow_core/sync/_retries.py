"""Tries again what a server could not take at once."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import TypeVar

from inspect_mlflow_core.exceptions import RetryableError

Result = TypeVar("Result")

ATTEMPTS = 5
FIRST_PAUSE_SECONDS = 0.5
LONGEST_PAUSE_SECONDS = 30.0


def with_retries(
    operation: Callable[[], Result],
    *,
    attempts: int = ATTEMPTS,
    sleep: Callable[[float], None] = time.sleep,
) -> Result:
    """Try an idempotent operation again while that can help.

    Exponential backoff with full jitter ("Exponential Backoff And Jitter", AWS Architecture Blog,
    2015); a pause that the server asks for counts instead.

    Args:
        operation: What to do.
        attempts: How often at most.
        sleep: Pauses for so many seconds.

    Returns:
        Its result.

    Raises:
        RetryableError: Every attempt failed.
    """
    pause_seconds = FIRST_PAUSE_SECONDS
    for _ in range(attempts - 1):
        try:
            return operation()
        except RetryableError as error:
            asked = error.retry_after_seconds
            wait_seconds = random.uniform(0, pause_seconds) if asked is None else asked
            sleep(min(wait_seconds, LONGEST_PAUSE_SECONDS))
            pause_seconds = min(pause_seconds * 2, LONGEST_PAUSE_SECONDS)
    return operation()
