"""MLflow traces as Scout transcripts, and Scout's scan results on MLflow traces.

See `inspect_mlflow_scout`.
"""

from __future__ import annotations

from inspect_mlflow_scout import (
    ImportReport,
    PushReport,
    ScanIncompleteError,
    ScanReadError,
    TraceImportError,
    import_mlflow_traces,
    push_scan_results,
    push_scan_results_async,
    traces_request_time,
)

__all__ = [
    "ImportReport",
    "PushReport",
    "ScanIncompleteError",
    "ScanReadError",
    "TraceImportError",
    "import_mlflow_traces",
    "push_scan_results",
    "push_scan_results_async",
    "traces_request_time",
]
