"""The bookkeeping of the worker: what waits, what is being written, what became of the rest."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Sequence
from typing import Final

from inspect_mlflow_core.delivery._attempt import Failure
from inspect_mlflow_core.delivery._flush import FlushRequest, FlushResult
from inspect_mlflow_core.delivery._queue import Entry, RecordQueue
from inspect_mlflow_core.delivery._records import Record
from inspect_mlflow_core.delivery._statistics import DeliveryStatistics, Tally

__all__ = ["DeliveryState"]

_TELLING_ATTEMPTS: Final = 2
"""In a row without an answer, after which the server is taken to be away."""

_FIRST_GRACE_SECONDS: Final = 3.0
"""How long a flush waits for the attempt after the first one without an answer."""


class DeliveryState:
    """Everything that the submitting threads and the worker thread share in one process.

    Every method takes `condition` itself; waiting on it, and the clock, are the caller's.

    Args:
        queue: The records that wait.
    """

    def __init__(self, queue: RecordQueue) -> None:
        self.condition = threading.Condition()
        self.flush_generation = 0
        self.worker_cpu_seconds = 0.0
        self._queue = queue
        self._in_flight: dict[int, Entry] = {}
        self._tallies: defaultdict[str, Tally] = defaultdict(Tally)
        self._worker_sleeps = False
        self._last_cause: str | None = None
        self._flush_sequence = 0
        self._unreachable = False
        self._unreachable_generation = 0
        self._unanswered_attempts = 0
        self._unanswered_at = 0.0

    def set_queue_bytes(self, queue_bytes: int) -> None:
        """Change the bound of the queue for the records to come."""
        with self.condition:
            self._queue.queue_bytes = queue_bytes

    def append(self, record: Record, now: float) -> None:
        """Queue a record, and wake the worker if that changes what it should do.

        Waking costs the event loop a switch between threads. A record that only joins a batch
        in the making therefore leaves the worker asleep until the batch is full or old enough.
        """
        exporter_name = record.exporter.name
        with self.condition:
            was_empty = self._queue.oldest_sequence is None
            entry = self._queue.append(record, now)
            tally = self._tallies[exporter_name]
            tally.submitted += 1
            tally.shed += record.payload is not None and entry.record.payload is None
            if was_empty or self._queue.seconds_until_due(now, self._flush_sequence) == 0.0:
                self._wake_worker()

    def take(self, now: float) -> list[Entry]:
        """The batch that is due, empty when none is; the worker says it goes to sleep then."""
        with self.condition:
            batch = self._queue.take(now, self._flush_sequence)
            self._in_flight = {entry.sequence: entry for entry in batch}
            self._worker_sleeps = not batch
            return batch

    def seconds_until_due(self, now: float) -> float | None:
        """How long the worker may sleep; `None` for until it is woken."""
        with self.condition:
            return self._queue.seconds_until_due(now, self._flush_sequence)

    def in_flight(self) -> list[Entry]:
        """The records of the current batch that are neither delivered nor rejected yet."""
        with self.condition:
            return list(self._in_flight.values())

    def settle(self, segment: Sequence[Entry], failure: Failure | None) -> None:
        """Count records as delivered, or as rejected by `failure`, and forget them."""
        with self.condition:
            for entry in segment:
                del self._in_flight[entry.sequence]
                self._queue.release(entry)
            tally = self._tallies[segment[0].record.exporter.name]
            if failure is None:
                tally.delivered += len(segment)
            else:
                tally.rejected[failure.cause] += len(segment)
            self._last_cause = None if failure is None else failure.cause
            self._unreachable = False
            self._unanswered_attempts = 0
            self.condition.notify_all()

    def count_retry(
        self, segment: Sequence[Entry], failure: Failure, generation: int, now: float
    ) -> None:
        """Count a failed attempt, begun when `generation` was the number of the latest flush."""
        with self.condition:
            self._tallies[segment[0].record.exporter.name].retries[failure.cause] += 1
            self._last_cause = failure.cause
            self._unreachable = failure.unreachable
            if failure.unreachable:
                self._unreachable_generation = generation
                self._count_unanswered(failure, now)
            else:
                self._unanswered_attempts = 0
            self.condition.notify_all()

    def begin_flush(self, timeout_seconds: float, now: float) -> FlushRequest:
        """Make everything queued so far due, and cut a pause between attempts short."""
        with self.condition:
            self.flush_generation += 1
            self._flush_sequence = self._queue.last_sequence
            self._wake_worker()
            self.condition.notify_all()
            return FlushRequest(self.flush_generation, self._flush_sequence, now, timeout_seconds)

    def flush_result(self, request: FlushRequest, now: float) -> FlushResult | None:
        """The result of a flush that has come to its end, `None` while it has not."""
        with self.condition:
            oldest = self._oldest_sequence()
            if oldest is None or oldest > request.sequence:
                return request.result("delivered", 0, now, self._last_cause)
            without_answer = self._unreachable and self._grace_seconds(request, now) <= 0.0
            told = self._unanswered_attempts >= _TELLING_ATTEMPTS
            if (told and self._unreachable_generation >= request.generation) or without_answer:
                pending = self._pending_until(request.sequence)
                return request.result("unreachable", pending, now, self._last_cause)
            if request.remaining_seconds(now) <= 0.0:
                pending = self._pending_until(request.sequence)
                return request.result("timeout", pending, now, self._last_cause)
            return None

    def flush_wait_seconds(self, request: FlushRequest, now: float) -> float:
        """How long a flush without a result may wait before it looks again."""
        with self.condition:
            if self._unreachable:
                return self._grace_seconds(request, now)
            return request.remaining_seconds(now)

    def has_pending(self) -> bool:
        """True while a record waits or is being written."""
        with self.condition:
            return self._oldest_sequence() is not None

    def statistics(self, now: float) -> DeliveryStatistics:
        """A snapshot of all counts."""
        with self.condition:
            pending: defaultdict[str, list[Entry]] = defaultdict(list)
            for entry in (*self._in_flight.values(), *self._queue):
                pending[entry.record.exporter.name].append(entry)
            return DeliveryStatistics(
                exporters={
                    name: tally.snapshot(pending[name], now)
                    for name, tally in self._tallies.items()
                },
                worker_cpu_seconds=self.worker_cpu_seconds,
                held_bytes=self._queue.held_bytes,
                last_cause=self._last_cause,
            )

    def _count_unanswered(self, failure: Failure, now: float) -> None:
        # A single connection may break, or its server restart; to wait in vain for an answer
        # takes long enough to say something by itself.
        self._unanswered_at = now
        self._unanswered_attempts += 1 if failure.cause != "timeout" else _TELLING_ATTEMPTS

    def _grace_seconds(self, request: FlushRequest, now: float) -> float:
        """Time left for an attempt in progress after one without an answer, never negative."""
        grace_seconds = request.grace_seconds(now)
        if self._unanswered_attempts < _TELLING_ATTEMPTS:
            grace_seconds = max(grace_seconds, self._unanswered_at + _FIRST_GRACE_SECONDS - now)
        return min(grace_seconds, request.remaining_seconds(now))

    def _wake_worker(self) -> None:
        if self._worker_sleeps:
            self._worker_sleeps = False
            self.condition.notify_all()

    def _oldest_sequence(self) -> int | None:
        waiting = (min(self._in_flight, default=None), self._queue.oldest_sequence)
        return min((sequence for sequence in waiting if sequence is not None), default=None)

    def _pending_until(self, sequence: int) -> int:
        queued = sum(entry.sequence <= sequence for entry in self._queue)
        return queued + sum(in_flight <= sequence for in_flight in self._in_flight)
