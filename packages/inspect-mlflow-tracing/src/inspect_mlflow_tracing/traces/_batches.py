"""Writes traces, the spans of several small ones in one request."""

from __future__ import annotations

import pickle
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

from inspect_mlflow_core.connection import (
    REQUEST_BYTES,
    REQUEST_SPANS,
    ConcurrentCalls,
    StoredTrace,
    TraceRecord,
    TraceStore,
)
from inspect_mlflow_core.exceptions import DeliveryError, RejectedError, RetryableError

from ._write import begin_trace

# As much as `TraceStore.log_spans` puts into one request.
BATCH_SPANS: Final = REQUEST_SPANS
BATCH_CHARACTERS: Final = REQUEST_BYTES

WrittenCallback = Callable[[TraceRecord, DeliveryError | None], None]


class TraceBatches:
    """Writes traces, each as `begin_trace` describes.

    They are collected until their spans fill a request. Then each is begun with a request of its
    own, and the spans of all follow together: until they do, a reader finds traces without spans,
    so this waits for nothing else. When spans are refused together, each trace is tried alone.

    Args:
        store: Where to.
        calls: Makes the requests.
        written: Told once, from some thread, of each trace that was tried, and what kept it from
            being written; None when nothing did. It must not raise.
    """

    def __init__(self, store: TraceStore, calls: ConcurrentCalls, written: WrittenCallback) -> None:
        self._store, self._calls, self._written = store, calls, written
        self._collected = _Collected()
        self.stopped_by: DeliveryError | None = None
        """The first failure that stands in the way of all further traces."""

    @property
    def stopped(self) -> bool:
        """Whether no further trace is begun, because of that or of any error that was raised."""
        return self.stopped_by is not None or self._calls.failed

    def add(self, trace: TraceRecord, stored: StoredTrace | None = None) -> None:
        """Write a trace, now or together with others.

        Args:
            trace: The trace of a sample that has ended.
            stored: What MLflow says of it, if it is there.
        """
        if not self._collected.take(trace, stored):
            self.flush()
            self._collected.take(trace, stored)

    def flush(self) -> None:
        """Write what is collected; the calls are under way when this returns."""
        collected, self._collected = self._collected, _Collected()
        begun = _Begun(len(collected.traces))
        for trace, stored in collected.traces:
            self._calls.start(partial(self._begin, begun, trace, stored))

    def _begin(self, begun: _Begun, trace: TraceRecord, stored: StoredTrace | None) -> None:
        result: _BegunTrace | None = None
        if not self.stopped:
            try:
                result = _BegunTrace(trace, begin_trace(self._store, trace, stored))
            except DeliveryError as error:
                self._end(trace, error)
        if begun.add(result):
            self._send(begun.traces)

    def _send(self, begun: Sequence[_BegunTrace]) -> None:
        try:
            self._store.log_spans(*(each.trace for each in begun))
        except RejectedError as error:
            if len(begun) > 1 and error.cause != "traces_unsupported":
                for each in begun:
                    self._send([each])
                return
            self._end_all(begun, error)
        except DeliveryError as error:
            self._end_all(begun, error)
        else:
            self._end_all(begun, None)

    def _end_all(self, begun: Sequence[_BegunTrace], error: DeliveryError | None) -> None:
        for each in begun:
            self._end(each.trace, error or each.refused)

    def _end(self, trace: TraceRecord, error: DeliveryError | None) -> None:
        if isinstance(error, RetryableError) or (
            error is not None and error.cause == "traces_unsupported"
        ):
            self.stopped_by = self.stopped_by or error
        self._written(trace, error)


class _Collected:
    """Traces whose spans fit into one request."""

    def __init__(self) -> None:
        self.traces: list[tuple[TraceRecord, StoredTrace | None]] = []
        self._spans = 0
        self._characters = 0

    def take(self, trace: TraceRecord, stored: StoredTrace | None) -> bool:
        """Take one more; False when there is no room for it, or when it is there already."""
        spans = self._spans + len(trace.spans)
        characters = self._characters + _characters(trace)
        if self.traces and (
            spans > BATCH_SPANS
            or characters > BATCH_CHARACTERS
            or any(trace.trace_id == each.trace_id for each, _ in self.traces)
        ):
            return False
        self.traces.append((trace, stored))
        self._spans, self._characters = spans, characters
        return True


@dataclass(frozen=True, slots=True)
class _BegunTrace:
    """A trace that waits for its spans, and why something old of it was not removed."""

    trace: TraceRecord
    refused: RejectedError | None


class _Begun:
    """Counts the traces of a batch whose beginning has been tried, from several threads."""

    def __init__(self, count: int) -> None:
        self.traces: list[_BegunTrace] = []
        self._left = count
        self._lock = threading.Lock()

    def add(self, trace: _BegunTrace | None) -> bool:
        """Take the next one, None if it could not be begun; True when spans can be sent."""
        with self._lock:
            if trace is not None:
                self.traces.append(trace)
            self._left -= 1
            return self._left == 0 and bool(self.traces)


def _characters(trace: TraceRecord) -> int:
    # An estimate that takes microseconds: a text that stands at several places counts once.
    return sum(len(pickle.dumps(span.attributes)) for span in trace.spans)
