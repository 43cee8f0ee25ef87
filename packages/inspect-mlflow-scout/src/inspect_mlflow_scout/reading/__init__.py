"""Reading traces out of MLflow, page by page."""

from ._attachments import AttachmentReader
from ._batches import load_in_batches
from ._convert import source_trace
from ._kept_samples import has_kept_sample
from ._query import TraceQuery, time_ms
from ._reader import TraceReader, UnreadableTrace
from ._records import SourceAssessment, SourceSpan, SourceSpanEvent, SourceTrace

__all__ = [
    "AttachmentReader",
    "SourceAssessment",
    "SourceSpan",
    "SourceSpanEvent",
    "SourceTrace",
    "TraceQuery",
    "TraceReader",
    "UnreadableTrace",
    "has_kept_sample",
    "load_in_batches",
    "source_trace",
    "time_ms",
]
