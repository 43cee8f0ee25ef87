"""The workers of this process, and what happens to it when the process exits."""

from __future__ import annotations

import atexit
import os
import threading
import time
from collections.abc import Callable
from functools import partial

from inspect_mlflow_core import reporting
from inspect_mlflow_core.delivery._flush import FlushResult
from inspect_mlflow_core.delivery._worker import DeliveryWorker

__all__ = [
    "delivery_worker",
    "register_exit_callback",
    "register_exit_report",
    "set_exit_flush_timeout",
    "unregister_exit_callback",
]

_DEFAULT_EXIT_FLUSH_TIMEOUT_SECONDS = 30.0
# An evaluation starts all its samples in its first moments, and then waits for the model. What the
# first record has the worker import is in nobody's way then.
_START_DELAY_SECONDS = 0.2


class _Process:
    """What belongs to one process; the child of a fork starts over."""

    def __init__(self) -> None:
        self.exit_flush_timeout_seconds = _DEFAULT_EXIT_FLUSH_TIMEOUT_SECONDS
        self.exit_installed = False  # Stays true in a child: it inherits what is installed.
        self.start_over()

    def start_over(self) -> None:
        """Forget the workers and the callbacks, which are the parent's after a fork."""
        self.lock = threading.RLock()
        self.workers: dict[str, DeliveryWorker] = {}
        self.callbacks: list[Callable[[], None]] = []
        self.reports: list[Callable[[FlushResult], None]] = []
        self.exited = False


_process = _Process()


def delivery_worker(purpose: str = "runs") -> DeliveryWorker:
    """The worker that everything of one purpose in this process shares.

    It is flushed when the process exits.

    Args:
        purpose: What is delivered. Traces take a server much longer than runs, which should not
            wait behind them.
    """
    with _process.lock:
        if purpose not in _process.workers:
            _process.workers[purpose] = DeliveryWorker(start_delay_seconds=_START_DELAY_SECONDS)
            _install_exit()
        return _process.workers[purpose]


def register_exit_callback(callback: Callable[[], None]) -> None:
    """Call `callback` when the process exits, before the last flush.

    For hooks that close runs which are still open then: the callback may submit records.
    Callbacks run in reverse order of registration, each once; a second registration of the same
    callback is ignored. An exception in one is reported and does not stop the others. A forked
    child does not inherit them, since the open runs are its parent's.
    """
    with _process.lock:
        if callback not in _process.callbacks:
            _process.callbacks.append(callback)
        _install_exit()


def unregister_exit_callback(callback: Callable[[], None]) -> None:
    """Forget an exit callback; nothing happens when it is not registered."""
    with _process.lock:
        if callback in _process.callbacks:
            _process.callbacks.remove(callback)


def register_exit_report(report: Callable[[FlushResult], None]) -> None:
    """Tell `report` how the last flush ended, instead of the line that is printed by default."""
    with _process.lock:
        if report not in _process.reports:
            _process.reports.append(report)
        _install_exit()


def set_exit_flush_timeout(seconds: float) -> None:
    """Set how long the exit of the process waits for delivery."""
    _process.exit_flush_timeout_seconds = seconds


def _install_exit() -> None:
    """Have `_exit` called once, as late as everything that exporters need still works.

    From Python 3.9 on, thread pools refuse work once `threading._shutdown` has run, and from
    3.12 on no thread can start after it; both come before `atexit`. `concurrent.futures` itself
    solves this with `threading._register_atexit`, whose callbacks run in reverse order, so that
    ours comes before the pools close. Without that function `atexit` alone has to do.
    """
    if _process.exit_installed:
        return
    _process.exit_installed = True
    atexit.register(_exit)
    register_early = getattr(threading, "_register_atexit", None)
    if register_early is None:
        return
    import concurrent.futures.thread  # noqa: F401  (its own callback must be registered first)

    try:
        register_early(_exit_early)
    except RuntimeError:
        return  # The interpreter is already shutting down; `atexit` follows.


def _exit_early() -> None:
    """Exit now, unless an evaluation may still be running in another thread.

    The interpreter waits for non-daemon threads only after this point; with one alive the work
    is left to `atexit`, which comes after they have ended.
    """
    if not _threads_alive():
        _exit()


def _threads_alive() -> bool:
    """True while a non-daemon thread other than this one and idle pool threads is alive."""
    from concurrent.futures import thread as pools

    excluded = {threading.current_thread(), *getattr(pools, "_threads_queues", {})}
    return any(not thread.daemon and thread not in excluded for thread in threading.enumerate())


def _exit() -> None:
    """Run the callbacks, then flush with the deadline. Raises nothing, prints no traceback."""
    with _process.lock:
        if _process.exited:
            return
        _process.exited = True
    try:
        for callback in reversed(_process.callbacks):
            _call(callback)
        deadline_seconds = time.monotonic() + _process.exit_flush_timeout_seconds
        for worker in list(_process.workers.values()):
            _report(worker.flush(max(0.0, deadline_seconds - time.monotonic())))
    except KeyboardInterrupt:
        reporting.say("interrupted while delivering; `inspect-mlflow sync LOG_DIR` completes it")


def _call(callback: Callable[[], None]) -> None:
    try:
        callback()
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        reporting.warn_once(
            f"exit.{type(error).__name__}",
            f"closing what was open at exit failed ({type(error).__name__}); "
            "`inspect-mlflow sync LOG_DIR` completes it",
        )


def _report(result: FlushResult) -> None:
    for report in _process.reports:
        _call(partial(report, result))
    if _process.reports or result.delivered:
        return
    cause = f", {result.last_cause}" if result.last_cause else ""
    reporting.say(
        f"{result.pending} records were not delivered ({result.reason}{cause}); they are in the "
        "eval logs: `inspect-mlflow sync LOG_DIR` delivers them"
    )


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_process.start_over)
