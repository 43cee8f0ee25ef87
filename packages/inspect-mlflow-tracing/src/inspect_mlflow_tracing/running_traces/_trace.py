"""The trace of a sample that runs; pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

from inspect_mlflow_core.connection import SpanRecord, TraceRecord
from inspect_mlflow_tracing.mapping import TracedTask, sample_spans, trace_id
from inspect_mlflow_tracing.mapping._trace_fields import (
    client_request_id,
    trace_metadata,
    trace_tags,
)

__all__ = ["RunningTrace", "running_trace"]

_RUNNING: Final = {"inspect.status": "running"}


@dataclass(frozen=True, slots=True)
class RunningTrace:
    """A part of a trace that is in progress.

    Args:
        trace: With the spans that are to be sent; never the root, which would end it.
        finished: Inspect's ids of the spans and events among them that are complete.
    """

    trace: TraceRecord
    finished: tuple[str, ...]


def running_trace(
    sample: Mapping[str, Any],
    task: TracedTask,
    *,
    preview: str,
    content: Literal["full", "none"] = "full",
) -> RunningTrace:
    """Maps the new events of a running sample; never fails.

    Ids are those of the complete trace, which therefore replaces all of it. Spans that are open
    come along where something in them is complete, as if they ended with the last event: so the
    tree has its shape.

    Args:
        sample: Raw JSON with `id`, `epoch`, `uuid`, `started_at`, `model_usage`, and under
            `events` those that were not sent before, with all spans that are open.
        task: Its task.
        preview: See `request_preview`.
        content: See `sample_trace`.
    """
    identifier = trace_id(task.experiment_id, task.eval_id, sample)
    tree = sample_spans(
        sample,
        identifier,
        task=task.task,
        model=task.model,
        content=content,
        fallback_time_ns=task.created_ms * 1_000_000,
    )
    finished = [span for span in tree.spans[1:] if not _is_open(span)]
    trace = TraceRecord(
        trace_id=identifier,
        experiment_id=task.experiment_id,
        state="IN_PROGRESS",
        request_time_ms=tree.root.start_time_ns // 1_000_000,
        execution_duration_ms=None,
        request_preview=preview,
        response_preview="",
        client_request_id=client_request_id(sample),
        tags=trace_tags(sample, task, name=tree.root.name, with_text=content == "full") | _RUNNING,
        metadata=trace_metadata(sample, task),
        spans=tuple(_with_open_parents(tree.spans[1:], finished)),
        attachments=tree.attachments,
    )
    return RunningTrace(trace, tuple(_identifiers(finished)))


def _is_open(span: SpanRecord) -> bool:
    return bool(span.attributes.get("inspect.pending") or span.attributes.get("inspect.unfinished"))


def _with_open_parents(
    spans: Sequence[SpanRecord], finished: Iterable[SpanRecord]
) -> Iterable[SpanRecord]:
    by_id = {span.span_id: span for span in spans}
    chosen = {span.span_id for span in finished}
    for span in [by_id[identifier] for identifier in chosen]:
        above = by_id.get(span.parent_id or "")
        while above is not None and above.span_id not in chosen:
            chosen.add(above.span_id)
            above = by_id.get(above.parent_id or "")
    for span in spans:
        if span.span_id in chosen:
            yield replace(span, status="UNSET", status_message="") if _is_open(span) else span


def _identifiers(spans: Iterable[SpanRecord]) -> Iterable[str]:
    for span in spans:
        for name in ("inspect.span_id", "inspect.event_id"):
            if name in span.attributes:
                yield str(span.attributes[name])
