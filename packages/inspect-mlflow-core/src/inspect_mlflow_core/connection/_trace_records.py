"""Traces on their way into an MLflow store, free of MLflow's own classes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol
from urllib.parse import urlencode

from ._adaptive_concurrency import Concurrency

TraceState = Literal["IN_PROGRESS", "OK", "ERROR"]
SpanStatus = Literal["UNSET", "OK", "ERROR"]
AssessmentKind = Literal["feedback", "expectation"]
AssessmentSource = Literal["CODE", "LLM_JUDGE", "HUMAN"]


@dataclass(frozen=True, slots=True)
class SpanEventRecord:
    """Something that happened within a span.

    Args:
        name: What; `"exception"` makes MLflow show the span as failed.
        timestamp_ns: Nanoseconds since the epoch.
        attributes: Names and texts.
    """

    name: str
    timestamp_ns: int
    attributes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SpanRecord:
    """A finished span.

    Args:
        trace_id: 32 hexadecimal digits.
        span_id: 16 hexadecimal digits, unique within the trace.
        parent_id: The span above; None for the root.
        name: Display name.
        span_type: MLflow's span type.
        start_time_ns: Nanoseconds since the epoch.
        end_time_ns: Nanoseconds since the epoch, not before the start.
        status: OpenTelemetry's status code.
        status_message: Says why, when the status is `"ERROR"`.
        attributes: Names and JSON values, MLflow's `mlflow.spanInputs` and others included. A
            store encodes them.
        events: In order of time.
    """

    trace_id: str
    span_id: str
    parent_id: str | None
    name: str
    span_type: str
    start_time_ns: int
    end_time_ns: int
    status: SpanStatus = "OK"
    status_message: str = ""
    attributes: Mapping[str, Any] = field(default_factory=dict)
    events: tuple[SpanEventRecord, ...] = ()


@dataclass(frozen=True, slots=True)
class AssessmentRecord:
    """A score (feedback) or a target (expectation) of a trace.

    Args:
        assessment_id: Unique in the whole store, at most 50 characters: writing the same id again
            updates the assessment.
        name: At most 250 characters.
        kind: Feedback or expectation.
        value: A JSON value without NaN; None for feedback with an error.
        error_code: Why feedback has no value; None when it has one.
        error_message: The same in words.
        source_type: Kind of the source.
        source_id: Which scorer or model.
        rationale: Explanation.
        metadata: Names and texts.
        span_id: The span that it is about, if not the whole trace.
        create_time_ms: Milliseconds since the epoch.
        last_update_time_ms: Milliseconds since the epoch.
    """

    assessment_id: str
    name: str
    kind: AssessmentKind
    value: Any
    source_type: AssessmentSource
    source_id: str
    create_time_ms: int
    last_update_time_ms: int
    error_code: str | None = None
    error_message: str | None = None
    rationale: str | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)
    span_id: str | None = None


@dataclass(frozen=True, slots=True)
class AttachmentRecord:
    """A file that spans refer to, for example an image.

    Args:
        attachment_id: A canonical UUID, the same for the same content.
        content_type: MIME type.
        content: The bytes.
    """

    attachment_id: str
    content_type: str
    content: bytes

    def reference(self, mlflow_trace_id: str) -> str:
        """Return the text by which a span refers to the file, in place of an image's URL.

        MLflow's pages load what is at `mlflow-attachment://` themselves
        (`mlflow.tracing.attachments.Attachment.ref`).

        Args:
            mlflow_trace_id: The trace that the file belongs to, `tr-<32 hexadecimal digits>`.
        """
        query = urlencode(
            {
                "content_type": self.content_type,
                "trace_id": mlflow_trace_id,
                "size": str(len(self.content)),
            }
        )
        return f"mlflow-attachment://{self.attachment_id}?{query}"


@dataclass(frozen=True, slots=True)
class TraceRecord:
    """A trace with all that belongs to it.

    Args:
        trace_id: 32 hexadecimal digits; MLflow shows it as `tr-<trace_id>`.
        experiment_id: Where it lies.
        state: How it stands.
        request_time_ms: Milliseconds since the epoch.
        execution_duration_ms: Milliseconds; None while it is in progress.
        request_preview: At most 1,000 characters.
        response_preview: At most 1,000 characters.
        client_request_id: At most 50 characters, or None.
        tags: Values of at most 4,096 characters.
        metadata: Values of at most 250 characters.
        assessments: Scores and targets.
        spans: Every span, the root first.
        attachments: Files that spans refer to.
    """

    trace_id: str
    experiment_id: str
    state: TraceState
    request_time_ms: int
    execution_duration_ms: int | None
    request_preview: str
    response_preview: str
    client_request_id: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    metadata: Mapping[str, str] = field(default_factory=dict)
    assessments: tuple[AssessmentRecord, ...] = ()
    spans: tuple[SpanRecord, ...] = ()
    attachments: tuple[AttachmentRecord, ...] = ()

    @property
    def mlflow_trace_id(self) -> str:
        """MLflow's form of the id, `tr-<32 hexadecimal digits>`."""
        return f"tr-{self.trace_id}"


@dataclass(frozen=True, slots=True)
class StoredAssessment:
    """What a search tells of an assessment, by which its writer knows it again.

    Args:
        assessment_id: Unique in the whole store.
        name: As MLflow keeps it.
        kind: Feedback or expectation.
    """

    assessment_id: str
    name: str
    kind: AssessmentKind


@dataclass(frozen=True, slots=True)
class StoredTrace:
    """What a search tells of a trace.

    Args:
        trace_id: 32 hexadecimal digits.
        state: How it stands.
        tags: All tags.
        metadata: All metadata.
        assessments: All feedback and expectations, also those that others have added.
    """

    trace_id: str
    state: str
    tags: Mapping[str, str] = field(default_factory=dict)
    metadata: Mapping[str, str] = field(default_factory=dict)
    assessments: tuple[StoredAssessment, ...] = ()


class TraceStore(Protocol):
    """The operations on MLflow that traces need; errors as those of `TrackingStore`.

    Every write may be repeated: all of them update what has the same id.

    Attributes:
        tracking_uri: As it was configured.
    """

    tracking_uri: str

    @property
    def concurrency(self) -> Concurrency:
        """See `TrackingStore`."""
        ...

    def check(self) -> str:
        """See `TrackingStore.check`."""
        ...

    def start_trace(self, trace: TraceRecord) -> str:
        """Write everything of a trace but its spans and attachments.

        Returns:
            URI of the place for its attachments, as MLflow chose it (`mlflow.artifactLocation`);
            `""` when MLflow told none.
        """
        ...

    def log_spans(self, *traces: TraceRecord) -> None:
        """Write the spans of traces, in requests of bounded size, each root after its others.

        Several small traces share a request, which costs a server about a third less. When it
        refuses them, any of them may be the reason.
        """
        ...

    def set_trace_tag(self, trace_id: str, name: str, value: str) -> None:
        """Set a tag of a trace that is there.

        Args:
            trace_id: 32 hexadecimal digits.
            name: Name of the tag.
            value: At most 4,096 characters.
        """
        ...

    def delete_assessment(self, trace_id: str, assessment_id: str) -> None:
        """Remove an assessment of a trace; one that is not there counts as removed.

        Args:
            trace_id: 32 hexadecimal digits.
            assessment_id: MLflow's id.
        """
        ...

    def upload_trace_attachment(self, artifact_location: str, attachment: AttachmentRecord) -> None:
        """Store a file where `start_trace` said."""
        ...

    def search_traces(self, experiment_id: str, filter_string: str) -> list[StoredTrace]:
        """Return every trace of an experiment that matches, without its spans."""
        ...
