"""Writes one trace."""

from __future__ import annotations

from dataclasses import replace

from inspect_mlflow_core.connection import StoredTrace, TraceRecord, TraceStore
from inspect_mlflow_tracing.mapping import TRACE_DIGEST


def write_trace(store: TraceStore, trace: TraceRecord) -> None:
    """Write a trace with everything that belongs to it, in two requests.

    First the trace as one in progress, then its spans. With its root span, which comes last,
    MLflow gives it the final state: a trace that is not in progress any more is complete, and one
    whose writing was interrupted is written again.

    Args:
        store: Where to.
        trace: The trace of a sample that has ended; one that is there already is updated.

    Raises:
        RetryableError: The server cannot take it now; trying again goes on from there.
        RejectedError: The server refuses it.
    """
    location = store.start_trace(replace(trace, state="IN_PROGRESS"))
    for attachment in trace.attachments:
        store.upload_trace_attachment(location, attachment)
    store.log_spans(trace)


def is_written(trace: TraceRecord, stored: StoredTrace | None) -> bool:
    """Say whether MLflow holds exactly this trace, completely.

    Args:
        trace: The trace of a sample that has ended.
        stored: What MLflow says of the trace with its id; None when it has none.
    """
    if stored is None or stored.state == "IN_PROGRESS":
        return False
    digest = trace.tags.get(TRACE_DIGEST)
    return digest is not None and stored.tags.get(TRACE_DIGEST) == digest
