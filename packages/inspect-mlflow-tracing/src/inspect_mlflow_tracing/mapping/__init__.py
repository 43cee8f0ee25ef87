"""From a finished sample to its trace: no I/O, no clock, no state."""

from inspect_mlflow_tracing._traced_task import TracedTask, traced_task

from ._assessments import EXPECTED_RESPONSE, MOST_ASSESSMENTS, sample_assessments
from ._identity import assessment_id, span_id, trace_id
from ._previews import request_preview, response_preview
from ._sample_trace import TRACE_DIGEST, sample_trace
from ._span_bound import MOST_SPANS, first_spans
from ._spans import SpanTree, sample_spans

__all__ = [
    "EXPECTED_RESPONSE",
    "MOST_ASSESSMENTS",
    "MOST_SPANS",
    "TRACE_DIGEST",
    "SpanTree",
    "TracedTask",
    "assessment_id",
    "first_spans",
    "request_preview",
    "response_preview",
    "sample_assessments",
    "sample_spans",
    "sample_trace",
    "span_id",
    "trace_id",
    "traced_task",
]
