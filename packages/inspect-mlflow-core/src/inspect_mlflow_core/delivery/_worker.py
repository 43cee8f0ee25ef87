"""The worker: takes records from any thread, delivers them from one thread of its own."""

from __future__ import annotations

import contextvars
import os
import threading
import time
import weakref
from collections import deque

from inspect_mlflow_core import reporting
from inspect_mlflow_core.delivery._attempt import Failure, attempt, report, unexpected
from inspect_mlflow_core.delivery._clock import Clock, SystemClock
from inspect_mlflow_core.delivery._flush import FlushResult
from inspect_mlflow_core.delivery._priority import lower_own_priority
from inspect_mlflow_core.delivery._queue import Entry, RecordQueue
from inspect_mlflow_core.delivery._records import Record
from inspect_mlflow_core.delivery._retry import RetryPolicy
from inspect_mlflow_core.delivery._state import DeliveryState
from inspect_mlflow_core.delivery._statistics import DeliveryStatistics

__all__ = ["DeliveryWorker"]

_MEBIBYTE = 1024 * 1024

# A batch that failed this often in a row is halved: what is too large to arrive before a timeout
# gets through in smaller pieces, and one poisonous record stops holding up its neighbours.
_FAILURES_BEFORE_HALVING = 3

_FIRST_POLL_SECONDS = 0.005
_LONGEST_POLL_SECONDS = 0.02


class DeliveryWorker:
    """A bounded queue and the daemon thread that empties it.

    The thread starts with the first record and lives as long as the process; it sleeps whenever
    there is nothing to do. Nothing that an exporter raises ends it. After a fork the child's
    worker is empty and starts a thread of its own; what the parent had queued stays with the
    parent.

    Args:
        queue_bytes: Bound of the payloads that are queued or being written; past it, sample
            records are kept without their payload (see `RecordQueue`).
        batch_count: Most records in one batch.
        batch_bytes: Most bytes in one batch (a larger single record goes alone).
        batch_age_seconds: Longest time that a record waits for others to join its batch.
        start_delay_seconds: How long the first record of all waits, unless a flush comes first.
        retry: When failed batches are tried again.
        nice_increment: How much the thread lowers its own priority, on Linux. Not by default: a
            thread of low priority that holds the interpreter's lock while other processes want
            the processor keeps the evaluation waiting for it.
        clock: Time and waiting; replaced in tests.
    """

    def __init__(
        self,
        *,
        queue_bytes: int = 64 * _MEBIBYTE,
        batch_count: int = 100,
        batch_bytes: int = 8 * _MEBIBYTE,
        batch_age_seconds: float = 2.0,
        start_delay_seconds: float = 0.0,
        retry: RetryPolicy | None = None,
        nice_increment: int = 0,
        clock: Clock | None = None,
    ) -> None:
        self._queue_bytes = queue_bytes
        self._batch_limits = (batch_count, batch_bytes, batch_age_seconds)
        self._start_delay_seconds = start_delay_seconds
        self._retry = retry or RetryPolicy()
        self._nice_increment = nice_increment
        self._clock = clock or SystemClock()
        self._start_empty()
        _workers.add(self)

    def _start_empty(self) -> None:
        """Set everything that belongs to one process, also in the child of a fork."""
        self._process_id = os.getpid()
        self._state = DeliveryState(RecordQueue(self._queue_bytes, *self._batch_limits))
        self._thread: threading.Thread | None = None

    def _own_state(self) -> DeliveryState:
        """The state of this process; the check covers forks that bypass Python's fork hooks."""
        if self._process_id != os.getpid():
            self._start_empty()
        return self._state

    @property
    def queue_bytes(self) -> int:
        """Bound of the payloads in memory; a new value holds from the next record on."""
        return self._queue_bytes

    @queue_bytes.setter
    def queue_bytes(self, size_bytes: int) -> None:
        self._queue_bytes = size_bytes
        self._own_state().set_queue_bytes(size_bytes)

    def submit(self, record: Record) -> None:
        """Queue a record and return at once. Never raises; safe from any thread."""
        try:
            state = self._own_state()
            state.append(record, self._clock.now())
            self._ensure_thread(state)
        except Exception as error:
            report(unexpected("delivery", error))

    def flush(self, timeout_seconds: float) -> FlushResult:
        """Wait until everything submitted so far is delivered or rejected.

        A pause between attempts is cut short for one immediate attempt. When that attempt gets
        no answer from the server the flush gives up early, and so it does when the attempt before
        it got none and it is not over in a moment; after any other failure the flush waits on,
        through further attempts, until the deadline. An attempt in progress is waited for.

        Args:
            timeout_seconds: Longest time to wait.

        Raises:
            KeyboardInterrupt: Passed on when the user interrupts the wait.
        """
        state = self._own_state()
        with state.condition:
            request = state.begin_flush(self._possible_wait(timeout_seconds), self._clock.now())
            while (result := state.flush_result(request, now := self._clock.now())) is None:
                self._clock.wait(state.condition, state.flush_wait_seconds(request, now))
            return result

    async def flush_async(self, timeout_seconds: float) -> FlushResult:
        """`flush` without blocking the event loop, on asyncio and trio.

        Looks every few milliseconds, so nothing needs to be signalled into the loop. In a
        cancelled scope it ends with the cancellation unless the caller shields it.
        """
        import anyio

        state = self._own_state()
        request = state.begin_flush(self._possible_wait(timeout_seconds), self._clock.now())
        pause_seconds = _FIRST_POLL_SECONDS
        while (result := state.flush_result(request, now := self._clock.now())) is None:
            await anyio.sleep(min(pause_seconds, state.flush_wait_seconds(request, now)))
            pause_seconds = min(1.25 * pause_seconds, _LONGEST_POLL_SECONDS)
        return result

    def hurry(self) -> None:
        """Cut a pause between attempts short without waiting for what comes of it."""
        self._own_state().begin_flush(0.0, self._clock.now())

    def statistics(self) -> DeliveryStatistics:
        """A snapshot of all counts."""
        return self._own_state().statistics(self._clock.now())

    def _ensure_thread(self, state: DeliveryState) -> bool:
        """Start the thread unless it runs; False when the platform refuses to start one."""
        if self._thread is not None and self._thread.is_alive():
            return True
        with state.condition:
            if self._thread is not None and self._thread.is_alive():
                return True
            # An empty context: nothing of the evaluation that happens to submit first (Inspect's
            # active sample and transcript) may be seen from the thread.
            context = contextvars.Context()
            thread = threading.Thread(
                target=context.run,
                args=(self._run, state),
                name="inspect-mlflow-delivery",
                daemon=True,
            )
            try:
                thread.start()
            except RuntimeError:
                reporting.warn_once("delivery.thread", "the delivery thread could not start")
                return False
            self._thread = thread
            return True

    def _possible_wait(self, timeout_seconds: float) -> float:
        """The timeout of a flush; nothing when there is work but no thread to do it."""
        state = self._own_state()
        if state.has_pending() and not self._ensure_thread(state):
            return 0.0
        return timeout_seconds

    # On the worker thread

    def _run(self, state: DeliveryState) -> None:
        lower_own_priority(self._nice_increment)
        self._wait_for_start(state)
        while True:
            try:
                self._deliver(state, self._next_batch(state))
            except BaseException as error:
                # Not from an exporter (see `attempt`) but from the machinery around it.
                self._give_up(state, state.in_flight(), unexpected("delivery", error))

    def _wait_for_start(self, state: DeliveryState) -> None:
        with state.condition:
            due = self._clock.now() + self._start_delay_seconds
            while (now := self._clock.now()) < due and state.flush_generation == 0:
                self._clock.wait(state.condition, due - now)

    def _next_batch(self, state: DeliveryState) -> list[Entry]:
        with state.condition:
            while not (batch := state.take(now := self._clock.now())):
                self._clock.wait(state.condition, state.seconds_until_due(now))
            return batch

    def _deliver(self, state: DeliveryState, batch: list[Entry]) -> None:
        """Deliver a batch to the end: every record of it is delivered or rejected on return."""
        segments = deque([batch])
        failures = 0
        while segments:
            segment = segments.popleft()
            generation = state.flush_generation
            failure = attempt([entry.record for entry in segment])
            state.worker_cpu_seconds = time.thread_time()
            if failure is None:
                failures = 0
                state.settle(segment, None)
            elif failure.retryable:
                failures += 1
                halve = failures % _FAILURES_BEFORE_HALVING == 0
                segments.extendleft(reversed(_halves(segment) if halve else [segment]))
                state.count_retry(segment, failure, generation, self._clock.now())
                report(failure)
                if self._pause(state, failure, failures, generation):
                    failures = 0
            elif failure.divisible and len(segment) > 1:
                segments.extendleft(reversed(_halves(segment)))
            else:
                self._give_up(state, segment, failure)

    def _give_up(self, state: DeliveryState, segment: list[Entry], failure: Failure) -> None:
        if segment:
            state.settle(segment, failure)
        report(failure)

    def _pause(
        self, state: DeliveryState, failure: Failure, failures: int, generation: int
    ) -> bool:
        """Wait before the next attempt; True when a flush cut the pause short.

        Args:
            state: The state whose condition a flush notifies.
            failure: Why the attempt failed.
            failures: Failed attempts in a row.
            generation: Number of the latest flush when the attempt began.
        """
        delay_seconds = self._retry.delay_seconds(failures, failure.retry_after_seconds)
        with state.condition:
            now = self._clock.now()
            due = now + delay_seconds
            while now < due and state.flush_generation == generation:
                self._clock.wait(state.condition, due - now)
                now = self._clock.now()
            return state.flush_generation != generation


def _halves(segment: list[Entry]) -> list[list[Entry]]:
    middle = len(segment) // 2
    return [part for part in (segment[:middle], segment[middle:]) if part]


_workers: weakref.WeakSet[DeliveryWorker] = weakref.WeakSet()


def _start_empty_in_child() -> None:
    for worker in list(_workers):
        worker._start_empty()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_start_empty_in_child)
