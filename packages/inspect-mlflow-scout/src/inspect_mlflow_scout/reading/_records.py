"""Traces as MLflow tells them, free of MLflow's own classes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

__all__ = ["SourceAssessment", "SourceSpan", "SourceSpanEvent", "SourceTrace"]


@dataclass(frozen=True, slots=True)
class SourceSpanEvent:
    """Something that happened within a span.

    Args:
        name: What; OpenTelemetry's `"exception"` tells of an error.
        timestamp_ns: Nanoseconds since the epoch.
        attributes: JSON values.
    """

    name: str
    timestamp_ns: int
    attributes: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SourceSpan:
    """A span of a trace.

    Args:
        span_id: Unique within the trace.
        parent_id: The span above; None for a root.
        name: Display name.
        span_type: MLflow's span type in upper case, for example `"CHAT_MODEL"`; `"UNKNOWN"`
            without one.
        start_time_ns: Nanoseconds since the epoch.
        end_time_ns: Nanoseconds since the epoch; None while it is in progress.
        status: OpenTelemetry's status code.
        status_message: Says why, when the status is `"ERROR"`.
        inputs: Any JSON value; None without any.
        outputs: Any JSON value; None without any.
        attributes: Names and decoded JSON values, `mlflow.spanInputs` and `mlflow.spanOutputs`
            included.
        events: In order of time.
    """

    span_id: str
    parent_id: str | None
    name: str
    span_type: str
    start_time_ns: int
    end_time_ns: int | None
    status: Literal["UNSET", "OK", "ERROR"] = "UNSET"
    status_message: str = ""
    inputs: Any = None
    outputs: Any = None
    attributes: Mapping[str, Any] = field(default_factory=dict)
    events: tuple[SourceSpanEvent, ...] = ()


@dataclass(frozen=True, slots=True)
class SourceAssessment:
    """Feedback on a trace, or an expectation of it.

    Args:
        assessment_id: Unique in the whole store.
        name: Name.
        kind: Feedback or expectation.
        value: Any JSON value; None for feedback with an error.
        source_type: MLflow's kind of source, for example `"LLM_JUDGE"`.
        source_id: Which scorer, model or person.
        error_code: Why feedback has no value.
        error_message: The same in words.
        rationale: Explanation.
        metadata: Names and texts.
        span_id: The span that it is about; None for the whole trace.
        create_time_ms: Milliseconds since the epoch.
        valid: False when other feedback has overridden it.
    """

    assessment_id: str
    name: str
    kind: Literal["feedback", "expectation"]
    value: Any
    source_type: str
    source_id: str
    error_code: str | None = None
    error_message: str | None = None
    rationale: str | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)
    span_id: str | None = None
    create_time_ms: int | None = None
    valid: bool = True


@dataclass(frozen=True, slots=True)
class SourceTrace:
    """A trace with its spans and assessments.

    Args:
        trace_id: MLflow's id, `tr-<32 hexadecimal digits>` or older forms.
        experiment_id: MLflow's experiment.
        experiment_name: Its name.
        state: `"OK"`, `"ERROR"`, `"IN_PROGRESS"` or `"STATE_UNSPECIFIED"`.
        request_time_ms: When it began, milliseconds since the epoch; None when MLflow tells none.
        execution_duration_ms: How long it took, milliseconds; None when unknown.
        request_preview: The beginning of the request.
        response_preview: The beginning of the response.
        session: MLflow's `mlflow.trace.session`, the conversation that it belongs to.
        uri: Where MLflow's pages show it; None for a store without pages.
        tags: All tags.
        metadata: All trace metadata.
        assessments: In the order of their creation.
        spans: Any order.
        lost_attachments: How many files that its spans refer to could not be had.
    """

    trace_id: str
    experiment_id: str
    experiment_name: str
    state: str
    request_time_ms: int | None = None
    execution_duration_ms: int | None = None
    request_preview: str = ""
    response_preview: str = ""
    session: str | None = None
    uri: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    metadata: Mapping[str, str] = field(default_factory=dict)
    assessments: tuple[SourceAssessment, ...] = ()
    spans: tuple[SourceSpan, ...] = ()
    lost_attachments: int = 0
