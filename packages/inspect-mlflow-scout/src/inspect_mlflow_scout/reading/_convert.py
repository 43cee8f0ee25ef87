"""MLflow's `Trace` as a `SourceTrace`."""

from __future__ import annotations

from typing import Any, Literal, cast

from ._records import SourceAssessment, SourceSpan, SourceSpanEvent, SourceTrace

__all__ = ["source_trace"]

_SESSION = "mlflow.trace.session"


def source_trace(trace: Any, *, experiment_name: str, uri: str | None) -> SourceTrace:
    """Takes everything out of MLflow's own object.

    Args:
        trace: An `mlflow.entities.Trace` with its spans.
        experiment_name: Name of its experiment.
        uri: Where MLflow's pages show it.
    """
    info = trace.info
    metadata = dict(info.trace_metadata or {})
    return SourceTrace(
        trace_id=info.trace_id,
        experiment_id=str(info.experiment_id or ""),
        experiment_name=experiment_name,
        state=_value(info.state),
        request_time_ms=info.request_time,
        execution_duration_ms=info.execution_duration,
        request_preview=info.request_preview or "",
        response_preview=info.response_preview or "",
        session=metadata.get(_SESSION),
        uri=uri,
        tags=dict(info.tags or {}),
        metadata=metadata,
        assessments=_assessments(info.assessments),
        spans=tuple(map(_span, trace.data.spans)),
    )


def _span(span: Any) -> SourceSpan:
    status = _value(span.status.status_code)
    return SourceSpan(
        span_id=span.span_id,
        parent_id=span.parent_id or None,
        name=str(span.name),
        span_type=str(span.span_type or "UNKNOWN").upper(),
        start_time_ns=span.start_time_ns,
        end_time_ns=span.end_time_ns or None,
        status=cast(
            Literal["UNSET", "OK", "ERROR"], status if status in ("OK", "ERROR") else "UNSET"
        ),
        status_message=span.status.description or "",
        inputs=span.inputs,
        outputs=span.outputs,
        attributes=span.attributes,
        events=tuple(
            SourceSpanEvent(event.name, event.timestamp, dict(event.attributes or {}))
            for event in span.events
        ),
    )


def _assessments(assessments: Any) -> tuple[SourceAssessment, ...]:
    found = [_assessment(assessment) for assessment in assessments or ()]
    known = [assessment for assessment in found if assessment is not None]
    return tuple(sorted(known, key=lambda each: each.create_time_ms or 0))


def _assessment(assessment: Any) -> SourceAssessment | None:
    """None for the kinds of newer versions of MLflow that are no judgement of a trace."""
    feedback, expectation = assessment.feedback, assessment.expectation
    content = feedback if feedback is not None else expectation
    if content is None:
        return None
    error = getattr(feedback, "error", None)
    valid = getattr(assessment, "valid", None)
    return SourceAssessment(
        assessment_id=assessment.assessment_id or "",
        name=assessment.name,
        kind="feedback" if feedback is not None else "expectation",
        value=content.value,
        source_type=str(assessment.source.source_type),
        source_id=assessment.source.source_id or "",
        error_code=getattr(error, "error_code", None),
        error_message=getattr(error, "error_message", None),
        rationale=assessment.rationale,
        metadata=dict(assessment.metadata or {}),
        span_id=assessment.span_id or None,
        create_time_ms=assessment.create_time_ms,
        valid=valid is not False,
    )


def _value(member: Any) -> str:
    return str(getattr(member, "value", member))
