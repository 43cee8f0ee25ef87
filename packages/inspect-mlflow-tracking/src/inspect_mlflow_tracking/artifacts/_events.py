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
from ._values import Cell, moment, moment_text, obj_get, row_of

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
        cells = {"index": index, **_cells(event, attachments, spans)}
        yield row_of(TABLE_COLUMNS["events"], {**keys, **cells})


@dataclass(frozen=True)
class _Span:
    name: str | None
    type: str | None
    parent_id: str | None
    end: datetime | None


def _spans(events: Sequence[Any]) -> dict[str, _Span]:
    ends = {
        obj_get(event, "id"): moment(obj_get(event, "timestamp"))
        for event in events
        if obj_get(event, "event") == "span_end"
    }
    return {
        obj_get(event, "id"): _Span(
            name=obj_get(event, "name"),
            type=obj_get(event, "type"),
            parent_id=obj_get(event, "parent_id"),
            end=ends.get(obj_get(event, "id")),
        )
        for event in events
        if obj_get(event, "event") == "span_begin"
    }


def _cells(event: Any, attachments: Attachments, spans: Mapping[str, _Span]) -> dict[str, Any]:
    kind, output = obj_get(event, "event"), obj_get(event, "output")
    # A span event belongs to its own span, whatever old logs say.
    own = kind in ("span_begin", "span_end")
    span_id = obj_get(event, "id") if own else obj_get(event, "span_id")
    span = spans.get(span_id)
    completed = span.end if span and kind == "span_begin" else moment(obj_get(event, "completed"))
    return {
        "event": kind,
        "uuid": obj_get(event, "uuid"),
        "timestamp": moment_text(obj_get(event, "timestamp")),
        "completed_at": moment_text(completed),
        "duration_seconds": _duration_seconds(event, completed),
        "span_id": span_id,
        "span_name": span.name if span else None,
        "span_type": span.type if span else None,
        "parent_span_id": span.parent_id if span else None,
        "name": event_name(event),
        "summary": event_summary(event, attachments),
        "stop_reason": _stop_reason(output) if kind == "model" else None,
        "cache": obj_get(event, "cache") if kind == "model" else None,
        "retries": obj_get(event, "retries"),
        **(usage_to_dict(obj_get(output, "usage")) if kind == "model" else {}),
        "error": event_error(event),
    }


def _duration_seconds(event: Any, completed: datetime | None) -> float | None:
    """Seconds that an event took; 0 rather than less (clocks jump, old logs err)."""
    started = moment(obj_get(event, "timestamp"))
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
