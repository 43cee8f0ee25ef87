"""Reading traces out of MLflow, page by page."""

from ._batches import load_in_batches
from ._convert import source_trace
from ._query import TraceQuery, time_ms
from ._reader import TraceReader, UnreadableTrace
from ._records import SourceAssessment, SourceSpan, SourceSpanEvent, SourceTrace

__all__ = [
    "SourceAssessment",
    "SourceSpan",
    "SourceSpanEvent",
    "SourceTrace",
    "TraceQuery",
    "TraceReader",
    "UnreadableTrace",
    "load_in_batches",
    "source_trace",
    "time_ms",
]
