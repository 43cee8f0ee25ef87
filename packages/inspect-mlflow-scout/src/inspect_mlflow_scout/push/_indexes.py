"""The spans of traces, read when they are needed."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import Final

from inspect_mlflow_scout.reading import SourceTrace, TraceReader

from ._references import TraceIndex, trace_index

__all__ = ["TraceIndexes"]

_KEPT: Final = 64


class TraceIndexes:
    """Reads traces and remembers the last ones; may be used from several threads.

    Args:
        tracking_uri: As in `MLFLOW_TRACKING_URI`.
    """

    def __init__(self, tracking_uri: str) -> None:
        self._reader = TraceReader(tracking_uri)
        self._kept: OrderedDict[str, TraceIndex] = OrderedDict()
        self._lock = threading.Lock()

    def read(self, trace_id: str) -> TraceIndex:
        """What the references of results to a trace can stand for.

        Args:
            trace_id: MLflow's id. A trace that MLflow cannot give has no spans to refer to: its
                assessments are about the trace as a whole.

        Raises:
            RetryableError: The store does not answer.
        """
        with self._lock:
            if trace_id in self._kept:
                self._kept.move_to_end(trace_id)
                return self._kept[trace_id]
        (trace,) = self._reader.load([trace_id])
        index = trace_index(trace) if isinstance(trace, SourceTrace) else TraceIndex()
        with self._lock:
            self._kept[trace_id] = index
            while len(self._kept) > _KEPT:
                self._kept.popitem(last=False)
        return index
