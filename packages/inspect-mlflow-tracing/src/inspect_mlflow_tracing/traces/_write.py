"""Writes a trace but for its spans, and tells whether one is written."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from inspect_mlflow_core.connection import StoredTrace, TraceRecord, TraceStore
from inspect_mlflow_core.exceptions import RejectedError
from inspect_mlflow_tracing.mapping import TRACE_DIGEST, assessment_id

# Where spans that are written again add to these, they are put right after the last span: until
# then the trace looks complete.
_TOTALS: Final = ("mlflow.trace.tokenUsage", "mlflow.trace.cost")


def begin_trace(
    store: TraceStore, trace: TraceRecord, stored: StoredTrace | None = None
) -> RejectedError | None:
    """Write a trace as one in progress with everything that belongs to it but its spans.

    With its root span, the last that `TraceStore.log_spans` writes, MLflow gives it the final
    state. So a trace takes two requests, one that is not in progress any more is complete, and one
    whose writing was interrupted is written again.

    Args:
        store: Where to.
        trace: The trace of a sample that has ended; one that is there already is updated.
        stored: What MLflow says of it, if it is there. Scores and targets that were written from
            an earlier state of the log, and are not in the trace any more, are removed.

    Returns:
        Why something old was not removed, if it was refused: who may write may not always remove.
        The trace is to be completed all the same.

    Raises:
        RetryableError: The server cannot take it now; trying again goes on from there.
        RejectedError: The server refuses it.
    """
    location = store.start_trace(replace(trace, state="IN_PROGRESS"))
    for attachment in trace.attachments:
        store.upload_trace_attachment(location, attachment)
    refused: RejectedError | None = None
    for identifier in _stale_assessments(trace, stored):
        try:
            store.delete_assessment(trace.trace_id, identifier)
        except RejectedError as error:
            refused = error
    return refused


def is_written(trace: TraceRecord, stored: StoredTrace | None) -> bool:
    """Say whether MLflow holds exactly this trace, completely.

    Args:
        trace: The trace of a sample that has ended.
        stored: What MLflow says of the trace with its id; None when it has none.
    """
    if stored is None or stored.state == "IN_PROGRESS":
        return False
    digest = trace.tags.get(TRACE_DIGEST)
    if digest is None or stored.tags.get(TRACE_DIGEST) != digest:
        return False
    totals = (name for name in _TOTALS if name in trace.metadata)
    if any(stored.metadata.get(name) != trace.metadata[name] for name in totals):
        return False
    return not _stale_assessments(trace, stored)


def _stale_assessments(trace: TraceRecord, stored: StoredTrace | None) -> list[str]:
    """Ids of the assessments that were written from the sample and are not in it any more.

    Ours are known by their ids, which follow from trace, kind and name; those that people or
    other programs have added, also in place of one of ours, have ids by chance.
    """
    if stored is None:
        return []
    current = {assessment.assessment_id for assessment in trace.assessments}
    return [
        found.assessment_id
        for found in stored.assessments
        if found.assessment_id not in current
        and found.assessment_id == assessment_id(trace.trace_id, found.kind, found.name)
    ]
