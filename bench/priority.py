"""Lets what stands for another machine give way to the evaluation that is measured."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import psutil

_LOWEST_PRIORITY = 19


def give_way(process_id: int) -> None:
    """Let a process and its children run only while nothing else wants to.

    The lowest priority is not enough for that: an evaluation that wakes up still waits until the
    slice of whoever runs is over, milliseconds each time. `SCHED_IDLE` gives way at once.
    """
    process = psutil.Process(process_id)
    for each in (process, *process.children(recursive=True)):
        each.nice(_LOWEST_PRIORITY)
        for thread in each.threads():
            let_thread_give_way(thread.id)
        # The server has a session of its own, and Linux shares time between sessions first
        # (sched(7), "The autogroup feature").
        session = Path(f"/proc/{each.pid}/autogroup")
        if session.exists():
            session.write_text(str(_LOWEST_PRIORITY))


def let_thread_give_way(thread_id: int) -> None:
    """Let one thread, and those that it will start, run only while nothing else wants to.

    Args:
        thread_id: The kernel's id, `threading.get_native_id()`.
    """
    if sys.platform == "linux":
        os.sched_setscheduler(thread_id, os.SCHED_IDLE, os.sched_param(0))
