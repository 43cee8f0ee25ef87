"""Writing traces: of single samples while an evaluation runs, and of whole logs."""

from inspect_mlflow_tracing._trace_job import SampleOutcome, TraceContent, TraceJob

from ._deliver import deliver_samples
from ._log_traces import LogTraces, write_log_traces
from ._stores import opened_trace_store
from ._unlogged import end_unlogged, stored_traces

__all__ = [
    "LogTraces",
    "SampleOutcome",
    "TraceContent",
    "TraceJob",
    "deliver_samples",
    "end_unlogged",
    "opened_trace_store",
    "stored_traces",
    "write_log_traces",
]
