"""The way to an MLflow store: experiments, runs, artifacts and traces, without global state."""

from ._adaptive_concurrency import AdaptiveConcurrency, Concurrency
from ._assessment_store import AssessedTrace, AssessmentStore, KeptAssessment, TracePage
from ._attachment_reading import TraceAttachments
from ._background_store import BackgroundTrackingStore, worth_a_process
from ._concurrent import ConcurrentCalls
from ._experiments import ensure_experiment
from ._mlflow_store import MlflowTrackingStore
from ._open import (
    open_assessment_store,
    open_trace_store,
    open_tracking_store,
    tracking_uri_kind,
)
from ._records import (
    DatasetInput,
    Experiment,
    MetricPoint,
    RunRecord,
    RunStatus,
    TrackingStore,
)
from ._runs import create_run_once, find_run, tag_filter
from ._trace_encoding import REQUEST_BYTES, REQUEST_SPANS
from ._trace_records import (
    AssessmentKind,
    AssessmentRecord,
    AssessmentSource,
    AttachmentRecord,
    SpanEventRecord,
    SpanRecord,
    SpanStatus,
    StoredAssessment,
    StoredTrace,
    TraceRecord,
    TraceState,
    TraceStore,
)
from ._trace_versions import traces_supported, traces_unsupported

__all__ = [
    "REQUEST_BYTES",
    "REQUEST_SPANS",
    "AdaptiveConcurrency",
    "AssessedTrace",
    "AssessmentKind",
    "AssessmentRecord",
    "AssessmentSource",
    "AssessmentStore",
    "AttachmentRecord",
    "BackgroundTrackingStore",
    "Concurrency",
    "ConcurrentCalls",
    "DatasetInput",
    "Experiment",
    "KeptAssessment",
    "MetricPoint",
    "MlflowTrackingStore",
    "RunRecord",
    "RunStatus",
    "SpanEventRecord",
    "SpanRecord",
    "SpanStatus",
    "StoredAssessment",
    "StoredTrace",
    "TraceAttachments",
    "TracePage",
    "TraceRecord",
    "TraceState",
    "TraceStore",
    "TrackingStore",
    "create_run_once",
    "ensure_experiment",
    "find_run",
    "open_assessment_store",
    "open_trace_store",
    "open_tracking_store",
    "tag_filter",
    "traces_supported",
    "traces_unsupported",
    "tracking_uri_kind",
    "worth_a_process",
]
