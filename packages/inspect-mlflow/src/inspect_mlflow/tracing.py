"""Samples as MLflow traces: the hooks, `sync_traces` for logs, and `rebuild_sample` for traces.

See `inspect_mlflow_tracing`.
"""

from __future__ import annotations

from inspect_mlflow_tracing import (
    MlflowTracingHooks,
    TraceLogResult,
    TraceSyncReport,
    rebuild_sample,
    rebuild_samples,
    sync_traces,
)

__all__ = [
    "MlflowTracingHooks",
    "TraceLogResult",
    "TraceSyncReport",
    "rebuild_sample",
    "rebuild_samples",
    "sync_traces",
]
