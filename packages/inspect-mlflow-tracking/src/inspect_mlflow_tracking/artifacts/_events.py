"""Events of a sample as rows: one compact row each, not the conversation again."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ._columns import TABLE_COLUMNS
from ._content import Attachments
from ._event_summary import event_error, event_name, event_summary
from ._usage import unique_events, usage_to_dict
from ._values import Cell, field_reader, moment, moment_text, obj_get, row_of

__all__ = ["event_rows", "extract_event_rows"]


def extract_event_rows(
    *, eval_id: str, task_name: str, sample_id: Any, sample: Any
) -> list[dict[str, Any]]:
    """Rows of `inspect/events.json` for one sample.

    Args:
        eval_id: Id of the evaluation.
        task_name: Name of the task.
        sample_id: Id of the sample in the dataset.
        sample: The sample or its JSON.

    Returns:
        One row per event in the order of the log. `duration_seconds` is never negative;
        of a span it is the time to its end. What a model was given is not repeated, so
        the table grows linearly with the conversation.
    """
    keys = {
        "eval_id": eval_id,
        "task": task_name,
        "sample_id": sample_id,
        "epoch": obj_get(sample, "epoch"),
    }
    return list(event_rows(keys, sample))


def event_rows(keys: Mapping[str, Any], sample: Any) -> Iterator[dict[str, Cell]]:
    """Rows of the sample's events, each starting with the given key columns."""
    events = unique_events(sample)
    attachments, spans = Attachments(sample), _spans(events)
    for index, event in enumerate(events):
        cells = {**keys, "index": index, **_cells(event, attachments, spans)}
        yield row_of(TABLE_COLUMNS["events"], cells)


@dataclass(frozen=True, slots=True)
class _Span:
    name: str | None
    type: str | None
    parent_id: str | None
    end: datetime | None


_NO_SPAN = _Span(None, None, None, None)


def _spans(events: Sequence[Any]) -> dict[str, _Span]:
    ends: dict[str, datetime | None] = {}
    begins = []
    for event in events:
        kind = obj_get(event, "event")
        if kind == "span_end":
            ends[obj_get(event, "id")] = moment(obj_get(event, "timestamp"))
        elif kind == "span_begin":
            begins.append(field_reader(event))
    return {
        read("id"): _Span(read("name"), read("type"), read("parent_id"), ends.get(read("id")))
        for read in begins
    }


def _cells(event: Any, attachments: Attachments, spans: Mapping[str, _Span]) -> dict[str, Any]:
    read = field_reader(event)
    kind = read("event")
    # A span event belongs to its own span, whatever old logs say.
    span_id = read("id") if kind in ("span_begin", "span_end") else read("span_id")
    span = spans.get(span_id, _NO_SPAN)
    started = moment(read("timestamp"))
    completed = span.end if kind == "span_begin" and span.end else moment(read("completed"))
    return {
        "event": kind,
        "uuid": read("uuid"),
        "timestamp": moment_text(started),
        "completed_at": moment_text(completed),
        "duration_seconds": _duration_seconds(event, started, completed),
        "span_id": span_id,
        "span_name": span.name,
        "span_type": span.type,
        "parent_span_id": span.parent_id,
        "name": event_name(event),
        "summary": event_summary(event, attachments),
        "retries": read("retries"),
        "error": event_error(event),
        **(_model_cells(event) if kind == "model" else {}),
    }


def _model_cells(event: Any) -> dict[str, Any]:
    output = obj_get(event, "output")
    return {
        "stop_reason": _stop_reason(output),
        "cache": obj_get(event, "cache"),
        **usage_to_dict(obj_get(output, "usage")),
    }


def _duration_seconds(
    event: Any, started: datetime | None, completed: datetime | None
) -> float | None:
    """Seconds that an event took; 0 rather than less (clocks jump, old logs err)."""
    if started and completed:
        return max(0.0, (completed - started).total_seconds())
    # Logs before 0.3.253 may lack the end of model calls.
    for seconds in (obj_get(obj_get(event, "output"), "time"), obj_get(event, "working_time")):
        if isinstance(seconds, int | float) and math.isfinite(seconds):
            return max(0.0, float(seconds))
    return None


def _stop_reason(output: Any) -> Any:
    choices = obj_get(output, "choices")
    reason = obj_get(choices[0], "stop_reason") if choices else None
    return "max_tokens" if reason == "length" else reason  # "length" is the older name
