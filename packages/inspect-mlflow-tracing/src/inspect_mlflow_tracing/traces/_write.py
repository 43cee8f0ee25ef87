"""Writes one trace."""

from __future__ import annotations

from dataclasses import replace

from inspect_mlflow_core.connection import TraceRecord, TraceStore
from inspect_mlflow_tracing.mapping import TRACE_DIGEST


def write_trace(store: TraceStore, trace: TraceRecord) -> None:
    """Write a trace with everything that belongs to it.

    The tag that says which content a trace has is written last: a trace that has it is complete,
    and one whose writing was interrupted is written again.

    Args:
        store: Where to.
        trace: The trace; one that is there already is updated.

    Raises:
        RetryableError: The server cannot take it now; trying again goes on from there.
        RejectedError: The server refuses it.
    """
    tags = dict(trace.tags)
    digest = tags.pop(TRACE_DIGEST, None)
    location = store.start_trace(replace(trace, tags=tags))
    for attachment in trace.attachments:
        store.upload_trace_attachment(location, attachment)
    store.log_spans(trace)
    if digest is not None:
        store.set_trace_tag(trace.trace_id, TRACE_DIGEST, digest)
