"""Every sample of an Inspect AI evaluation as an MLflow trace, live and from eval logs."""

from __future__ import annotations

from importlib import import_module
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from inspect_mlflow_core.kept_sample import rebuild_sample, rebuild_samples

    from ._sync import TraceLogResult, TraceSyncReport, sync_traces
    from .hooks import MlflowTracingHooks

__version__ = version("inspect-mlflow-tracing")

__all__ = [
    "MlflowTracingHooks",
    "TraceLogResult",
    "TraceSyncReport",
    "rebuild_sample",
    "rebuild_samples",
    "sync_traces",
]

_HOME = {
    "MlflowTracingHooks": "inspect_mlflow_tracing.hooks",
    "TraceLogResult": "inspect_mlflow_tracing._sync",
    "TraceSyncReport": "inspect_mlflow_tracing._sync",
    "rebuild_sample": "inspect_mlflow_core.kept_sample",
    "rebuild_samples": "inspect_mlflow_core.kept_sample",
    "sync_traces": "inspect_mlflow_tracing._sync",
}

if not TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        if name not in _HOME:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(import_module(_HOME[name]), name)
