"""Giving way to the evaluation."""

from __future__ import annotations

import os
import sys
import threading

__all__ = ["lower_own_priority"]

_LOWEST_PRIORITY = 19


def lower_own_priority(nice_increment: int) -> None:
    """Lower the priority of the calling thread, where the platform has priorities of threads.

    On Linux a nice value belongs to a thread (`man 2 setpriority`, "C library/kernel
    differences"); elsewhere it belongs to the process, which must keep its own.

    Args:
        nice_increment: Added to the nice value; 0 leaves it alone.
    """
    if sys.platform != "linux" or nice_increment == 0:
        return
    try:
        thread_id = threading.get_native_id()
        nice = os.getpriority(os.PRIO_PROCESS, thread_id) + nice_increment
        os.setpriority(os.PRIO_PROCESS, thread_id, min(nice, _LOWEST_PRIORITY))
    except OSError:
        return  # A sandbox may forbid it; delivery works at any priority.
