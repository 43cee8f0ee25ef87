"""The trace of a finished sample."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final, Literal

from inspect_mlflow_core.connection import AssessmentRecord, SpanRecord, TraceRecord
from inspect_mlflow_core.kept_sample import (
    KEPT_EVALUATION,
    kept_attributes,
    packed_evaluation,
    packed_sample,
)
from inspect_mlflow_tracing._traced_task import TracedTask

from ._assessments import sample_assessments
from ._identity import trace_id
from ._previews import request_preview, response_preview
from ._span_bound import MOST_SPANS
from ._spans import sample_spans
from ._times import sample_period_ns
from ._trace_fields import client_request_id, trace_metadata, trace_state, trace_tags

__all__ = ["TRACE_DIGEST", "sample_trace"]

TRACE_DIGEST: Final = "inspect.trace_digest"
"""The tag by which a trace that MLflow has already is known to say the same."""


def sample_trace(
    sample: Mapping[str, Any],
    task: TracedTask,
    *,
    content: Literal["full", "none"] = "full",
    most_spans: int = MOST_SPANS,
    part_of: str | None = None,
) -> TraceRecord:
    """Maps a finished sample to its trace; never fails, whatever the sample looks like.

    Args:
        sample: Raw JSON as `EvalLogReader` yields it, of any version; not changed.
        task: Its task.
        content: `"none"` leaves out every text of the sample, and the kept sample: structure,
            names, times, tokens and scores remain.
        most_spans: The most spans of the trace. Spans beyond it are not drawn, but still in the
            kept sample.
        part_of: The trace that the spans will be put into, 32 hexadecimal digits, if they are not
            to be a trace of their own: references to attachments name it.
    """
    full, identifier = content == "full", trace_id(task.experiment_id, task.eval_id, sample)
    tree = sample_spans(
        sample,
        identifier,
        task=task.task,
        model=task.model,
        content=content,
        most_spans=most_spans,
        part_of=part_of,
        fallback_time_ns=task.created_ms * 1_000_000,
    )
    start_ms, end_ms = tree.root.start_time_ns // 1_000_000, tree.root.end_time_ns // 1_000_000
    assessments = sample_assessments(
        sample,
        task,
        identifier,
        completed_ms=(sample_period_ns(sample)[1] or tree.root.end_time_ns) // 1_000_000,
        scored_ms=tree.last_ns // 1_000_000,
        evaluator_spans=_evaluator_spans(tree.spans),
        content=content,
    )
    tags = trace_tags(sample, task, name=tree.root.name, with_text=full)
    tags |= _counts(left_out_spans=tree.folded, left_out_scores=assessments.left_out)
    trace = TraceRecord(
        trace_id=identifier,
        experiment_id=task.experiment_id,
        state=trace_state(sample),
        request_time_ms=start_ms,
        execution_duration_ms=end_ms - start_ms,
        request_preview=request_preview(sample, with_text=full),
        response_preview=response_preview(sample) if full else "",
        client_request_id=client_request_id(sample),
        tags=tags,
        metadata=trace_metadata(sample, task),
        assessments=assessments.records,
        spans=tree.spans,
        attachments=tree.attachments,
    )
    return _with_kept_sample(trace, sample if full else None, task.header)


def _evaluator_spans(spans: Sequence[SpanRecord]) -> dict[str, str]:
    """Ids of the scorers' spans by their ids in Inspect."""
    return {
        str(span.attributes["inspect.span_id"]): span.span_id
        for span in spans
        if span.span_type == "EVALUATOR" and "inspect.span_id" in span.attributes
    }


def _counts(**counts: int) -> dict[str, str]:
    return {f"inspect.{name}": str(count) for name, count in counts.items() if count}


def _with_kept_sample(
    trace: TraceRecord, sample: Mapping[str, Any] | None, header: Mapping[str, Any]
) -> TraceRecord:
    """The trace with its digest, and with the sample laid on its spans."""
    tags = dict(trace.tags)
    pieces: tuple[str, ...] = ()
    if sample is not None:
        if header:
            trace = _with_header(trace, header)
        try:
            pieces = packed_sample(sample)
        except RecursionError:
            tags["inspect.sample_kept"] = "false"  # JSON nested deeper than Python can write
    spans = trace.spans
    digest = _digest(replace(trace, tags=tags), pieces)
    if digest is not None:
        tags[TRACE_DIGEST] = digest
    if pieces:
        kept = kept_attributes(pieces, len(spans))
        spans = tuple(
            replace(span, attributes={**span.attributes, **more}) if more else span
            for span, more in zip(spans, kept, strict=True)
        )
    return replace(trace, tags=tags, spans=spans)


def _with_header(trace: TraceRecord, header: Mapping[str, Any]) -> TraceRecord:
    root, *others = trace.spans
    attributes = {**root.attributes, KEPT_EVALUATION: packed_evaluation(header)}
    return replace(trace, spans=(replace(root, attributes=attributes), *others))


def _digest(trace: TraceRecord, pieces: Sequence[str]) -> str | None:
    """SHA-256 over everything that a trace says.

    Of the kept sample its own digest is taken, which does not depend on the build of zlib.

    Returns:
        None for what cannot be written as JSON; such a trace is always written again.
    """
    said = [
        trace.state,
        trace.request_time_ms,
        trace.execution_duration_ms,
        trace.request_preview,
        trace.response_preview,
        trace.client_request_id,
        trace.tags,
        trace.metadata,
        [_fields(assessment) for assessment in trace.assessments],
        [
            [_fields(span), [[e.name, e.timestamp_ns, e.attributes] for e in span.events]]
            for span in trace.spans
        ],
        [attachment.attachment_id for attachment in trace.attachments],
        [piece.rpartition(";")[0] for piece in pieces[:1]],
    ]
    try:
        text = json.dumps(said, sort_keys=True, default=str)
    except (RecursionError, TypeError, ValueError):
        return None
    return hashlib.sha256(text.encode("ascii")).hexdigest()


def _fields(record: AssessmentRecord | SpanRecord) -> list[Any]:
    return [getattr(record, name) for name in record.__slots__ if name != "events"]
