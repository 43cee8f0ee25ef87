"""Writing traces: of single samples while an evaluation runs, and of whole logs."""

from ._deliver import SampleOutcome, TraceJob, deliver_samples
from ._log_traces import LogTraces, write_log_traces
from ._write import write_trace

__all__ = [
    "LogTraces",
    "SampleOutcome",
    "TraceJob",
    "deliver_samples",
    "write_log_traces",
    "write_trace",
]
