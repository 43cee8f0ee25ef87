"""The stores that a process has opened, kept for the next call."""

from __future__ import annotations

from inspect_mlflow_core.connection import TraceStore, open_trace_store

_stores: dict[str, TraceStore] = {}


def opened_trace_store(tracking_uri: str) -> TraceStore:
    """Return the store of this process behind a tracking URI.

    Args:
        tracking_uri: As in `MLFLOW_TRACKING_URI`.

    Raises:
        RejectedError: See `open_trace_store`.
    """
    if tracking_uri not in _stores:
        _stores[tracking_uri] = open_trace_store(tracking_uri)
    return _stores[tracking_uri]
