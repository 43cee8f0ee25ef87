"""Calls of models as spans, for the tests of all dialects."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from inspect_mlflow_scout.reading import SourceSpan, SourceSpanEvent


def model_span(
    name: str,
    inputs: Any = None,
    outputs: Any = None,
    *,
    span_type: str = "CHAT_MODEL",
    message_format: str | None = None,
    attributes: Mapping[str, Any] | None = None,
    events: Iterable[SourceSpanEvent] = (),
) -> SourceSpan:
    """A span without parent, in the form of messages that MLflow says it has."""
    told = {"mlflow.message.format": message_format} if message_format else {}
    return SourceSpan(
        span_id="s",
        parent_id=None,
        name=name,
        span_type=span_type,
        start_time_ns=0,
        end_time_ns=1,
        inputs=inputs,
        outputs=outputs,
        attributes={**told, **(attributes or {})},
        events=tuple(events),
    )
